/**
 * The last step of a log line: out of the process.
 *
 * @module
 */

/** Writes octets, perhaps not all of them; throws when it can write none. */
export type WriteSome = (octets: Uint8Array) => number;

/**
 * Lines to a file or pipe that may fail: a full disk, a reader that has ended. A daemon that decides about traffic
 * must outlive its log, so lines that cannot be written are counted and given up, and the next one that can be
 * is followed by the number.
 */
export class LogOutput {
  readonly #writeSome: WriteSome;
  readonly #encoder = new TextEncoder();
  /** A line of which a part is out has no newline yet. */
  #torn = false;
  #lost = 0;
  #reason = "";
  /** Told how many lines were lost, once writing works again. */
  onRecovered: (lost: number, reason: string) => void = () => {};

  /** Writes by `writeSome`. */
  constructor(writeSome: WriteSome) {
    this.#writeSome = writeSome;
  }

  /** Lines given up since the last one that was written. */
  get lost(): number {
    return this.#lost;
  }

  /** Writes a line with its newline; never throws. */
  readonly write = (line: string): void => {
    const octets = this.#encoder.encode(this.#torn ? `\n${line}` : line);
    let written = 0;
    try {
      while (written < octets.length) written += this.#writeSome(octets.subarray(written));
    } catch (error) {
      if (written > 0) this.#torn = true;
      this.#lost++;
      this.#reason = error instanceof Error ? error.message : String(error);
      return;
    }
    this.#torn = false;
    if (this.#lost === 0) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.onRecovered(lost, this.#reason);
  };
}
