/**
 * Runs of syncs, one after the other: each reads, plans and sends, and what came of it goes into the frontends' records
 * and into the schedule.
 *
 * @module
 */
import { abortable } from "../async/abortable.ts";
import type { ActualVip, Millis, UnixMillis } from "../model.ts";
import type { Config } from "../configuration.ts";
import { type LoadBalancer, VppError } from "./balancer.ts";
import { desiredConf } from "./desired.ts";
import { driftIn, Drifts, FullSync } from "./differences.ts";
import type { FrontendSync } from "./frontend_record.ts";
import type { Revisions } from "./frontend_sync.ts";
import { isBlocked } from "./steps.ts";
import type { Planned, Synced } from "./outcome.ts";
import { sameConf } from "./plan.ts";
import { HeldLog, logFailed } from "./report.ts";
import { again, done, failed, readBack } from "./schedule.ts";
import type { Syncer } from "./sync.ts";
import type { SyncCore } from "./sync_core.ts";

/** A sync of some VIPs with so many messages, at most, goes with those of a failover. */
const MOST_URGENT = 16;

/** The runs of one daemon. */
export class Runs {
  readonly #core: SyncCore;
  readonly #syncer: Syncer;
  readonly #quiet: () => Promise<unknown> | null;
  readonly #heldLog: HeldLog;
  #isBetween = false;
  /**
   * Frontends whose VIPs were right after a read for somebody's question, and what that was judged from. Clients may ask
   * for VPP's state all the time, and a plan of 1,000 VIPs for each answer would hold up the answers of VPP.
   */
  readonly #right = new WeakMap<FrontendSync, { readonly vip: ActualVip; readonly revision: number }>();
  /** What full syncs left. */
  readonly full = new FullSync();
  /** What somebody else changed in VPP. */
  readonly drifts = new Drifts();
  /** The configuration under which the last full sync went through. */
  #settled: Config | null = null;

  /**
   * Nothing runs.
   *
   * @param quiet resolves when VPP has answered the urgent messages under way; null: there are none
   */
  constructor(core: SyncCore, syncer: Syncer, quiet: () => Promise<unknown> | null) {
    this.#core = core;
    this.#syncer = syncer;
    this.#quiet = quiet;
    this.#heldLog = new HeldLog(core.parts.log);
  }

  /** Whether a full sync of this session went through and every VIP is as it should be. */
  get inSync(): boolean {
    return this.full.complete && !this.drifts.unmended &&
      this.#core.syncs.some(null).every(({ standing }) => standing === "in-sync");
  }

  /** The session ended. */
  disconnected(): void {
    this.full.disconnected();
    this.drifts.disconnected();
    this.#settled = null;
  }

  /** Reads and plans. Where it says `thorough`, nothing that is remembered is trusted. */
  async plan(
    lb: LoadBalancer,
    frontends: readonly string[] | null,
    thorough: (name: string) => boolean = () => true,
  ): Promise<Planned> {
    const planned = await abortable(
      this.#syncer.plan(lb, frontends, thorough, this.#quiet),
      this.#core.stop,
    );
    if (lb === this.#core.session()) this.#lookForDrift(planned);
    return planned;
  }

  /** VPP was read for somebody's question: what differs is told, and a sync is due. Null: everything was read. */
  wasRead(frontends: readonly string[] | null, readAt: UnixMillis): void {
    const { gate, state, syncs } = this.#core;
    // Before the first full sync nothing was ever as it should be.
    if (!this.full.complete || !gate.done || syncs.some(frontends).length === 0) return;
    const names = frontends ?? this.#doubtful();
    if (names?.length === 0) return;
    const planned = this.#syncer.planKnown(names, names, readAt);
    this.#lookForDrift(planned);
    const differing = new Set(planned.plan.steps.map(({ frontend }) => frontend));
    for (const record of syncs.some(names)) {
      const vip = state.vip(record.vip);
      if (vip === null || differing.has(record.name)) this.#right.delete(record);
      else this.#right.set(record, { vip, revision: record.revision });
    }
  }

  /** Frontends whose VIPs may differ after a full read; null: all, and what no frontend has. */
  #doubtful(): string[] | null {
    const { parts: { world }, state, syncs } = this.#core;
    if (state.conf === null || !sameConf(state.conf, desiredConf(world().config))) return null;
    const drifted = this.drifts.objects;
    for (const object of drifted) if (syncs.get(object) === null) return null;
    const doubtful: string[] = [];
    let vips = 0;
    for (const record of syncs.all()) {
      const vip = state.vip(record.vip);
      if (vip === null) return null;
      vips++;
      const right = this.#right.get(record);
      const isRight = right?.vip === vip && right.revision === record.revision;
      if (!isRight || drifted.has(record.name)) doubtful.push(record.name);
    }
    return vips === state.byId.size ? doubtful : null;
  }

