/**
 * What a sync starts from and what becomes of it.
 *
 * @module
 */
import type { ActualLb, ActualVip, Millis, UnixMillis } from "../model.ts";
import type { StepResult } from "./apply.ts";
import type { DesiredVip } from "./desired.ts";
import type { SyncPlan } from "./plan.ts";

/** Counts changes of what plans are made from. */
export interface Revisions {
  /** Of the configuration: grows with each reload. */
  readonly configuration: number;
  /** Of a frontend: grows with each change of a member's state or weight. */
  frontend(name: string): number;
}

/** A plan, what it was made from, and when. */
export interface Planned {
  /** What is to be sent. */
  readonly plan: SyncPlan;
  /** What the plan was made to reach. */
  readonly desired: readonly DesiredVip[];
  /** Null: everything. */
  readonly frontends: readonly string[] | null;
  /** When the read began. */
  readonly readAt: UnixMillis;
  /** Revisions of what the plan was made from. */
  readonly revisions: Revisions;
}

/** A plan with what it was made from, for predictions. */
export interface PlanView extends Planned {
  /** VIPs of VPP as they were read for the plan. */
  readonly actual: ReadonlyMap<string, ActualVip>;
}

/** What was read of VPP: everything, or the VIP of one frontend. */
export type LbReading = ActualLb;

/** How one frontend stands after a sync. */
export type Standing = "in-sync" | "held" | "error";

/** A sync that is through. */
export interface Synced extends Planned {
  /** What became of each step, in the plan's order. */
  readonly results: readonly StepResult[];
  /** When sending began. */
  readonly startedAt: UnixMillis;
  /** How long sending took. */
  readonly tookMs: Millis;
  /** By frontend. */
  readonly standings: ReadonlyMap<string, Standing>;
  /** Frontends whose VIP was not as it had been read (−6, −81), so that it must be read again at once. */
  readonly surprised: ReadonlySet<string>;
  /** The same for VIPs that no frontend has, and failures that belong to no frontend. */
  readonly othersSurprised: boolean;
  /** Something failed that belongs to no frontend: the global settings, or a deletion. */
  readonly othersFailed: boolean;
  /** Frontends of which something was not sent, since it is not wanted any more. */
  readonly superseded: ReadonlySet<string>;
  /** VPP has other VIPs or servers than were read. */
  readonly setChanged: boolean;
}
