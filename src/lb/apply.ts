/**
 * Sends a plan to VPP and checks every answer.
 *
 * Units run side by side, so that one VIP's failure or slowness does not stop the others; the messages of one
 * unit go in order. VPP handles a connection's messages in order, so what is merely ordered is sent without
 * waiting, and what depends on the outcome of something waits for its answer.
 *
 * @module
 */
import type { Semaphore } from "../async/semaphore.ts";
import { type LoadBalancer, type Op, type OpReply, VppError } from "./balancer.ts";
import {
  isOnlyMemory,
  isSent,
  type RebuildUnit,
  type Step,
  type StepOp,
  type Unit,
  type VipUnit,
} from "./steps.ts";
import type { SyncPlan } from "./plan.ts";

/** What became of one step. */
export interface StepResult {
  /** What was to be done. */
  readonly step: Step;
  /** `skipped`: nothing was sent. */
  readonly status: "done" | "failed" | "skipped";
  /** VPP's answer; null when nothing was sent or no answer came. */
  readonly retval: number | null;
  /** VPP's name of the error, or why the step was not sent; null when done. */
  readonly error: string | null;
  /** VPP had it already (-81 to an addition, -6 to a deletion): done, but not what was read. */
  readonly surprise: boolean;
  /** What the plan was made from is no longer so: not sent, and planned anew. */
  readonly superseded: boolean;
}

/** What a run needs. */
export interface ApplyOptions {
  /** Where to send. */
  readonly balancer: LoadBalancer;
  /**
   * Bounds the messages in flight, and is shared by all runs of a daemon: every change holds VPP's workers, so a burst
   * of thousands would be a pause of forwarding.
   */
  readonly inFlight: Semaphore;
  /** True: send what is held too, except what is blocked. */
  readonly release: boolean;
  /** Why the session with VPP is over; null: it is not, as far as is known. Shared by runs that are sent as one. */
  readonly session: { ended: string | null };
  /** Ends the run: nothing more is sent. */
  readonly signal: AbortSignal;
  /** Whether the messages go before those of other runs. */
  readonly urgent: boolean;
  /** Whether a step is still what is wanted; asked when its messages are about to be sent. */
  readonly isCurrent: (step: Step) => boolean;
  /** Told of every message of a step before it is sent. */
  readonly onSend: (op: Op, step: Step) => void;
  /** Told of every message that was sent, once its outcome is taken into account. */
  readonly onSettled: (op: Op, step: Step) => void;
  /** Told of every message that VPP answered with 0. */
  readonly onAccepted: (op: Op, step: Step) => void;
  /** Told of every step when its outcome is known. */
  readonly onResult: (result: StepResult) => void;
}

const refusedConf = "VPP did not take the global configuration";

/** VPP's "no such entry". */
export const ABSENT: number = -6;
/** VPP's "already exists" to an addition. */
const EXISTS = -81;

function tolerated(op: Op, retval: number): boolean {
  if (op.kind === "vip-add" || op.kind === "as-add") return retval === EXISTS;
  return (op.kind === "vip-delete" || op.kind === "as-delete" || op.kind === "vip-flush") &&
    retval === ABSENT;
}

/** Whether VPP has other VIPs or servers than it had. */
export function setHasChanged(results: readonly StepResult[]): boolean {
  return results.some(({ step: { kind }, status, surprise }) =>
    status === "done" && !surprise && kind !== "conf_set" && kind !== "as_weight_updated"
  );
}

/** Told once: whether a step is done. */
type Then = (done: boolean) => void;

/** Calls `then` once all of them were told of: whether each was done. */
function every(count: number, then: Then): Then {
  let left = count;
  let all = true;
  return (done) => {
    all &&= done;
    if (--left === 0) then(all);
  };
}

/**
 * One run. What waits for an answer is a callback and no promise: one backend may have thousands of messages, and VPP
 * takes each in a few microseconds.
 */
