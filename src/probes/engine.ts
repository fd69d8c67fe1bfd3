/**
 * The loop of the probing thread: when each backend's next probe begins, its deadline, and what comes of it.
 *
 *   due --> (a slot is free) --> running --> verdict --> report, next due
 *                                   | deadline passed: the wait ends late
 *                                   + cancelled: no report
 *
 * Every pass through the loop does the same in the same order: note stalls, handle what the sockets have, then
 * deadlines and due times, then send what was gathered. So a late thread hears an answer that has arrived before it calls the backend late.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Millis, ProbeResult, UnixMillis } from "../model.ts";
import { type Attempt, Defect, type Ending } from "./attempt.ts";
import { type ProbePlan, probePlan } from "./plan.ts";
import type { ProbeTarget } from "./prober.ts";
import { queuedResult } from "./report.ts";
import { PROBE_CODES, type Verdict, voided } from "./result.ts";
import { jitter, nextDue } from "./schedule.ts";
import { conclude, Run, type Slot } from "./slot.ts";
import { deadline, judge, StallMeter, TICK_MS, tooLate } from "./stall.ts";
import type { Machine } from "./step.ts";
import { Timers } from "./timers.ts";
import { SHARE_MS, Turns } from "./turns.ts";

/** What the engine needs from outside. */
export interface EngineOptions<T extends ProbeTarget> {
  /** Time of this thread. */
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Version of the product, for the User-Agent. */
  readonly version: string;
  /** Makes the machine of one probe. */
  readonly machine: (attempt: Attempt) => Machine;
  /** Told of a plan that no probe will use any more. */
  readonly dropped: (plan: ProbePlan) => void;
  /** Looks again at a failure that may have other reasons than the backend. */
  readonly review: (plan: ProbePlan, found: Verdict) => Verdict;
  /** Handles all pending socket events; called before anything that depends on time. */
  readonly drain: () => void;
  /** Sends what the probes of a pass have gathered; called at the end of each and after what followed. */
  readonly flush: (now: Millis) => void;
  /** Told when the time of the next pass may have become an earlier one: something new is due, or waits for a turn. */
  readonly changed: () => void;
  /**
   * Receives each finished probe of a target: what came out, when the next is due, and how late this one began in ms;
   * `urgent` if it may change a state.
   */
  readonly report: (
    target: T,
    result: ProbeResult,
    nextDueAt: UnixMillis,
    lateMs: Millis,
    urgent: boolean,
  ) => void;
  /** Told of each probe that begins. */
  readonly begin: (target: T) => void;
  /** Told when a probe failed for a reason that is a defect of this program. */
  readonly defect: (error: unknown, target: T) => void;
  /** Probes that may run at once, >= 1. */
  readonly limit: number;
  /** Told when probes that are due have to wait for the limit, with their number. */
  readonly limited: (queued: number) => void;
}

const DEFECT = voided("worker-restart", "L7RSP", "internal error of the probe");

/** A probe is told as void each time that it has waited so long for the limit: well before its backend is blind. */
const QUEUED_MS: Millis = 5000;

/** Share of the limit that backends which do not answer may take; the rest stays for those that do. */
const SLOW_SHARE = 0.75;

/** Probes every target it is given, until it is stopped. */
export class Engine<T extends ProbeTarget = ProbeTarget> implements Disposable {
  readonly #options: EngineOptions<T>;
  readonly #slots = new Map<string, Slot<T>>();
  readonly #timers = new Timers<Slot<T>>();
  /** Due, but over the limit; in the order in which they became due. */
  readonly #queue = new Set<Slot<T>>();
  readonly #slowQueue = new Set<Slot<T>>();
  readonly #stalls: StallMeter;
  #running = 0;
  #slowRunning = 0;
  readonly #turns: Turns;
  #passedAt: Millis;
  #again = false;
  /** While something is in the middle of what a probe from the queue would disturb. */
  #queueHeld = false;
  #ended = false;

