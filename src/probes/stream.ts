import type { Verdict } from "./result.ts";
import type { Step } from "./step.ts";

/** What a connection has to tell. */
export type Read =
  /** The octets are valid until the next read of any connection of this thread. */
  | { readonly kind: "data"; readonly bytes: Uint8Array<ArrayBuffer> }
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

/**
 * A connection of one probe as its protocol sees it: plain, or TLS. It never blocks. Where a call answers "wait", the
 * stream has made sure that the probe's `wake` is called when the call is worth another try; "again" means that
 * something was done, but not yet what was asked for. Disposal closes it at once, with a reset.
 */
export interface ByteStream extends Disposable {
  /** Goes on opening it: connect, handshake. Null once it is open; a verdict if it cannot be opened. */
  open(): Step | null;
  /** Sends what there is room for; returns the number of octets taken. */
  write(bytes: Uint8Array<ArrayBuffer>): number | "wait" | "again" | Failure;
  /**
   * Reads once, at most `size` octets. Not to be called but through `Budget.read`, which counts. "again" means that
   * the peer sent something that carries no data.
   */
  read(size: number): Read | "wait" | "again";
  /**
   * Goes on closing it in order, where its protocol has an order. Null once it may be disposed; a verdict if the peer
   * refuses after all what it had accepted when it was opened.
   */
  close(): Step | null;
  /** How opening it has failed, while `open` only finds better words for it; else null. */
  readonly failure: Verdict | null;
}
