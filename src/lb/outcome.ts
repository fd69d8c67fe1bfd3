/**
 * What a sync starts from and what becomes of it. Pure.
 *
 * @module
 */
import type { ActualVip, Millis, UnixMillis } from "../model.ts";
import { setHasChanged, type StepResult } from "./apply.ts";
import type { DesiredVip } from "./desired.ts";
import type { FrontendOutcome, Revisions } from "./frontend_sync.ts";
import type { SyncPlan } from "./plan.ts";
import {
  type Holds,
  isBlocked,
  isSent,
  passes,
  planDigest,
  type Step,
  type StepFacts,
  type StepServer,
} from "./steps.ts";
import { protocolName } from "./vips.ts";
import { type Shortage, shortageText } from "./vpp_heap.ts";

/** A plan, what it was made from, and when. */
export interface Planned {
  /** What is to be sent. */
  readonly plan: SyncPlan;
  /** What the plan was made to reach. */
  readonly desired: readonly DesiredVip[];
  /** Null: everything. */
  readonly frontends: readonly string[] | null;
  /** Frontends that it leaves to a change that is under way. */
  readonly left: ReadonlySet<string>;
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

/** What became of a plan. */
export interface Outcome extends Planned {
  /** What became of each step, in the plan's order. */
  readonly results: readonly StepResult[];
  /** By frontend. */
  readonly outcomes: ReadonlyMap<string, FrontendOutcome>;
  /** Frontends whose VIP was not as it had been read (-6, -81), so that it must be read again at once. */
  readonly surprised: ReadonlySet<string>;
  /** The same for VIPs that no frontend has. */
  readonly othersSurprised: boolean;
  /** What failed that belongs to no frontend, the settings ("") or a VIP, and what VPP said. */
  readonly others: ReadonlyMap<string, string>;
  /** Frontends of which something was not sent, since it is not wanted any more. */
  readonly superseded: ReadonlySet<string>;
  /** VPP has other VIPs or servers than were read. */
  readonly setChanged: boolean;
}

/** A sync that is through. */
export interface Synced extends Outcome {
  /** When sending began. */
  readonly startedAt: UnixMillis;
  /** How long sending took. */
  readonly tookMs: Millis;
}

const inSync: FrontendOutcome = { standing: "in-sync", detail: null };

/** A length that is held is as the configuration wants it: a live VIP keeps the one it has. */
function isOnlyLength(holds: Holds): boolean {
  return holds.every(({ kind }) => kind === "table length");
}

/** How a frontend stands of which no more than these held steps is to be done. */
export function outcomeOfHeld(steps: readonly Pick<Step, "holds">[]): FrontendOutcome {
  const first = steps.find(({ holds }) => !isOnlyLength(holds));
  return first === undefined ? inSync : { standing: "held", detail: first.holds[0]?.text ?? null };
}

/** Takes the results together, by frontend. With `release` what is held was sent too. */
export function conclude(
  planned: Planned,
  results: readonly StepResult[],
  release: boolean,
): Outcome {
  const outcomes = new Map<string, FrontendOutcome>();
  const surprised = new Set<string>();
  const superseded = new Set<string>();
  const others = new Map<string, string>();
  const answered = new Set<string>();
  let othersSurprised = false;
  for (const result of results) {
    const { step, status } = result;
    const { frontend } = step;
    if (result.surprise) {
      if (frontend === null) othersSurprised = true;
      else surprised.add(frontend);
    }
    if (status === "done") continue;
    if (result.superseded) {
      if (frontend !== null) superseded.add(frontend);
      continue;
    }
    const held = !isSent(step, release);
    const said = `${changeText(step)}: ${result.error ?? "not sent"}`;
    if (frontend === null) {
      if (!held && !others.has(subjectOf(step))) others.set(subjectOf(step), said);
    } else if (held && isOnlyLength(step.holds)) continue;
    else if (!held) {
      const before = outcomes.get(frontend);
      // The first answer of VPP says more than what was not sent because of it.
      const isNews = before?.standing !== "error" || (status === "failed" && !answered.has(frontend));
      if (status === "failed") answered.add(frontend);
      outcomes.set(frontend, { standing: "error", detail: isNews ? said : before.detail });
    } else if (!outcomes.has(frontend)) {
      outcomes.set(frontend, outcomeOfHeld([step]));
    }
  }
  const wanted = planned.frontends === null ? null : new Set(planned.frontends);
  for (const { frontend } of planned.desired) {
    if (wanted !== null && !wanted.has(frontend)) continue;
    if (!outcomes.has(frontend) && !superseded.has(frontend)) outcomes.set(frontend, inSync);
  }
  return {
    ...planned,
    results,
    outcomes,
    surprised,
    othersSurprised,
    others,
    superseded,
    setChanged: setHasChanged(results),
  };
}

/** Changes that are held for one reason. */
export interface HeldGroup {
  /** The gravest reason, as in the plan. */
  readonly why: string;
  /** Whether VPP's memory is the reason. */
  readonly memory: boolean;
  /** Since when something is held for this reason. */
  readonly since: UnixMillis;
  /** How many. */
  readonly changes: number;
  /** Frontends, or VIPs that none has; empty: the settings alone. */
  readonly vips: readonly string[];
  /** For people: the figures, or what releases it; "" where the digest does. */
  readonly detail: string;
  /** Digest of the plan that sends all that is held; null: none does now. */
  readonly digest: string | null;
}

/** Name of what a change concerns: the frontend, or the VIP that none has; "" for the settings. */
export function subjectOf({ frontend, key }: Pick<Step, "frontend" | "key">): string {
  if (frontend !== null) return frontend;
  return key === null ? "" : `${key.prefix} ${protocolName(key.protocol)} ${key.port}`;
}

/**
 * Groups steps that a full sync held.
 *
 * @param before the groups of the full sync before
 */
export function heldGroups(
  held: readonly Step[],
  shortages: readonly Shortage[],
  before: readonly HeldGroup[],
  now: UnixMillis,
): HeldGroup[] {
  const lasting = held.filter(({ holds }) => !passes(holds));
  // The plan consists of what is held once the rest was sent; what the warm-up holds is then sent by itself.
  const digest = lasting.length === held.length && !lasting.some(({ holds }) => isBlocked(holds))
    ? planDigest(held)
    : null;
  return [...Map.groupBy(lasting, ({ holds }) => holds[0]?.text ?? "")].map(([why, steps]) => {
    const memory = steps.some(({ holds }) => holds.some(({ kind }) => kind === "VPP memory"));
    const [shortage] = memory ? shortages : [];
    const blocked = steps.some(({ holds }) => isBlocked(holds));
    return {
      why,
      memory,
      since: before.find((group) => group.why === why)?.since ?? now,
      changes: steps.length,
      vips: [...new Set(steps.map(subjectOf))].filter((name) => name !== ""),
      detail: shortage !== undefined
        ? shortageText(shortage)
        : blocked
        ? "delete it in VPP, or let foreign-vips be delete"
        : "",
      digest,
    };
  });
}

/** What of a step is told. */
export type Told = Pick<StepFacts, "kind" | "server"> & { readonly reason: string };

function named(server: StepServer | null): string {
  if (server === null) return "no server";
  return server.backend === null
    ? `server ${server.address}`
    : `server ${server.address} (${server.backend})`;
}

/** What the change does: `weight of server 10.0.0.1 (b1) from 100 to 0`. */
export function changeText({ kind, server }: Pick<Told, "kind" | "server">): string {
  switch (kind) {
    case "conf_set":
      return "setting of the global configuration";
    case "vip_added":
      return "addition of the VIP";
    case "vip_removed":
      return "deletion of the VIP";
    case "vip_recreated":
      return "recreation of the VIP";
    case "as_added":
      return `addition of ${named(server)}`;
    case "as_removed":
      return `deletion of ${named(server)}`;
    case "as_weight_updated":
      return `weight of ${named(server)} from ${server?.before} to ${server?.after}`;
  }
}

/** What differs in VPP: `server 10.0.0.1 (b1) has weight 5 instead of 100`. */
export function differenceText({ kind, reason, server }: Told): string {
  switch (kind) {
    case "conf_set":
      return "the global configuration is another";
    case "vip_added":
      return "the VIP is missing";
    case "vip_removed":
      return "the VIP is not in the configuration";
    case "vip_recreated":
      return reason;
    case "as_added":
      return `${named(server)} is missing`;
    case "as_removed":
      return `${named(server)} is not in the configuration`;
    case "as_weight_updated":
      return `${named(server)} has weight ${server?.before} instead of ${server?.after}`;
  }
}