  /** Starts the loop, with nothing to probe. */
  constructor(options: EngineOptions<T>) {
    this.#options = options;
    this.#passedAt = options.clock.now();
    this.#stalls = new StallMeter(this.#passedAt);
    this.#turns = new Turns(options.clock, () => options.changed());
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
  start(targets: readonly T[]): void {
    const now = this.#options.clock.now();
    this.stop(targets.map(({ backend }) => backend));
    for (const target of targets) {
      const due = now + target.firstDelayMs;
      const slot: Slot<T> = {
        at: due,
        number: -1,
        target,
        plan: null,
        intervalMs: target.intervalMs,
        wait: "first",
        due,
        lastDue: due,
        factor: 1,
        lateMs: 0,
        attempt: null,
        voids: 0,
        row: 0,
        slow: false,
      };
      this.#slots.set(target.backend, slot);
      this.#timers.set(slot, due);
    }
    this.#options.changed();
  }

  /** Sets the interval of a running target; the wait under way is cut or stretched. */
  pace(backend: string, generation: number, intervalMs: Millis): void {
    const slot = this.#slots.get(backend);
    if (slot === undefined || slot.target.generation !== generation) return;
    slot.intervalMs = intervalMs;
    // Running or queued: it is due already.
    if (slot.attempt !== null || this.#isQueued(slot) || slot.wait !== "interval") return;
    const now = this.#options.clock.now();
    slot.due = nextDue(slot, intervalMs, now);
    this.#timers.set(slot, slot.due);
    this.#options.changed();
  }

  /** Stops targets; running probes are cancelled. */
  stop(backends: readonly string[]): void {
    // None of these may begin because another one ends.
    this.#holdQueue(() => backends.forEach((backend) => this.#drop(backend)));
    this.#runQueue();
  }

  /** When the next pass is due: at the earliest due time or deadline, and with the tick at the latest. */
  get nextPass(): Millis {
    if (this.#again || this.#turns.size > 0) return this.#passedAt;
    return Math.min(this.#timers.peek()?.at ?? Infinity, this.#passedAt + TICK_MS);
  }

  /** Passes through the loop: stalls, sockets, deadlines and due times, turns, and sending. */
  pass(): void {
    if (this.#ended) return;
    this.#pass();
    this.#turns.run();
    this.#turns.end();
    this.#options.flush(this.#passedAt);
  }

  #pass(): void {
    const { clock, drain } = this.#options;
    const begun = clock.now();
    this.#passedAt = begun;
    this.#again = false;
    this.#stalls.pass(begun);
    this.#turns.begin(begun);
    drain();
    // What the sockets had may have taken a while, and that must not be taken from the first probe that begins now;
    // but no deadline may end a probe whose answer came after the sockets were asked.
    const drained = clock.now();
    this.#stalls.pass(drained);
    let now = drained;
    let until = begun;
    for (let slot = this.#timers.peek(); slot !== undefined && slot.at <= until; slot = this.#timers.peek()) {
      this.#fire(slot, now);
      now = clock.now();
      until = now;
      this.#stalls.pass(now);
      this.#again = now - drained > SHARE_MS;
      if (this.#again) return;
    }
  }

  /** Cancels everything. */
  [Symbol.dispose](): void {
    this.#ended = true;
    this.stop([...this.#slots.keys()]);
  }

  #fire(slot: Slot<T>, now: Millis): void {
    const { attempt } = slot;
    if (attempt === null) {
      // The usual case, kept short: room for another, and nobody before it.
      if (!slot.slow && this.#queue.size === 0 && this.#running < this.#options.limit) {
        return this.#begin(slot, now);
      }
      if (this.#isQueued(slot)) return this.#waited(slot, now);
      this.#timers.set(slot, now + QUEUED_MS);
      (slot.slow ? this.#slowQueue : this.#queue).add(slot);
      this.#runQueue();
      if (this.queued > 0) this.#options.limited(this.queued);
      return;
    }
    const { timeoutMs } = slot.target.check;
    const lostMs = this.#lost(attempt, now);
    const moved = this.#deadline(attempt, lostMs);
    // A host that is slow all the time would move the deadline for ever.
    if (moved > now && !tooLate(timeoutMs, lostMs)) return this.#timers.set(slot, moved);
    this.#timers.remove(slot);
    attempt.expire();
  }

  /** When a probe that lost `lostMs` to this host ends. */
  #deadline(attempt: Attempt, lostMs: Millis): Millis {
    const { start, hurryAt, plan } = attempt;
    return Math.min(deadline(start, plan.target.check.timeoutMs, lostMs), hurryAt);
  }

  /** How long the thread did not run, or did not get to a probe, since it began. */
  #lost(attempt: Attempt, now: Millis): Millis {
    return this.#stalls.total - attempt.stalledBefore + attempt.held(now);
  }

  #isQueued(slot: Slot<T>): boolean {
    return this.#queue.has(slot) || this.#slowQueue.has(slot);
  }

  /** Tells that a probe which is due has not begun; it goes on waiting in its place. */
  #waited(slot: Slot<T>, now: Millis): void {
    const { clock, limit, report } = this.#options;
    this.#timers.set(slot, now + QUEUED_MS);
    const lateMs = now - slot.due;
    const wall = clock.wall();
    report(slot.target, queuedResult(limit, lateMs, wall), wall, lateMs, true);
  }

  #runQueue(): void {
    if (this.queued === 0 || this.#queueHeld || this.#ended) return;
    const { clock, limit } = this.#options;
    const slowLimit = Math.max(1, Math.floor(limit * SLOW_SHARE));
    this.#holdQueue(() => {
      for (const slot of this.#queue) {
        if (this.#running >= limit) return;
        this.#queue.delete(slot);
        this.#begin(slot, clock.now());
      }
      for (const slot of this.#slowQueue) {
        if (this.#running >= limit || this.#slowRunning >= slowLimit) return;
        this.#slowQueue.delete(slot);
        this.#begin(slot, clock.now());
      }
    });
  }

  /** Does something during which what ends makes no room for others. */
  #holdQueue(act: () => void): void {
    const held = this.#queueHeld;
    this.#queueHeld = true;
    try {
      act();
    } finally {
      this.#queueHeld = held;
    }
  }

  /** Begins a probe at `start`, which is now: to ask for the time is not for nothing. */
  #begin(slot: Slot<T>, start: Millis): void {
    const { begin } = this.#options;
    const { target } = slot;
    const plan = this.#planned(slot);
    if (plan === null) return;
    const run = new Run(slot, plan, this.#turns, start, this.#stalls.total, this.#hurried, this.#over);
    slot.attempt = run;
    slot.lateMs = Math.max(0, run.start - slot.due);
    // A turn that was missed as a whole is skipped: the one that runs now is the last due one.
    if (slot.lateMs >= slot.intervalMs * slot.factor) slot.due = run.start;
    this.#running++;
    if (run.slow) this.#slowRunning++;
    begin(target);
    this.#run(run);
    if (slot.attempt === run) this.#timers.set(slot, this.#deadline(run, 0));
  }

  /** The slot's plan; null if it cannot be worked out, and then the target is never probed. */
  #planned(slot: Slot<T>): ProbePlan | null {
    try {
      slot.plan ??= probePlan(slot.target, this.#options.version);
    } catch (error) {
      this.#timers.remove(slot);
      this.#options.defect(error, slot.target);
    }
    return slot.plan;
  }

  #run(run: Run<T>): void {
    let machine: Machine;
    try {
      machine = this.#options.machine(run);
    } catch (error) {
      return this.#over(run, new Defect(error));
    }
    run.run(machine);
  }

  readonly #hurried = (run: Run<T>): void => {
    const { slot } = run;
    // Before its first wait it has no deadline yet.
    if (slot.attempt === run && slot.number >= 0 && run.hurryAt < slot.at) {
      this.#timers.set(slot, run.hurryAt);
      this.#options.changed();
    }
  };

  readonly #over = (run: Run<T>, ending: Ending): void => {
    const { slot } = run;
    this.#running--;
    if (run.slow) this.#slowRunning--;
    // One backend's odd answer must not end the probing of all others.
    if (ending instanceof Defect) this.#options.defect(ending.error, slot.target);
    // A probe that was cancelled is no longer its slot's.
    if (ending !== "cancelled" && slot.attempt === run) {
      this.#finish(slot, run, ending instanceof Defect ? DEFECT : ending);
    }
    this.#runQueue();
  };

