import { ask, type Call, type Context, fail, type Run, viewOf } from "../context.ts";
import { exit } from "../exit.ts";
import type { Command } from "../grammar.ts";
import { backendLines, backendsLines } from "../render/backends.ts";
import { yamlLines } from "../render/config.ts";
import { countersLines } from "../render/counters.ts";
import { frontendLines, frontendsLines, newFlowTableLines } from "../render/frontends.ts";
import { healthcheckLines, healthchecksLines } from "../render/healthchecks.ts";
import { fleetLines } from "../render/fleet.ts";
import { overridesLines } from "../render/overrides.ts";
import { planLines } from "../render/plan.ts";
import { lbStateLines, versionLines, vppInfoLines } from "../render/vpp.ts";
import { selectBackends, selectFrontends, type Selection } from "../select.ts";
import * as shapes from "../shapes/mod.ts";
import { line } from "../text.ts";

async function showVersion(call: Call, context: Context): ReturnType<Run> {
  const answer = await context.client.json({ path: "/v1/info", signal: context.signal }, shapes.info);
  if (!answer.ok) return await fail(call, context, answer.error);
  if (context.json) context.out.json(answer.value.text);
  else context.out.print(versionLines(answer.value.value, context.version, viewOf(context)));
  return exit.done;
}

const countersPath = "/v1/vpp/lb/counters";
/** maglevd reads the counters every 5 s; a second read that is not there by then is not waited for. */
const secondReadMs = 6_000;
const pollMs = 250;

async function showCounters(call: Call, context: Context): ReturnType<Run> {
  const { client, signal, world, out } = context;
  const first = await client.json({ path: countersPath, signal }, shapes.lbCounters);
  if (!first.ok) return await fail(call, context, first.error);
  if (context.json) {
    context.out.json(first.value.text);
    return exit.done;
  }
  let later = first.value.value;
  const until = world.ticks() + secondReadMs;
  const waiting = out.terminal && later.read_at !== null;
  if (waiting) out.redraw([line("waiting for a second read, to tell rates ...")]);
  while (later.read_at !== null && later.read_at === first.value.value.read_at && world.ticks() < until) {
    await world.pause(pollMs, signal);
    if (signal.aborted) return exit.failed;
    const next = await client.json({ path: countersPath, signal }, shapes.lbCounters);
    if (!next.ok) return await fail(call, context, next.error);
    later = next.value.value;
  }
  if (waiting) {
    out.redraw([]);
    out.keep();
  }
  out.print(countersLines(first.value.value, later, viewOf(context)));
  return exit.done;
}

const backendStates = ["up", "down", "unknown", "paused", "disabled"] as const;

function selectionOf(call: Call): Selection {
  return {
    glob: call.optional("glob"),
    state: backendStates.find((state) => call.has(state)) ?? null,
    check: call.optional("healthcheck"),
    sort: call.optional("column"),
  };
}

async function showFrontends(call: Call, context: Context): ReturnType<Run> {
  const { client, signal, out } = context;
  const answer = await client.json({ path: "/v1/frontends", signal }, shapes.frontendList);
  if (!answer.ok) return await fail(call, context, answer.error);
  const frontends = selectFrontends(answer.value.value.frontends, selectionOf(call));
  if (context.json) out.json(JSON.stringify({ ...answer.value.value, frontends }));
  else out.print(frontendsLines({ frontends }, viewOf(context)));
  return exit.done;
}

async function showBackends(call: Call, context: Context): ReturnType<Run> {
  const { client, signal, out } = context;
  const answer = await client.json({ path: "/v1/backends", signal }, shapes.backendList);
  if (!answer.ok) return await fail(call, context, answer.error);
  const check = call.optional("healthcheck");
  if (check !== null && !answer.value.value.backends.some(({ healthcheck }) => healthcheck === check)) {
    // No backend is an answer only if there is such a check.
    const path = `/v1/healthchecks/${call.url("healthcheck")}`;
    const known = await client.json({ path, signal }, shapes.healthcheck);
    if (!known.ok) return await fail(call, context, known.error);
  }
  const backends = selectBackends(answer.value.value.backends, selectionOf(call));
  if (context.json) out.json(JSON.stringify({ ...answer.value.value, backends }));
  else out.print(backendsLines({ backends }, viewOf(context)));
  return exit.done;
}

const frontendQuery = (call: Call) =>
  call.optional("frontend") === null ? "" : `?frontend=${call.url("frontend")}`;

