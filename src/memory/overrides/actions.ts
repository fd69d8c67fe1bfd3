/**
 * What operators and the fleet do to overrides. Pure.
 *
 *   action   refused    what becomes of the local override
 *   pause    disabled   pause
 *   resume   disabled   none; `enable` where the file or the fleet would stop the backend all the same
 *   disable  -          disable; none where the file says `enabled: false` and the fleet says nothing
 *   enable   -          none; `enable` where the file or the fleet would disable the backend all the same
 *   weight   -          weight; none where it is the file's and the fleet says nothing
 *
 * Actions are judged on the state: `resume` of a backend that is not paused and `enable` of one that is not disabled
 * change nothing. What is in force is what the last word says; an override of the other scope stays.
 *
 * The same word again keeps the override. A reason or an hour that comes with it replaces the old one.
 *
 * @module
 */
import { err, ok, type Result } from "../../result.ts";
import {
  type EndCause,
  type Ended,
  look,
  type Moment,
  type Override,
  type OverrideChange,
  overrideText,
  placeOf,
  type Site,
  type StateKind,
  type StateOverride,
  stateOverride,
  unchanged,
  wanted,
  weightOverride,
} from "./override.ts";
import { endOf, type EndWish } from "./time.ts";

/** Who sets something, why, and until when. */
export interface Order {
  /** Id of the override, should there be a new one. */
  readonly id: string;
  /** Name of the operator's token. */
  readonly by: string;
  /** Who it says is behind the token; unverified. */
  readonly claimed: string | null;
  /** Why; null: it does not say. */
  readonly reason: string | null;
  /** Null: when somebody ends it. */
  readonly end: EndWish | null;
  /** Now. */
  readonly now: Moment;
}

/** What an operator does to a backend. */
export type StateAction = "pause" | "resume" | "disable" | "enable";

/** Why an order is refused. */
export interface OrderRefused {
  /** `hour`: an end was given, and there is nothing that could end. */
  readonly kind: "conflict" | "hour";
  /** One sentence. */
  readonly detail: string;
}

/** What came of an order. */
export interface Ordered extends OverrideChange {
  /** Somebody else's override that ended or was replaced. */
  readonly replaced: Override | null;
}

/** What an order comes to. */
export type OrderOutcome = Result<Ordered, OrderRefused>;

/** Carries out an operator's action on a backend, which `site` has. */
export function act(
  list: readonly Override[],
  site: Site,
  backend: string,
  action: StateAction,
  order: Order,
): OrderOutcome {
  const state = wanted(list, site, backend);
  const here = stateOverride(list, backend, "here");
  const fleet = stateOverride(list, backend, "everywhere");
  const without = wanted(list.filter((one) => one !== here), site, backend);
  const put = (kind: StateKind) =>
    ok(putState(list, site, here, backend, kind, kind === "enable" ? fleet?.id ?? null : null, order));
  switch (action) {
    case "pause":
      if (state === "disabled") {
        return err({ kind: "conflict", detail: "the backend is disabled; enable it first" });
      }
      return put("pause");
    case "resume":
      if (state === "disabled") {
        return err({ kind: "conflict", detail: "the backend is disabled; enable it instead" });
      }
      if (state === "active") return nothing(list, null, order);
      return without === "active" ? end(list, here, order) : put("enable");
    case "enable":
      if (state !== "disabled") return nothing(list, here?.kind === "enable" ? here : null, order);
      // A pause of the fleet stays: the action ends the local disable.
      return without === "disabled" ? put("enable") : end(list, here, order);
    case "disable": {
      const file = site.backends.get(backend)?.enabled === false;
      if (!file || fleet !== null) return put("disable");
      return here === null ? nothing(list, null, order) : end(list, here, order);
    }
  }
}

/** Carries out an operator's weight of a member, which `site` has. */
export function setWeight(
  list: readonly Override[],
  site: Site,
  member: { readonly frontend: string; readonly pool: string; readonly backend: string },
  weight: number,
  order: Order,
): OrderOutcome {
  const { backend, frontend, pool } = member;
  const here = weightOverride(list, frontend, pool, backend, "here");
  const fleet = weightOverride(list, frontend, pool, backend, "everywhere");
  if (weight === site.weight(frontend, pool, backend) && fleet === null) return end(list, here, order);
  if (here?.weight === weight) return ok(again(list, here, order));
  const made: Override = { ...head(order, backend), kind: "weight", frontend, pool, weight };
  return ok(replace(list, here, { ...made, seen: look(site, made) }));
}

/** Ends one override at an operator's word; null: there is none of that id. */
export function clear(list: readonly Override[], id: string, by: string): OverrideChange | null {
  const override = list.find((one) => one.id === id);
  if (override === undefined) return null;
  const change = remove(list, override, "cleared", `cleared by ${by}`);
  return override.scope === "everywhere" ? dependents(change, override) : change;
}

/**
 * Takes an override of the fleet, or a newer form of it.
 *
 * @param made with the scope `everywhere`
 */
