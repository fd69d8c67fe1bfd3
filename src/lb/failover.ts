/**
 * Failover first: weights of servers that VPP is known to have are sent without a read before, ahead of all that
 * waits, and for all VIPs that changed in one turn of the event loop together.
 *
 *   changed in this turn --all that differs are weights--> sent at once --> read back within a second
 *                        |--messages for the VIP under way--> again when VPP has answered them
 *                        |--anything else-------------------> an ordinary sync, which reads
 *
 * @module
 */
import type { Millis } from "../model.ts";
import { ABSENT } from "./apply.ts";
import { type LoadBalancer, VppError } from "./balancer.ts";
import type { DesiredVip } from "./desired.ts";
import type { FrontendSync } from "./frontend_record.ts";
import type { FrontendOutcome } from "./frontend_sync.ts";
import { type Outcome, outcomeOfHeld, type Planned } from "./outcome.ts";
import { onlyUnits } from "./plan.ts";
import { again, done, failed, readBack } from "./schedule.ts";
import { isHeldRebuild, isOnlyWeights, type Unit, unitsByFrontend } from "./steps.ts";
import type { Sending, Through } from "./sending.ts";
import type { Syncer } from "./sync.ts";
import type { SyncCore } from "./sync_core.ts";
import type { VppState } from "./vpp_state.ts";

/** What is to be done with the frontends that changed. */
export interface Sorted {
  /** Only weights differ: may be sent at once. */
  readonly urgent: readonly string[];
  /** Nothing is to be sent; how they stand. */
  readonly unchanged: ReadonlyMap<string, FrontendOutcome>;
  /** The VIPs of all that were planned, as VPP should have them. */
  readonly wanted: readonly DesiredVip[];
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
    else if (state.isUnderWay(vip)) busy.push(name);
    else known.push(name);
  }
  if (known.length === 0) {
    return { sorted: { urgent: [], unchanged: new Map(), wanted: [], busy, ordinary }, planned: null };
  }
  const whole = plan(known);
  if (isAllFree(whole.plan.units, known)) {
    return {
      sorted: { urgent: known, unchanged: new Map(), wanted: whole.desired, busy, ordinary },
      planned: { ...whole, plan: onlyUnits(whole.plan, whole.plan.units) },
    };
  }
  const byFrontend = unitsByFrontend(whole.plan.units);
  const urgent: string[] = [];
  const unchanged = new Map<string, FrontendOutcome>();
  const units = new Set<Unit>();
  for (const name of known) {
    const own = byFrontend.get(name) ?? [];
    const weights = own.filter(isOnlyWeights);
    // A rebuild that is held changes nothing here, and what it is held for stays told; one that is not needs a sync.
    const held = own.filter(isHeldRebuild);
    if (weights.length + held.length < own.length) ordinary.push(name);
    else if (weights.length === 0) {
      const steps = held.flatMap((unit) => unit.steps).filter(({ frontend }) => frontend === name);
      unchanged.set(name, outcomeOfHeld(steps));
    } else {
      urgent.push(name);
      for (const unit of own) units.add(unit);
    }
  }
  const sorted = { urgent, unchanged, wanted: whole.desired, busy, ordinary };
  if (urgent.length === 0) return { sorted, planned: null };
  const names = new Set(urgent);
  const desired = whole.desired.filter(({ frontend }) => names.has(frontend));
  const part = onlyUnits(whole.plan, [...units]);
  return { sorted, planned: { ...whole, plan: part, desired, frontends: urgent } };
}