/** Everything that only looks. */
export const showCommands: readonly Command<Run>[] = [
  { syntax: "show version", help: "versions of the client and the server", run: showVersion },
  {
    syntax: "show frontends [<glob>] [up|down|unknown]",
    help: "all frontends with their state and active pool, or those of some names or one state",
    run: showFrontends,
  },
  {
    syntax: "show frontend <frontend>",
    help: "one frontend: its pools and their backends with state, weights and share",
    run: ask((call) => ({ path: `/v1/frontends/${call.url("frontend")}` }), shapes.frontend, frontendLines),
  },
  {
    syntax: "show frontend <frontend> table",
    help: "the new-flow table of a frontend: buckets of each backend, wanted and real share",
    run: ask(
      (call) => ({ path: `/v1/frontends/${call.url("frontend")}/table` }),
      shapes.table,
      (model) => newFlowTableLines(model),
    ),
  },
  {
    syntax: "show frontend <frontend> [table] if <backend> up|down|unknown|paused|disabled",
    help: "the new-flow table that a frontend would have if a backend were in another state",
    run: ask(
      (call) => {
        const state = backendStates.find((state) => call.has(state)) ?? "up";
        return { path: `/v1/frontends/${call.url("frontend")}/table?state=${call.url("backend")}:${state}` };
      },
      shapes.table,
      (model, _view, call) => {
        const state = backendStates.find((state) => call.has(state)) ?? "up";
        return newFlowTableLines(model, ` if ${call.text("backend")} is ${state}`);
      },
    ),
  },
  {
    syntax: "show frontend <frontend> [table] if <backend> weight <weight>",
    help: "the new-flow table that a frontend would have if a backend had another weight",
    run: ask(
      (call) => ({
        path: `/v1/frontends/${call.url("frontend")}/table?weight=${call.url("backend")}:${
          call.text("weight")
        }`,
      }),
      shapes.table,
      (model, _view, call) =>
        newFlowTableLines(model, ` if ${call.text("backend")} has weight ${call.text("weight")}`),
    ),
  },
  {
    syntax: "show backends [<glob>] [up|down|unknown|paused|disabled] [check <healthcheck>] [sort <column>]",
    help:
      "all backends with their state, health and last probe, or those of some names, one state or one check",
    notes:
      "A pattern may hold `*` and `[a-c]`, and `?` if it is quoted. Sorted by state the worst come first, by time the newest, by probe time the slowest; without `sort` the order is that of the file. With --json the same ones are printed.",
    run: showBackends,
  },
  {
    syntax: "show backend <backend>",
    help: "one backend: health, last probe, where it is used, and its last transitions",
    run: ask((call) => ({ path: `/v1/backends/${call.url("backend")}` }), shapes.backend, backendLines),
  },
  {
    syntax: "show healthchecks",
    help: "all health checks",
    run: ask(() => ({ path: "/v1/healthchecks" }), shapes.healthcheckList, healthchecksLines),
  },
  {
    syntax: "show healthcheck <healthcheck>",
    help: "one health check with its parameters and the backends that use it",
    run: ask(
      (call) => ({ path: `/v1/healthchecks/${call.url("healthcheck")}` }),
      shapes.healthcheck,
      healthcheckLines,
    ),
  },
  {
    syntax: "show config",
    help: "the running configuration with all defaults filled in",
    run: ask(
      () => ({ path: "/v1/config" }),
      shapes.config,
      (config) => yamlLines(config).map((verbatim) => ({ verbatim })),
    ),
  },
  {
    syntax: "show overrides",
    help: "what operators set and have not taken back: who, since when, until when, why",
    run: ask(() => ({ path: "/v1/overrides" }), shapes.overrideList, overridesLines),
  },
  {
    syntax: "show fleet",
    help: "the other nodes: how old what they say is, and what they see differently",
    run: ask(() => ({ path: "/v1/fleet" }), shapes.fleet, fleetLines),
  },
  {
    syntax: "show vpp [info]",
    help: "version and build of VPP, since when it runs and is connected",
    run: ask(() => ({ path: "/v1/vpp/info" }), shapes.vppInfo, vppInfoLines),
  },
  {
    syntax: "show vpp lb state [<frontend>]",
    help: "what VPP has: global configuration, VIPs, application servers and their buckets",
    run: ask((call) => ({ path: `/v1/vpp/lb/state${frontendQuery(call)}` }), shapes.lbState, lbStateLines),
  },
  {
    syntax: "show vpp lb counters",
    help: "packets and bytes of VIPs and application servers, with rates",
    notes:
      "Rates are made of two reads. The server reads VPP's counters every 5 seconds, so this takes up to that long; with --json the last read is printed at once.",
    run: showCounters,
  },
  {
    syntax: "show vpp lb plan [<frontend>]",
    help: "what a sync would change in VPP now, why, and how many flows would move",
    run: ask((call) => ({ path: `/v1/vpp/lb/plan${frontendQuery(call)}` }), shapes.plan, planLines),
  },
];
