/**
 * What drives an engine. The thread waits for its sockets in the kernel itself, as an event loop in C would: no pool
 * thread, no timer and no message stands between a socket and its probe. The platform's event loop, by which messages
 * come, gets a turn when somebody tells that one is on its way, and now and then.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Clock } from "../clock.ts";
import type { Millis } from "../model.ts";
import type { Engine } from "./engine.ts";
import type { Reactor } from "./socket.ts";

/** What the platform has for a thread: nothing, an answer that takes its time, or a message that is there already. */
export type Expected = "nothing" | "answer" | "message";

/** What a loop needs. */
export interface LoopOptions {
  /** The thread's time. */
  readonly clock: Clock;
  /** Watches the raw sockets. */
  readonly reactor: Reactor;
  /** What is driven. */
  readonly engine: Pick<Engine, "pass" | "nextPass">;
  /** Whether the platform holds, or will soon hold, something for this thread. */
  readonly expects: () => Expected;
  /** Gives the platform's event loop a turn; default: one by `setImmediate`. */
  readonly turn?: () => Promise<void>;
  /** Whether somebody else has ended this thread: then it must do nothing more. */
  readonly stopped: () => boolean;
  /** Called after each pass. */
  readonly passed: () => void;
}

/** Rounds of the event loop in which a message that was announced arrives. */
const MAIL_ROUNDS = 4;
/**
 * Due times and deadlines are kept to this, in ms: a thread that wakes for each of 1,000 probes a second spends
 * half as much again as one that wakes for eight at a time. Answers are heard when they arrive, whatever this says.
 */
const GRAIN_MS: Millis = 8;
/** While an answer of another thread is out, the platform gets a turn this often, in ms. */
const ANSWER_MS: Millis = 1;
/** The platform gets a turn at least this often, for what nobody announces, in ms. */
const YIELD_MS: Millis = 500;

/** Drives an engine until it is disposed. */
export class Loop implements AsyncDisposable {
  readonly #options: LoopOptions;
  readonly #running: Promise<void>;
  #ended = false;
  #rounds = 0;
  #yieldedAt: Millis = 0;

  /** Starts the loop. */
  constructor(options: LoopOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Something outside the sockets has happened or is about to: lets the event loop have its turns. */
  attend(): void {
    this.#rounds = MAIL_ROUNDS;
  }

  /** Ends the loop. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, reactor, engine, passed, stopped, expects, turn = nextTurn } = this.#options;
    while (!this.#ended && !stopped()) {
      engine.pass();
      passed();
      const now = clock.now();
      const expected = expects();
      const yields = expected === "answer" ? ANSWER_MS : YIELD_MS;
      if (this.#rounds > 0 || expected === "message" || now - this.#yieldedAt >= yields) {
        if (this.#rounds > 0) this.#rounds--;
        this.#yieldedAt = now;
        await turn();
      } else {
        const untilPass = Math.ceil(engine.nextPass - now);
        const waitMs = untilPass <= 0 ? 0 : Math.max(GRAIN_MS, untilPass);
        reactor.wait(expected === "answer" ? Math.min(waitMs, ANSWER_MS) : waitMs);
      }
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
