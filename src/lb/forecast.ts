/**
 * What is known of VPP at one moment, and which changes a sync would make from there if the world were another. Nothing
 * is read and nothing is sent.
 *
 * @module
 */
import type { VppFacts } from "../health/frontend.ts";
import type { ActualVip } from "../model.ts";
import type { Config } from "../configuration.ts";
import { type GuardedServer, type KnownServers, serverOf, type StatusOf } from "./desired.ts";
import type { FlushingTransition, FrontendSyncs } from "./frontend_sync.ts";
import type { Holds, Step } from "./steps.ts";
import type { Ownership } from "./ownership.ts";
import type { World } from "./parts.ts";
import type { PlanHolds, SyncPlan } from "./plan.ts";
import type { Syncer } from "./sync.ts";
import type { SyncCore } from "./sync_core.ts";
import { frontendVip, sortedByVip } from "./vips.ts";
import type { VppState } from "./vpp_state.ts";
import { vppFacts, VppView } from "./vpp_view.ts";

/** VIPs that are planned before the thread is given back. */
const SLICE = 20;

/** What an action would change of the world, as far as a plan depends on it. */
export interface AssumedChange {
  /** Frontends whose VIPs are synced; null: everything. */
  readonly frontends: ReadonlySet<string> | null;
  /** The running configuration afterwards. */
  readonly config: Config;
  /** States afterwards. */
  readonly status: StatusOf;
  /** Changes of state, in their order. */
  readonly transitions: readonly FlushingTransition[];
  /** Flushes that no transition tells. */
  readonly lateFlushes: readonly {
    readonly frontend: string;
    readonly backend: string;
    readonly state: "down" | "disabled";
  }[];
  /** The server whose flows an operator ends with a weight; null: none. */
  readonly weightFlush: { readonly frontend: string; readonly backend: string } | null;
  /** A backend that an operator wants to serve: enabled or resumed; null: none. */
  readonly wanted: string | null;
}

/** Copies of all that plans are made from. */
export interface Known {
  /** What VPP has. */
  readonly state: VppState;
  /** What is known of each frontend. */
  readonly syncs: FrontendSyncs;
  /** Which VIPs are the daemon's own. */
  readonly ownership: Ownership;
}

/** How a picture plans. */
export interface PictureWays {
  /** Plans for a world, from what is known. */
  readonly plan: (
    known: Known,
    world: World,
    frontends: readonly string[] | null,
    shown: readonly string[] | null,
    holds: PlanHolds,
  ) => SyncPlan;
  /** What may not be sent, if an operator asks. */
  readonly holds: Omit<PlanHolds, "raise">;
  /** Why a server may not be raised; `wanted`: who wants servers to serve. */
  readonly raise: (server: GuardedServer, wanted: (server: GuardedServer) => boolean) => Holds;
}

/** What is known of VPP at one moment. */
export class VppPicture {
  readonly #known: Known;
  readonly #ways: PictureWays | null;
  /** What the judgement of backends asks of VPP. */
  readonly facts: VppFacts;

  /**
   * Keeps what is known, which must be copies.
   *
   * @param ways null: VPP is not here, or was not read since it came
   * @param enabled false: VPP is switched off
   */
  constructor(known: Known, ways: PictureWays | null, enabled: boolean) {
    this.#known = known;
    this.#ways = ways;
    const view = new VppView(known.state, (name) => known.syncs.get(name)?.vip ?? null);
    this.facts = vppFacts(enabled, () => view);
  }

  /** What is known of its servers. */
  get servers(): KnownServers {
    return this.#known.state;
  }

  /** A VIP by its `vipId`; null: VPP does not have it, or it is not known. */
  vip(id: string): ActualVip | null {
    return this.#known.state.vip(id);
  }

  /**
   * The steps of a sync after a change; null: VPP is not known. It yields where the caller may give the thread back.
   * Uses the picture up.
   */
  *steps(change: AssumedChange): Generator<void, readonly Step[] | null, void> {
    const ways = this.#ways;
    if (ways === null) return null;
    const { ownership, state, syncs } = this.#known;
    const { config, lateFlushes, status, transitions, wanted, weightFlush } = change;
    if (change.frontends === null) ownership.reloaded();
    if (syncs.observe(config, "brought")) ownership.configured(config);
    // The sync of a reload reads first. What is known stands for what it would find.
    if (change.frontends === null) ownership.read([...state.vips]);
    syncs.transitions(transitions);
    for (const late of lateFlushes) syncs.flush(late.frontend, late.backend, late.state);
    if (weightFlush !== null) {
      const { frontend, backend } = weightFlush;
      const server = serverOf(config, status, state, frontend, backend);
      if (server !== null) syncs.flush(frontend, backend, "weight", server);
    }
    const isWanted = ({ backend, vip }: GuardedServer) =>
      backend !== null && (backend === wanted || syncs.reasons(vip).weightBy(backend) !== null);
    const holds = { ...ways.holds, raise: (server: GuardedServer) => ways.raise(server, isWanted) };
    const world = { config, status };
    if (change.frontends === null) return ways.plan(this.#known, world, null, null, holds).steps;
    const concerned = [...change.frontends].flatMap((name) => config.frontends.get(name) ?? []);
    const names = sortedByVip(concerned, frontendVip).map(({ name }) => name);
    const all: Step[] = [];
    for (let from = 0; from < names.length; from += SLICE) {
      if (from > 0) yield;
      const some = names.slice(from, from + SLICE);
      const { steps } = ways.plan(this.#known, world, some, this.#neighbours(some), holds);
      all.push(...steps.filter(({ kind }) => from === 0 || kind !== "conf_set"));
    }
    return all;
  }

  /** These frontends and those on the same prefixes. */
  #neighbours(names: readonly string[]): readonly string[] {
    const { syncs } = this.#known;
    const prefixes = new Set(names.map((name) => syncs.get(name)?.vip.split(" ")[0] ?? ""));
    return [...prefixes].flatMap((prefix) => syncs.namesOn(prefix));
  }
}

/**
 * What is known of VPP now.
 *
 * @param asked frontends that an operator would ask for
 */
export function pictureOf(core: SyncCore, syncer: Syncer, asked: readonly string[]): VppPicture {
  const ownership = core.ownership.copy();
  const known: Known = { ownership, state: core.state.copy(ownership), syncs: core.syncs.copy() };
  const { state, syncs } = known;
  for (const record of syncs.some(asked)) if (record.release !== "released") record.release = "asked";
  const isRead = core.session() !== null && state.readAt !== null && state.witnesses.known;
  const ways: PictureWays = {
    plan: (...args) => syncer.planIf(...args).plan,
    holds: asked.length > 0
      ? core.gate.holdsIf(syncs.some(null))
      : core.gate.holds((name) => syncs.get(name)?.release ?? null),
    raise: (...args) => core.guard.holds(...args),
  };
  return new VppPicture(known, isRead ? ways : null, core.parts.enabled);
}
