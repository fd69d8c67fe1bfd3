/** What one read of a connection gave. */
export type Read =
  /** The octets are valid until the next read of any connection of this thread. */
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  /** The peer closed in order. */
  | { readonly kind: "end" }
  /** The connection failed; `name` of the errno or TLS error. */
  | { readonly kind: "failed"; readonly name: string; readonly detail: string; readonly tls: boolean }
  /** The deadline passed. */
  | { readonly kind: "late" };

/** How one write ended; null when everything was taken. */
export type WriteFailure = Exclude<Read, { kind: "data" } | { kind: "end" }>;

/** A connection, plain or TLS, as the HTTP exchange sees it. */
export interface Stream extends Disposable {
  /** Sends all octets; null when they were taken. Throws Cancelled. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<WriteFailure | null>;
  /** Waits for octets, the end, a failure or the deadline. Throws Cancelled. */
  read(): Promise<Read>;
}