class Run {
  readonly results = new Map<Step, StepResult>();
  readonly #plan: SyncPlan;
  readonly #options: ApplyOptions;
  readonly #fault = Promise.withResolvers<never>();
  #additionsAllowed = true;

  constructor(plan: SyncPlan, options: ApplyOptions) {
    this.#plan = plan;
    this.#options = options;
    // Only a run that is under way can fail.
    this.#fault.promise.catch(() => {});
  }

  async run(): Promise<StepResult[]> {
    const { conf, clearing, units, removals } = this.#plan;
    for (const step of conf) {
      const done = await this.#all([step], (one, then) => this.#alone(one, then));
      // VPP goes on with the buckets that it has.
      if (!done && !isOnlyMemory(step.holds)) this.#additionsAllowed = false;
    }
    // Each list waits for the one before it. An empty one takes no turn, so that a failover leaves at once.
    if (clearing.length > 0) await this.#all(clearing, (step, then) => this.#alone(step, then));
    if (units.length > 0) await this.#all(units, (unit, then) => this.#unit(unit, then));
    if (removals.length > 0) await this.#all(removals, (step, then) => this.#alone(step, then));
    return this.#plan.steps.map((step) =>
      this.results.get(step) ?? this.#finish(step, "skipped", "not sent")
    );
  }

  /** Starts all of a list side by side; resolves when the last is over, with whether every one was done. */
  async #all<T>(items: readonly T[], start: (item: T, then: Then) => void): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const then = every(items.length, resolve);
    for (const item of items) start(item, then);
    return await Promise.race([promise, this.#fault.promise]);
  }

  #finish(
    step: Step,
    status: StepResult["status"],
    error: string | null,
    retval: number | null = null,
    surprise = false,
    superseded = false,
  ): StepResult {
    const result: StepResult = { step, status, retval, error, surprise, superseded };
    this.results.set(step, result);
    this.#options.onResult(result);
    return result;
  }

  #skip(steps: readonly Step[], why: string): void {
    for (const step of steps) {
      const [gravest] = step.holds;
      this.#finish(step, "skipped", gravest === undefined ? why : `held: ${gravest.text}`);
    }
  }

  /** True when one of the steps is not wanted any more; then none of them is sent. */
  #superseded(steps: readonly Step[]): boolean {
    if (steps.every(this.#options.isCurrent)) return false;
    for (const step of steps) this.#finish(step, "skipped", "planned anew", null, false, true);
    return true;
  }

  /**
   * Sends the messages of some steps in one write, when so many fit and unless the steps are not wanted any more by then.
   *
   * @param steps finished as superseded where one of them is not wanted any more
   * @param then told the answers; or `skipped` or `failed`: the session or the run ended before or after they were sent;
   * or `superseded`
   */
  #send(
    steps: readonly Step[],
    ops: readonly StepOp[],
    then: (replies: readonly OpReply[] | "skipped" | "failed" | "superseded") => void,
  ): void {
    const { balancer, inFlight, onSend, onSettled, signal, urgent } = this.#options;
    const over: typeof then = (replies) => {
      then(replies);
      inFlight.leave(ops.length);
    };
    inFlight.enter(ops.length, () => {
      if (signal.aborted || this.#options.session.ended !== null) return over("skipped");
      if (this.#superseded(steps)) return over("superseded");
      for (const { op, step } of ops) onSend(op, step);
      const settled: typeof then = (replies) => {
        then(replies);
        for (const { op, step } of ops) onSettled(op, step);
        inFlight.leave(ops.length);
      };
      balancer.applyTogether(ops.map(({ op }) => op)).then(settled).catch((error) => {
        if (this.#failed(error)) settled("failed");
      });
    }, urgent);
  }

  #judge(step: Step, ops: readonly Op[], replies: readonly OpReply[]): StepResult {
    let surprise = false;
    let retval = 0;
    for (const [index, op] of ops.entries()) {
      const reply = replies[index];
      if (reply === undefined) return this.#finish(step, "failed", "VPP did not answer");
      if (reply.retval === 0) this.#options.onAccepted(op, step);
      else if (tolerated(op, reply.retval)) {
        surprise = true;
        retval = reply.retval;
      } else return this.#finish(step, "failed", reply.error ?? String(reply.retval), reply.retval);
    }
    return this.#finish(step, "done", null, retval, surprise);
  }

  /** Sends one step by itself. */
  #alone(step: Step, then: Then): void {
    if (!isSent(step, this.#options.release)) {
      this.#skip([step], "");
      return then(false);
    }
    const only = step.ops[0];
    if (only !== undefined && step.ops.length === 1) return this.#only(step, only, then);
    this.#send([step], step.ops.map((op) => ({ op, step })), (replies) => {
      if (replies === "superseded") return then(false);
      const { status } = typeof replies === "string"
        ? this.#finish(step, replies, this.#why())
        : this.#judge(step, step.ops, replies);
      then(status === "done");
    });
  }

  /** The same for a step of one message, with as little as possible for each: nearly all are such. */
  #only(step: Step, op: Op, then: Then): void {
    const { inFlight, urgent } = this.#options;
    inFlight.enter(1, () => this.#sendOnly(step, op, then), urgent);
  }

  #sendOnly(step: Step, op: Op, then: Then): void {
    const { balancer, isCurrent, onSend, session, signal } = this.#options;
    if (session.ended !== null || signal.aborted) {
      return this.#over(this.#finish(step, "skipped", this.#why()), then);
    }
    if (!isCurrent(step)) {
      return this.#over(this.#finish(step, "skipped", "planned anew", null, false, true), then);
    }
    onSend(op, step);
    balancer.send(
      op,
      (reply) => this.#settled(op, this.#answered(step, op, reply), then),
      (error) => {
        if (this.#failed(error)) this.#settled(op, this.#finish(step, "failed", this.#why()), then);
      },
    );
  }

  #answered(step: Step, op: Op, reply: OpReply): StepResult {
    if (reply.retval !== 0) return this.#judge(step, step.ops, [reply]);
    this.#options.onAccepted(op, step);
    return this.#finish(step, "done", null, 0);
  }

  #settled(op: Op, result: StepResult, then: Then): void {
    this.#options.onSettled(op, result.step);
    this.#over(result, then);
  }

  #over({ status }: StepResult, then: Then): void {
    then(status === "done");
    this.#options.inFlight.leave(1);
  }

  /** The session is over for every unit, so the first error speaks for all. False: it is a fault of the program. */
  #failed(error: unknown): boolean {
    if (error instanceof VppError) {
      this.#options.session.ended ??= error.message;
      return true;
    }
    this.#fault.reject(error);
    return false;
  }

  #why(): string {
    return this.#options.session.ended ?? "the daemon is stopping";
  }

  #unit(unit: Unit, then: Then): void {
    if (unit.kind === "rebuild") return this.#rebuild(unit, then);
    const rebuild = unit.supersededBy;
    // A rebuild that goes out makes the VIP as it should be: nothing is left to change in place.
    if (rebuild !== null && this.#goes(rebuild)) return then(true);
    this.#vip(unit, then);
  }

  #goes(unit: RebuildUnit): boolean {
    return isSent(unit, this.#options.release) && this.#obstacle(unit.key.prefix) === null;
  }

  #rebuild(unit: RebuildUnit, then: Then): void {
    const skip = (why: string) => {
      this.#skip(unit.steps, why);
      then(false);
    };
    if (!isSent(unit, this.#options.release)) return skip("");
    const blocked = this.#obstacle(unit.key.prefix);
    if (blocked !== null) return skip(blocked);
    const inPlace = this.#plan.units.flatMap((other) =>
      other.kind === "vip" && other.supersededBy === unit ? [...other.raises, ...other.lowers] : []
    );
    this.#send([...unit.steps, ...inPlace], unit.ops, (replies) => {
      if (replies === "superseded") return then(false);
      const byStep = Map.groupBy(
        unit.ops.map(({ step, op }, index) => ({ step, op, index })),
        ({ step }) => step,
      );
      for (const [step, sent] of byStep) {
        if (typeof replies === "string") this.#finish(step, replies, this.#why());
        else {
          const own = sent.map(({ index }) => replies[index]).filter((reply) => reply !== undefined);
          this.#judge(step, sent.map(({ op }) => op), own);
        }
      }
      const failed = unit.steps.some((step) => this.results.get(step)?.status !== "done");
      for (const step of inPlace) {
        this.#finish(step, failed ? "failed" : "done", failed ? "the VIP could not be recreated" : null);
      }
      then(!failed);
    });
  }

  /** Why nothing may be added on a prefix; null: it may. */
  #obstacle(prefix: string): string | null {
    if (!this.#additionsAllowed) return refusedConf;
    const stuck = this.#plan.clearing.some((step) =>
      step.key?.prefix === prefix && this.results.get(step)?.status !== "done"
    );
    return stuck ? "a VIP in the way could not be deleted" : null;
  }

  #vip(unit: VipUnit, then: Then): void {
    const { add, lowers, raises } = unit;
    if (!isSent(unit, this.#options.release)) {
      this.#skip([...(add === null ? [] : [add]), ...raises, ...lowers], "");
      return then(false);
    }
    if (add === null) return this.#servers(unit, then);
    const blocked = this.#obstacle(unit.key.prefix);
    if (blocked !== null) {
      this.#skip([add, ...raises], blocked);
      return then(false);
    }
    this.#alone(add, (added) => {
      if (added) return this.#servers(unit, then);
      if (!this.#superseded([...raises, ...lowers])) this.#skip(raises, "the VIP could not be added");
      then(false);
    });
  }

  /** Raises, and when all of them are answered, lowers. */
  #servers(unit: VipUnit, then: Then): void {
    const first = unit.raises[0];
    if (first === undefined) return this.#lower(unit, true, then);
    // The one change of the VIP: what is told of it is what is told of the VIP.
    if (unit.raises.length === 1 && unit.lowers.length === 0) return this.#raise(first, unit, then);
    const raised = every(unit.raises.length, (capacity) => this.#lower(unit, capacity, then));
    for (const step of unit.raises) this.#raise(step, unit, raised);
  }

  /** Told false: the capacity that a lower of the VIP counts on is not there. */
  #raise(step: Step, unit: VipUnit, then: Then): void {
    if (step.kind !== "as_added" || this.#additionsAllowed) return this.#alone(step, then);
    this.#skip([step], refusedConf);
    // Weights of what exists go on while VPP refuses the global configuration, as long as something carries.
    then(unit.keepsCapacity || step.server?.after === 0);
  }

  #lower({ lowers }: VipUnit, capacity: boolean, then: Then): void {
    if (lowers.length === 0) return then(capacity);
    if (this.#superseded(lowers)) return then(false);
    const first = lowers[0];
    if (first !== undefined && lowers.length === 1 && (capacity || first.dead)) {
      return this.#alone(first, then);
    }
    const now = capacity ? lowers : lowers.filter((step) => step.dead);
    const waits = capacity ? [] : lowers.filter((step) => !step.dead);
    this.#skip(waits, "an addition or raise of the VIP failed; this waits for the next sync");
    if (now.length === 0) return then(false);
    const lowered = every(now.length, (done) => then(done && waits.length === 0));
    for (const step of now) this.#alone(step, lowered);
  }
}

/** Sends a plan; resolves when every step has an outcome, in the plan's order. */
export async function applyPlan(plan: SyncPlan, options: ApplyOptions): Promise<StepResult[]> {
  return await new Run(plan, options).run();
}
