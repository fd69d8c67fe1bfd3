import { nearest } from "../../config/nearest.ts";
import { err, ok, type Result } from "../../result.ts";
import { type SseFrame, sseFrames } from "../../sse.ts";
import type { Failure } from "../client.ts";
import { type Call, complain, type Context, fail, type Run, viewOf } from "../context.ts";
import { exit, type ExitCode } from "../exit.ts";
import type { Command } from "../grammar.ts";
import { backendList, frontendList } from "../shapes/mod.ts";
import { parseSince } from "../when.ts";
import { journalOf } from "./past.ts";
import { Follower } from "./follower.ts";

const kinds = ["log", "backend", "frontend", "vpp"] as const;
const levels = ["debug", "info", "warn", "error"] as const;

/** A server that restarts is back by then; a watch in a script must not hang for ever. */
const patienceMs = 10_000;
const retryMs = 500;
/** The journal is written in batches; what happened just before the stream began is in it by then. */
const journalDelayMs = 300;
/** Entries of the past at most. */
const mostPast = 100_000;

/** Which filter of the API a name is; an error is a sentence. */
async function filterOf(name: string, { client, signal }: Context): Promise<Result<string, string>> {
  const [backends, frontends] = await Promise.all([
    client.json({ path: "/v1/backends", signal }, backendList),
    client.json({ path: "/v1/frontends", signal }, frontendList),
  ]);
  // Without the lists the name is left to the server.
  if (!backends.ok || !frontends.ok) return ok("backend");
  const known = [
    ...backends.value.value.backends.map(({ name }) => ({ name, filter: "backend" })),
    ...frontends.value.value.frontends.map(({ name }) => ({ name, filter: "frontend" })),
  ];
  const found = known.find((object) => object.name === name);
  if (found !== undefined) return ok(found.filter);
  const near = nearest(name, known.map((object) => object.name));
  return err(
    `there is no backend and no frontend "${name}"${near === null ? "" : `\ndid you mean ${near}?`}`,
  );
}

async function eventsPath(call: Call, context: Context): Promise<Result<string, string>> {
  const query = new URLSearchParams();
  const wanted = kinds.filter((kind) => call.has(kind));
  if (wanted.length > 0) query.set("kinds", wanted.join(","));
  const level = levels.find((name) => call.has(name));
  if (level !== undefined) query.set("level", level);
  const name = call.optional("name");
  if (name !== null) {
    const filter = await filterOf(name, context);
    if (!filter.ok) return filter;
    query.set(filter.value, name);
  }
  return ok(`/v1/events${query.size === 0 ? "" : `?${query}`}`);
}

/** The next frame; null where the connection has ended, however it did. An error is a sentence. */
async function nextFrame(frames: AsyncGenerator<SseFrame>): Promise<Result<SseFrame | null, string>> {
  try {
    const next = await frames.next();
    return ok(next.done ? null : next.value);
  } catch (error) {
    // A frame that is too long would be so again after a reconnect; a broken connection would not.
    if (error instanceof RangeError) return err(error.message);
    return ok(null);
  }
}

/** Shows what the journal has since a time. */
async function showPast(
  call: Call,
  context: Context,
  follower: Follower,
  since: number,
): Promise<ExitCode | null> {
  await context.world.pause(journalDelayMs, context.signal);
  const wanted = kinds.filter((kind) => call.has(kind) && kind !== "log");
  if (wanted.length === 0 && call.has("log")) return null;
  const query = { since, until: null, kinds: wanted.length === 0 ? null : wanted.join(",") };
  const journal = await journalOf(context, query, call.optional("name"), mostPast);
  if (!journal.ok) return await fail(call, context, journal.error);
  for (const entry of journal.value.entries.toReversed()) {
    if (!follower.done) follower.past(entry);
  }
  return null;
}

async function watchEvents(call: Call, context: Context): ReturnType<Run> {
  const { client, out, world } = context;
  const readable = out.terminal && !context.json;
  const signal = readable ? AbortSignal.any([context.signal, context.anyKey()]) : context.signal;
  const asked = call.optional("since");
  const since = asked === null ? ok(null) : parseSince(asked, world.now(), world.zone);
  const path = await eventsPath(call, context);
  if (!since.ok || !path.ok) {
    complain(context, !since.ok ? `since ${since.error}` : !path.ok ? path.error : "");
    return since.ok ? exit.failed : exit.usage;
  }
  const follower = new Follower({
    out,
    readable,
    view: () => viewOf(context),
    present: !call.has("new") && since.value === null,
    limit: call.optional("n") === null ? Infinity : Number(call.text("n")),
  });
  let lastId = "";
  let lostAt = 0;
  let connected = false;
  while (!signal.aborted && !follower.done) {
    using connection = new Connection(signal);
    const headers: Record<string, string> = lastId === "" ? {} : { "last-event-id": lastId };
    const answer = await client.stream({ path: path.value, headers, signal: connection.signal });
    if (answer.ok) {
      if (!connected && since.value !== null) {
        const failed = await showPast(call, context, follower, since.value);
        if (failed !== null) return failed;
      }
      connected = true;
      const frames = sseFrames(answer.value);
      while (!follower.done && !signal.aborted) {
        const frame = await nextFrame(frames);
        if (frame.ok && frame.value === null) break;
        const shown = !frame.ok ? frame : frame.value === null ? ok(null) : follower.frame(frame.value);
        if (!shown.ok) {
          complain(context, `${client.server.text} did not answer as maglevd does: ${shown.error}`);
          return exit.failed;
        }
        // It goes back in a header; an id that is none of maglevd's would not be taken there.
        if (frame.ok) {
          lastId = /^[\x21-\x7e]{1,128}$/.test(frame.value?.id ?? "") ? frame.value?.id ?? "" : "";
        }
      }
      lostAt = world.ticks();
    } else if (answer.error.kind === "interrupted") break;
    else if (isFinal(answer.error) || !connected || world.ticks() - lostAt > patienceMs) {
      return await fail(call, context, answer.error);
    }
    if (signal.aborted || follower.done) break;
    if (answer.ok) complain(context, `lost ${client.server.text}; trying again`);
    await world.pause(retryMs, signal);
  }
  return exit.done;
}

/** Whether the server has refused to be watched: one that starts again is waited for, and so is its token. */
function isFinal(error: Failure): boolean {
  return error.kind === "refused" && error.unsent !== true;
}

/** Ends one connection with its scope. */
class Connection implements Disposable {
  readonly #stop = new AbortController();
  readonly signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.signal = AbortSignal.any([signal, this.#stop.signal]);
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }
}

/** The event stream. */
export const watchCommands: readonly Command<Run>[] = [{
  syntax:
    "watch events [new] [since <since>] [num <n>] [log [level debug|info|warn|error]] [backend] [frontend] [vpp] [for <name>]",
  help: "follow what happens, until n events happened, a key is pressed or Ctrl-C",
  notes:
    "Begins with the present state, but for `new`, or with what happened `since` a time. Without kinds all are shown; `for` takes one backend or frontend. On a terminal one readable line for each event in the time of this machine, elsewhere and with --json one JSON object a line. A server that goes away is waited for 10 seconds; no event is lost if it still has them. After a restart of maglevd only what changed meanwhile is shown.",
  live: true,
  run: watchEvents,
}];
