/**
 * Failover first: weights of servers that VPP is known to have are sent without a read before, ahead of all that
 * is under way, and for all VIPs that changed in one turn of the event loop together.
 *
 *   changed in this turn --all that differs are weights--> sent at once --> read back within a second
 *                        |--messages for the VIP under way--> again when VPP has answered them
 *                        |--anything else-------------------> an ordinary sync, which reads
 *
 * @module
 */
import { ABSENT } from "./apply.ts";
import { type LoadBalancer, VppError } from "./balancer.ts";
import type { FrontendSync } from "./frontend_sync.ts";
import type { Planned } from "./outcome.ts";
import { onlyUnits } from "./plan.ts";
import { again, done, failed, readBack } from "./schedule.ts";
import type { Unit, VipUnit } from "./steps.ts";
import type { SyncCore, Syncer } from "./sync.ts";
import type { VppState } from "./vpp_state.ts";

/** What is to be done with the frontends that changed. */
export interface Sorted {
  /** Only weights differ: may be sent at once. */
  readonly urgent: readonly string[];
  /** Nothing differs. */
  readonly settled: readonly string[];
  /** Wait until VPP has answered what is under way for their VIPs. */
  readonly busy: readonly string[];
  /** Need a read first. */
  readonly ordinary: readonly string[];
}

/**
 * Sorts frontends by whether their VIPs can be changed from what is known.
 *
 * @param plan makes the plan of some frontends from what is known
 */
export function sortChanged(
  records: readonly Pick<FrontendSync, "name" | "vip">[],
  state: VppState,
  plan: (names: readonly string[]) => Planned,
): { readonly sorted: Sorted; readonly planned: Planned | null } {
  const busy: string[] = [];
  const known: string[] = [];
  const ordinary: string[] = [];
  for (const { name, vip } of records) {
    if (state.vip(vip) === null) ordinary.push(name);
    else if (state.untilSettled(vip) !== null) busy.push(name);
    else known.push(name);
  }
  if (known.length === 0) return { sorted: { urgent: [], settled: [], busy, ordinary }, planned: null };
  const whole = plan(known);
  const byFrontend = Map.groupBy(whole.plan.units, frontendOf);
  const urgent: string[] = [];
  const settled: string[] = [];
  const units: VipUnit[] = [];
  for (const name of known) {
    const own = byFrontend.get(name) ?? [];
    const weights = own.flatMap((unit) => onlyWeights(unit) ?? []);
    // A recreate that is held (a table length) changes nothing here; one that is not needs an ordinary sync.
    const others = own.filter((unit) => onlyWeights(unit) === null && !isHeldRebuild(unit));
    if (others.length > 0) ordinary.push(name);
    else if (weights.length === 0) settled.push(name);
    else {
      urgent.push(name);
      units.push(...weights);
    }
  }
  const sorted = { urgent, settled, busy, ordinary };
  if (urgent.length === 0) return { sorted, planned: null };
  const names = new Set(urgent);
  const desired = whole.desired.filter(({ frontend }) => names.has(frontend));
  const part = onlyUnits(whole.plan, units);
  return { sorted, planned: { ...whole, plan: part, desired, frontends: urgent } };
}

function frontendOf(unit: Unit): string | null {
  return unit.kind === "vip" ? unit.frontend : unit.steps[0]?.frontend ?? null;
}

function isHeldRebuild(unit: Unit): boolean {
  return unit.kind === "rebuild" && unit.holds.length > 0;
}

/** The unit by itself if all it does is change weights that may be sent now; null: it does something else. */
function onlyWeights(unit: Unit): VipUnit | null {
  if (unit.kind !== "vip" || unit.add !== null) return null;
  const steps = [...unit.raises, ...unit.lowers];
  const free = steps.every(({ holds, kind }) => kind === "as_weight_updated" && holds.length === 0);
  return free ? { ...unit, supersededBy: null } : null;
}

/** What a failover calls. */
export interface FailoverHooks {
  /** Before what changed in a turn is sorted. */
  readonly before: () => void;
  /** When syncs may be due. */
  readonly after: () => void;
}

/** Sends what changed in each turn of the event loop. */
export class Failover {
  readonly #core: SyncCore;
  readonly #syncer: Syncer;
  readonly #hooks: FailoverHooks;
  /** Runs that VPP has not answered yet. */
  readonly #runs = new Set<Promise<void>>();
  /** Whether what changed in this turn is still to be sent. */
  #sends = false;

