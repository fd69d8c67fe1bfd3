import type * as api from "../../api/mod.ts";
import { chainedKinds, linkOf, verifyChain } from "../../chain.ts";
import { err, ok, type Result } from "../../result.ts";
import type { Failure } from "../client.ts";
import { ask, type Call, complain, type Context, fail, type Run, viewOf } from "../context.ts";
import { exit } from "../exit.ts";
import type { Command } from "../grammar.ts";
import { explainLines, journalLines, replayLines, verifiedLines } from "../render/past.ts";
import * as shapes from "../shapes/mod.ts";
import { parseMoment, parseSince } from "../when.ts";

/** Entries of a page at most. */
const pageSize = 1_000;
/** Entries without `last` and `since`. */
const defaultLast = 20;
/** Entries that are shown at most: more would fill the memory before the first is seen. */
const most = 100_000;

/** What of the journal is wanted; null: all of it. */
export interface JournalRange {
  /** From here on, in unix milliseconds. */
  readonly since: number | null;
  /** Up to here, in unix milliseconds. */
  readonly until: number | null;
  /** Comma list of kinds. */
  readonly kinds: string | null;
}

interface JournalQuery extends JournalRange {
  readonly backend: string | null;
  readonly frontend: string | null;
}

/** The journal as one page, newest first, however many pages it takes. */
async function readJournal(
  { client, signal }: Context,
  query: JournalQuery,
  limit: number,
): Promise<Result<api.Journal, Failure>> {
  const entries: api.JournalEntry[] = [];
  let before: number | null = null;
  for (;;) {
    const words = new URLSearchParams({ limit: String(Math.min(pageSize, limit - entries.length)) });
    if (query.since !== null) words.set("since", new Date(query.since).toISOString());
    if (query.until !== null) words.set("until", new Date(query.until).toISOString());
    if (query.kinds !== null) words.set("kinds", query.kinds);
    if (query.backend !== null) words.set("backend", query.backend);
    if (query.frontend !== null) words.set("frontend", query.frontend);
    if (before !== null) words.set("before", String(before));
    const page = await client.json({ path: `/v1/journal?${words}`, signal }, shapes.journal);
    if (!page.ok) return page;
    const { value } = page.value;
    entries.push(...value.entries);
    if (value.before === null || entries.length >= limit || value.entries.length === 0) {
      return ok({ ...value, entries });
    }
    // Pages that do not go back in time would never end.
    if (before !== null && value.before >= before) {
      const message = `${client.server.text} did not answer as maglevd does: before is ${value.before} again`;
      return err({ kind: "refused", message, problem: null, text: page.value.text, note: null });
    }
    before = value.before;
  }
}

/**
 * What is wanted of the journal, newest first.
 *
 * @param name a backend or a frontend, of now or of the past; null: all
 */
export async function journalOf(
  context: Context,
  query: JournalRange,
  name: string | null,
  limit: number,
): Promise<Result<api.Journal, Failure>> {
  const all = { ...query, backend: null, frontend: null };
  if (name === null) return await readJournal(context, all, limit);
  // The name may be both, and names of the past are in no list.
  const ofBackend = await readJournal(context, { ...all, backend: name }, limit);
  const ofFrontend = await readJournal(context, { ...all, frontend: name }, limit);
  if (!ofBackend.ok) return ofBackend;
  if (!ofFrontend.ok) return ofFrontend;
  const found = [...ofBackend.value.entries, ...ofFrontend.value.entries];
  const once = [...new Map(found.map((entry) => [entry.seq, entry])).values()];
  once.sort((a, b) => b.seq - a.seq);
  return ok({ ...ofBackend.value, entries: once.slice(0, limit) });
}

/** `since` and `until` of a line in unix milliseconds; an error is a sentence. */
export function rangeOf(
  call: Call,
  { world }: Context,
): Result<{ readonly since: number | null; readonly until: number | null }, string> {
  const [since, until] = [call.optional("since"), call.optional("time")];
  const from = since === null ? ok(null) : parseSince(since, world.now(), world.zone);
  if (!from.ok) return err(`since ${from.error}`);
  const to = until === null ? ok(null) : parseMoment(until, "past", world.now(), world.zone);
  return to.ok ? ok({ since: from.value, until: to.value }) : err(`until ${to.error}`);
}