  #finish(slot: Slot<T>, attempt: Attempt, found: Verdict): void {
    const { clock, random, report } = this.#options;
    const { target } = slot;
    const now = clock.now();
    this.#stalls.pass(now);
    const lagMs = this.#lost(attempt, now);
    const { code, detail, void: cause } = judge(
      found.mayBeLate ? this.#options.review(attempt.plan, found) : found,
      target.check.timeoutMs,
      lagMs,
    );
    const { ok, layer } = PROBE_CODES[code];
    const { lateMs } = slot;
    const urgent = conclude(slot, attempt, ok, cause !== null, jitter(random()), now);
    this.#timers.set(slot, slot.due);
    this.#options.changed();
    const wall = clock.wall();
    const totalMs = now - attempt.start;
    const result: ProbeResult = {
      ok,
      layer,
      code,
      detail,
      scheduledAt: wall - totalMs - lateMs,
      startedAt: wall - totalMs,
      connectMs: attempt.connectMs,
      tlsMs: attempt.tlsMs,
      firstByteMs: attempt.firstByteMs,
      totalMs,
      lagMs,
      void: cause,
    };
    report(target, result, wall + slot.due - now, lateMs, urgent);
  }

  #drop(backend: string): void {
    const slot = this.#slots.get(backend);
    if (slot === undefined) return;
    this.#slots.delete(backend);
    this.#timers.remove(slot);
    this.#queue.delete(slot);
    this.#slowQueue.delete(slot);
    const { attempt } = slot;
    slot.attempt = null;
    attempt?.cancel();
    if (slot.plan !== null) this.#options.dropped(slot.plan);
  }
}
