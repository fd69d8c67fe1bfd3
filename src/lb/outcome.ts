/**
 * What a sync starts from and what becomes of it. Pure.
 *
 * @module
 */
import type { ActualVip, Millis, UnixMillis } from "../model.ts";
import { setHasChanged, type StepResult } from "./apply.ts";
import { changeText } from "./change_text.ts";
import type { DesiredVip } from "./desired.ts";
import type { FrontendOutcome, Revisions } from "./frontend_sync.ts";
import { subjectOf } from "./held.ts";
import { isSent } from "./holds.ts";
import type { SyncPlan } from "./plan.ts";

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

/** A sync that is through. */
export interface Synced extends Planned {
  /** What became of each step, in the plan's order. */
  readonly results: readonly StepResult[];
  /** When sending began. */
  readonly startedAt: UnixMillis;
  /** How long sending took. */
  readonly tookMs: Millis;
  /** By frontend. */
  readonly outcomes: ReadonlyMap<string, FrontendOutcome>;
  /** Frontends whose VIP was not as it had been read (−6, −81), so that it must be read again at once. */
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

const inSync: FrontendOutcome = { standing: "in-sync", detail: null };

/** Takes the results together, by frontend. With `release` what is held was sent too. */
export function conclude(
  planned: Planned,
  results: readonly StepResult[],
  release: boolean,
): Omit<Synced, "startedAt" | "tookMs"> {
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
    } // A length that is held is as the configuration wants it: a live VIP keeps the one it has.
    else if (held && step.holds.every(({ kind }) => kind === "table length")) continue;
    else if (!held) {
      const before = outcomes.get(frontend);
      // The first answer of VPP says more than what was not sent because of it.
      const isNews = before?.standing !== "error" || (status === "failed" && !answered.has(frontend));
      if (status === "failed") answered.add(frontend);
      outcomes.set(frontend, { standing: "error", detail: isNews ? said : before.detail });
    } else if (!outcomes.has(frontend)) {
      outcomes.set(frontend, { standing: "held", detail: step.holds[0]?.text ?? null });
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
