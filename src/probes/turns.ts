/**
 * Who may compute. All probes of a thread share it, so none may take it for long: a probe that used up its turn, or
 * that is woken when the time for answers is used up, waits here until the others had theirs.
 *
 *   pass:  sockets, 4 ms --> deadlines and due times, 4 ms --> turns, 4 ms --> the next pass
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Millis } from "../model.ts";

/** How long a probe may compute between two waits before others get their turn, in ms. */
export const TURN_MS: Millis = 1;
/** Share of each kind of work in one pass through the loop, in ms. */
export const SHARE_MS: Millis = 4;

/** Something that waits for its turn. */
export interface Turn {
  /** It may go on, for `TURN_MS`. */
  turn(): void;
}

/** The turns of a thread. */
export class Turns {
  readonly #clock: Pick<Clock, "now">;
  readonly #attend: () => void;
  #waiting: Turn[] = [];
  #until: Millis | null = null;

  /** `attend` is called when something waits and no pass is under way: then there must be one soon. */
  constructor(clock: Pick<Clock, "now">, attend: () => void = () => {}) {
    this.#clock = clock;
    this.#attend = attend;
  }

  /** The time. */
  now(): Millis {
    return this.#clock.now();
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Begins a share of a pass: what is woken may go on at once until `SHARE_MS` from now. */
  begin(now: Millis): void {
    this.#until = now + SHARE_MS;
  }

  /** Ends the pass. */
  end(): void {
    this.#until = null;
    if (this.#waiting.length > 0) this.#attend();
  }

  /** Whether what is woken now may go on at once. Outside of a pass it may. */
  open(now: Millis): boolean {
    return this.#until === null || now < this.#until;
  }

  /** Adds one that waits for its turn. */
  add(turn: Turn): void {
    this.#waiting.push(turn);
    if (this.#until === null) this.#attend();
  }

  /** Gives each that waits one turn, in the order in which they came, until the share is used up. */
  run(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.begin(this.now());
    let next = 0;
    while (next < waiting.length) {
      waiting[next++]?.turn();
      if (!this.open(this.now())) break;
    }
    // What came meanwhile comes after what waited before.
    this.#waiting = [...waiting.slice(next), ...this.#waiting];
  }
}
