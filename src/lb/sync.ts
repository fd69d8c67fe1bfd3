/**
 * One sync from end to end: read, plan, send, remember.
 *
 * @module
 */
import type { Millis, UnixMillis } from "../model.ts";
import { applyPlan, isSent, type StepResult } from "./apply.ts";
import type { LoadBalancer, Op } from "./balancer.ts";
import { desiredConf, type DesiredVip, desiredVip, desiredVips } from "./desired.ts";
import type { Gate } from "./gate.ts";
import type { Memory } from "./memory.ts";
import { heldTableLength, makePlan, sameConf, type SyncPlan } from "./plan.ts";
import { logDone, logResult, logStart } from "./report.ts";
import { frontendVip, vipId } from "./vips.ts";
import type { Window } from "./window.ts";
import type { ReconcilerParts, World } from "./world.ts";

/** A plan, what it was made from, and when. */
export interface Planned {
  readonly plan: SyncPlan;
  readonly desired: readonly DesiredVip[];
  /** Null: everything. */
  readonly frontends: readonly string[] | null;
  readonly readAt: UnixMillis;
}

/** How one frontend stands after a sync. */
export type Standing = "in-sync" | "held" | "error";

/** A sync that is through. */
export interface Synced extends Planned {
  readonly results: readonly StepResult[];
  readonly startedAt: UnixMillis;
  readonly tookMs: Millis;
  /** By frontend. */
  readonly standings: ReadonlyMap<string, Standing>;
  /** Frontends whose VIP was not as it had been read (−6, −81), so that it must be read again at once. */
  readonly surprised: ReadonlySet<string>;
  /** The same for VIPs that no frontend has, and failures that belong to no frontend. */
  readonly othersSurprised: boolean;
  readonly othersFailed: boolean;
}

/** Reads that may wait for VPP's answer at a time. */
const readsInFlight = 8;

/** Runs syncs of one daemon; its caller sees to it that only one runs at a time. */
export class Syncer {
  readonly #parts: ReconcilerParts;
  readonly #memory: Memory;
  readonly #window: Window;
  /** Whether the global settings of this session are known to be as they should. */
  confConfirmed = false;

  /** Nothing was read yet. */
  constructor(parts: ReconcilerParts, memory: Memory, window: Window) {
    this.#parts = parts;
    this.#memory = memory;
    this.#window = window;
  }