  /**
   * Nothing changed.
   */
  constructor(core: SyncCore, syncer: Syncer, hooks: FailoverHooks) {
    this.#core = core;
    this.#syncer = syncer;
    this.#hooks = hooks;
  }

  /** Members of these frontends changed: what VPP is known to have is changed at once, all else by a sync. */
  changed(frontends: Iterable<string>): void {
    const { session, syncs } = this.#core;
    const records = syncs.some(frontends);
    syncs.changed(records.map(({ name }) => name));
    if (session() === null || records.length === 0) return this.#hooks.after();
    for (const record of records) record.changed = true;
    if (!this.#sends) queueMicrotask(() => this.#send());
    this.#sends = true;
  }

  /**
   * Sends what changed in this turn now, not at its end: the messages are on the socket when this returns. In the
   * warm-up a change may release frontends, which is told after the change; so there it waits for the end of the turn.
   */
  send(): void {
    if (!this.#core.gate.done) return;
    this.#send();
    this.#core.session()?.flush();
  }

  /** Resolves when VPP has answered every urgent message. */
  async quiet(): Promise<void> {
    while (this.#runs.size > 0) await Promise.all(this.#runs);
  }

  #send(): void {
    if (!this.#sends) return;
    const { gate, parts: { clock }, schedule, session, state, stop, syncs } = this.#core;
    this.#sends = false;
    const changed: FrontendSync[] = [];
    for (const record of syncs.all()) {
      if (record.changed) changed.push(record);
      record.changed = false;
    }
    const lb = session();
    if (lb === null || stop.aborted) return;
    this.#hooks.before();
    const now = clock.now();
    // The settings come first in each session; without a witness members that are not yet known would lose their weight.
    const ready = this.#syncer.confJudged && state.witnesses.known;
    const isFree = ({ failures, release }: FrontendSync) => ready && !gate.isHeld(release) && failures === 0;
    const others = changed.filter((record) => !isFree(record));
    const make = (some: readonly string[]) =>
      this.#syncer.planKnown(some, some, state.readAt ?? clock.wall());
    const { planned, sorted } = sortChanged(changed.filter(isFree), state, make);
    for (const record of syncs.some(sorted.busy)) this.#postpone(lb, record);
    const inSync = { standing: "in-sync", detail: null } as const;
    const settled = new Map(sorted.settled.map((name) => [name, inSync]));
    for (const record of syncs.commit(syncs.revisions(sorted.settled), settled, clock.wall())) done(record);
    syncs.takeWaits(sorted.settled).done();
    if (planned !== null) {
      const run = this.#run(lb, planned, sorted.urgent)
        .finally(() => this.#runs.delete(run));
      this.#runs.add(run);
    }
    // What needs a read comes after what is sent at once.
    const later = [...others, ...syncs.some(sorted.ordinary)];
    if (later.length > 0) schedule.touch(later, now);
    this.#hooks.after();
  }

  /** Looks at a frontend again when VPP has answered what is under way for its VIP. */
  #postpone(lb: LoadBalancer, record: FrontendSync): void {
    const settled = this.#core.state.untilSettled(record.vip);
    if (settled === null || record.postponed) return;
    record.postponed = true;
    settled.then(() => {
      record.postponed = false;
      if (lb === this.#core.session()) this.changed([record.name]);
    });
  }

  async #run(lb: LoadBalancer, planned: Planned, names: readonly string[]): Promise<void> {
    const { parts: { clock, hooks, random }, session, syncs } = this.#core;
    const { decided, done: answer } = syncs.takeWaits(names);
    try {
      const synced = await this.#syncer.apply(lb, planned, { release: false, urgent: true, decided });
      if (lb !== session()) return;
      const now = clock.now();
      const absent = new Set(
        synced.results.filter(({ retval }) => retval === ABSENT).map(({ step }) => step.frontend),
      );
      for (const record of syncs.commit(synced.revisions, synced.outcomes, clock.wall())) {
        // VPP does not have what it was known to have: it is read, and planned anew.
        if (absent.has(record.name)) again(record, now, random());
        else if (record.standing === "error") failed(record, now, random());
        else {
          done(record);
          readBack(record, now);
        }
      }
    } catch (error) {
      if (!(error instanceof VppError)) throw error;
    } finally {
      answer();
      hooks.synced();
      this.#hooks.after();
    }
  }
}
