import { check, libc } from "./libc.ts";

/** A file descriptor with one owner; closed exactly once, on disposal, unless it was given away before. */
export class Fd implements Disposable {
  #number: number;

  /** Takes ownership of descriptor `number` (≥ 0). */
  constructor(number: number) {
    this.#number = number;
  }

  /** The descriptor's number; throws once it is closed or given away. */
  get number(): number {
    if (this.#number < 0) throw new Error("Cannot use a descriptor that is closed or given away");
    return this.#number;
  }

  /** Gives the descriptor to another owner; disposal does nothing afterwards. */
  release(): number {
    const number = this.number;
    this.#number = -1;
    return number;
  }

  /** Closes the descriptor if it is still ours. */
  [Symbol.dispose](): void {
    if (this.#number < 0) return;
    const number = this.#number;
    this.#number = -1;
    check(libc.close(number), "close");
  }
}