  /** Syncs everything. With `release` what is held goes, too. Rejects when it could not read, or the session ends. */
  async all(lb: LoadBalancer, release = false, planned?: Planned): Promise<Synced> {
    const { parts: { clock, random, world }, schedule, session } = this.#core;
    const startedAt = clock.now();
    // A plan made before may not cover what was touched since, so that stays in the schedule.
    if (planned === undefined) schedule.takeAll();
    const synced = await this.run(lb, null, release, planned);
    if (lb !== session()) return synced;
    const now = clock.now();
    const { syncIntervalMs } = world().config.lb;
    if (synced.othersSurprised) schedule.allAgain(startedAt, now, syncIntervalMs, random());
    else if (synced.others.size > 0) schedule.allFailed(startedAt, now, syncIntervalMs, random());
    else schedule.allDone(startedAt, now, syncIntervalMs);
    this.#heldLog.tell(synced.plan);
    return synced;
  }

  /** Syncs some VIPs; null: none of them may be written now. */
  async vips(lb: LoadBalancer, frontends: readonly string[]): Promise<Synced | null> {
    const { gate, syncs } = this.#core;
    // A sync of a held VIP could only read; its release touches it again.
    const byHeld = Map.groupBy(syncs.some(frontends), ({ release }) => gate.isHeld(release));
    const held = byHeld.get(true)?.map(({ name }) => name) ?? [];
    syncs.through(syncs.revisions(held), held);
    const free = byHeld.get(false)?.map(({ name }) => name) ?? [];
    return free.length === 0 ? null : await this.run(lb, free, false);
  }

  /** One run; `made`: of this plan. */
  async run(
    lb: LoadBalancer,
    frontends: readonly string[] | null,
    release: boolean,
    made?: Planned,
  ): Promise<Synced> {
    const { parts, session, syncs } = this.#core;
    const records = syncs.some(frontends);
    const begun = syncs.revisions(records.map(({ name }) => name));
    for (const record of records) record.running++;
    let planned = made;
    let superseded: ReadonlySet<string> = new Set();
    try {
      // A VIP that was not as remembered is read whole.
      const thorough = (name: string) => (syncs.get(name)?.failures ?? 0) > 0;
      planned ??= await this.plan(lb, frontends, thorough);
      const { left, plan } = planned;
      // What was left to a change that is under way is looked at after that.
      for (const record of records) if (left.has(record.name)) readBack(record, parts.clock.now());
      // So few do not hold up a failover, and they may be what VPP refused of one.
      const urgent = frontends !== null && plan.steps.length <= MOST_URGENT;
      const sending = this.#syncer.begin(lb, { release, urgent });
      sending.add(planned);
      const synced = await sending.end();
      if (synced === null) throw new TypeError("a sync is told as a whole");
      superseded = synced.superseded;
      if (lb === session()) this.#account(synced);
      return synced;
    } catch (error) {
      if (error instanceof VppError) this.#failed(lb, frontends, begun, error);
      throw error;
    } finally {
      for (const record of records) record.running--;
      const names = planned?.frontends ?? frontends ?? begun.frontends.keys();
      // A later plan answers those who wait for what was not sent, and the end of the session all.
      if (!lb.signal.aborted) {
        syncs.through(planned?.revisions ?? begun, [...names].filter((name) => !superseded.has(name)));
      }
      parts.hooks.synced();
    }
  }

