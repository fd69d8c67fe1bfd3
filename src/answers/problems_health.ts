/**
 * Problems of frontends and backends. Pure.
 *
 * @module
 */
import type { CurrentProblem } from "../api/mod.ts";
import type { Blindness } from "../health/blind.ts";
import type { Millis, State, UnixMillis } from "../model.ts";
import type { BackendFacts, FrontendFacts, Known } from "./known.ts";
import { problem } from "./problem.ts";
import { listed } from "./words.ts";

const dayMs: Millis = 86_400_000;
/** A certificate is a problem for so long before its end, in ms. */
export const certificateMs: Millis = 14 * dayMs;
/** Void results in a row that are a problem; a single one is repeated at once. */
const voidsInRow = 2;

/** Problems of all frontends. */
export function frontendProblems({ backends, frontends }: Known): CurrentProblem[] {
  let states: Map<string, State> | null = null;
  return frontends.flatMap((facts) => {
    const found: CurrentProblem[] = [];
    const { frontend: { name, pools }, withoutEffect } = facts;
    const show = `show frontend ${name}`;
    if (facts.state === "down") {
      states ??= new Map(backends.map((backend) => [backend.name, backend.state]));
      const text = `frontend ${name} is down, no server takes new flows: ${countStates(facts, states)}`;
      found.push(problem("frontend-down", name, facts.since, text, { show }));
    }
    const [first] = pools;
    if (facts.state !== "down" && first !== undefined && facts.activePool !== first.name) {
      const text =
        `frontend ${name} uses pool ${facts.activePool}: no member of pool ${first.name} is up with a weight`;
      found.push(problem("pool-fallback", name, facts.poolSince, text, { show }));
    }
    if (withoutEffect !== null) {
      const text = `weights of frontend ${name} have no effect, its table is too short for them: ${
        listed(withoutEffect.backends)
      }`;
      found.push(
        problem("weight-without-effect", name, withoutEffect.since, text, { show: `${show} table` }),
      );
    }
    return found;
  });
}

/** `2 down, 1 paused`; members with weight 0 that are up are told as such. */
function countStates({ frontend }: FrontendFacts, states: ReadonlyMap<string, State>): string {
  const counts = new Map<string, number>();
  for (const { backend, weight } of frontend.pools.flatMap(({ members }) => members)) {
    const state = states.get(backend) ?? "removed";
    const word = state === "up" && weight === 0 ? "up with weight 0" : state;
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => `${count} ${word}`).join(", ");
}

/** Problems of all backends, and the one that all of them are blind. */
export function backendProblems({ backends, now, probed }: Known): CurrentProblem[] {
  const found: CurrentProblem[] = [];
  const blind: Blindness[] = [];
  for (const backend of backends) {
    stateProblems(backend, found);
    probeProblems(backend, found);
    certificateProblems(backend, now, found);
    if (backend.blind !== null) blind.push(backend.blind);
  }
  if (blind.length === 0 || blind.length < probed) return found;
  const details = new Set(blind.map(({ detail }) => detail));
  const [only] = details.size === 1 ? details : [];
  const since = Math.max(...blind.map((one) => one.since));
  const text = `all probed backends (${probed}) are blind: ${only ?? "for several reasons"}`;
  return [problem("all-blind", "", since, text, { show: "show backends" }), ...found];
}

/** The cause of the newest transition: `L4CON connection refused`. */
function cause({ newest }: BackendFacts): string {
  if (newest === null) return "";
  return newest.detail === "" ? newest.code : `${newest.code} ${newest.detail}`;
}

function stateProblems(backend: BackendFacts, found: CurrentProblem[]): void {
  const { flapping, name, newest, since, state } = backend;
  if (state === "up" && flapping === null) return;
  const show = `show backend ${name}`;
  const by = newest?.by ?? null;
  const who = by === null ? "" : ` by ${by}`;
  if (flapping !== null) {
    const text = `backend ${name} flaps, it is ${state} now: ${cause(backend)}`;
    found.push(problem("flapping", name, flapping, text, { show }));
  } else if (state === "down") {
    found.push(problem("backend-down", name, since, `backend ${name} is down: ${cause(backend)}`, { show }));
  }
  if (state === "paused") {
    const text = `backend ${name} is paused${who}, it gets no new flows`;
    found.push(problem("paused", name, since, text, { show, fix: `set backend ${name} resume` }));
  }
  if (state === "disabled") {
    const why = by === null && newest?.detail ? `: ${newest.detail}` : who;
    const text = `backend ${name} is disabled${why}`;
    found.push(problem("disabled", name, since, text, { show, fix: `set backend ${name} enable` }));
  }
}

function probeProblems(backend: BackendFacts, found: CurrentProblem[]): void {
  const { blind, name, previous, void: run } = backend;
  if (blind === null && (run === null || run.count < voidsInRow)) return;
  const show = `show backend ${name}`;
  if (blind !== null && previous !== null) {
    const text = `backend ${name} waits for a verdict on its new address and is blind, ${previous} serves ` +
      `meanwhile: ${blind.detail}`;
    found.push(problem("address-wait", name, blind.since, text, { show }));
  } else if (blind !== null) {
    const text = `backend ${name} is blind, no result of its probes counts: ${blind.detail}`;
    found.push(problem("backend-blind", name, blind.since, text, { show }));
  } else if (run !== null) {
    const text = `the last probes of backend ${name} were void (${run.cause}): ${run.detail}`;
    found.push(problem("backend-void", name, run.since, text, { show }));
  }
}

function certificateProblems(
  { certificateEnd: end, name }: BackendFacts,
  now: UnixMillis,
  found: CurrentProblem[],
): void {
  if (end === null || end - now > certificateMs) return;
  const date = new Date(end).toISOString().slice(0, 10);
  const days = Math.floor((end - now) / dayMs);
  const when = end <= now
    ? `ended on ${date}`
    : days === 0
    ? `ends today or tomorrow, on ${date}`
    : `ends in ${days} ${days === 1 ? "day" : "days"}, on ${date}`;
  const text = `the certificate of backend ${name} ${when}`;
  found.push(problem("certificate", name, end - certificateMs, text, { show: `show backend ${name}` }));
}
