/**
 * What an action changes, or would change: which frontends and pools, whose flows, how much of the new flows, and the
 * messages to VPP. It is made from two pictures that are taken before the action, with the functions that judge and plan
 * what does happen. So it is the same beforehand and afterwards, and the action does not wait for it.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import type { Clock } from "../clock.ts";
import { Judgement } from "../health/transitions.ts";
import { type Assumption, type HealthPicture, type Outcome, whatIf } from "../health/what_if.ts";
import { type DesiredVip, desiredVips, type StatusOf } from "../lb/desired.ts";
import type { AssumedChange, VppPicture } from "../lb/forecast.ts";
import { compare } from "./prediction.ts";
import { changesOf } from "../lb/report.ts";
import { frontendVip, vipId } from "../lb/vips.ts";
import type { TableSpec } from "../lb/table/table.ts";
import type { Millis } from "../model.ts";
import type { Config } from "../configuration.ts";
import { actualTable, isRecreated, tableAfter, TableSlices, turn } from "./vip_table.ts";

/** What takes longer is not told, in ms. */
export const consequencesLimitMs: Millis = 250;

/** Longest time for which the thread is kept, in ms. */
const sliceMs: Millis = 4;

/** Frontends that are judged together. */
const SLICE = 20;

/** An action, as far as its consequences depend on it. */
export interface ForeseenAction {
  /** What happens, in order. */
  readonly assumptions: readonly Assumption[];
  /** The server whose flows an operator ends with a weight; null: none. */
  readonly weightFlush: AssumedChange["weightFlush"];
  /** A backend that an operator enables or resumes; null: none. */
  readonly wanted: string | null;
  /** A full sync follows: a reload. */
  readonly all: boolean;
}

/** The moment before an action. */
export interface Moment {
  /** Configuration and health. */
  readonly health: HealthPicture;
  /** What is known of VPP. */
  readonly vpp: VppPicture;
}

/** What changes. */
export type Foreseen = Pick<api.Consequences, "frontends" | "changes">;

type Row = NonNullable<api.Consequences["frontends"]>[number];

interface Judged {
  readonly row: Row;
  readonly tables: { readonly before: TableSpec; readonly after: TableSpec };
}

/** Gives the thread back when it was kept long enough. */
class Pace {
  readonly #clock: Pick<Clock, "now">;
  readonly #turn: () => Promise<void>;
  readonly deadline: Millis;
  #began: Millis;

  constructor(clock: Pick<Clock, "now">, giveTurn: () => Promise<void>) {
    this.#clock = clock;
    this.#turn = giveTurn;
    this.#began = clock.now();
    this.deadline = this.#began + consequencesLimitMs;
  }

  /** Whether it takes too long. */
  get late(): boolean {
    return this.#clock.now() >= this.deadline;
  }

  /** A place where the thread may be given back. */
  async rest(): Promise<void> {
    if (this.#clock.now() - this.#began < sliceMs) return;
    await this.#turn();
    this.#began = this.#clock.now();
  }

  /** Runs a generator to its end; null when it takes too long. */
  async run<T>(work: Generator<void, T, void>): Promise<T | null> {
    for (;;) {
      const step = work.next();
      if (step.done === true) return step.value;
      if (this.late) return null;
      await this.rest();
    }
  }
}

/** By frontend the backends whose flows end, by what happens to states and weights. */
function flushedByState({ transitions, lateFlushes }: Outcome, action: ForeseenAction) {
  const flushed = new Map<string, Set<string>>();
  const of = (frontend: string) => {
    const is = flushed.get(frontend) ?? new Set<string>();
    flushed.set(frontend, is);
    return is;
  };
  for (const { backend, effects, to } of transitions) {
    for (const { frontend, flush } of effects) {
      // What is removed is flushed only where its server goes, too: another backend may have its address now.
      if (flush && to !== "removed") of(frontend).add(backend);
      else of(frontend).delete(backend);
    }
  }
  for (const { frontend, backend } of lateFlushes) of(frontend).add(backend);
  if (action.weightFlush !== null) of(action.weightFlush.frontend).add(action.weightFlush.backend);
  return flushed;
}

function weightsOf(vip: DesiredVip | null): string {
  return (vip?.servers ?? []).map(({ address, weight }) => `${address} ${weight}`).sort().join();
}

/** One of the two sides: a configuration with its states. */
class Side {
  readonly #judgement: Judgement;
  readonly #picture: HealthPicture;
  readonly #vpp: VppPicture;
  /** State of a backend. */
  readonly status: StatusOf;