async function showEvents(call: Call, context: Context): ReturnType<Run> {
  const range = rangeOf(call, context);
  if (!range.ok) {
    complain(context, range.error);
    return exit.usage;
  }
  const last = call.optional("n");
  if (last !== null && Number(last) === 0) {
    complain(context, "last is a number above 0");
    return exit.usage;
  }
  const limit = last !== null ? Number(last) : range.value.since === null ? defaultLast : most;
  const query = { ...range.value, kinds: call.optional("kind") };
  const journal = await journalOf(context, query, call.optional("name"), limit);
  if (!journal.ok) return await fail(call, context, journal.error);
  const { entries } = journal.value;
  if (context.json) context.out.json(JSON.stringify(journal.value));
  else context.out.print(journalLines(entries.toReversed(), viewOf(context)));
  if (entries.length === most) complain(context, `only the last ${most} are shown`);
  return exit.done;
}

/** Changes and overrides of a journal are read whole: a chain has no gaps. */
async function verifyJournal(call: Call, context: Context): ReturnType<Run> {
  const kinds = chainedKinds.join(",");
  const query = { since: null, until: null, kinds };
  const journal = await journalOf(context, query, null, Infinity);
  if (!journal.ok) return await fail(call, context, journal.error);
  const seq = call.optional("seq");
  const head = seq === null ? null : { seq: Number(seq), chain: call.text("chain") };
  const links = journal.value.entries.toReversed().map(linkOf).filter((link) => link !== null);
  const verified = verifyChain(links, head);
  if (context.json) context.out.json(JSON.stringify(verified));
  else context.out.print(verifiedLines(verified, journal.value.entries.at(-1)?.at ?? null, viewOf(context)));
  return verified.ok ? exit.done : exit.failed;
}

async function explain(call: Call, context: Context): ReturnType<Run> {
  const kind = call.has("frontend") ? "frontend" : "backend";
  const time = call.optional("time");
  const at = time === null ? ok(null) : parseMoment(time, "past", context.world.now(), context.world.zone);
  if (!at.ok) {
    complain(context, `at ${at.error}`);
    return exit.usage;
  }
  const query = at.value === null ? "" : `?at=${encodeURIComponent(new Date(at.value).toISOString())}`;
  return await ask(
    () => ({ path: `/v1/${kind}s/${call.url(kind)}/explain${query}` }),
    shapes.explain,
    (value, view) => explainLines(value, time, view),
  )(call, context);
}

async function replay(call: Call, context: Context): ReturnType<Run> {
  const range = rangeOf(call, context);
  if (!range.ok) {
    complain(context, range.error);
    return exit.usage;
  }
  const query = new URLSearchParams();
  if (range.value.since !== null) query.set("since", new Date(range.value.since).toISOString());
  for (const name of ["rise", "fall"]) {
    const value = call.optional(name);
    if (value !== null) query.set(name, value);
  }
  return await ask(
    () => ({ path: `/v1/backends/${call.url("backend")}/replay?${query}` }),
    shapes.replay,
    replayLines,
  )(call, context);
}

/** What happened, and why it is as it is. */
export const pastCommands: readonly Command<Run>[] = [
  {
    syntax: "show events [last <n>] [since <since>] [until <time>] [for <name>] [kind <kind>]",
    help: "what happened, oldest first: the last 20, or all since a time",
    notes:
      "`since` is a duration (2h, 3d) or a time; a clock without a date means the last time that it was so late. `for` takes a backend or a frontend, also one that is gone.",
    run: showEvents,
  },
  {
    syntax: "explain frontend <frontend> [at <time>]",
    help: "why a frontend is as it is, or was: from the file to VPP, member by member",
    run: explain,
  },
  {
    syntax: "explain backend <backend> [at <time>]",
    help: "why a backend is as it is, or was, in each frontend that uses it",
    run: explain,
  },
  {
    syntax: "replay backend <backend> since <since> [rise <rise>] [fall <fall>]",
    help: "how often a backend would have gone down under another rule",
    notes: "Under the rule that was in force it gives what happened; under another one an estimate.",
    run: replay,
  },
  {
    syntax: "journal verify [head <seq> <chain>]",
    help: "whether the entries of changes and overrides are as they were written",
    notes:
      "Begins at the oldest that is kept. `head` takes seq and chain of an `api-change` line of the log, so that a journal that was rewritten as a whole is detected too.",
    run: verifyJournal,
  },
];
