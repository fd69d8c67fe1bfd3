import type { Frontend } from "../../api/mod.ts";
import { parseDuration, toMillis } from "../../duration.ts";
import { type Call, complain, type Context, fail, type Run } from "../context.ts";
import { exit } from "../exit.ts";
import type { Command } from "../grammar.ts";
import { attempt, type Target } from "../probe/attempt.ts";
import { tallyJson, tallyLines, targetLine } from "../probe/render.ts";
import { Tally } from "../probe/tally.ts";
import { frontend as frontendShape } from "../shapes/mod.ts";

const defaultIntervalMs = 100;
/** A lost SYN is sent again after a second; a probe that needed that is late, but not failed. */
const timeoutMs = 2_000;
/** Probes without a terminal, where nobody can press Ctrl-C. */
const countElsewhere = 10;
/** The terminal is drawn at most so often. */
const drawMs = 100;

function targetOf(call: Call, frontend: Frontend, { version, client: { caCerts } }: Context): Target {
  return {
    address: frontend.address,
    port: frontend.port,
    path: call.optional("path"),
    host: call.optional("host"),
    header: call.optional("header") ?? "X-Backend",
    tls: !call.has("tls") ? "off" : call.has("insecure") ? "insecure" : "verify",
    caCerts,
    timeoutMs,
    userAgent: `maglevc/${version}`,
  };
}

function intervalOf(call: Call): number {
  const text = call.optional("duration");
  const interval = text === null ? null : parseDuration(text);
  return interval?.ok ? toMillis(interval.value) : defaultIntervalMs;
}

async function probe(call: Call, context: Context): ReturnType<Run> {
  const { client, signal, out, world } = context;
  const answer = await client.json(
    { path: `/v1/frontends/${call.url("frontend")}`, signal },
    frontendShape,
  );
  if (!answer.ok) return await fail(call, context, answer.error);
  const frontend = answer.value.value;
  if (frontend.protocol !== "tcp") {
    const what = frontend.protocol === "any" ? "serves all ports" : "speaks udp";
    complain(context, `frontend ${frontend.name} ${what}; only a VIP of one tcp port can be probed`);
    return exit.usage;
  }
  const target = targetOf(call, frontend, context);
  const intervalMs = intervalOf(call);
  const live = out.terminal && !context.json;
  const asked = Number(call.optional("n") ?? 0);
  const limit = asked > 0 ? asked : out.terminal ? Infinity : countElsewhere;
  const tally = new Tally(target.path !== null);
  const lines = () => tallyLines(target, tally, world.ticks());
  if (!context.json) out.print([targetLine(frontend.name, target, intervalMs)]);
  let due = world.ticks();
  let drawnAt = -Infinity;
  while (tally.sent < limit) {
    await world.pause(Math.max(0, due - world.ticks()), signal);
    if (signal.aborted) break;
    // Turns that were missed are skipped, or a slow VIP would be probed in bursts.
    due = Math.max(due + intervalMs, world.ticks());
    const result = await attempt(target, world.ticks, signal);
    if (signal.aborted) break;
    tally.add(result, world.ticks());
    if (live && world.ticks() - drawnAt >= drawMs) {
      out.redraw(lines());
      drawnAt = world.ticks();
    }
  }
  if (context.json) context.out.json(tallyJson(frontend.name, target, tally));
  else if (live) {
    out.redraw(lines());
    out.keep();
  } else out.print(lines());
  return tally.failed > 0 ? exit.failed : exit.done;
}

/** Tests of a VIP from where maglevc runs. */
export const probeCommands: readonly Command<Run>[] = [{
  syntax:
    "probe <frontend> [count <n>] [interval <duration>] [path <path>] [host <host>] [header <header>] [tls [insecure]]",
  help: "test a VIP from this machine, with a new connection each time",
  notes:
    "Without a path it only connects (and shakes hands with `tls`); with one, an answer of 200 to 399 is good. Count 0, the default, goes on until Ctrl-C on a terminal and is 10 elsewhere; the interval is 100ms. Each probe has 2 seconds. The exit code is 1 if any failed. UDP and all-port VIPs cannot be probed.",
  live: true,
  run: probe,
}];