  constructor(picture: HealthPicture, vpp: VppPicture) {
    this.#picture = picture;
    this.#vpp = vpp;
    this.#judgement = new Judgement(vpp.facts, () => picture.config, (name) => {
      const health = picture.health.get(name);
      return health === undefined ? undefined : { health };
    });
    this.status = (name) => this.#judgement.status(name);
  }

  desired(names: readonly string[]): ReadonlyMap<string, DesiredVip> {
    const vips = desiredVips(this.#picture.config, this.status, this.#vpp.servers, names);
    return new Map(vips.map((vip) => [vip.frontend, vip]));
  }

  /** State and pool; null: there is no such frontend. */
  weights(name: string) {
    return this.#judgement.weights(name);
  }
}

/** A frontend before and after. */
interface Pair {
  /** Its name. */
  readonly name: string;
  /** Its name before: a VIP that only gets another name goes on. */
  readonly was: string;
  /** Its VIP before and after; null: it is new, or gone. */
  readonly desired: readonly [DesiredVip | null, DesiredVip | null];
  /** The VIP after, of whichever frontend, that has the identity of the one before; null: it goes. */
  readonly heir: DesiredVip | null;
}

/** What becomes of one frontend; null: nothing changes. */
function judge(
  { desired, heir, name, was: nameBefore }: Pair,
  sides: readonly [Side, Side],
  vpp: VppPicture,
  byState: ReadonlyMap<string, ReadonlySet<string>>,
): Judged | null {
  const before = sides[0].weights(nameBefore);
  const after = sides[1].weights(name);
  const [was, will] = desired;
  const sameVip = was !== null && will !== null && was.id === will.id;
  const actual = was === null ? null : vpp.vip(was.id);
  const made = will === null ? null : vpp.vip(will.id);
  const kept = new Set(heir?.servers.map(({ address }) => address));
  const anew = !sameVip || (made !== null && isRecreated(will, made));
  const gone = heir === null || (actual !== null && isRecreated(heir, actual));
  const left = new Set(
    was?.servers.filter(({ address }) => gone || !kept.has(address)).map((s) => s.backend),
  );
  const stay = [will, heir === will ? null : heir].flatMap((vip) => {
    // A server that is only added has no flows.
    const has = vip === null ? null : vpp.vip(vip.id) ?? (vip.id === was?.id ? was : null);
    const had = new Set(has?.servers.map(({ address }) => address));
    const ended = vip === null ? null : byState.get(vip.frontend);
    return vip?.servers.filter(({ address, backend }) => ended?.has(backend) && had.has(address)) ?? [];
  });
  const flushed = [...new Set([...left, ...stay.map(({ backend }) => backend)])];
  const from = before?.state ?? "unknown";
  // A frontend that leaves the configuration leaves VPP.
  const to = after?.state ?? "down";
  const poolBefore = before?.activePool ?? null;
  const poolAfter = after?.activePool ?? null;
  const same = sameVip && !anew && from === to && poolBefore === poolAfter && flushed.length === 0 &&
    weightsOf(was) === weightsOf(will);
  if (same) return null;
  const tableAfterwards = will === null ? null : tableAfter(will, made, false);
  // While VPP is away its tables are taken to be what they should be.
  const assumed = was === null || vpp.facts.isRead ? null : tableAfter(was, null, false);
  const tableNow = actual === null ? assumed : actualTable(actual);
  const length = tableAfterwards?.length ?? tableNow?.length ?? 1;
  const none: TableSpec = { length, servers: [] };
  return {
    row: {
      frontend: name,
      from,
      to,
      pool_before: poolBefore,
      pool_after: poolAfter,
      servers_left: will?.servers.filter(({ weight }) => weight > 0).length ?? 0,
      moved_share: null,
      flushed,
    },
    tables: { before: tableNow ?? none, after: tableAfterwards ?? none },
  };
}

