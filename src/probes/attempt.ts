/**
 * One running probe: its machine (step.ts), its budget (budget.ts), its phases' times, and the one place where it
 * waits. What ends it is one of these: its machine's verdict, its deadline, a cancel, a defect.
 *
 *                 step: again              wait                          wake
 *              +--------------+      +--------------->  waiting  ----------------------+
 *              v              |      |                                                 v
 *   new ---> running ---------+------+---------------------------------------------> queued
 *    run       ^  |                        again, but its turn is over                 |
 *              |  +---> ended              (or woken when the share is used up)        |
 *              +-----------------------------------------------------------------------+
 *                                            turn
 *
 *   from      event                      to        what follows
 *   new       run                        running   steps
 *   running   step: again                same      the next step
 *   running   step: again, turn is over  queued
 *   running   step: wait                 waiting
 *   running   step: wait, woken before   same      the next step
 *   running   step: verdict              ended     told
 *   running   step throws                ended     told as a defect
 *   running   wake                       same      remembered until the step waits
 *   running   deadline                   same      remembered until the turn ends: late
 *   running   cancel                     same      remembered until the step ends: cancelled
 *   waiting   wake                       running   steps
 *   waiting   wake, share is used up     queued
 *   waiting   wake later                 queued
 *   waiting   deadline                   ended     told as late
 *   queued    turn                       running   steps
 *   queued    wake                       same
 *   queued    deadline                   same      remembered until the turn ends: what has arrived is heard
 *   waiting   cancel                     ended     told as cancelled
 *   queued    cancel                     ended     told as cancelled
 *   ended     anything                   same
 *
 * A turn is 1 ms, see turns.ts. At its end the machine is disposed first, and then the end is told.
 *
 * @module
 */
import type { Millis } from "../model.ts";
import { Budget } from "./budget.ts";
import type { ProbePlan } from "./plan.ts";
import type { Verdict } from "./result.ts";
import type { Machine, Step } from "./step.ts";
import { type Turn, TURN_MS, type Turns } from "./turns.ts";

/** Durations of the phases that a probe went through, in ms. */
export interface PhaseTimes {
  /** From the start to the connection; null until there is one. */
  connectMs: Millis | null;
  /** Of the TLS handshake. */
  tlsMs: Millis | null;
  /** From the request to the first octet of the answer; for an echo from its start, some tenths of a ms before it. */
  firstByteMs: Millis | null;
}

/** What a defect of this program threw. */
export class Defect {
  /** The error. */
  readonly error: unknown;

  /** Keeps what was thrown. */
  constructor(error: unknown) {
    this.error = error;
  }
}

/** How a probe ended. */
export type Ending = Verdict | "cancelled" | Defect;

/** See the table above. */
export type AttemptState = "new" | "running" | "waiting" | "queued" | "ended";

/** One running probe. */
export class Attempt implements PhaseTimes, Turn {
  /** What to probe and how. */
  readonly plan: ProbePlan;
  /** When it began, on the monotonic clock. */
  readonly start: Millis;
  /** See `PhaseTimes`. */
  connectMs: Millis | null = null;
  /** See `PhaseTimes`. */
  tlsMs: Millis | null = null;
  /** See `PhaseTimes`. */
  firstByteMs: Millis | null = null;
  /** Stalls of the thread before this probe began, to tell later what fell into it. */
  readonly stalledBefore: Millis;
  readonly #turns: Turns;
  #state: AttemptState = "new";
  #machine: Machine | null = null;
  #budget: Budget | null = null;
  #phaseStart: Millis;
  #woken = false;
  #expired = false;
  #cancelled = false;
  #hurryAt: Millis = Infinity;
  #heldMs: Millis = 0;
  #heldSince: Millis | null = null;

  /** A probe that begins at `start`, now, and takes its turns from `turns`. */
  constructor(plan: ProbePlan, turns: Turns, start: Millis, stalledBefore: Millis) {
    this.plan = plan;
    this.start = start;
    this.stalledBefore = stalledBefore;
    this.#turns = turns;
    this.#phaseStart = start;
  }

  /** Where it is in the table. */
  get state(): AttemptState {
    return this.#state;
  }

  /** What it may take in. */
  get budget(): Budget {
    return this.#budget ??= new Budget();
  }

