/**
 * Keeps VPP as the configuration and the states want it. One reconciler, one queue, one sync at a time.
 *
 *   transition, weight ------> failover.ts --only weights differ--> plan from what is known -> send -> read back
 *                                   |--anything else--+
 *   reload, operator's sync ------------------------> queue -> wait for work -> read -> plan -> send -> remember
 *   interval, connect, retry, warm-up, read back --->       <-----------------------------------------------+
 *
 * What happens in one turn of the event loop is one batch: the loop wakes in a microtask, when everything that
 * was touched in that turn is in the queue.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import { abortable } from "../async/abortable.ts";
import { type Job, JobLoop } from "../async/job_loop.ts";
import type { BackendAction, Refusal } from "../control.ts";
import type { HealthChanges } from "../health/transitions.ts";
import type { ActualLb, IpAddress, Millis, Transition, VipRecord } from "../model.ts";
import { err, type Result } from "../result.ts";
import { type LoadBalancer, VppError } from "./balancer.ts";
import { serverOf } from "./desired.ts";
import type { Unsynced } from "./differences.ts";
import { Failover } from "./failover.ts";
import { pictureOf, type VppPicture } from "./forecast.ts";
import type { SentMessage } from "./frontend_record.ts";
import { FrontendSyncs } from "./frontend_sync.ts";
import type { HeldGroup, PlanView } from "./outcome.ts";
import type { ReconcilerParts } from "./parts.ts";
import type { WarmupView } from "./write_gate.ts";
import { syncAnswer, syncResult } from "./report.ts";
import { Requests, SharedRequests, syncByOperator, unavailable } from "./requests.ts";
import { logged, Runs } from "./runs.ts";
import { Syncer } from "./sync.ts";
import { SyncStatus, type VppStanding } from "./sync_status.ts";
import { type SyncCore, syncCore } from "./sync_core.ts";
import { vipId } from "./vips.ts";
import { VppView } from "./vpp_view.ts";

/** The reconciler; one per daemon. */
export class Reconciler implements AsyncDisposable {
  readonly #parts: ReconcilerParts;
  readonly #stop = new AbortController();
  readonly #syncs = new FrontendSyncs();
  readonly #core: SyncCore;
  readonly #syncer: Syncer;
  readonly #failover: Failover;
  readonly #runs: Runs;
  readonly #status: SyncStatus;
  readonly #requests = new Requests(() => this.#lb, () => this.#loop.wake());
  readonly #reads = new SharedRequests<ActualLb>((job) => this.#request(job));
  readonly #plans = new SharedRequests<PlanView>((job) => this.#request(job));
  readonly #loop: JobLoop;
  /** Reloads whose full sync is not through. */
  #reloads = 0;
  #lb: LoadBalancer | null = null;
  #lastWasDue = false;
  /** What is known of VPP. */
  readonly view: VppView;

