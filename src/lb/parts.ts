/**
 * What the reconciler asks of the rest of the daemon.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import type { Clock } from "../clock.ts";
import type { MemberStatus } from "../health/frontend.ts";
import type { Log } from "../log/mod.ts";
import type { MemoryLeft, Millis, VipRecord } from "../model.ts";
import type { Config } from "../configuration.ts";
import type { StepKind } from "./steps.ts";

/** The present: the running configuration and the states of its backends. */
export interface World {
  /** With the weights that operators set. */
  readonly config: Config;
  /** State of a backend; `removed` for a name that is not configured. */
  readonly status: (backend: string) => MemberStatus;
}

/** Counts and timings that a sync gives. Never throws, never waits. */
export interface SyncHooks {
  /** One change was made; for `maglev_vpp_lbsync_total`. */
  changed(scope: "all" | "vip", kind: Exclude<StepKind, "conf_set">): void;
  /** Time from a deciding result to VPP's reply, in ms; for `maglev_transition_to_vpp_seconds`. */
  answered(ms: Millis): void;
  /** A sync is through that changed something. */
  applied(result: api.SyncResult): void;
  /** VPP was read whole for the first time in this process. */
  firstRead(): void;
  /** A sync is through or has failed: whether VPP is in sync may be another answer now. */
  synced(): void;
}

/** Hooks that nobody listens to. */
export const noHooks: SyncHooks = { changed() {}, answered() {}, applied() {}, firstRead() {}, synced() {} };

/** What a reconciler is made of. */
export interface ReconcilerParts {
  /** Time. */
  readonly clock: Clock;
  /** Where syncs and their changes are told. */
  readonly log: Log;
  /** 0...1, for the spread of retries. */
  readonly random: () => number;
  /** The present, asked anew whenever it matters. */
  readonly world: () => World;
  /** Counts and timings. */
  readonly hooks: SyncHooks;
  /** False: VPP is switched off. */
  readonly enabled: boolean;
  /** Messages that may wait for VPP's answer at a time, at least 1. */
  readonly inFlight: number;
  /** Monotonic start of the process, from which the warm-up counts. */
  readonly startedAt: Millis;
  /** What an earlier process left of VPP's VIPs; null: there is no memory of one. */
  readonly record: VipRecord | null;
  /** How much there is of what an earlier process left. */
  readonly memory: MemoryLeft;
  /** Whether this daemon is of a fleet of which it knows nothing: neither from its store nor from a memory. */
  readonly fleetUnknown?: boolean;
  /** Told that what the next process must know may have changed. Never throws, never waits. */
  readonly recorded: () => void;
}
