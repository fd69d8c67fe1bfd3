import { agrees, ANSWER_LENGTH, dheHello } from "./dhe.ts";
import type { Step } from "./step.ts";
import type { ByteStream } from "./stream.ts";

/** Asks a server on a connection of its own whether it takes part in DHE only, see dhe.ts. */
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
