/**
 * What the tests of the engine share.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Millis } from "../../src/model.ts";
import type { Attempt } from "../../src/probes/attempt.ts";
import { LATE } from "../../src/probes/stream.ts";
import { Engine, type EngineOptions } from "../../src/probes/engine.ts";
import type { ProbeTarget } from "../../src/probes/prober.ts";
import { lateable, type Verdict, verdict } from "../../src/probes/result.ts";
import { FakeClock, settle } from "../fake_clock.ts";
import { Reports, target, tcpCheck } from "./helpers.ts";

export const PASS = verdict("L4OK", "connected");
export const REFUSED = verdict("L4CON", "connection refused");
export const SILENT = lateable("L4TOUT", "no connection");

/** What a fake backend does: answers at once, after a time, or never. */
export type Behaviour = Verdict | { readonly after: Millis; readonly answer: Verdict } | "silent";

/** A probe that waits by promises. */
export function promised(probe: (attempt: Attempt) => Promise<Verdict>): EngineOptions<ProbeTarget>["probe"] {
  return (attempt) => attempt.until(probe(attempt));
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
      probe: promised((attempt) => this.#probe(attempt)),
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

  async #probe(attempt: Attempt): Promise<Verdict> {
    const does = this.behave(attempt.plan.target.backend);
    if (does !== "silent" && "code" in does) return does;
    let tell: (answer: Verdict) => void = () => {};
    using _answer = does === "silent" ? null : this.clock.after(does.after, () => tell(does.answer));
    const answer = await attempt.wait<Verdict>((done) => tell = done);
    return answer === LATE ? SILENT : answer;
  }
}

export const check = (interval: Millis, timeout: Millis = 1000, fast = interval) =>
  tcpCheck(80, { intervalMs: interval, fastIntervalMs: fast, timeoutMs: timeout });
export const one = (rest: Partial<ProbeTarget> = {}, interval = 1000, timeout = 500) =>
  target("b", check(interval, timeout), rest);