  /** Whether its deadline has passed. */
  get expired(): boolean {
    return this.#expired;
  }

  /** When a wait ends that does not change the verdict; never, unless `hurry` says so. */
  get hurryAt(): Millis {
    return this.#hurryAt;
  }

  /** What it waits for from now on is worth a time, in ms, but not the rest of its deadline: its verdict is known. */
  hurry(ms: Millis): void {
    this.#hurryAt = this.#turns.now() + ms;
    this.hurried();
  }

  /** Ends a phase: notes how long it took and begins the next; only the first end of a phase counts. */
  phase(name: keyof PhaseTimes): void {
    if (this[name] !== null) return;
    const now = this.#turns.now();
    this[name] = now - this.#phaseStart;
    this.#phaseStart = now;
  }

  /** Begins a time that is not held against the backend: it waits for a resource of this host. */
  hold(): void {
    this.#heldSince ??= this.#turns.now();
  }

  /** Ends such a time, if one has begun. */
  unhold(): void {
    this.#heldMs = this.held(this.#turns.now());
    this.#heldSince = null;
  }

  /** All such times until `now`, in ms. */
  held(now: Millis): Millis {
    return this.#heldMs + (this.#heldSince === null ? 0 : now - this.#heldSince);
  }

  /** Begins again within the same probe: nothing that went before is held against the backend. */
  anew(): void {
    const now = this.#turns.now();
    this.connectMs = null;
    this.tlsMs = null;
    this.firstByteMs = null;
    this.#phaseStart = now;
    this.#budget = null;
    this.#hurryAt = Infinity;
    this.#heldMs = now - this.start;
    this.#heldSince = null;
  }

  /** Begins, with the first steps. */
  run(machine: Machine): void {
    if (this.#state !== "new") throw new Error("Cannot run a probe twice");
    this.#machine = machine;
    this.#drive(machine, this.start);
  }

  /** What it waits for may have come. */
  wake(): void {
    if (this.#state === "running") {
      this.#woken = true;
    } else if (this.#state === "waiting") {
      const now = this.#turns.now();
      if (this.#turns.open(now)) this.#go(now);
      else this.#queue();
    }
  }

  /** The same, for who is in the middle of what its next step would disturb: it goes on in its turn. */
  wakeLater(): void {
    if (this.#state === "running") this.#woken = true;
    else if (this.#state === "waiting") this.#queue();
  }

  /** Its turn has come. */
  turn(): void {
    if (this.#state === "queued") this.#go(this.#turns.now());
  }

  /** Its deadline has passed. */
  expire(): void {
    this.#expired = true;
    if (this.#state === "waiting") this.#late();
  }

  /** It is not wanted any more. */
  cancel(): void {
    this.#cancelled = true;
    if (this.#state !== "running") this.#end("cancelled");
  }

  /** Told that there is a time to hurry. */
  protected hurried(): void {}

  /** Told once of the end. */
  protected ended(_ending: Ending): void {}

  #go(now: Millis): void {
    if (this.#machine !== null) this.#drive(this.#machine, now);
  }

  /** Takes steps from `now` on, for one turn. */
  #drive(machine: Machine, now: Millis): void {
    this.#state = "running";
    const until = now + TURN_MS;
    for (;;) {
      let step: Step;
      try {
        step = machine.step();
      } catch (error) {
        return this.#end(new Defect(error));
      }
      if (this.#cancelled) return this.#end("cancelled");
      if (typeof step === "object") return this.#end(step);
      if (step === "wait" && !this.#woken) {
        if (this.#expired) return this.#late();
        this.#state = "waiting";
        return;
      }
      this.#woken = false;
      if (this.#turns.now() < until) continue;
      return this.#expired ? this.#late() : this.#queue();
    }
  }

  #queue(): void {
    this.#state = "queued";
    this.#turns.add(this);
  }

  #late(): void {
    const machine = this.#machine;
    if (machine === null) return;
    let found: Ending;
    try {
      found = machine.late();
    } catch (error) {
      found = new Defect(error);
    }
    this.#end(found);
  }

  #end(ending: Ending): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    const machine = this.#machine;
    this.#machine = null;
    let told = ending;
    try {
      machine?.[Symbol.dispose]();
    } catch (error) {
      told = new Defect(error);
    }
    this.ended(told);
  }
}
