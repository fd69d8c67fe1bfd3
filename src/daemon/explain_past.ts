/**
 * Explanations of a moment in the past, from the journal.
 *
 * @module
 */
import { explainBackend, explainFrontend } from "../answers/explain.ts";
import { type PastConfig, pastConfig, pastFacts } from "../answers/past.ts";
import type * as api from "../api/mod.ts";
import { timeText } from "../api/text.ts";
import type { Refusal } from "../control.ts";
import type { EntryKind } from "../memory/journal/entry.ts";
import type { Journal } from "../memory/journal/journal.ts";
import type { UnixMillis } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import { entryOf } from "./journal_answers.ts";

/** Syncs that are looked through for the last message to a server. */
const syncLimit = 200;
/** Entries of overrides that are looked through for one backend. */
const overrideLimit = 100;

type Entries = Promise<readonly api.JournalEntry[]>;

async function newest(
  journal: Journal,
  at: UnixMillis,
  kind: EntryKind,
  backend: string | null,
  limit: number,
): Entries {
  const query = { kinds: [kind], backend, frontend: null, since: null, until: at, before: null, limit };
  return (await journal.page(query)).rows.map(entryOf);
}

/** The configuration that ran; null: the journal does not reach so far. */
async function configAt(journal: Journal, at: UnixMillis): Promise<PastConfig | null> {
  const query = {
    kinds: ["config"],
    backend: null,
    frontend: null,
    since: null,
    until: at,
    limit: 20,
  } as const;
  // A file that was refused has no configuration, and there may be many in a row.
  for (let before: number | null = null;;) {
    const page: Awaited<ReturnType<Journal["page"]>> = await journal.page({ ...query, before });
    for (const row of page.rows) {
      const config = pastConfig(entryOf(row));
      if (config !== null) return config;
    }
    before = page.before;
    if (before === null) return null;
  }
}

function backendsOf({ frontends }: PastConfig, names: readonly string[]): string[] {
  return names.flatMap((name) =>
    frontends.get(name)?.pools.flatMap(({ members }) => members.map((member) => member.backend)) ?? []
  );
}

/**
 * Explains what was so at `at`. Refused `not-found`: the journal does not reach so far, it knows no such name, or the
 * moment is later than `now`: what is to come is not what is.
 */
export async function explainPast(
  journal: Journal,
  kind: "frontend" | "backend",
  name: string,
  at: UnixMillis,
  now: UnixMillis,
): Promise<Result<api.Explain, Refusal>> {
  if (at > now) {
    return err({ type: "not-found", detail: `nothing is known of ${timeText(at)}: it is still to come` });
  }
  const config = await configAt(journal, at);
  if (config === null) {
    const detail = `nothing is known of ${timeText(at)}: the journal does not reach so far`;
    return err({ type: "not-found", detail });
  }
  const { frontends } = config;
  const places = [...frontends.values()].filter(({ pools }) =>
    pools.some(({ members }) => members.some((member) => member.backend === name))
  ).map((frontend) => frontend.name);
  const backends = new Set(backendsOf(config, kind === "frontend" ? [name] : places));
  if (kind === "backend") backends.add(name);
  const transitions = new Map<string, api.JournalEntry>();
  const overrides: api.JournalEntry[] = [];
  for (const backend of backends) {
    const [last] = await newest(journal, at, "backend", backend, 1);
    if (last !== undefined) transitions.set(backend, last);
    overrides.push(...await newest(journal, at, "override", backend, overrideLimit));
  }
  const syncs = await newest(journal, at, "sync", null, syncLimit);
  const facts = pastFacts({ at, config, transitions, overrides, syncs });
  const value = kind === "frontend" ? explainFrontend(facts, name) : explainBackend(facts, name, places);
  if (value !== null) return ok(value);
  return err({ type: "not-found", detail: `there was no ${kind} "${name}" at ${timeText(at)}` });
}
