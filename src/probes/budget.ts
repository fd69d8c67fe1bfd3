/**
 * What one probe may take in. Every read of every probe goes through here, so that no parser can forget a limit.
 * Pure: it counts.
 *
 *   what                limit                    beyond it
 *   heads               16 KiB in all            malformed; interim responses and their empty lines count
 *   interim responses   5                        malformed
 *   body, decoded       64 KiB                   complete: the rest is not looked at
 *   on the wire         128 KiB                  the response is over the limit
 *   turns without data  1,000                    the peer sends only what carries nothing (TLS records)
 *
 * How long a probe may compute between two waits is the other half of its budget, see attempt.ts.
 *
 * @module
 */
import type { ByteStream, Read } from "./stream.ts";

/** Octets of all response heads together, status lines and empty lines included. */
export const HEAD_LIMIT = 16 * 1024;
/** Interim (1xx) responses before the final one; no honest server sends more than two. */
export const INTERIM_LIMIT = 5;
/** Octets of a body, decoded, that are looked at. */
export const BODY_LIMIT = 64 * 1024;
/** Octets of a response as it is sent, heads and framing of chunks included; inside of TLS. */
export const WIRE_LIMIT = 128 * 1024;
/** Reads that took something from the peer and got no octet of data. */
export const EMPTY_LIMIT = 1000;
/** Octets that one read takes: what a parser gets through in a small part of a turn. */
const READ_SIZE = 16 * 1024;

/** The budget of one probe. */
export class Budget {
  #heads = 0;
  #interims = 0;
  #body = 0;
  #wire = 0;
  #empty = 0;

  /** Reads once. `spent` if the peer has sent more than a response may have, or too much that carries nothing. */
  read(stream: ByteStream): Read | "wait" | "again" | { readonly kind: "spent"; readonly detail: string } {
    const room = WIRE_LIMIT - this.#wire;
    if (room === 0) return { kind: "spent", detail: `response over ${WIRE_LIMIT / 1024} KiB on the wire` };
    const read = stream.read(Math.min(room, READ_SIZE));
    if (read === "again" && ++this.#empty > EMPTY_LIMIT) {
      return { kind: "spent", detail: `more than ${EMPTY_LIMIT} records without data` };
    }
    if (typeof read !== "string" && read.kind === "data") this.#wire += read.bytes.length;
    return read;
  }

  /** Octets that all heads together may still have. */
  get headRoom(): number {
    return HEAD_LIMIT - this.#heads;
  }

  /** Takes the octets of a head, or of a part of one; at most `headRoom`. */
  head(octets: number): void {
    this.#heads += octets;
  }

  /** Takes an interim response; false if it is one too many. */
  interim(): boolean {
    return ++this.#interims <= INTERIM_LIMIT;
  }

  /** Octets of a body that will still be looked at. */
  get bodyRoom(): number {
    return BODY_LIMIT - this.#body;
  }

  /** Takes octets of a decoded body; at most `bodyRoom`. */
  body(octets: number): void {
    this.#body += octets;
  }
}
