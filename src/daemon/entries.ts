/**
 * What happened, as entries of the journal: each explains itself alone. Pure.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import { nanosText, timeText } from "../api/text.ts";
import type { WithoutHead } from "../bus/mod.ts";
import { formatFinding } from "../config/findings.ts";
import type { ApiChange } from "../control.ts";
import { formatDuration, fromMillis } from "../duration.ts";
import { causeText } from "../health/frontend.ts";
import { drift } from "../lb/diff.ts";
import type { NewEntry } from "../memory/journal/entry.ts";
import {
  type EndCause,
  type Override,
  type OverrideChange,
  overrideText,
} from "../memory/overrides/override.ts";
import type { Millis, UnixMillis } from "../model.ts";
import { overrideView } from "../snapshot/overrides.ts";

/** Things of a kind that one sentence names. */
const namedLimit = 3;
/** Things of a kind that the details of one entry list. */
const listedLimit = 1_000;

type Common = Pick<NewEntry, "backend" | "frontend" | "by" | "claimed" | "reason">;

const nobody: Common = { backend: null, frontend: null, by: null, claimed: null, reason: null };

function named(items: readonly string[]): string {
  const more = items.length - namedLimit;
  return items.slice(0, namedLimit).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/**
 * A transition of a backend.
 *
 * @param since when the state that it has now began, where a restart did not change it
 */
export function backendEntry(
  { backend, transition }: WithoutHead<api.BackendEvent>,
  since: UnixMillis | null,
): NewEntry {
  const { by, code, detail, effects, from, to } = transition;
  return {
    ...nobody,
    kind: "backend",
    backend,
    by,
    // Thousands of these are kept. A template's text keeps its pieces, each with 32 octets besides; a joined one is one.
    text: ["backend ", backend, " ", from, " -> ", to, ": ", causeText(code, detail)].join(""),
    data: { from, to, code, detail, effects, ...(since === null ? {} : { since: timeText(since) }) },
  };
}

/** A frontend's state or pool in use changed. */
export function frontendEntry(event: WithoutHead<api.FrontendEvent>): NewEntry {
  const { active_pool, frontend, from, reason, to } = event;
  const what = from === to ? `uses pool ${active_pool}` : `${from} -> ${to}`;
  return {
    ...nobody,
    kind: "frontend",
    frontend,
    text: `frontend ${frontend} ${what}: ${reason}`,
    data: { from, to, active_pool, reason },
  };
}

/** VPP came or went. */
export function vppEntry({ from, info, reason, to }: WithoutHead<api.VppEvent>): NewEntry {
  const text = info === null
    ? `VPP ${to}: ${reason}`
    : `VPP connected: version ${info.version}, process ${info.pid}`;
  return { ...nobody, kind: "vpp", text, data: { from, to, reason, info } };
}

/** One change of a sync, in the fields of the API. */
type SyncChange = api.SyncResult["changes"][number];

function changeText(change: SyncChange): string {
  const { address, backend, frontend, kind, weight_after: after, weight_before: before } = change;
  const vip = frontend ?? `${change.prefix} ${change.protocol} ${change.port}`;
  const server = `${backend ?? address}`;
  switch (kind) {
    case "conf_set":
      return "global settings set";
    case "vip_added":
      return `VIP ${vip} added`;
    case "vip_removed":
      return `VIP ${vip} removed`;
    case "vip_recreated":
      return `VIP ${vip} recreated`;
    case "as_added":
      return `${vip}: ${server} added with weight ${after}`;
    case "as_removed":
      return `${vip}: ${server} removed`;
    case "as_weight_updated":
      return `${vip}: ${server} weight ${before} -> ${after}${change.flush ? ", flushed" : ""}`;
  }
}

/** What explains a change alone; what VPP was not asked for is left out. */
function told(changes: readonly SyncChange[]): Partial<SyncChange>[] {
  return changes.slice(0, listedLimit).map((change) => {
    const kept = Object.entries(change).filter(([key, value]) =>
      value !== null && !(key === "traffic_affecting" && value === false) && key !== "held" &&
      key !== "seq" &&
      !(Array.isArray(value) && value.length === 0)
    );
    return Object.fromEntries(kept);
  });
}

/** A sync that changed something, and the drift that it repaired. */
export function syncEntries(result: api.SyncResult): NewEntry[] {
  const sent = result.changes.filter(({ status }) => status !== "skipped");
  const done = sent.filter(({ status }) => status === "done");
  if (done.length === 0) return [];
  const count = (n: number) => n === 1 ? "1 change" : `${n} changes`;
  const failed = result.failed === 0 ? "" : `, ${result.failed} refused`;
  const frontends = new Set(sent.map(({ frontend }) => frontend));
  const backends = new Set(sent.map(({ backend }) => backend));
  const [frontend = null] = frontends.size === 1 ? frontends : [];
  const [backend = null] = backends.size === 1 ? backends : [];
  const drifted = done.filter(({ reason }) => reason === drift);
  const repairs: NewEntry[] = [...Map.groupBy(drifted, (change) => change.frontend)].map(
    ([where, changes]) => ({
      ...nobody,
      kind: "drift",
      frontend: where,
      text: `drift repaired: ${named(changes.map(changeText))}`,
      data: { changes: told(changes), count: changes.length },
    }),
  );
  const { failed: refused, scope, skipped } = result;
  return [{
    ...nobody,
    kind: "sync",
    backend,
    frontend,
    text: `${count(done.length)} in VPP${failed}: ${named(done.map(changeText))}`,
    data: { scope, changes: told(sent), done: done.length, failed: refused, skipped },
  }, ...repairs];
}

const shortLimit = 100;

function short(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  return text.length <= shortLimit ? text : `${text.slice(0, shortLimit)}\u2026`;
}

/** A change over the API. */
export function changeEntry(change: ApiChange): NewEntry {
  const { after, backend, before, claimed, frontend, method, path, peer, principal, reason } = change;
  const who = claimed === null ? principal : `${principal} (claimed ${claimed})`;
  const outcome = before === null ? short(after) : `${short(before)} -> ${short(after)}`;
  return {
    kind: "change",
    backend,
    frontend,
    by: principal,
    claimed,
    reason,
    text: `${who}: ${method} ${path}: ${outcome}`,
    data: { method, path, peer, before, after },
  };
}

/** What happened to an override: its object left or returned with `sleeping` and `woken`. */
export type OverrideStep = "set" | "ended" | "sleeping" | "woken";

/**
 * An override was set, ended, fell asleep or woke.
 *
 * @param detail why, in words; "" where the override says it
 * @param who whoever set or ended it; null: nobody
 */
function overrideEntry(
  what: OverrideStep,
  override: Override,
  detail: string,
  who: Pick<Override, "by" | "claimed"> | null,
): NewEntry {
  const { backend, by, end, kind, reason, scope } = override;
  const weight = kind === "weight" ? override : null;
  const until = what === "set" && end !== null ? ` until ${timeText(end.until)}` : "";
  const set = what !== "set" ? "" : `${scope === "everywhere" ? " everywhere" : ""} by ${by}`;
  return {
    kind: "override",
    backend,
    frontend: weight?.frontend ?? null,
    by: who?.by ?? null,
    claimed: who?.claimed ?? null,
    reason,
    text: `${overrideText(override)} ${what}${set}${until}${detail === "" ? "" : `: ${detail}`}`,
    data: { what, detail, override: overrideView(override) },
  };
}

/** Ends that somebody asked for. Whoever reloads a file has not asked for the end of what it overrules. */
const askedEnds: ReadonlySet<EndCause> = new Set<EndCause>(["replaced", "undone", "cleared"]);

/**
 * What became of overrides.
 *
 * @param by who asked for it; null: nobody
 */
export function overrideEntries(
  { ended, set, slept, woken }: OverrideChange,
  by: string | null,
  claimed: string | null,
): NewEntry[] {
  const asker = by === null ? null : { by, claimed };
  return [
    ...ended.map(({ cause, detail, override }) =>
      overrideEntry("ended", override, detail, askedEnds.has(cause) ? asker : null)
    ),
    ...set.map((override) => overrideEntry("set", override, "", override)),
    ...slept.map((override) => overrideEntry("sleeping", override, override.sleeping?.why ?? "", null)),
    ...woken.map((override) => overrideEntry("woken", override, "", null)),
  ];
}

/** The daemon started or stopped. */
export function processEntry(text: string, data: Readonly<Record<string, unknown>>): NewEntry {
  return { ...nobody, kind: "process", text, data };
}

/** The wall clock was set. */
export function clockEntry(jump: Millis): NewEntry {
  const way = jump > 0 ? "forward" : "back";
  const by = formatDuration(fromMillis(Math.abs(Math.round(jump))));
  return processEntry(`the clock jumped ${way} by ${by}`, { jump_ns: nanosText(jump) });
}

/** What a reload, or the start, did to the configuration. */
export type ConfigStep =
  | { readonly what: "loaded"; readonly config: api.Config }
  | { readonly what: "reloaded"; readonly config: api.Config; readonly changes: readonly api.ReloadChange[] }
  | { readonly what: "refused"; readonly errors: readonly api.Finding[]; readonly detail: string };

/**
 * A configuration was loaded or refused.
 *
 * @param by who asked for it; null: the start
 */
export function configEntry(
  file: string,
  by: string | null,
  step: ConfigStep,
  claimed: string | null,
): NewEntry {
  const common = { ...nobody, kind: "config", by, claimed } as const;
  switch (step.what) {
    case "loaded":
      return { ...common, text: `${file} is loaded`, data: { what: step.what, file, config: step.config } };
    case "reloaded": {
      const { changes, config } = step;
      const list = changes.map((c) => `${c.object} ${c.name} ${c.change}`.replace("  ", " "));
      const text = `${file} is reloaded: ${changes.length === 0 ? "nothing changed" : named(list)}`;
      const listed = changes.slice(0, listedLimit);
      return {
        ...common,
        text,
        data: { what: step.what, file, changes: listed, count: changes.length, config },
      };
    }
    case "refused": {
      const [first] = step.errors;
      const why = first === undefined ? step.detail : formatFinding(first);
      const errors = step.errors.slice(0, listedLimit);
      return { ...common, text: `${file} is refused: ${why}`, data: { what: step.what, file, errors } };
    }
  }
}

/**
 * The fleet's store came or went, or its nodes began or ceased to differ.
 *
 * @param backend the backend that it is about, or null
 * @param frontend the frontend, or null
 */
export function fleetEntry(
  text: string,
  data: Readonly<Record<string, unknown>>,
  backend: string | null,
  frontend: string | null,
): NewEntry {
  return { ...nobody, kind: "fleet", backend, frontend, text, data };
}
