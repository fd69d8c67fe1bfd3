/**
 * What the tests of the engine share.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Millis } from "../../src/model.ts";
import type { Attempt } from "../../src/probes/attempt.ts";
import { Engine, type EngineOptions } from "../../src/probes/engine.ts";
import type { ProbeTarget } from "../../src/probes/prober.ts";
import { lateable, type Verdict, verdict } from "../../src/probes/result.ts";
import type { Machine, Step } from "../../src/probes/step.ts";
import { FakeClock, settle } from "../fake_clock.ts";
import { Reports, target, tcpCheck } from "./helpers.ts";

export const PASS = verdict("L4OK", "connected");
export const REFUSED = verdict("L4CON", "connection refused");
export const SILENT = lateable("L4TOUT", "no connection");

/** What a fake backend does: answers at once, after a time, or never. */
export type Behaviour = Verdict | { readonly after: Millis; readonly answer: Verdict } | "silent";

/** The verdict on a probe, which may be given at any time. */
export type Answer = (found: Verdict) => void;

/** A probe that begins by `begin` and ends by its answer. What `begin` returns is disposed with the probe. */
export class Asking implements Machine {
  readonly #attempt: Attempt;
  readonly #begin: (answer: Answer) => Disposable | void;
  #begun = false;
  #found: Verdict | null = null;
  #held: Disposable | void = undefined;

  constructor(attempt: Attempt, begin: (answer: Answer) => Disposable | void) {
    this.#attempt = attempt;
    this.#begin = begin;
  }

  step(): Step {
    if (!this.#begun) {
      this.#begun = true;
      this.#held = this.#begin((found) => {
        this.#found ??= found;
        this.#attempt.wake();
      });
    }
    return this.#found ?? "wait";
  }

  late(): Verdict {
    return SILENT;
  }

  [Symbol.dispose](): void {
    this.#held?.[Symbol.dispose]();
  }
}

/** An engine in fake time over fake backends. */
export class Bench implements AsyncDisposable {
  readonly clock = new FakeClock(0);
  readonly reports = new Reports();
  /** Start of each probe: backend and time. */
  readonly begun: [string, Millis][] = [];
  readonly defects: unknown[] = [];
  readonly limited: number[] = [];
  readonly urgent: boolean[] = [];
  readonly engine: Engine;
  /** Answers that stand in a socket until somebody drains it. */
  readonly pending: (() => void)[] = [];
  behave: (backend: string) => Behaviour = () => PASS;
  random = 0.5;
  #timer: Disposable | null = null;

  constructor(options: Partial<EngineOptions<ProbeTarget>> = {}) {
    this.engine = new Engine({
      clock: this.clock,
      random: () => this.random,
      version: "test",
      limit: 1000,
      machine: (attempt) => new Asking(attempt, (answer) => this.#begin(attempt, answer)),
      dropped: () => {},
      review: (_plan, found) => found,
      drain: () => this.pending.splice(0).forEach((deliver) => deliver()),
      flush: () => {},
      changed: () => this.#arm(),
      report: ({ backend, generation }, result, nextDueAt, _lateMs, urgent) => {
        this.urgent.push(urgent);
        this.reports.sink([{ backend, generation, result, nextDueAt }]);
      },
      begin: ({ backend }) => this.begun.push([backend, this.clock.now()]),
      defect: (error) => this.defects.push(error),
      limited: (queued) => this.limited.push(queued),
      ...options,
    });
    this.#arm();
  }

  /** Drives the engine: a pass at the time it asks for. */
  #arm(): void {
    this.#timer?.[Symbol.dispose]();
    const wait = Math.max(0, this.engine.nextPass - this.clock.now());
    this.#timer = this.clock.after(wait, () => {
      this.engine.pass();
      this.#arm();
    });
  }

  /** Times at which probes of a backend began. */
  times(backend: string): Millis[] {
    return this.begun.filter(([name]) => name === backend).map(([, at]) => at);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.engine[Symbol.dispose]();
    this.#timer?.[Symbol.dispose]();
    await settle();
    assert.equal(this.clock.pending, 0, "every timer was released");
  }

  #begin(attempt: Attempt, answer: Answer): Disposable | void {
    const does = this.behave(attempt.plan.target.backend);
    if (does === "silent") return;
    if ("code" in does) return answer(does);
    return this.clock.after(does.after, () => answer(does.answer));
  }
}

export const check = (interval: Millis, timeout: Millis = 1000, fast = interval) =>
  tcpCheck(80, { intervalMs: interval, fastIntervalMs: fast, timeoutMs: timeout });
export const one = (rest: Partial<ProbeTarget> = {}, interval = 1000, timeout = 500) =>
  target("b", check(interval, timeout), rest);
