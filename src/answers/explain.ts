/**
 * Why a frontend or a backend is as it is: for each member the chain from the file to VPP. Pure; made from what is
 * known, and each part says how old it is.
 *
 *   weight in the file -> override -> state -> pool in use -> effective weight -> sent to VPP -> in VPP
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import { timeText } from "../api/text.ts";
import { type BackendHealth, counterMax } from "../health/backend.ts";
import { causeText, type FrontendWeights, type MemberWeight } from "../health/frontend.ts";
import type { IpAddress, Transition, UnixMillis } from "../model.ts";
import type { Frontend } from "../configuration.ts";
import { listed } from "./words.ts";

type Member = api.Explain["members"][number];

/** A backend, as far as its state needs explaining. */
export interface StateFacts {
  /** Its health. */
  readonly health: BackendHealth;
  /** Its newest transition; null: none yet. */
  readonly newest: Transition | null;
  /** The last failure that counted; null: none. */
  readonly lastFailure: { readonly code: string; readonly detail: string } | null;
}

/** A message for a server that VPP answered. */
export interface Sent {
  /** When VPP answered it. */
  readonly at: UnixMillis;
  /** The weight in it, 0...255. */
  readonly weight: number;
  /** Whether it ended the server's flows. */
  readonly flush: boolean;
  /** VPP's answer. */
  readonly retval: number;
  /** Why it was sent. */
  readonly reason: string;
}

/** A server in VPP. */
export interface InVpp {
  /** As last read, or set since; 0...255. */
  readonly weight: number;
  /** Null: changed since it was read. */
  readonly numBuckets: number | null;
  /** When VPP was read. */
  readonly readAt: UnixMillis;
}

/** What an explanation is made from. */
export interface ExplainFacts {
  /** The moment. */
  readonly at: UnixMillis;
  /** A frontend of the running configuration with its weights; null: there is none of that name. */
  frontend(name: string): { readonly frontend: Frontend; readonly weights: FrontendWeights } | null;
  /** A backend; null: there is none of that name. */
  backend(name: string): StateFacts | null;
  /** Weight of a member in the file, 0...100; null: the file has no such member. */
  fileWeight(frontend: string, pool: string, backend: string): number | null;
  /** The override in force of a member: of its weight, else of its backend's state; null: none. */
  override(frontend: string, pool: string, backend: string): api.Override | null;
  /** The last message for a server that VPP answered; null: none, or not known. */
  sent(frontend: string, address: IpAddress): Sent | null;
  /** A server in VPP; null: VPP does not have it, or it is not known. */
  inVpp(frontend: string, address: IpAddress): InVpp | null;
  /** Weight of a server in the first read of VPP; null: none. */
  witness(frontend: string, address: IpAddress): number | null;
  /** How VPP stands to a frontend, and why. */
  vpp(frontend: string): { readonly standing: api.Frontend["vpp"]; readonly detail: string };
}

type TimeTexts = (at: UnixMillis) => string;

/** Texts of times, each made once: thousands of members share a few. */
function timeTexts(): TimeTexts {
  const texts = new Map<UnixMillis, string>();
  return (at) => {
    const text = texts.get(at) ?? timeText(at);
    texts.set(at, text);
    return text;
  };
}

/** `3 failures in a row`. */
function row(count: number, what: "pass" | "failure"): string {
  const many = what === "pass" ? "passes" : "failures";
  return count === 1 ? `1 ${what}` : `${count} ${many} in a row`;
}

/** What was heard since the state began that points the other way; "" for nothing. */
function since({ health: { counter, rule, state }, lastFailure }: StateFacts): string {
  if (rule === null) return "";
  if (state === "down" && counter > 0) return `; since then ${row(counter, "pass")}, ${rule.rise} are needed`;
  const failures = counterMax(rule) - counter;
  if (state !== "up" || failures === 0) return "";
  const last = lastFailure === null ? "" : `, the last ${causeText(lastFailure.code, lastFailure.detail)}`;
  return `; now ${row(failures, "failure")}${last}, ${rule.fall} make it down`;
}

/** Why a backend is in its state: which results. Since when is said by `state_since`. */
function stateReason(
  facts: StateFacts,
  witness: () => number | null,
): string {
  const { health: { known, previous, rule, state }, newest } = facts;
  if (previous !== null) {
    return `no verdict on its new address yet, ${previous.address} serves meanwhile`;
  }
  if (state === "unknown" && !known) {
    const was = witness() ?? 0;
    const had = was === 0 ? "no weight" : `weight ${was}`;
    return `no verdict yet; VPP had it with ${had} when it was first read`;
  }
  if (newest === null || newest.to !== state) return rule === null ? "no health check" : "no verdict yet";
  const { by, code, detail, from } = newest;
  const who = by === null ? "" : ` by ${by}`;
  const isProbe = /^L[467]/.test(code);
  if (!isProbe) {
    const plain = by === null ? detail : detail.replace(/ by operator$/, "");
    return by !== null && plain.includes(by) ? plain : `${plain === "" ? code : plain}${who}`;
  }
  const many = rule === null || from === "unknown"
    ? "the first verdict"
    : state === "up"
    ? row(rule.rise, "pass")
    : row(rule.fall, "failure");
  return `${many}: ${causeText(code, detail)}${since(facts)}`;
}

/** `b1 down, b2 paused`; a member that is up has no weight. */
function states(members: readonly MemberWeight[]): string {
  return listed(
    members.map(({ backend, configured, judged }) =>
      `${backend} ${judged === "up" && configured === 0 ? "up with weight 0" : judged}`
    ),
  );
}

