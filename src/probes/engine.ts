/**
 * The loop of the probing thread: when each backend's next probe begins, its deadline, and what comes of it.
 *
 *   due ──► (a slot is free) ──► running ──► verdict ──► report, next due
 *                                   │ deadline passed: the wait ends late
 *                                   └ cancelled: no report
 *
 * Every pass through the loop does the same in the same order: note stalls, handle what the sockets have, then
 * deadlines and due times. So a late thread hears an answer that has arrived before it calls the backend late.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Millis, ProbeResult } from "../model.ts";
import { Attempt, Cancelled } from "./attempt.ts";
import { type ProbePlan, probePlan } from "./plan.ts";
import type { ProbeReport, ProbeTarget } from "./prober.ts";
import { PROBE_CODES, type Verdict, voided } from "./result.ts";
import { jitter, nextAfterVoid, nextDue } from "./schedule.ts";
import { deadline, judge, StallMeter, TICK_MS, tooLate } from "./stall.ts";
import { type Timed, Timers } from "./timers.ts";

/** What the engine needs from outside. */
export interface EngineOptions {
  /** Time of this thread. */
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Version of the product, for the User-Agent. */
  readonly version: string;
  /** Runs one probe; throws Cancelled when the attempt is cancelled. */
  readonly probe: (attempt: Attempt) => Promise<Verdict>;
  /** Handles all pending socket events; called before anything that depends on time. */
  readonly drain: () => void;
  /** Runs a function soon, after the event loop has had its turn. */
  readonly soon: (callback: () => void) => void;
  /** Receives each finished probe, and how late it began in ms; `urgent` if it may change a state. */
  readonly report: (report: ProbeReport, lateMs: Millis, urgent: boolean) => void;
  /** Told of each probe that begins. */
  readonly begin: (target: ProbeTarget) => void;
  /** Told when a probe failed for a reason that is a defect of this program. */
  readonly defect: (error: unknown, target: ProbeTarget) => void;
  /** Probes that may run at once, ≥ 1. */
  readonly limit: number;
  /** Told when probes that are due have to wait for the limit, with their number. */
  readonly limited: (queued: number) => void;
}

/** What a backend waits for between probes; only the interval's wait follows a change of the interval. */
type Wait = "first" | "interval" | "repeat";

/** One backend being probed. */
interface Slot extends Timed {
  readonly plan: ProbePlan;
  intervalMs: Millis;
  wait: Wait;
  /** When the running or next probe is due. */
  due: Millis;
  /** When the one before it was. */
  lastDue: Millis;
  factor: number;
  /** How late the running probe began. */
  lateMs: Millis;
  attempt: Attempt | null;
  /** Void results in a row. */
  voids: number;
  /** Passes in a row. */
  passes: number;
  /** Whether the last probe ended by its deadline; such probes hold a place for their whole timeout. */
  slow: boolean;
}

/** Longest time given to due times and deadlines in one pass, in ms, before sockets are looked at again. */
const SLICE_MS = 4;
/** Rounds of the event loop after a stall in which TLS sockets, which no drain reaches, deliver what they have. */
const SETTLE_ROUNDS = 4;

/** Share of the limit that backends which do not answer may take; the rest stays for those that do. */
const SLOW_SHARE = 0.75;

/** Probes every target it is given, until it is stopped. */
export class Engine implements Disposable {
  readonly #options: EngineOptions;
  readonly #slots = new Map<string, Slot>();
  readonly #timers = new Timers<Slot>();
  /** Due, but over the limit; in the order in which they became due. */
  readonly #queue = new Set<Slot>();
  readonly #slowQueue = new Set<Slot>();
  readonly #stalls: StallMeter;
  #running = 0;
  #slowRunning = 0;
  #timer: Disposable | null = null;
  #timerAt = Infinity;
  #again = false;
  #settle = 0;
  #ended = false;

  /** Starts the loop, with nothing to probe. */
  constructor(options: EngineOptions) {
    this.#options = options;
    this.#stalls = new StallMeter(options.clock.now());
    this.#arm(options.clock.now());
  }

