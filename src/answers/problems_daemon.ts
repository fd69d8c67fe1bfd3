/**
 * Problems of the daemon itself: its files, its memory, what operators left behind, its fleet. Pure.
 *
 * @module
 */
import type { CurrentProblem, Override } from "../api/mod.ts";
import { timeText } from "../api/text.ts";
import type { Millis, UnixMillis } from "../model.ts";
import type { Known } from "./known.ts";
import { problem } from "./problem.ts";

/** An override without an hour is worth a look after this, in ms. */
const oldMs: Millis = 86_400_000;
/** An override that ends is told for so long before, in ms. */
const endingMs: Millis = 600_000;

/** Problems of files. */
export function fileProblems({ files: { config, kept } }: Known): CurrentProblem[] {
  const found = kept.map(({ detail, object, since }) => {
    const text = `${object}: ${detail}; the content that was read before stays in use`;
    return problem("file-kept", object, since, text, { fix: "config reload" });
  });
  if (config === null) return found;
  const { detail, kind, path, since } = config;
  const text = kind === "file-refused"
    ? `${path} would be refused: ${detail}`
    : `${path} differs from what runs: ${detail}`;
  const commands = kind === "file-refused"
    ? { show: "config check" }
    : { show: "config reload dry-run", fix: "config reload" };
  return [...found, problem(kind, path, since, text, commands)];
}

/** Problems of what must outlive the process, of the journal and of the clock. */
export function memoryProblems({ memory }: Known): CurrentProblem[] {
  return (["disk", "journal", "clock"] as const).flatMap((kind) => {
    const trouble = memory[kind];
    return trouble === null ? [] : [problem(kind, "", trouble.since, trouble.detail)];
  });
}

/** Overrides that are old and never end, and those that end soon. */
export function overrideProblems({ now, overrides }: Known): CurrentProblem[] {
  return overrides.flatMap((override) => {
    const since = Date.parse(override.since);
    const until = override.until === null ? null : Date.parse(override.until);
    if (override.sleeping !== null || !isWorthTelling(since, until, now)) return [];
    const { by, id, reason } = override;
    const why = reason === null ? "" : ` (${reason})`;
    const when = until === null ? "has no end and is older than a day" : `ends at ${timeText(until)}`;
    const text = `${what(override)} by ${by}${why} ${when}`;
    return [problem("override", id, since, text, { show: "show overrides", fix: `clear override ${id}` })];
  });
}

function isWorthTelling(since: UnixMillis, until: UnixMillis | null, now: UnixMillis): boolean {
  return until === null ? now - since > oldMs : until - now <= endingMs;
}

function what({ backend, frontend, kind, pool, weight }: Override): string {
  return kind === "weight"
    ? `weight ${weight} of ${frontend}/${pool}/${backend}`
    : `${kind} of backend ${backend}`;
}

/** Problems of the fleet. */
export function fleetProblems({ fleet: { nodes, store } }: Known): CurrentProblem[] {
  const show = "show fleet";
  // The detail stands beside the word "store" elsewhere; a problem is read alone.
  const away = store === null ? [] : [
    problem("fleet-store", "", store.since, `the fleet's store is away: ${store.detail}`, { show }),
  ];
  return [
    ...away,
    ...nodes.map(({ detail, object, since }) => problem("fleet-node", object, since, detail, { show })),
  ];
}