export function putEverywhere(
  list: readonly Override[],
  site: Site,
  made: Override,
  now: Moment,
): OverrideChange {
  const seen = look(site, made);
  const sleeping = seen === null
    ? { since: now.wall, why: `the configuration has no ${made.backend} there` }
    : null;
  const place = placeOf(made);
  const old = list.find((one) => placeOf(one) === place) ?? null;
  const change = replace(list, old, { ...made, seen, sleeping });
  return old === null || old.id === made.id ? change : dependents(change, old);
}

/** Ends an override of the fleet; null: there is none of that id. */
export function endEverywhere(
  list: readonly Override[],
  id: string,
  cause: EndCause,
  detail: string,
): OverrideChange | null {
  const override = list.find((one) => one.id === id);
  return override === undefined ? null : dependents(remove(list, override, cause, detail), override);
}

/**
 * Overrides of an earlier process that come late. What was set meanwhile is newer.
 *
 * @param late as `restored` and `follow` have left them
 */
export function recall(list: readonly Override[], late: readonly Override[]): readonly Override[] {
  const places = new Set(list.map(placeOf));
  return [...late.filter((one) => !places.has(placeOf(one))), ...list];
}

function head({ by, claimed, end, id, now, reason }: Order, backend: string) {
  return {
    id,
    scope: "here" as const,
    backend,
    by,
    claimed,
    reason,
    since: now.wall,
    end: end === null ? null : endOf(end, now),
    seen: null,
    sleeping: null,
    restored: false,
  };
}

function putState(
  list: readonly Override[],
  site: Site,
  here: StateOverride | null,
  backend: string,
  kind: StateKind,
  against: string | null,
  order: Order,
): Ordered {
  if (here?.kind === kind && here.against === against) {
    return again(list, here, order);
  }
  const made: Override = { ...head(order, backend), kind, against };
  return replace(list, here, { ...made, seen: look(site, made) });
}

/** The same word again. */
function again(list: readonly Override[], here: Override, order: Order): Ordered {
  const { by, claimed, end, reason, now } = order;
  if (reason === null && end === null) return { ...unchanged(list), replaced: null };
  const mine = here.by === by && here.claimed === claimed;
  const next: Override = {
    ...here,
    reason: reason ?? here.reason,
    end: end === null ? here.end : endOf(end, now),
    ...(mine ? {} : { by, claimed }),
  };
  const same = next.reason === here.reason && end === null;
  if (same) return { ...unchanged(list), replaced: null };
  return {
    ...unchanged(list.map((one) => one === here ? next : one)),
    set: [next],
    replaced: mine ? null : here,
  };
}

function replace(list: readonly Override[], old: Override | null, made: Override): Ordered {
  const kept = [...list.filter((one) => one !== old), made];
  const ended: Ended[] = old === null || old.id === made.id
    ? []
    : [{ override: old, cause: "replaced", detail: `${overrideText(made)} by ${made.by} takes its place` }];
  return { ...unchanged(kept), set: [made], ended, replaced: others(old, made) };
}

/** An override that somebody else set; null: it is one's own, or there is none. */
function others(
  old: Override | null,
  { by, claimed }: { readonly by: string; readonly claimed: string | null },
): Override | null {
  return old === null || (old.by === by && old.claimed === claimed) ? null : old;
}

/** Ends the local override, so that nothing is left that could end at an hour. */
function end(list: readonly Override[], here: Override | null, order: Order): OrderOutcome {
  if (here === null) return nothing(list, null, order);
  if (order.end !== null) return err(noHour);
  const change = remove(list, here, "undone", `undone by ${order.by}`);
  return ok({ ...change, replaced: others(here, order) });
}

const noHour: OrderRefused = {
  kind: "hour",
  detail: "this ends what was set and sets nothing, so there is nothing that could end later",
};

function nothing(list: readonly Override[], here: Override | null, order: Order): OrderOutcome {
  if (here !== null) return ok(again(list, here, order));
  return order.end === null ? ok({ ...unchanged(list), replaced: null }) : err(noHour);
}

function remove(
  list: readonly Override[],
  override: Override,
  cause: EndCause,
  detail: string,
): OverrideChange {
  return {
    ...unchanged(list.filter((one) => one !== override)),
    ended: [{ override, cause, detail }],
  };
}

/** Local overrides that were set against one of the fleet end with it. */
function dependents(change: OverrideChange, fleet: Override): OverrideChange {
  const isOver = (one: Override) =>
    one.scope === "here" && one.backend === fleet.backend &&
    (one.kind === "weight"
      ? fleet.kind === "weight" && placeOf(one) === placeOf({ ...fleet, scope: "here" }) &&
        one.weight === one.seen?.value
      : one.against === fleet.id);
  const over = change.list.filter(isOver);
  if (over.length === 0) return change;
  return {
    ...change,
    list: change.list.filter((one) => !over.includes(one)),
    ended: [
      ...change.ended,
      ...over.map((override): Ended => ({
        override,
        cause: "intent",
        detail: `${overrideText(fleet)} of the fleet is another or over`,
      })),
    ],
  };
}
