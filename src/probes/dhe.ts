/**
 * Whether a server that refuses our handshake takes part in finite-field Diffie-Hellman only (DHE). OpenSSL is kept
 * from that key exchange, and the refusal does not say so; a ClientHello that offers nothing else does. No handshake
 * follows it, so it is made here, by RFC 5246 and RFC 8446.
 *
 * @module
 */
import type { Step } from "./step.ts";
import type { ByteStream } from "./stream.ts";

/** DHE suites of TLS 1.2, and those of TLS 1.3 for which a group is agreed apart. */
const SUITES = [0x9e, 0x9f, 0xccaa, 0x67, 0x6b, 0x33, 0x39, 0xc09e, 0xc09f, 0x1301, 0x1302, 0x1303];
/** ffdhe2048 to ffdhe8192 (RFC 7919). */
const GROUPS = [0x100, 0x101, 0x102, 0x103, 0x104];
/** What servers sign with: RSA-PSS, ECDSA, Ed25519, Ed448, RSA. */
const SIGNATURES = [0x804, 0x805, 0x806, 0x403, 0x503, 0x603, 0x807, 0x808, 0x401, 0x501, 0x601, 0x201];

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;

/** Octets of an answer that are needed to tell. */
const ANSWER_LENGTH = 6;

/** A ClientHello that offers DHE only, for a name ("" for none). */
export function dheHello(sni: string): Uint8Array<ArrayBuffer> {
  const host = [...new TextEncoder().encode(sni)];
  const extensions = [
    ...sni === "" ? [] : extension(0, sized(2, [0, ...sized(2, host)])),
    ...extension(10, sized(2, words(GROUPS))),
    ...extension(13, sized(2, words(SIGNATURES))),
    // Supported versions: TLS 1.3 and 1.2.
    ...extension(43, sized(1, words([0x304, 0x303]))),
    // No key yet: a server of TLS 1.3 says which group it wants.
    ...extension(51, sized(2, [])),
    // Secure renegotiation.
    ...extension(0xff01, [0]),
  ];
  const random = crypto.getRandomValues(new Uint8Array(32));
  const body = [0x03, 0x03, ...random, 0, ...sized(2, words(SUITES)), 1, 0, ...sized(2, extensions)];
  return Uint8Array.from([HANDSHAKE, 0x03, 0x01, ...sized(2, [CLIENT_HELLO, ...sized(3, body)])]);
}

/** Whether an answer to it, of at least `ANSWER_LENGTH` octets, agrees. */
export function agrees(answer: Uint8Array): boolean {
  return answer[0] === HANDSHAKE && answer[5] === SERVER_HELLO;
}

function words(numbers: readonly number[]): number[] {
  return numbers.flatMap((number) => [number >> 8, number & 255]);
}

/** Octets behind their number, which has `width` octets itself. */
function sized(width: number, octets: readonly number[]): number[] {
  const length = Array.from({ length: width }, (_, i) => (octets.length >> (8 * (width - 1 - i))) & 255);
  return [...length, ...octets];
}

function extension(type: number, octets: readonly number[]): number[] {
  return [...words([type]), ...sized(2, octets)];
}

/** Asks a server on a connection of its own whether it takes part in DHE only. */
export class DheLook implements Disposable {
  readonly #stream: ByteStream;
  #hello: Uint8Array<ArrayBuffer>;
  #answer: number[] = [];
  #open = false;

  /** Asks over `stream`, which it owns, for the name `sni`. */
  constructor(stream: ByteStream, sni: string) {
    this.#stream = stream;
    this.#hello = dheHello(sni);
  }

  /** Goes on asking; true or false once the answer is known. A server that does not answer takes no part. */
  step(): Exclude<Step, object> | boolean {
    if (!this.#open) {
      const opening = this.#stream.open();
      if (opening !== null) return typeof opening === "string" ? opening : false;
      this.#open = true;
    }
    if (this.#hello.length > 0) {
      const written = this.#stream.write(this.#hello);
      if (typeof written === "object") return false;
      if (typeof written === "string") return written;
      this.#hello = this.#hello.subarray(written);
      return "again";
    }
    // No more than this is read, so it needs no budget.
    const read = this.#stream.read(ANSWER_LENGTH - this.#answer.length);
    if (typeof read === "string") return read;
    if (read.kind !== "data") return false;
    this.#answer.push(...read.bytes);
    return this.#answer.length < ANSWER_LENGTH ? "again" : agrees(Uint8Array.from(this.#answer));
  }

  /** Closes. */
  [Symbol.dispose](): void {
    this.#stream[Symbol.dispose]();
  }
}
