/**
 * The last step of a log line: out of the process.
 *
 * @module
 */
import type { Clock } from "../clock.ts";

/** Writes octets, perhaps not all of them; 0: a pipe is full now. Throws when writing fails. */
export type WriteSome = (octets: Uint8Array) => number;

/** Octets that are kept for a reader that is slow: some 5,000 lines, as many as a change of 1,000 VIPs has. */
const KEPT_OCTETS = 1024 * 1024;
/** What is kept is tried again so often, in ms. */
const AGAIN_MS = 10;
/** The end of the process waits so long for the reader, in ms. */
const END_MS = 500;

const newline = new Uint8Array([10]);

/**
 * Lines to a file or pipe that may fail: a full disk, a reader that has ended. A daemon that decides about traffic
 * must outlive its log, so it never waits for a reader. Lines that a slow one cannot take yet are kept, up to a
 * mebibyte. Lines that cannot be written, and those for which there is no more room, are counted and given up; what
 * can be written after them is followed by the number.
 */
export class LogOutput implements Disposable {
  readonly #writeSome: WriteSome;
  readonly #clock: Clock | null;
  readonly #encoder = new TextEncoder();
  /** The rest of a line of which a part is out. */
  #rest: Uint8Array | null = null;
  /** Lines that wait, oldest first. */
  readonly #waiting: Uint8Array[] = [];
  #waitingOctets = 0;
  #again: Disposable | null = null;
  #closed = false;
  /** A line of which a part is out has no newline yet, and will get none. */
  #torn = false;
  #lost = 0;
  #reason = "";
  /** Told how many lines were lost, once writing works again. */
  onRecovered: (lost: number, reason: string) => void = () => {};

  /**
   * Writes by `writeSome`.
   *
   * @param clock null: what is kept is only tried again with the next line
   */
  constructor(writeSome: WriteSome, clock: Clock | null = null) {
    this.#writeSome = writeSome;
    this.#clock = clock;
  }

  /** Lines given up since the last one that was written. */
  get lost(): number {
    return this.#lost;
  }

  /** Lines that wait for the reader. */
  get waiting(): number {
    return this.#waiting.length + (this.#rest === null ? 0 : 1);
  }

  /** Writes a line with its newline, or keeps it; never throws, never waits. */
  readonly write = (line: string): void => {
    const octets = this.#encoder.encode(line);
    if (this.#waitingOctets + octets.length > KEPT_OCTETS) {
      this.#catchUp();
      // A line that is longer than the room is written while nothing waits.
      if (this.waiting > 0 && this.#waitingOctets + octets.length > KEPT_OCTETS) {
        this.#lost++;
        this.#reason = "nobody reads the log";
        return;
      }
    }
    this.#waiting.push(octets);
    this.#waitingOctets += octets.length;
    this.#catchUp();
  };

  /** Tries what is kept for at most half a second, and waits for it: for the end of the process. */
  drain(pause: (ms: number) => void): void {
    for (let ms = 0; this.waiting > 0; ms += AGAIN_MS) {
      this.#catchUp();
      if (this.waiting === 0 || ms >= END_MS) return;
      pause(AGAIN_MS);
    }
  }

  /** Tries no more by itself; lines are still written. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#again?.[Symbol.dispose]();
  }

  #catchUp(): void {
    for (;;) {
      const isRest = this.#rest !== null;
      const octets = this.#rest ?? this.#waiting.shift();
      if (octets === undefined) return;
      if (!isRest) this.#waitingOctets -= octets.length;
      const outcome = this.#put(octets, isRest);
      if (outcome === "later") return this.#later();
      if (outcome === "given up" || this.#lost === 0 || this.#waiting.length > 0) continue;
      const lost = this.#lost;
      this.#lost = 0;
      this.onRecovered(lost, this.#reason);
    }
  }

  #put(octets: Uint8Array, isRest: boolean): "written" | "given up" | "later" {
    let written = 0;
    try {
      if (this.#torn && this.#writeSome(newline) === 0) return this.#keep(octets, isRest, 0);
      this.#torn = false;
      while (written < octets.length) {
        const taken = this.#writeSome(octets.subarray(written));
        if (taken === 0) return this.#keep(octets, isRest, written);
        written += taken;
      }
    } catch (error) {
      this.#rest = null;
      if (isRest || written > 0) this.#torn = true;
      this.#lost++;
      this.#reason = error instanceof Error ? error.message : String(error);
      return "given up";
    }
    this.#rest = null;
    return "written";
  }

  #keep(octets: Uint8Array, isRest: boolean, written: number): "later" {
    if (isRest || written > 0) this.#rest = octets.subarray(written);
    else {
      this.#waiting.unshift(octets);
      this.#waitingOctets += octets.length;
    }
    return "later";
  }

  #later(): void {
    if (this.#clock === null || this.#closed || this.#again !== null) return;
    this.#again = this.#clock.after(AGAIN_MS, () => {
      this.#again = null;
      this.#catchUp();
    });
  }
}
