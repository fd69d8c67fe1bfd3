import { sseFrames } from "../../sse.ts";
import { type Call, complain, type Context, fail, type Run } from "../context.ts";
import { exit } from "../exit.ts";
import type { Command } from "../grammar.ts";
import { type ApiEvent, eventSpans } from "../render/events.ts";

const kinds = ["log", "backend", "frontend", "vpp"] as const;
const levels = ["debug", "info", "warn", "error"] as const;

/** A server that restarts is back by then; a watch in a script must not hang for ever. */
const patienceMs = 10_000;
const retryMs = 500;

function eventsPath(call: Call): string {
  const query = new URLSearchParams();
  const wanted = kinds.filter((kind) => call.has(kind));
  if (wanted.length > 0) query.set("kinds", wanted.join(","));
  const level = levels.find((name) => call.has(name));
  if (level !== undefined) query.set("level", level);
  return `/v1/events${query.size === 0 ? "" : `?${query}`}`;
}

/** One JSON object as one line, octet for octet unless it holds line ends. */
function oneLine(data: string): string {
  return data.includes("\n") ? JSON.stringify(JSON.parse(data)) : data;
}

async function watchEvents(call: Call, context: Context): ReturnType<Run> {
  const { client, out, world } = context;
  const limit = call.optional("n") === null ? Infinity : Number(call.text("n"));
  const readable = out.terminal && !context.json;
  const signal = readable ? AbortSignal.any([context.signal, context.anyKey()]) : context.signal;
  const path = eventsPath(call);
  let lastId = "";
  let seen = 0;
  let connected = false;
  let lostAt = 0;
  while (!signal.aborted && seen < limit) {
    const done = new AbortController();
    const answer = await client.stream({
      path,
      headers: lastId === "" ? {} : { "last-event-id": lastId },
      signal: AbortSignal.any([signal, done.signal]),
    });
    if (answer.ok) {
      connected = true;
      try {
        for await (const frame of sseFrames(answer.value)) {
          if (frame.id !== "") lastId = frame.id;
          if (readable) out.print([eventSpans(JSON.parse(frame.data) as ApiEvent)]);
          else out.raw(`${oneLine(frame.data)}\n`);
          if (++seen >= limit) break;
        }
      } catch (error) {
        // A broken connection is what the loop is for; a frame that is no JSON is not.
        if (error instanceof SyntaxError || error instanceof RangeError) throw error;
      }
      done.abort();
      lostAt = world.ticks();
    } else if (answer.error.kind !== "unreachable" || !connected || world.ticks() - lostAt > patienceMs) {
      return answer.error.kind === "interrupted" ? exit.done : fail(context, answer.error);
    }
    if (signal.aborted || seen >= limit) break;
    if (answer.ok) complain(context, `lost ${client.server.text}; trying again`);
    await world.pause(retryMs, signal);
  }
  return exit.done;
}

/** The event stream. */
export const watchCommands: readonly Command<Run>[] = [{
  syntax: "watch events [num <n>] [log [level debug|info|warn|error]] [backend] [frontend] [vpp]",
  help: "follow what happens, until n events were seen, a key is pressed or Ctrl-C",
  notes:
    "Begins with the present state. Without kinds all are shown. On a terminal one readable line for each event, elsewhere and with --json one JSON object a line. A server that goes away is waited for 10 seconds; no event is lost if it still has them.",
  run: watchEvents,
}];