  /** Reads VPP and plans; rejects when the session ends. */
  async plan(lb: LoadBalancer, frontends: readonly string[] | null, gate: Gate): Promise<Planned> {
    const readAt = this.#parts.clock.wall();
    const desired = frontends === null
      ? await this.#readAll(lb)
      : await this.#readVips(lb, frontends, this.#parts.world());
    const world = this.#parts.world();
    const { conf } = this.#memory;
    const checksConf = conf !== null && (frontends === null || !this.confConfirmed);
    const prefixes = new Set(desired.map((vip) => vip.vip.prefix));
    const actual = [...this.#memory.vips];
    const plan = makePlan({
      scope: frontends === null ? "all" : "vip",
      frontends: frontends === null ? null : new Set(frontends),
      desired,
      actual: frontends === null ? actual : actual.filter((vip) => prefixes.has(vip.prefix)),
      conf: checksConf
        ? { desired: desiredConf(world.config), actual: conf, previous: this.#memory.previousConf }
        : null,
      owed: this.#memory.owed,
      reasons: (vip) => this.#memory.reasons(vip),
      named: this.#memory.named,
      braked: this.#memory.braked,
      foreign: world.config.lb.foreignVips,
      holds: gate.holds(),
    });
    return { plan, desired, frontends, readAt };
  }

  async #readAll(lb: LoadBalancer): Promise<DesiredVip[]> {
    this.#memory.readAll(await lb.readAll());
    this.#parts.hooks.stateChanged(null);
    const { config, status } = this.#parts.world();
    return desiredVips(config, status, (id) => this.#memory.vip(id));
  }

  async #readVips(lb: LoadBalancer, names: readonly string[], { config }: World): Promise<DesiredVip[]> {
    if (!this.confConfirmed) this.#memory.readConf(await lb.readConf());
    const at = this.#parts.clock.wall();
    const unclear = new Set<string>();
    const queue = [...names];
    const worker = async () => {
      for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
        const frontend = config.frontends.get(name);
        if (frontend === undefined) continue;
        const key = frontendVip(frontend);
        const actual = await lb.readVip(key);
        this.#memory.readVip(vipId(key), actual, at);
        // Only a VIP that is missing or differs in encapsulation can be in conflict with its neighbours.
        const { encap } = desiredVip(config, frontend, () => ({ state: "unknown", known: true }), null);
        if (actual?.encap !== encap) unclear.add(key.prefix);
      }
    };
    await Promise.all(Array.from({ length: Math.min(readsInFlight, queue.length) }, worker));
    const shown = new Set(names);
    for (const prefix of unclear) {
      const found = new Map((await lb.readPrefix(prefix)).map((vip) => [vipId(vip), vip]));
      for (const vip of [...this.#memory.vips]) {
        if (vip.prefix === prefix && !found.has(vipId(vip))) this.#memory.readVip(vipId(vip), null, at);
      }
      for (const [id, vip] of found) this.#memory.readVip(id, vip, at);
      for (const name of this.#memory.frontendsOn(prefix)) shown.add(name);
    }
    this.#parts.hooks.stateChanged([...shown]);
    const world = this.#parts.world();
    return [...shown].flatMap((name) => {
      const frontend = world.config.frontends.get(name);
      if (frontend === undefined) return [];
      const actual = this.#memory.vip(vipId(frontendVip(frontend)));
      return [desiredVip(world.config, frontend, world.status, actual)];
    });
  }

  /** Sends a plan. With `release` what is held goes too. */
  async apply(
    lb: LoadBalancer,
    planned: Planned,
    release: boolean,
    signal: AbortSignal,
  ): Promise<Synced> {
    const { log, clock, hooks } = this.#parts;
    const { plan, frontends } = planned;
    const startedAt = clock.wall();
    const began = clock.now();
    logStart(log, plan, frontends, release);
    const results = await applyPlan(plan, {
      balancer: lb,
      window: this.#window,
      release,
      signal: AbortSignal.any([signal, lb.signal]),
      onAccepted: (op: Op) => this.#memory.accepted(op, plan.owedBefore),
      onResult: (result) => {
        logResult(log, result);
        const { kind } = result.step.change;
        if (result.status === "done" && kind !== "conf_set") hooks.changed(plan.scope, kind);
      },
    });
    const synced = this.#conclude(planned, results, startedAt, clock.now() - began, release);
    if (plan.steps.some((step) => isSent(step, release))) {
      if (results.some(({ step, status }) => status === "done" && /^vip_/.test(step.change.kind))) {
        lb.textIsStale();
      }
      hooks.stateChanged(frontends);
    }
    logDone(log, plan, frontends, results);
    return synced;
  }

  #conclude(
    planned: Planned,
    results: readonly StepResult[],
    startedAt: UnixMillis,
    tookMs: Millis,
    release: boolean,
  ): Synced {
    const { plan, desired, frontends } = planned;
    const standings = new Map<string, Standing>();
    const surprised = new Set<string>();
    let othersFailed = false;
    let othersSurprised = false;
    for (const { step, status, surprise } of results) {
      const { frontend } = step.change;
      if (surprise) {
        if (frontend === null) othersSurprised = true;
        else surprised.add(frontend);
      }
      if (status === "done") continue;
      const held = !isSent(step, release);
      if (frontend === null) othersFailed ||= !held;
      // A length that is held is as the configuration wants it: a live VIP keeps the one it has.
      else if (held && step.hold?.text === heldTableLength && !step.hold.blocked) continue;
      else if (!held) standings.set(frontend, "error");
      else if (standings.get(frontend) !== "error") standings.set(frontend, "held");
    }
    const wanted = frontends === null ? null : new Set(frontends);
    for (const vip of desired) {
      if (wanted !== null && !wanted.has(vip.frontend)) continue;
      if (standings.has(vip.frontend)) continue;
      standings.set(vip.frontend, "in-sync");
      this.#memory.synced(vip);
    }
    if (frontends === null) this.#memory.brake(plan.braked);
    this.#confirmConf(plan);
    return { ...planned, results, startedAt, tookMs, standings, surprised, othersSurprised, othersFailed };
  }

  #confirmConf(plan: SyncPlan): void {
    const wanted = desiredConf(this.#parts.world().config);
    const has = this.#memory.conf;
    const right = has !== null && sameConf(wanted, has);
    if (plan.scope === "all" || !this.confConfirmed) this.confConfirmed = right;
    if (right) this.#memory.previousConf = wanted;
  }
}