  /**
   * Between two groups of a full read the changes that are due go first; null: none is. In a new session, and after a
   * reload, the read is part of what they need.
   */
  betweenGroups(lb: LoadBalancer): Promise<void> | null {
    const { parts: { clock }, schedule, session, state } = this.#core;
    if (this.#isBetween || lb !== session()) return null;
    if (!state.witnesses.known || !this.#syncer.confConfirmed) return null;
    const frontends = schedule.takeDueVips(clock.now());
    if (frontends.length === 0) return null;
    this.#isBetween = true;
    return logged(this.vips(lb, frontends)).finally(() => this.#isBetween = false);
  }

  /**
   * What a run sent is read back, for buckets and shares. The repair of drift is not: somebody who changes VPP again
   * and again would be answered in a loop.
   */
  #readBack({ results }: Synced, drifted: ReadonlySet<string>, now: Millis): void {
    const sent = new Set(results.flatMap(({ status, step }) => status === "done" ? step.frontend ?? [] : []));
    for (const record of this.#core.syncs.some(sent)) if (!drifted.has(record.name)) readBack(record, now);
  }

  /**
   * A difference that nothing of ours explains is told at once, and the next full sync is due. It repairs the
   * difference, or shows that a repair was of use.
   */
  #lookForDrift(planned: Planned): void {
    const { parts: { clock, log, world }, schedule, syncs } = this.#core;
    const found = driftIn(planned, {
      known: (frontend) => syncs.get(frontend),
      isSettled: this.#settled === world().config,
    });
    for (const { detail, object } of this.drifts.read(found, covered(planned), clock.wall())) {
      log.warn("drift", { ...(syncs.get(object) === null ? { vip: object } : { frontend: object }), detail });
    }
    if (found.size > 0) schedule.drifted(clock.now());
  }

  /** A sync that could not even read: retried, unless the session is over, which the next connect repairs. */
  #failed(lb: LoadBalancer, frontends: readonly string[] | null, begun: Revisions, error: VppError): void {
    const { parts: { clock, log, random, world }, schedule, session, stop, syncs } = this.#core;
    if (lb.signal.aborted || lb !== session() || stop.aborted) return;
    const now = clock.now();
    logFailed(log, frontends, error);
    if (frontends === null) {
      this.full.failed(error.message, clock.wall());
      schedule.allFailed(now, now, world().config.lb.syncIntervalMs, random());
    }
    const outcome = { standing: "error", detail: error.message } as const;
    const outcomes = new Map((frontends ?? []).map((name) => [name, outcome]));
    for (const record of syncs.commit(begun, outcomes, clock.wall())) failed(record, now, random());
  }

  #account(synced: Synced): void {
    const { gate, parts: { clock, random, world }, schedule, syncs } = this.#core;
    const now = clock.now();
    for (const record of syncs.commit(synced.revisions, synced.outcomes, clock.wall())) {
      if (synced.surprised.has(record.name)) continue;
      if (record.standing === "error") failed(record, now, random());
      else done(record);
    }
    schedule.touch(syncs.some(synced.superseded), now);
    // A recreate changes the neighbours of its prefix, too, of which a sync of one VIP has no outcome.
    for (const record of syncs.some(synced.surprised)) again(record, now, random());
    const drifted = new Set(this.drifts.list.map(({ object }) => object));
    this.drifts.synced(synced, covered(synced));
    if (synced.frontends === null) {
      this.full.through(synced, clock.wall());
      // What was planned under an earlier configuration may have left VIPs that a later one does not have.
      if (syncs.sameConfiguration(synced.revisions)) this.#settled = world().config;
    }
    // What a sync of one VIP may not do, deleting what is in its way, a full one may.
    const stuck = synced.results.some(({ step }) => isBlocked(step.holds));
    if (stuck && synced.frontends !== null && !gate.frozen) schedule.touchAll(now);
    const readsAll = synced.setChanged && schedule.setChanged(now);
    if (!readsAll) this.#readBack(synced, drifted, now);
  }
}

/** Frontends whose VIPs a plan is about; null: everything. */
function covered({ frontends, left, revisions }: Planned): ReadonlySet<string> | null {
  if (frontends !== null) return new Set(frontends);
  return left.size === 0 ? null : new Set(revisions.frontends.keys());
}

/** A sync that nobody waits for: its failure is logged and scheduled again where it happened. */
export async function logged(sync: Promise<unknown>): Promise<void> {
  try {
    await sync;
  } catch (error) {
    if (!(error instanceof VppError)) throw error;
  }
}