  /** Makes a reconciler that does nothing before `start`. */
  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
    this.#core = syncCore(parts, this.#syncs, () => this.#lb, this.#stop.signal);
    const { state } = this.#core;
    this.#syncer = new Syncer(this.#core, (lb) => this.#runs.betweenGroups(lb));
    this.#failover = new Failover(this.#core, this.#syncer, {
      before: () => this.#stepWarmup(),
      after: () => this.#loop.wake(),
    });
    this.#runs = new Runs(this.#core, this.#syncer, () => this.#failover.quiet());
    this.#status = new SyncStatus(this.#core, this.#runs);
    this.#loop = new JobLoop(
      parts.clock,
      { next: () => this.#next(), dueAt: () => this.#dueAt() },
      this.#stop.signal,
    );
    this.view = new VppView(state, (frontend) => this.#syncs.get(frontend)?.vip ?? null);
    this.#observe("waiting");
  }

  /** Begins to work; `connected` may come before or after. */
  start(): void {
    this.#loop.start();
  }

  /** A session with VPP began: everything is synced at once. */
  connected(lb: LoadBalancer): void {
    this.#lb = lb;
    const { schedule, state } = this.#core;
    const restarted = state.connected(lb.bootTime);
    if (restarted) this.#syncs.vppRestarted();
    this.#syncer.connected(restarted);
    schedule.connected(this.#parts.clock.now());
    this.#loop.wake();
  }

  /** The session ended; what waited for it is answered. */
  disconnected(): void {
    this.#lb = null;
    const { schedule, state } = this.#core;
    state.disconnected();
    schedule.disconnected();
    this.#syncs.disconnected();
    this.#syncer.confConfirmed = false;
    this.#runs.disconnected();
    this.#loop.wake();
  }

  /**
   * Takes what came of one batch of results, or of one action. The messages that need no read are on VPP's socket when
   * this returns, so whoever else is told of the change is told after them.
   */
  take({ decidedAt, lateFlushes, reweighed, transitions }: Omit<HealthChanges, "frontendChanges">): void {
    this.touch(transitions, decidedAt);
    // What the first full read decided, and no transition of now tells.
    for (const { frontend, backend, state } of lateFlushes) this.#syncs.flush(frontend, backend, state);
    if (lateFlushes.length > 0) this.#changed(lateFlushes.map(({ frontend }) => frontend));
    if (reweighed.length > 0) this.resync(reweighed);
    this.#failover.send();
  }

  /** Backends changed their states, by a result or a request that came at `decidedAt` of the monotonic clock. */
  touch(transitions: readonly Transition[], decidedAt: Millis = this.#parts.clock.now()): void {
    this.#observe();
    this.#syncs.transitions(transitions);
    const frontends = new Set<string>();
    for (const { backend } of transitions) {
      for (const { frontend } of this.#syncs.membersOf(backend)) frontends.add(frontend);
    }
    if (this.#lb !== null) this.#syncs.decided(frontends, decidedAt);
    this.#changed(frontends);
  }

  /**
   * An operator of this process acted on a backend. Its frontends need not wait for the warm-up where it must not
   * serve, and its servers may be raised where it may.
   */
  acted(backend: string, action: BackendAction): void {
    const frontends = this.#syncs.membersOf(backend).map(({ frontend }) => frontend);
    if (action === "enable" || action === "resume") {
      this.#core.guard.enabled(backend);
      this.resync(frontends);
    } else {
      this.#core.gate.ask(this.#syncs.some(frontends));
      this.#loop.wake();
    }
  }

  /** VIPs may differ from what they should be, for a reason that is not a transition. */
  resync(frontends: Iterable<string>): void {
    this.#observe();
    const names = [...frontends];
    this.#syncs.changed(this.#syncs.some(names));
    if (this.#lb !== null) this.#touch(names);
    this.#loop.wake();
  }

  /**
   * An operator set a running weight; the running configuration has it already. Resolves when VPP has it, or cannot
   * get it now.
   */
  weightSet(frontend: string, backend: string, flush: boolean): Promise<void> {
    this.#observe();
    const { config, status } = this.#parts.world();
    const server = flush ? serverOf(config, status, this.#core.state, frontend, backend) : null;
    if (server !== null) this.#syncs.flush(frontend, backend, "weight", server);
    const records = this.#syncs.some([frontend]);
    for (const record of records) record.weightUnsent = true;
    this.#core.gate.ask(records);
    this.#changed([frontend]);
    return this.#lb === null ? Promise.resolve() : this.#syncs.told(frontend);
  }

  /** The configuration was reloaded. Resolves with the full sync that follows; null: VPP cannot be reached now. */
  async reloaded(): Promise<api.SyncResult | null> {
    this.#core.ownership.reloaded();
    this.#observe();
    this.#syncs.reloaded();
    this.#syncer.confConfirmed = false;
    this.#reloads++;
    const outcome = await this.#request((lb) => this.#runs.all(lb));
    this.#reloads--;
    this.#parts.hooks.synced();
    return outcome.ok ? syncResult(outcome.value, null) : null;
  }

  /** Plans without sending; reads VPP now. Whoever asks while such a read waits for its turn gets its answer. */
  async plan(frontend: string | null): Promise<Result<PlanView, Refusal>> {
    const refused = this.#refusal(frontend);
    if (refused !== null) return err(refused);
    const names = frontend === null ? null : [frontend];
    return await this.#plans.ask(frontend, async (lb) => {
      const planned = await this.#runs.plan(lb, names);
      const actual = new Map([...this.#core.state.vips].map((vip) => [vipId(vip), vip]));
      return { ...planned, actual };
    });
  }

  /**
   * Reads VPP now, after all that is due was sent; null: everything. Answers the VIPs that were read. Whoever asks
   * while such a read waits for its turn gets its answer.
   */
  async read(frontend: string | null): Promise<Result<ActualLb, Refusal>> {
    const refused = this.#refusal(frontend);
    if (refused !== null) return err(refused);
    return await this.#reads.ask(
      frontend,
      async (lb) => {
        const reading = await abortable(this.#syncer.read(lb, frontend), this.#stop.signal);
        if (lb === this.#lb) this.#runs.wasRead(frontend === null ? null : [frontend], reading.readAt);
        return reading;
      },
    );
  }

  /** An operator's sync. Refused: `not-found`, `vpp-unavailable`, `plan-changed`, `vpp-refused`. */
  async sync(request: api.SyncRequest): Promise<Result<api.SyncResult, Refusal>> {
    const frontend = request.frontend ?? null;
    const refused = this.#refusal(frontend);
    if (refused !== null) return err(refused);
    const names = frontend === null ? null : [frontend];
    const digest = request.plan_digest;
    const outcome = await this.#request((lb) =>
      syncByOperator(lb, this.#runs, names, digest, () => {
        this.#core.gate.ask(this.#syncs.some(names));
        this.#stepWarmup();
      })
    );
    if (!outcome.ok) return outcome;
    if ("type" in outcome.value) return err(outcome.value);
    return syncAnswer(outcome.value, frontend);
  }

  /** How a frontend's VIP is. */
  standing(frontend: string): api.Frontend["vpp"] {
    return this.#status.standing(frontend);
  }

  /** Why a frontend's VIP is as it is; "" when in sync or off. */
  detail(frontend: string): string {
    return this.#status.detail(frontend);
  }

  /** What VPP does not have as it should, since when, and what it said. */
  get unsynced(): readonly Unsynced[] {
    return this.#status.unsynced;
  }

  /** What somebody else changed in VPP, since when it is known, and what differs. */
  get drift(): readonly Unsynced[] {
    return this.#runs.drifts.list;
  }

  /** What the last full sync held, by reason; without what time alone releases. */
  get held(): readonly HeldGroup[] {
    return this.#runs.full.held;
  }

  /** Whether a full sync of this session is through. */
  get complete(): boolean {
    return this.#runs.full.complete;
  }

  /** The last message for a server that VPP answered; null: none in this process. */
  sent(frontend: string, address: IpAddress): SentMessage | null {
    return this.#syncs.get(frontend)?.sent.get(address) ?? null;
  }

  /** How VPP is as a whole. */
  get overall(): VppStanding {
    return this.#status.overall(this.#reloads > 0);
  }

  /** Where the warm-up is. */
  get warmup(): WarmupView {
    return this.#core.gate.view;
  }

  /** Changes that the last full sync held. */
  get heldChanges(): number {
    return this.#runs.full.heldChanges;
  }

  /** Number of syncs that wait. */
  get waiting(): number {
    return this.#core.schedule.length;
  }

  /**
   * What is known of VPP now, for a question about what would happen. Nothing that happens later changes it.
   *
   * @param asked frontends that an operator would ask for
   */
  picture(asked: readonly string[]): VppPicture {
    this.#observe();
    return pictureOf(this.#core, this.#syncer, asked);
  }

  /** What the next process must know of VPP's VIPs. */
  get record(): VipRecord {
    return this.#core.ownership.record;
  }

  /** What an earlier process left of it came late. */
  recall(record: VipRecord, isOlder: boolean): void {
    this.#core.ownership.recall(record, isOlder);
    this.#core.guard.end();
    this.#core.schedule.touchAll(this.#parts.clock.now());
    this.#loop.wake();
  }

  /** What operators want in the whole fleet is known, and in force. */
  fleetKnown(): void {
    if (!this.#core.guard.fleetKnown()) return;
    this.#core.schedule.touchAll(this.#parts.clock.now());
    this.#loop.wake();
  }

  /** Ends the loop; nothing more is sent, VPP is left as it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new VppError("maglevd is stopping"));
    this.disconnected();
    await this.#loop.ended();
    await this.#requests.end();
  }

  /** Takes the running configuration into account. `release`: of frontends that it brings. */
  #observe(release: "waiting" | "brought" = "brought"): void {
    const { config } = this.#parts.world();
    if (this.#syncs.observe(config, release)) this.#core.ownership.configured(config);
  }

  #touch(frontends: Iterable<string>): void {
    const now = this.#parts.clock.now();
    this.#core.schedule.touch(this.#syncs.some(frontends), now);
  }

  #refusal(frontend: string | null): Refusal | null {
    if (frontend !== null && !this.#parts.world().config.frontends.has(frontend)) {
      return { type: "not-found", detail: `there is no frontend "${frontend}"` };
    }
    if (!this.#parts.enabled) return unavailable("VPP is switched off: no API socket is configured");
    return this.#lb === null ? unavailable("VPP is not connected") : null;
  }

  /** Has the loop run `job` next; refused when there is no session, or none any more. */
  #request<T>(job: (lb: LoadBalancer) => Promise<T>): Promise<Result<T, Refusal>> {
    return this.#requests.add(async (lb) => {
      this.#lastWasDue = false;
      // Once: changes that begin meanwhile do not wait, and backends may flap faster than a change takes.
      await this.#failover.quiet();
      return await job(lb);
    });
  }

  #next(): Job | null {
    this.#stepWarmup();
    // What is due for VPP comes before anybody's question, but neither waits for two of the other kind.
    const job = this.#lastWasDue
      ? this.#requests.take() ?? this.#due()
      : this.#due() ?? this.#requests.take();
    if (job === null) this.#lastWasDue = false;
    return job;
  }

  #dueAt(): Millis | null {
    const due = [
      this.#lb === null ? null : this.#core.schedule.dueAt,
      this.#core.gate.dueAt,
      this.#core.guard.dueAt,
    ]
      .filter((at) => at !== null);
    return due.length === 0 ? null : Math.min(...due);
  }

  #stepWarmup(): void {
    const now = this.#parts.clock.now();
    const opened = this.#core.gate.step();
    const mayRaise = this.#core.guard.step(now);
    if (this.#lb === null) return;
    if (opened.frontends.length > 0) this.#touch(opened.frontends);
    if (opened.all || mayRaise) this.#core.schedule.touchAll(now);
  }

  #due(): Job | null {
    const lb = this.#lb;
    if (lb === null) return null;
    const due = this.#core.schedule.take(this.#parts.clock.now(), !this.#syncer.confConfirmed);
    if (due === null) return null;
    this.#lastWasDue = true;
    return () => logged(due.kind === "all" ? this.#runs.all(lb) : this.#runs.vips(lb, due.frontends));
  }

  /** Members of these frontends changed. */
  #changed(frontends: Iterable<string>): void {
    this.#observe();
    this.#failover.changed(frontends);
  }
}