/** Frontends by the `vipId` of their VIPs. */
function ownersOf(config: Config): ReadonlyMap<string, string> {
  return new Map([...config.frontends.values()].map((one) => [vipId(frontendVip(one)), one.name]));
}

async function frontends(
  moment: Moment,
  action: ForeseenAction,
  outcome: Outcome,
  pace: Pace,
): Promise<Judged[] | null> {
  const { health, vpp } = moment;
  const sides = [new Side(health, vpp), new Side(outcome.after, vpp)] as const;
  const [old, now] = [health.config.frontends, outcome.after.config.frontends];
  const owners = ownersOf(outcome.after.config);
  const renamed = new Map<string, string>();
  for (const frontend of old.values()) {
    const owner = owners.get(vipId(frontendVip(frontend)));
    if (owner !== undefined && !now.has(frontend.name) && !old.has(owner)) renamed.set(owner, frontend.name);
  }
  const gone = new Set(renamed.values());
  const names = [...new Set([...now.keys(), ...old.keys()])]
    .filter((name) => outcome.frontends.has(name) && !gone.has(name));
  const byState = flushedByState(outcome, action);
  const judged: Judged[] = [];
  for (let at = 0; at < names.length; at += SLICE) {
    if (pace.late) return null;
    const some = names.slice(at, at + SLICE);
    const before = sides[0].desired(some.map((name) => renamed.get(name) ?? name));
    const heirs = [...before.values()].flatMap(({ id }) => owners.get(id) ?? []);
    const after = sides[1].desired([...some, ...heirs]);
    for (const name of some) {
      const was = renamed.get(name) ?? name;
      const had = before.get(was) ?? null;
      const heir = had === null ? null : after.get(owners.get(had.id) ?? "") ?? null;
      const pair: Pair = { name, was, desired: [had, after.get(name) ?? null], heir };
      const one = judge(pair, sides, vpp, byState);
      if (one !== null) judged.push(one);
    }
    await pace.rest();
  }
  return judged;
}

/** Adds the share that moves, which takes the most time. */
async function withShares(judged: readonly Judged[], pace: Pace, slices: TableSlices): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { row, tables } of judged) {
    const moved = pace.late ? null : await compare(tables.before, tables.after, slices, pace.deadline);
    rows.push({ ...row, moved_share: moved?.moved_share ?? null });
  }
  return rows;
}

/**
 * The consequences of an action at a moment.
 *
 * @param giveTurn gives the thread back; tests count it
 */
export async function consequences(
  moment: Moment,
  action: ForeseenAction,
  clock: Pick<Clock, "now" | "wall">,
  giveTurn: () => Promise<void> = turn,
): Promise<Foreseen> {
  // What the action sends goes first.
  await giveTurn();
  const pace = new Pace(clock, giveTurn);
  const slices = new TableSlices(clock, giveTurn);
  const { health, vpp } = moment;
  const outcome = await pace.run(whatIf(health, vpp.facts, action.assumptions, clock.wall()));
  if (outcome === null) return { frontends: null, changes: null };
  const change: AssumedChange = {
    frontends: action.all ? null : outcome.frontends,
    config: outcome.after.config,
    status: new Side(outcome.after, vpp).status,
    transitions: outcome.transitions,
    lateFlushes: outcome.lateFlushes,
    weightFlush: action.weightFlush,
    wanted: action.wanted,
  };
  const judged = await frontends(moment, action, outcome, pace);
  const steps = pace.late ? null : await pace.run(vpp.steps(change));
  return {
    frontends: judged === null ? null : await withShares(judged, pace, slices),
    changes: steps === null ? null : changesOf({ steps }),
  };
}
