/** What a wait answers when the probe's deadline has passed. */
export const LATE: unique symbol = Symbol("late");

/** What a connection has to tell. */
export type Read =
  /** The octets are valid until the next poll of any connection of this thread. */
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  /** The peer closed in order. */
  | { readonly kind: "end" }
  | Failure;

/** The connection failed. */
export interface Failure {
  /** Tells it from the others. */
  readonly kind: "failed";
  /** Of the errno or the TLS error. */
  readonly name: string;
  /** One sentence. */
  readonly detail: string;
  /** Whether TLS failed, and not what carries it. */
  readonly tls: boolean;
}

/** A connection, plain or TLS, as the HTTP exchange sees it. */
export interface Stream extends Disposable {
  /** Sends all octets; null when they were taken. Throws Cancelled. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<Failure | typeof LATE | null>;
  /** What has arrived; null if nothing has yet. */
  poll(): Read | null;
  /** Has `ready` called once when `poll` may have something again. */
  arm(ready: () => void): void;
}