/** Why each pool is in use or not, by its name. */
function poolReasons({ pools }: Frontend, { activePool, members }: FrontendWeights): Map<string, string> {
  const of = (pool: string) => members.filter((member) => member.pool === pool);
  const carriers = of(activePool).filter(({ effective }) => effective > 0).map(({ backend }) => backend);
  const at = pools.findIndex(({ name }) => name === activePool);
  const before = pools.slice(0, at).map(({ name }) => name);
  return new Map(pools.map(({ name }, index) => {
    if (carriers.length === 0) {
      const why = `no member of it is up and has a weight: ${states(of(name))}`;
      return [
        name,
        index === at ? "the first pool, as no pool has a member that is up and has a weight" : why,
      ];
    }
    if (index === at) {
      const passed = before.map((pool) =>
        `pool ${pool} has no member that is up and has a weight: ${states(of(pool))}`
      );
      return [
        name,
        ["the first pool with a member that is up and has a weight", ...passed].join("; "),
      ];
    }
    if (index < at) return [name, `no member of it is up and has a weight: ${states(of(name))}`];
    return [name, `pool ${activePool} comes first and has ${listed(carriers)}`];
  }));
}

function memberOf(
  facts: ExplainFacts,
  { name, pools }: Frontend,
  member: MemberWeight,
  activePool: string,
  poolReason: string,
  time: TimeTexts,
): Member {
  const { address, backend, configured, effective, pool } = member;
  const state = facts.backend(backend);
  const sent = address === null ? null : facts.sent(name, address);
  const has = address === null ? null : facts.inVpp(name, address);
  const witness = () => address === null ? null : facts.witness(name, address);
  return {
    frontend: name,
    pool,
    backend,
    in_use: pool === activePool && pools.some((one) => one.name === pool),
    pool_reason: poolReason,
    file_weight: facts.fileWeight(name, pool, backend) ?? configured,
    override: facts.override(name, pool, backend),
    state: member.state,
    state_reason: state === null ? "not in the configuration" : stateReason(state, witness),
    state_since: time(state?.health.since ?? facts.at),
    effective_weight: effective,
    sent: sent === null ? null : { ...sent, at: time(sent.at) },
    in_vpp: has === null
      ? null
      : { weight: has.weight, num_buckets: has.numBuckets, read_at: time(has.readAt) },
  };
}

function frontendMembers(
  facts: ExplainFacts,
  found: ReturnType<ExplainFacts["frontend"]>,
  only: string | null,
  time: TimeTexts,
): Member[] {
  if (found === null) return [];
  const { frontend, weights } = found;
  const reasons = poolReasons(frontend, weights);
  return weights.members.filter(({ backend }) => only === null || backend === only).map((member) =>
    memberOf(facts, frontend, member, weights.activePool, reasons.get(member.pool) ?? "", time)
  );
}

/** What VPP lacks of what is wanted; "" for nothing. */
function vppText(facts: ExplainFacts, frontends: readonly string[]): string {
  const behind = frontends.flatMap((name) => {
    const { detail, standing } = facts.vpp(name);
    if (standing === "in-sync" || standing === "off") return [];
    const why = detail === "" ? standing : standing === "disconnected" ? detail : `${standing}: ${detail}`;
    return [frontends.length === 1 ? why : `${name} ${why}`];
  });
  return behind.length === 0 ? "" : `; VPP does not have it so (${listed(behind)})`;
}

/** Explains a frontend; null: there is none of that name. */
export function explainFrontend(facts: ExplainFacts, name: string): api.Explain | null {
  const found = facts.frontend(name);
  if (found === null) return null;
  const { frontend, weights } = found;
  const { activePool, state } = weights;
  const members = frontendMembers(facts, found, null, timeTexts());
  const carriers = members.filter(({ effective_weight: weight }) => weight > 0);
  const reason = members.find(({ pool }) => pool === activePool)?.pool_reason ?? "";
  const servers = listed(
    carriers.map(({ backend, effective_weight: weight }) => `${backend} (weight ${weight})`),
  );
  const first = frontend.pools[0]?.name === activePool;
  const text = carriers.length === 0
    ? `frontend ${name} is ${state}, no server takes new flows: ${states(weights.members)}`
    : `frontend ${name} is ${state}, new flows go to ${servers} in pool ${activePool}${
      first ? "" : `; ${reason.slice(reason.indexOf("; ") + 2)}`
    }`;
  return {
    at: timeText(facts.at),
    frontend: name,
    state,
    text: `${text}${vppText(facts, [name])}`,
    members,
  };
}

/**
 * Explains a backend; null: there is none of that name.
 *
 * @param frontends names of those that it belongs to
 */
export function explainBackend(
  facts: ExplainFacts,
  name: string,
  frontends: readonly string[],
): api.Explain | null {
  const backend = facts.backend(name);
  if (backend === null) return null;
  const time = timeTexts();
  const members = frontends.flatMap((frontend) =>
    frontendMembers(facts, facts.frontend(frontend), name, time)
  );
  const { state } = backend.health;
  const reason = members[0]?.state_reason ?? stateReason(backend, () => null);
  const places = members.map(({ effective_weight: weight, frontend, in_use: used, override, pool }) => {
    const why = weight > 0 || state !== "up"
      ? ""
      : used
      ? override?.kind === "weight" ? `, set by ${override.by}` : ", the weight in the file"
      : ", its pool is not in use";
    return `weight ${weight} in ${frontend}/${pool}${why}`;
  });
  // Where there are members, they say since when.
  const when = places.length === 0 ? ` since ${timeText(backend.health.since)}` : "";
  const has = places.length === 0 ? "no frontend uses it" : `it has ${listed(places)}`;
  return {
    at: timeText(facts.at),
    frontend: null,
    state,
    text: `backend ${name} is ${state}${when} (${reason}); ${has}${vppText(facts, frontends)}`,
    members,
  };
}