  /** Probes under way. */
  get running(): number {
    return this.#running;
  }

  /** Probes that are due and wait because the limit is reached. */
  get queued(): number {
    return this.#queue.size + this.#slowQueue.size;
  }

  /** Starts or replaces targets. */
  start(targets: readonly ProbeTarget[]): void {
    const now = this.#options.clock.now();
    for (const target of targets) {
      this.#drop(target.backend);
      const due = now + target.firstDelayMs;
      const slot: Slot = {
        at: due,
        place: -1,
        plan: probePlan(target, this.#options.version),
        intervalMs: target.intervalMs,
        wait: "first",
        due,
        lastDue: due,
        factor: 1,
        lateMs: 0,
        attempt: null,
        voids: 0,
        passes: 0,
        slow: false,
      };
      this.#slots.set(target.backend, slot);
      this.#timers.set(slot, due);
    }
    this.#arm(now);
  }

  /** Sets the interval of a running target; the wait under way is cut or stretched. */
  pace(backend: string, generation: number, intervalMs: Millis): void {
    const slot = this.#slots.get(backend);
    if (slot === undefined || slot.plan.target.generation !== generation) return;
    slot.intervalMs = intervalMs;
    // Running or queued: it is due already.
    if (slot.place < 0 || slot.attempt !== null || slot.wait !== "interval") return;
    const now = this.#options.clock.now();
    slot.due = nextDue(slot, intervalMs, now);
    this.#timers.set(slot, slot.due);
    this.#arm(now);
  }

  /** Stops targets; running probes are cancelled. */
  stop(backends: readonly string[]): void {
    for (const backend of backends) this.#drop(backend);
  }

  /** Passes through the loop; to be called when sockets are ready. */
  pass(): void {
    if (this.#ended) return;
    const { clock, drain } = this.#options;
    const begun = clock.now();
    const stalled = this.#stalls.pass(begun);
    drain();
    if (this.#settle > 0) this.#settle--;
    else if (stalled > 0) this.#settle = SETTLE_ROUNDS;
    if (this.#settle > 0) return this.#passAgain();
    let now = begun;
    for (let slot = this.#timers.peek(); slot !== undefined && slot.at <= now; slot = this.#timers.peek()) {
      this.#fire(slot, now);
      now = clock.now();
      this.#stalls.pass(now);
      if (now - begun > SLICE_MS) return this.#passAgain();
    }
    this.#arm(now);
  }

  /** Cancels everything. */
  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    this.stop([...this.#slots.keys()]);
  }

  #passAgain(): void {
    if (this.#again) return;
    this.#again = true;
    this.#options.soon(() => {
      this.#again = false;
      this.pass();
    });
  }

  /** Sets the timer for the next pass: the earliest due time or deadline, and a tick at the latest. */
  #arm(now: Millis): void {
    const at = Math.min(this.#timers.peek()?.at ?? Infinity, now + TICK_MS);
    if (this.#timer !== null && this.#timerAt <= at) return;
    this.#timer?.[Symbol.dispose]();
    this.#timerAt = at;
    this.#timer = this.#options.clock.after(Math.max(0, Math.ceil(at - now)), () => {
      this.#timer = null;
      this.pass();
    });
  }

  #fire(slot: Slot, now: Millis): void {
    const { attempt } = slot;
    if (attempt === null) {
      this.#timers.remove(slot);
      (slot.slow ? this.#slowQueue : this.#queue).add(slot);
      this.#runQueue();
      if (this.queued > 0) this.#options.limited(this.queued);
      return;
    }
    const { timeoutMs } = slot.plan.target.check;
    const lostMs = this.#lost(attempt, now);
    const moved = deadline(attempt.start, timeoutMs, lostMs);
    // A probe that is held would move its deadline for ever.
    if (moved > now && !(attempt.holding && tooLate(timeoutMs, lostMs))) return this.#timers.set(slot, moved);
    this.#timers.remove(slot);
    attempt.expire();
  }

  /** How long the thread did not run, or did not get to a probe, since it began. */
  #lost(attempt: Attempt, now: Millis): Millis {
    return this.#stalls.total - attempt.stalledBefore + attempt.held(now);
  }

  #runQueue(): void {
    const { limit } = this.#options;
    for (const slot of this.#queue) {
      if (this.#running >= limit) return;
      this.#queue.delete(slot);
      this.#begin(slot);
    }
    const slowLimit = Math.max(1, Math.floor(limit * SLOW_SHARE));
    for (const slot of this.#slowQueue) {
      if (this.#running >= limit || this.#slowRunning >= slowLimit) return;
      this.#slowQueue.delete(slot);
      this.#begin(slot);
    }
  }

  #begin(slot: Slot): void {
    const { clock, begin } = this.#options;
    const { target } = slot.plan;
    const attempt = new Attempt(slot.plan, () => clock.now(), this.#stalls.total);
    slot.attempt = attempt;
    slot.lateMs = Math.max(0, attempt.start - slot.due);
    // A turn that was missed as a whole is skipped: the one that runs now is the last due one.
    if (slot.lateMs >= slot.intervalMs * slot.factor) slot.due = attempt.start;
    this.#timers.set(slot, deadline(attempt.start, target.check.timeoutMs, 0));
    begin(target);
    void this.#run(slot, attempt, slot.slow);
  }

  async #run(slot: Slot, attempt: Attempt, slow: boolean): Promise<void> {
    this.#running++;
    if (slow) this.#slowRunning++;
    const found = await this.#probe(slot.plan.target, attempt);
    this.#running--;
    if (slow) this.#slowRunning--;
    if (found !== null && !attempt.cancelled) this.#finish(slot, attempt, found);
    if (!this.#ended) this.#runQueue();
  }

  async #probe(target: ProbeTarget, attempt: Attempt): Promise<Verdict | null> {
    try {
      return await this.#options.probe(attempt);
    } catch (error) {
      if (error instanceof Cancelled) return null;
      // One backend's odd answer must not end the probing of all others.
      this.#options.defect(error, target);
      return voided("worker-restart", "L7RSP", "internal error of the probe");
    }
  }

  #finish(slot: Slot, attempt: Attempt, found: Verdict): void {
    const { clock, random, report } = this.#options;
    const { target } = slot.plan;
    const now = clock.now();
    this.#stalls.pass(now);
    const lagMs = this.#lost(attempt, now);
    const { code, detail, void: cause } = judge(found, target.check.timeoutMs, lagMs);
    const { ok, layer } = PROBE_CODES[code];
    const { lateMs } = slot;
    slot.attempt = null;
    slot.lastDue = slot.due;
    slot.factor = jitter(random());
    slot.slow = attempt.expired;
    slot.voids = cause === null ? 0 : slot.voids + 1;
    if (cause === null) slot.passes = ok ? slot.passes + 1 : 0;
    slot.wait = cause === null ? "interval" : "repeat";
    slot.due = cause === null
      ? nextDue(slot, slot.intervalMs, now)
      : nextAfterVoid(slot, target.check.fastIntervalMs, slot.voids, now);
    this.#timers.set(slot, slot.due);
    this.#arm(now);
    const wall = clock.wall();
    const totalMs = now - attempt.start;
    const result: ProbeResult = {
      ok,
      layer,
      code,
      detail,
      scheduledAt: wall - totalMs - lateMs,
      startedAt: wall - totalMs,
      ...attempt.times,
      totalMs,
      lagMs,
      void: cause,
    };
    // Only a long row of passes surely changes nothing; its reports may wait for company.
    const urgent = !ok || slot.passes < target.check.rise + target.check.fall;
    const { backend, generation } = target;
    report({ backend, generation, result, nextDueAt: wall + slot.due - now }, lateMs, urgent);
  }

  #drop(backend: string): void {
    const slot = this.#slots.get(backend);
    if (slot === undefined) return;
    this.#slots.delete(backend);
    this.#timers.remove(slot);
    this.#queue.delete(slot);
    this.#slowQueue.delete(slot);
    slot.attempt?.cancel();
    slot.attempt = null;
  }
}
