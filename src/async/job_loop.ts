import type { Clock } from "../clock.ts";
import type { Millis } from "../model.ts";

/** One piece of work. One that rejects ends the loop; nobody handles the error, so it ends the process. */
export type Job = () => Promise<void>;

/** What a loop asks its owner. */
export interface LoopOwner {
  /** The next piece of work that is due now, or null. */
  readonly next: () => Job | null;
  /** When something becomes due by time alone; monotonic. Null: never. */
  readonly dueAt: () => Millis | null;
}

/**
 * Runs one piece of work after the other, and waits for more when there is none. It wakes in a microtask, so all
 * that happens in one turn of the event loop is seen together.
 */
export class JobLoop {
  readonly #clock: Clock;
  readonly #owner: LoopOwner;
  readonly #stop: AbortSignal;
  #wake: (() => void) | null = null;
  #ended: Promise<void> | null = null;

  /** A loop that does nothing before `start` and nothing after `stop` aborts. */
  constructor(clock: Clock, owner: LoopOwner, stop: AbortSignal) {
    this.#clock = clock;
    this.#owner = owner;
    this.#stop = stop;
    stop.addEventListener("abort", () => this.wake(), { once: true });
  }

  /** Begins; a second call does nothing. */
  start(): void {
    this.#ended ??= this.#run();
  }

  /** There may be work now. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  /** Resolves when the work under way is done and no more will be; at once if there was no start. */
  async ended(): Promise<void> {
    await this.#ended;
  }

  async #run(): Promise<void> {
    // Whoever calls `start` may still be wiring the parts that the first look would use.
    await Promise.resolve();
    while (!this.#stop.aborted) {
      const job = this.#owner.next();
      if (job === null) await this.#idle();
      else await job();
    }
  }

  async #idle(): Promise<void> {
    const dueAt = this.#owner.dueAt();
    const woken = new Promise<void>((resolve) => this.#wake = resolve);
    if (dueAt === null) return await woken;
    using _timer = this.#clock.after(Math.max(0, dueAt - this.#clock.now()), () => this.wake());
    await woken;
  }
}
