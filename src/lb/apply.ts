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
import { isOnlyMemory, isSent, type RebuildUnit, type Step, type Unit, type VipUnit } from "./steps.ts";
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
  /** VPP had it already (−81 to an addition, −6 to a deletion): done, but not what was read. */
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
  /** Ends the run: nothing more is sent. */
  readonly signal: AbortSignal;
  /** Whether the messages go before those of other runs. */
  readonly urgent: boolean;
  /** Whether a step is still what is wanted; asked before each group of a unit. */
  readonly isCurrent: (step: Step) => boolean;
  /** Told of every message before it is sent. */
  readonly onSend: (op: Op) => void;
  /** Told of every message that was sent, once its outcome is taken into account. */
  readonly onSettled: (op: Op) => void;
  /** Told of every message that VPP answered with 0. */
  readonly onAccepted: (op: Op) => void;
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

class Run {
  readonly results = new Map<Step, StepResult>();
  readonly #plan: SyncPlan;
  readonly #options: ApplyOptions;
  readonly #unsettled = new Set<Op>();
  #additionsAllowed = true;
  #ended: string | null = null;

  constructor(plan: SyncPlan, options: ApplyOptions) {
    this.#plan = plan;
    this.#options = options;
  }

  async run(): Promise<StepResult[]> {
    const { conf, clearing, units, removals } = this.#plan;
    for (const step of conf) {
      const done = await this.#alone(step);
      // VPP goes on with the buckets that it has.
      if (!done && !isOnlyMemory(step.holds)) this.#additionsAllowed = false;
    }
    // Each list waits for the one before it. An empty one takes no turn, so that a failover leaves at once.
    if (clearing.length > 0) await Promise.all(clearing.map((step) => this.#alone(step)));
    await Promise.all(units.map((unit) => this.#unit(unit)));
    await Promise.all(removals.map((step) => this.#alone(step)));
    return this.#plan.steps.map((step) =>
      this.results.get(step) ?? this.#finish(step, "skipped", "not sent")
    );
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
    if (steps.every((step) => this.#options.isCurrent(step))) return false;
    for (const step of steps) this.#finish(step, "skipped", "planned anew", null, false, true);
    return true;
  }

  /** Sends messages in one write. No replies: the session or the run ended before or after they were sent. */
  async #send(ops: readonly Op[]): Promise<OpReply[] | "skipped" | "failed"> {
    const { balancer, inFlight, onSend, signal, urgent } = this.#options;
    return await inFlight.run(ops.length, async () => {
      if (signal.aborted || this.#ended !== null) return "skipped";
      for (const op of ops) {
        this.#unsettled.add(op);
        onSend(op);
      }
      try {
        const [only] = ops;
        if (ops.length === 1 && only !== undefined) return [await balancer.apply(only)];
        return await balancer.applyTogether(ops);
      } catch (error) {
        if (!(error instanceof VppError)) throw error;
        // The session is over for every unit, so the first error speaks for all.
        this.#ended ??= error.message;
        return "failed";
      }
    }, urgent);
  }

  #settle(ops: readonly Op[]): void {
    for (const op of ops) if (this.#unsettled.delete(op)) this.#options.onSettled(op);
  }

  #judge(step: Step, ops: readonly Op[], replies: readonly OpReply[]): StepResult {
    let surprise = false;
    let retval = 0;
    for (const [index, op] of ops.entries()) {
      const reply = replies[index];
      if (reply === undefined) return this.#finish(step, "failed", "VPP did not answer");
      if (reply.retval === 0) this.#options.onAccepted(op);
      else if (tolerated(op, reply.retval)) {
        surprise = true;
        retval = reply.retval;
      } else return this.#finish(step, "failed", reply.error ?? String(reply.retval), reply.retval);
    }
    return this.#finish(step, "done", null, retval, surprise);
  }

  /** Sends one step by itself; true when it is done. */
  async #alone(step: Step): Promise<boolean> {
    if (!isSent(step, this.#options.release)) {
      this.#skip([step], "");
      return false;
    }
    if (this.#superseded([step])) return false;
    const replies = await this.#send(step.ops);
    const { status } = typeof replies === "string"
      ? this.#finish(step, replies, this.#why())
      : this.#judge(step, step.ops, replies);
    this.#settle(step.ops);
    return status === "done";
  }

  #why(): string {
    return this.#ended ?? "the daemon is stopping";
  }

  async #unit(unit: Unit): Promise<void> {
    if (unit.kind === "rebuild") return await this.#rebuild(unit);
    const rebuild = unit.supersededBy;
    // A rebuild that goes out makes the VIP as it should be: nothing is left to change in place.
    if (rebuild !== null && this.#goes(rebuild)) return;
    await this.#vip(unit);
  }

  #goes(unit: RebuildUnit): boolean {
    return isSent(unit, this.#options.release) && this.#obstacle(unit.key.prefix) === null;
  }

  async #rebuild(unit: RebuildUnit): Promise<void> {
    if (!isSent(unit, this.#options.release)) return this.#skip(unit.steps, "");
    const blocked = this.#obstacle(unit.key.prefix);
    if (blocked !== null) return this.#skip(unit.steps, blocked);
    const inPlace = this.#plan.units.flatMap((other) =>
      other.kind === "vip" && other.supersededBy === unit ? [...other.raises, ...other.lowers] : []
    );
    if (this.#superseded([...unit.steps, ...inPlace])) return;
    const replies = await this.#send(unit.ops.map(({ op }) => op));
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
    this.#settle(unit.ops.map(({ op }) => op));
    const failed = unit.steps.some((step) => this.results.get(step)?.status !== "done");
    for (const step of inPlace) {
      this.#finish(step, failed ? "failed" : "done", failed ? "the VIP could not be recreated" : null);
    }
  }

  /** Why nothing may be added on a prefix; null: it may. */
  #obstacle(prefix: string): string | null {
    if (!this.#additionsAllowed) return refusedConf;
    const stuck = this.#plan.clearing.some((step) =>
      step.key?.prefix === prefix && this.results.get(step)?.status !== "done"
    );
    return stuck ? "a VIP in the way could not be deleted" : null;
  }

  async #vip(unit: VipUnit): Promise<void> {
    const { add, lowers, raises } = unit;
    if (!isSent(unit, this.#options.release)) {
      return this.#skip([...(add === null ? [] : [add]), ...raises, ...lowers], "");
    }
    if (add !== null) {
      const blocked = this.#obstacle(unit.key.prefix);
      if (blocked !== null) return this.#skip([add, ...raises], blocked);
      if (!await this.#alone(add)) {
        if (this.#superseded([...raises, ...lowers])) return;
        return this.#skip(raises, "the VIP could not be added");
      }
    }
    const raised = raises.length === 0
      ? []
      : await Promise.all(raises.map((step) => this.#raise(step, unit)));
    if (lowers.length > 0 && this.#superseded(lowers)) return;
    const capacity = !raised.includes(false);
    if (!capacity) {
      const waits = lowers.filter((step) => !step.dead);
      this.#skip(waits, "an addition or raise of the VIP failed; this waits for the next sync");
    }
    await Promise.all(lowers.filter((step) => capacity || step.dead).map((step) => this.#alone(step)));
  }

  /** False: the capacity that a lower of the VIP counts on is not there. */
  async #raise(step: Step, unit: VipUnit): Promise<boolean> {
    if (step.kind === "as_added" && !this.#additionsAllowed) {
      this.#skip([step], refusedConf);
      // Weights of what exists go on while VPP refuses the global configuration, as long as something carries.
      return unit.keepsCapacity || step.server?.after === 0;
    }
    return await this.#alone(step);
  }
}

/** Sends a plan; resolves when every step has an outcome, in the plan's order. */
export async function applyPlan(plan: SyncPlan, options: ApplyOptions): Promise<StepResult[]> {
  return await new Run(plan, options).run();
}
