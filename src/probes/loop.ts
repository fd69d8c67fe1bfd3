/**
 * What drives an engine. While every probe under way waits for a raw socket, the thread waits in the kernel
 * itself, as an event loop in C would: no pool thread, no timer and no message stands between a socket and its
 * probe. While one waits for something of the platform (the matcher), the platform's event loop
 * waits, and a pool thread watches the raw sockets.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Clock } from "../clock.ts";
import type { Millis } from "../model.ts";
import type { Engine } from "./engine.ts";
import type { Reactor } from "./socket.ts";

/** What a loop needs. */
export interface LoopOptions {
  /** The thread's time. */
  readonly clock: Clock;
  /** Watches the raw sockets. */
  readonly reactor: Reactor;
  /** What is driven. */
  readonly engine: Pick<Engine, "pass" | "settled" | "nextPass" | "unsettled">;
  /** Whether the thread may wait in the kernel now. */
  readonly mayBlock: () => boolean;
  /** Whether somebody else has ended this thread: then it must do nothing more. */
  readonly stopped: () => boolean;
  /** Called after each pass, when everything that followed from it has run. */
  readonly passed: () => void;
}

/** Rounds of the event loop in which a message that was announced arrives. */
const MAIL_ROUNDS = 4;
/**
 * Due times and deadlines are kept to this, in ms: a thread that wakes for each of 1,000 probes a second spends
 * half as much again as one that wakes for eight at a time. Answers are heard when they arrive, whatever this says.
 */
const GRAIN_MS: Millis = 8;
/** The platform gets a turn at least this often, for what nobody announces, in ms. */
const YIELD_MS: Millis = 100;

/** Drives an engine until it is disposed. */
export class Loop implements AsyncDisposable {
  readonly #options: LoopOptions;
  readonly #running: Promise<void>;
  #ended = false;
  #rounds = 0;
  #mightBlock = true;
  #yieldedAt: Millis = 0;
  #wake: (() => void) | null = null;

  /** Starts the loop. */
  constructor(options: LoopOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Something outside the sockets has happened or is about to: lets the event loop have its turns. */
  attend(): void {
    this.#rounds = MAIL_ROUNDS;
    this.#wake?.();
  }

  /** Ends the loop. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, reactor, engine, passed, stopped } = this.#options;
    while (!this.#ended && !stopped()) {
      engine.pass();
      await engine.settled();
      passed();
      const now = clock.now();
      const untilPass = Math.ceil(engine.nextPass - now);
      const waitMs = untilPass <= 0 ? 0 : Math.max(GRAIN_MS, untilPass);
      const mayBlock = this.#options.mayBlock();
      // What the platform still has to do for its last socket, closing it say, needs its turns too.
      if (mayBlock && !this.#mightBlock) this.#rounds = MAIL_ROUNDS;
      this.#mightBlock = mayBlock;
      if (this.#rounds > 0 || engine.unsettled || now - this.#yieldedAt >= YIELD_MS) {
        if (this.#rounds > 0) this.#rounds--;
        this.#yieldedAt = now;
        await new Promise<void>((resolve) => setImmediate(resolve));
      } else if (mayBlock) {
        reactor.wait(waitMs);
      } else {
        await this.#sleep(waitMs);
      }
    }
  }

  /** Waits on the event loop for a raw socket, the time, or `attend`. */
  async #sleep(ms: Millis): Promise<void> {
    using stack = new DisposableStack();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      stack.use(this.#options.clock.after(ms, resolve));
      this.#options.reactor.park(resolve);
    });
    this.#wake = null;
  }
}
