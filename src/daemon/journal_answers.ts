/**
 * Answers from the journal: pages of entries, and replays.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import { nanosText, timeText } from "../api/text.ts";
import type { Clock } from "../clock.ts";
import type { JournalQuery, Refusal, ReplayQuery } from "../control.ts";
import type { Rule } from "../health/backend.ts";
import type { Journal } from "../memory/journal/journal.ts";
import type { PageRow } from "../memory/journal/tables.ts";
import type { Run } from "../memory/journal/runs.ts";
import { downsOf, type Recorded, replay } from "../answers/replay.ts";
import type { Code, Millis, State, UnixMillis } from "../model.ts";
import type { Config } from "../configuration.ts";
import { err, ok, type Result } from "../result.ts";

/** What the answers are made from. */
export interface JournalSources {
  /** Time. */
  readonly clock: Clock;
  /** What happened. */
  readonly journal: Journal;
  /** Runs that go on. */
  readonly openRuns: (backend: string) => readonly Run[];
  /** The running configuration. */
  readonly config: () => Config;
}

/** A replay without `since` begins so long ago. */
const replayMs: Millis = 86_400_000;
/** Entries that one look takes from the journal. */
const pageLimit = 1_000;

function missing(what: "backend" | "frontend", name: string): Refusal {
  return { type: "not-found", detail: `there is no ${what} "${name}", and the journal knows none` };
}

/** An entry in the API's shape. */
export function entryOf({ chain, json }: PageRow): api.JournalEntry {
  // The journal's own text, whose shape its writer knows.
  return { ...JSON.parse(json) as Omit<api.JournalEntry, "chain">, chain };
}

/** GET /v1/journal */
export async function journalPage(
  { config, journal }: JournalSources,
  query: JournalQuery,
): Promise<Result<api.Journal, Refusal>> {
  const { backend, frontend } = query;
  if (backend !== null && !config().backends.has(backend) && !await journal.knows(backend)) {
    return err(missing("backend", backend));
  }
  if (frontend !== null && !config().frontends.has(frontend) && !await journal.knows(frontend)) {
    return err(missing("frontend", frontend));
  }
  const { before, oldest, rows } = await journal.page(query);
  return ok({
    entries: rows.map(entryOf),
    before,
    oldest: oldest === null ? null : timeText(oldest),
    dropped: journal.dropped,
  });
}

/** Entries of a backend's transitions, newest first. */
async function* transitions(journal: Journal, backend: string, since: UnixMillis | null, until: UnixMillis) {
  const query = { kinds: ["backend"], backend, frontend: null, since, until, limit: pageLimit } as const;
  for (let before: number | null = null;;) {
    const page: Awaited<ReturnType<Journal["page"]>> = await journal.page({ ...query, before });
    for (const row of page.rows) yield entryOf(row);
    before = page.before;
    if (before === null) return;
  }
}

function recordedOf({ at, data: { code, from, to } }: api.JournalEntry): Recorded {
  // As `backendEntry` wrote them.
  return { at: Date.parse(at), from: from as State, to: to as State, code: code as Code };
}

/** State of a backend at a moment; null: not known. */
async function stateAt(journal: Journal, backend: string, at: UnixMillis): Promise<State | null> {
  for await (const entry of transitions(journal, backend, null, at - 1)) return recordedOf(entry).to;
  return null;
}

function ruleNow(config: Config, backend: string): Rule | null {
  const check = config.healthchecks.get(config.backends.get(backend)?.healthcheck ?? "");
  return check === undefined ? null : { rise: check.rise, fall: check.fall };
}

/** GET /v1/backends/{name}/replay */
export async function replayAnswer(
  sources: JournalSources,
  backend: string,
  query: ReplayQuery,
): Promise<Result<api.Replay, Refusal>> {
  const { clock, config, journal, openRuns } = sources;
  if (!config().backends.has(backend) && !await journal.knows(backend)) {
    return err(missing("backend", backend));
  }
  const until = clock.wall();
  const since = Math.min(query.since ?? until - replayMs, until);
  const kept = await journal.runs(backend, since, until);
  const open = openRuns(backend).filter(({ last }) => last >= since);
  const runs = [...kept.filter((run) => !open.some(({ first }) => isSame(first, run.first))), ...open];
  const newest: Recorded[] = [];
  for await (const entry of transitions(journal, backend, since, until)) newest.push(recordedOf(entry));
  const recorded = newest.reverse();
  const before = await stateAt(journal, backend, since);
  const inForce = runs.at(-1) ?? ruleNow(config(), backend) ?? { rise: 1, fall: 1 };
  const rule = { rise: query.rise ?? inForce.rise, fall: query.fall ?? inForce.fall };
  const outcome = replay({ runs, recorded, before, rule, since, until });
  const was = downsOf(recorded, before, since, until);
  return ok({
    backend,
    since: timeText(since),
    until: timeText(until),
    rule,
    exact: outcome.exact,
    recorded: { downs: was.downs, down_ns: nanosText(was.downMs) },
    replayed: {
      downs: outcome.downs,
      down_ns: nanosText(outcome.downMs),
      transitions: outcome.transitions.map(({ at, code, to }) => ({ at: timeText(at), to, code })),
    },
    gaps: outcome.gaps,
  });
}

/** Times of the file are whole microseconds. */
function isSame(a: UnixMillis, b: UnixMillis): boolean {
  return Math.abs(a - b) < 0.0015;
}
