import { type SseFrame, sseFrames } from "../../sse.ts";
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

/** The next frame; null where the connection has ended, however it did. */
async function nextFrame(frames: AsyncGenerator<SseFrame>): Promise<SseFrame | null> {
  try {
    const next = await frames.next();
    return next.done ? null : next.value;
  } catch (error) {
    // A frame that is too long would be so again after a reconnect; a broken connection would not.
    if (error instanceof RangeError) throw error;
    return null;
  }
}

async function watchEvents(call: Call, context: Context): ReturnType<Run> {
  const { client, out, world } = context;
  const limit = call.optional("n") === null ? Infinity : Number(call.text("n"));
  const readable = out.terminal && !context.json;
  const signal = readable ? AbortSignal.any([context.signal, context.anyKey()]) : context.signal;
  const path = eventsPath(call);
  const show = ({ data }: SseFrame) => {
    if (readable) out.print([eventSpans(JSON.parse(data) as ApiEvent)]);
    else out.json(oneLine(data));
  };
  let lastId = "";
  let seen = 0;
  let lostAt = 0;
  let connected = false;
  while (!signal.aborted && seen < limit) {
    using connection = new Connection(signal);
    const headers: Record<string, string> = lastId === "" ? {} : { "last-event-id": lastId };
    const answer = await client.stream({ path, headers, signal: connection.signal });
    if (answer.ok) {
      connected = true;
      const frames = sseFrames(answer.value);
      while (seen < limit && !signal.aborted) {
        const frame = await nextFrame(frames);
        if (frame === null) break;
        // It goes back in a header; an id that is none of maglevd's would not be taken there.
        lastId = /^[\x21-\x7e]{1,128}$/.test(frame.id) ? frame.id : "";
        show(frame);
        seen++;
      }
      lostAt = world.ticks();
    } else if (answer.error.kind === "interrupted") break;
    else if (answer.error.kind === "refused" || !connected || world.ticks() - lostAt > patienceMs) {
      return await fail(call, context, answer.error);
    }
    if (signal.aborted || seen >= limit) break;
    if (answer.ok) complain(context, `lost ${client.server.text}; trying again`);
    await world.pause(retryMs, signal);
  }
  return exit.done;
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
  syntax: "watch events [num <n>] [log [level debug|info|warn|error]] [backend] [frontend] [vpp]",
  help: "follow what happens, until n events were seen, a key is pressed or Ctrl-C",
  notes:
    "Begins with the present state. Without kinds all are shown. On a terminal one readable line for each event, elsewhere and with --json one JSON object a line. A server that goes away is waited for 10 seconds; no event is lost if it still has them.",
  live: true,
  run: watchEvents,
}];
