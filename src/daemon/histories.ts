/**
 * Fills the histories of backends and frontends from the journal after a start. The start does not wait for it.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import type { Tracker } from "../health/tracker.ts";
import type { FrontendTransition } from "../health/frontend.ts";
import type { Journal } from "../memory/journal/journal.ts";
import type { HistoryRow } from "../memory/journal/tables.ts";
import type { Transition, UnixMillis } from "../model.ts";

/** Names of one question, so that its answer takes the main thread for a few ms only. */
const namesAtOnce = 100;
/** What this process has recorded meanwhile comes on top of what is asked for. */
const ownRows = 4;

/** What the details of an entry of a backend hold, as `backendEntry` writes them. */
type BackendData = Pick<api.Transition, "from" | "to" | "code" | "detail"> & {
  readonly effects?: readonly api.WeightEffect[];
  readonly since?: string;
};

/** What a damaged disk changed is left out. */
function isWhole({ data }: HistoryRow): boolean {
  const effects = data.effects;
  return typeof data.from === "string" && typeof data.to === "string" &&
    (effects === undefined || Array.isArray(effects));
}

/**
 * When the last state began; null: there is none. What was told before the journal was read has no `since`: there
 * the state goes on that an earlier process left.
 */
function sinceOf(rows: readonly HistoryRow[]): UnixMillis | null {
  for (const [i, { at, data }] of rows.entries()) {
    const { from, since, to } = data as unknown as BackendData;
    if (since !== undefined) return Date.parse(since);
    if (from !== "unknown" || (rows[i + 1]?.data as unknown as BackendData | undefined)?.to !== to) return at;
  }
  return null;
}

function transitionOf(backend: string, { at, by, data }: HistoryRow): Transition {
  const { code, detail, effects, from, to } = data as unknown as BackendData;
  return {
    backend,
    from,
    to,
    at,
    code,
    detail,
    by,
    effects: (effects ?? []).map(({ flush, frontend, pool, weight_after, weight_before }) => ({
      frontend,
      pool,
      weightBefore: weight_before,
      weightAfter: weight_after,
      flush,
    })),
  };
}

function frontendTransitionOf({ at, data }: HistoryRow): FrontendTransition {
  const { active_pool, from, reason, to } = data as unknown as Omit<api.FrontendEvent, keyof api.EventHead>;
  return { at, from, to, activePool: active_pool, reason };
}

/**
 * Asks the journal, and hands what it has to the tracker.
 *
 * @param startedAt wall-clock begin of this process, whose own transitions are known
 */
export async function fillHistories(
  journal: Journal,
  tracker: Tracker,
  startedAt: UnixMillis,
): Promise<void> {
  const { config } = tracker;
  const limit = config.healthchecker.transitionHistory + ownRows;
  const left = ({ rows }: { readonly rows: readonly HistoryRow[] }) =>
    rows.filter((row) => row.at < startedAt && isWhole(row));
  for (const names of groups([...config.backends.keys()])) {
    for (const one of await journal.histories("backend", names, limit)) {
      const rows = left(one);
      const began = sinceOf(rows);
      if (began === null) continue;
      tracker.recallHistory(one.name, rows.map((row) => transitionOf(one.name, row)), began);
    }
  }
  for (const names of groups([...config.frontends.keys()])) {
    for (const one of await journal.histories("frontend", names, limit)) {
      tracker.recallFrontend(one.name, left(one).map(frontendTransitionOf));
    }
  }
}

function groups(names: readonly string[]): string[][] {
  const count = Math.ceil(names.length / namesAtOnce);
  return Array.from({ length: count }, (_, i) => names.slice(i * namesAtOnce, (i + 1) * namesAtOnce));
}
