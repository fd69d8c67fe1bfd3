/** A success that carries `value`. */
export interface Ok<T> {
  /** Always true. */
  readonly ok: true;
  /** What came out. */
  readonly value: T;
}

/** An expected failure that carries `error`; unexpected ones are thrown. */
export interface Err<E> {
  /** Always false. */
  readonly ok: false;
  /** Why it failed. */
  readonly error: E;
}

/** Outcome of an operation that may fail in ways the caller must handle. */
export type Result<T, E> = Ok<T> | Err<E>;

/** Makes a success. */
export function ok<T>(value: T): Ok<T> {
  return { ok: true, value };
}

/** Makes an expected failure. */
export function err<E>(error: E): Err<E> {
  return { ok: false, error };
}