/** Whether each frontend has one unit, in their order, and it may be sent as it is: nearly every failover is so. */
function isAllFree(units: readonly Unit[], names: readonly string[]): boolean {
  return units.length === names.length &&
    units.every((unit, place) =>
      unit.kind === "vip" && unit.frontend === names[place] && isOnlyWeights(unit)
    );
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
  /** Changes of which VPP has not answered everything yet. */
  readonly #runs = new Set<Promise<void>>();
  /** What changed in this turn and is still to be sent. */
  #changed: FrontendSync[] = [];

  /**
   * Nothing changed.
   */
  constructor(core: SyncCore, syncer: Syncer, hooks: FailoverHooks) {
    this.#core = core;
    this.#syncer = syncer;
    this.#hooks = hooks;
  }

  /**
   * Members of these frontends changed: what VPP is known to have is changed at the end of this turn, or when `send()` is
   * called; all else by a sync.
   */
  changed(frontends: Iterable<string>): void {
    const { session, syncs } = this.#core;
    const records = syncs.some(frontends);
    syncs.changed(records);
    if (session() === null || records.length === 0) return this.#hooks.after();
    if (this.#changed.length === 0) queueMicrotask(() => this.#send());
    for (const record of records) {
      // One that is still in the list of an earlier change is planned with that, from its newest state.
      if (record.changed) continue;
      record.changed = true;
      this.#changed.push(record);
    }
  }

  /**
   * Sends what changed in this turn now, not at its end: the messages are on the socket when this returns, those of the
   * first VIPs if there are many. In the warm-up a change may release frontends, which is told after the change; so there
   * it waits for the end of the turn.
   */
  send(): void {
    if (!this.#core.gate.done) return;
    this.#send();
    void this.#core.session()?.flush();
  }

  /** Resolves when VPP has answered the changes that are under way; null: none is. Another may have begun by then. */
  quiet(): Promise<unknown> | null {
    return this.#runs.size === 0 ? null : Promise.all(this.#runs);
  }

  #send(): void {
    if (this.#changed.length === 0) return;
    const lb = this.#core.session();
    // What a sync planned since they changed is not to be sent a second time.
    this.#core.syncs.changed(this.#changed);
    const change = new Change(this.#core, this.#syncer, this.#changed, {
      lookAgain: (name) => this.changed([name]),
      after: this.#hooks.after,
    });
    this.#changed = [];
    if (lb === null || this.#core.stop.aborted) return change.drop();
    this.#hooks.before();
    const run = change.begin(lb).finally(() => {
      this.#runs.delete(run);
      this.#hooks.after();
    });
    this.#runs.add(run);
    this.#hooks.after();
  }
}

/** What a change calls. */
interface ChangeHooks extends Pick<FailoverHooks, "after"> {
  /** A frontend must be looked at once more. */
  readonly lookAgain: (name: string) => void;
}

/** So much later what is to be read back may be read, while a change of many VIPs is under way. */
const READ_BACK_LATE_MS = 200;

/** VIPs of each part but the first, which has as many as messages may be in flight. */
const LATER_PART = 16;

/**
 * The frontends that changed in one turn. They are planned in parts, each when VPP has nearly taken the one before: the
 * first message of 1,000 VIPs does not wait for the plan of the last, and VPP works while the rest is planned.
 */
class Change {
  readonly #core: SyncCore;
  readonly #syncer: Syncer;
  readonly #hooks: ChangeHooks;
  readonly #records: readonly FrontendSync[];
  /** Frontends whose messages are under way. */
  readonly #open = new Map<string, FrontendSync>();
  readonly #planned = Promise.withResolvers<void>();
  #next = 0;
  #sending: Sending | null = null;
  #isQueued = false;
  /** When syncs are asked for next that became due. */
  #askAt: Millis = 0;

  /**
   * Nothing is planned.
   */
  constructor(
    core: SyncCore,
    syncer: Syncer,
    records: readonly FrontendSync[],
    hooks: ChangeHooks,
  ) {
    this.#core = core;
    this.#syncer = syncer;
    this.#records = records.length < 2 ? records : [...records].sort((a, b) => a.place - b.place);
    this.#hooks = hooks;
  }

  /** Sends no more: the session is over, or the daemon stops. */
  drop(): void {
    for (const record of this.#records.slice(this.#next)) record.changed = false;
    this.#next = this.#records.length;
  }

  /** Plans and sends the first part in this call; resolves when VPP has answered the last. */
  async begin(lb: LoadBalancer): Promise<void> {
    this.#plan(lb, this.#core.parts.inFlight);
    this.#more(lb);
    await this.#end();
  }

  /** Plans more when so few wait that VPP would have nothing to do. */
  #more(lb: LoadBalancer): void {
    if (this.#isQueued || !this.#wantsMore) return;
    this.#isQueued = true;
    queueMicrotask(async () => {
      // First write the messages that the answers made room for.
      await this.#sending?.write();
      this.#isQueued = false;
      while (this.#wantsMore) this.#plan(lb, LATER_PART);
      if (this.#next === this.#records.length) this.#planned.resolve();
    });
  }

  get #wantsMore(): boolean {
    const enough = this.#core.parts.inFlight + LATER_PART;
    return this.#next < this.#records.length && (this.#sending?.open ?? 0) < enough;
  }

  #plan(lb: LoadBalancer, count: number): void {
    const { parts: { clock }, schedule, session, state, stop, syncs } = this.#core;
    if (lb !== session() || lb.signal.aborted || stop.aborted) return this.drop();
    const part: FrontendSync[] = [];
    while (this.#next < this.#records.length && part.length < count) {
      const record = this.#records[this.#next++];
      // A reload may have dropped it.
      if (record !== undefined && syncs.get(record.name) === record) part.push(record);
      if (record !== undefined) record.changed = false;
    }
    const now = clock.now();
    const others: FrontendSync[] = [];
    const free: FrontendSync[] = [];
    for (const record of part) (this.#mayPlanFromKnown(record) ? free : others).push(record);
    const make = (some: readonly string[]) =>
      this.#syncer.planKnown(some, some, state.readAt ?? clock.wall());
    const { planned, sorted } = sortChanged(free, state, make);
    for (const record of syncs.some(sorted.busy)) this.#postpone(lb, record);
    this.#unchanged(sorted.unchanged, sorted.wanted);
    if (planned !== null) this.#add(lb, planned, sorted.urgent);
    // What needs a read comes after what is sent at once.
    const later = [...others, ...syncs.some(sorted.ordinary)];
    if (later.length === 0) return;
    schedule.touch(later, now);
    this.#hooks.after();
  }

  /**
   * Whether it may be changed without a read: nothing failed or holds it. The settings come first in each session, and
   * without a witness members that are not yet known would lose their weight.
   */
  #mayPlanFromKnown({ failures, release }: FrontendSync): boolean {
    const { gate, state } = this.#core;
    return this.#syncer.confJudged && state.witnesses.known && !gate.isHeld(release) && failures === 0;
  }

  #unchanged(outcomes: Sorted["unchanged"], wanted: readonly DesiredVip[]): void {
    if (outcomes.size === 0) return;
    const { parts: { clock }, syncs } = this.#core;
    const revisions = syncs.revisions(outcomes.keys());
    for (const record of syncs.commit(revisions, outcomes, clock.wall())) done(record);
    for (const vip of wanted) {
      if (outcomes.get(vip.frontend)?.standing === "in-sync") syncs.inSync(revisions, vip, clock.wall());
    }
    syncs.through(revisions, outcomes.keys());
  }

  /** Looks at a frontend again when VPP has answered what is under way for its VIP. */
  #postpone(lb: LoadBalancer, record: FrontendSync): void {
    const settled = this.#core.state.untilSettled(record.vip);
    if (settled === null || record.postponed) return;
    record.postponed = true;
    settled.then(() => {
      record.postponed = false;
      if (lb === this.#core.session()) this.#hooks.lookAgain(record.name);
    });
  }

  #add(lb: LoadBalancer, planned: Planned, names: readonly string[]): void {
    this.#sending ??= this.#syncer.begin(lb, {
      release: false,
      urgent: true,
      onOutcome: () => this.#more(lb),
      onThrough: (through) => this.#through(lb, through),
    });
    for (const record of this.#core.syncs.some(names)) {
      record.urgent++;
      this.#open.set(record.name, record);
    }
    this.#sending.add(planned);
  }

  /** Some frontends are through: a refusal is not left until VPP has answered all the others. */
  #through(lb: LoadBalancer, { done: all, others, revisions }: Through): void {
    const { parts: { clock }, session, syncs } = this.#core;
    const isOver = lb !== session() || lb.signal.aborted;
    const now = clock.now();
    for (const vip of all) {
      const { frontend } = vip;
      this.#close(frontend);
      // The end of the session answers those who wait.
      if (isOver) continue;
      const record = syncs.inSync(revisions, vip, clock.wall());
      if (record === null) continue;
      done(record);
      readBack(record, now);
    }
    if (others !== null) this.#troubled(others, isOver, now);
    // To ask what is due costs as much as thousands of messages; what is read back has time.
    if (others === null && now < this.#askAt) return;
    this.#askAt = now + READ_BACK_LATE_MS;
    this.#hooks.after();
  }

  /** Some of what was planned for these frontends VPP did not do, or it was not sent. */
  #troubled({ outcomes, results, revisions, superseded }: Outcome, isOver: boolean, now: Millis): void {
    const { parts: { clock, random }, schedule, syncs } = this.#core;
    const own = [...outcomes.keys(), ...superseded].filter((name) => this.#open.has(name));
    for (const name of own) this.#close(name);
    if (isOver) return;
    // Of what was superseded, a later plan answers those who wait.
    syncs.through(revisions, own.filter((name) => !superseded.has(name)));
    const absent = new Set(
      results.filter(({ retval }) => retval === ABSENT).map(({ step }) => step.frontend),
    );
    for (const record of syncs.commit(revisions, outcomes, clock.wall())) {
      // VPP does not have what it was known to have: it is read, and planned anew.
      if (absent.has(record.name)) again(record, now, random());
      else if (record.standing === "error") failed(record, now, random());
      else {
        done(record);
        readBack(record, now);
      }
    }
    // After a reload nobody else plans them.
    schedule.touch(syncs.some(superseded).filter(({ changed, urgent }) => !changed && urgent === 0), now);
  }

  #close(name: string): void {
    const record = this.#open.get(name);
    if (record === undefined) return;
    this.#open.delete(name);
    record.urgent--;
  }

  async #end(): Promise<void> {
    if (this.#next < this.#records.length) await this.#planned.promise;
    if (this.#sending === null) return;
    try {
      await this.#sending.end();
    } catch (error) {
      // The daemon stops.
      if (!(error instanceof VppError)) throw error;
    } finally {
      for (const name of [...this.#open.keys()]) this.#close(name);
      this.#core.parts.hooks.synced();
    }
  }
}
