/**
 * Keeps VPP as the configuration and the states want it. One reconciler, one queue, one sync at a time.
 *
 *   transition, weight, reload, operator ─▶ queue ─▶ wait for work ─▶ read ─▶ plan ─▶ send ─▶ remember
 *   interval, connect, retry, warm-up ────▶       ◀──────────────────────────────────────────────┘
 *
 * What happens in one turn of the event loop is one batch: the loop wakes in a microtask, when everything that
 * was touched in that turn is in the queue.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import { abortable } from "../async/abortable.ts";
import { type Job, JobLoop } from "../async/job_loop.ts";
import { Semaphore } from "../async/semaphore.ts";
import type { Refusal } from "../control.ts";
import type { LateFlush } from "../health/hooks.ts";
import type { Millis, Transition, VipRecord } from "../model.ts";
import { err, type Result } from "../result.ts";
import type { LoadBalancer } from "./balancer.ts";
import { serverOf } from "./desired.ts";
import { Gate, type WarmupView } from "./gate.ts";
import { isBlocked } from "./holds.ts";
import { Memory } from "./memory.ts";
import { Ownership } from "./ownership.ts";
import { RaiseGuard } from "./raise_guard.ts";
import { SyncQueue } from "./queue.ts";
import { HeldLog, logFailed, syncAnswer, syncResult } from "./report.ts";
import { Requests, unavailable } from "./requests.ts";
import { Standings, type VppStanding } from "./standings.ts";
import { Syncer } from "./sync.ts";
import type { LbReading, Planned, PlanView, Synced } from "./synced.ts";
import { vipId } from "./vips.ts";
import { VppView } from "./view.ts";
import { Waits } from "./waits.ts";
import type { ReconcilerParts } from "./world.ts";

/** The reconciler; one per daemon. */
export class Reconciler implements AsyncDisposable {
  readonly #parts: ReconcilerParts;
  readonly #memory: Memory;
  readonly #queue = new SyncQueue();
  readonly #syncer: Syncer;
  readonly #heldLog: HeldLog;
  readonly #stop = new AbortController();
  readonly #requests = new Requests(() => this.#lb, () => this.#loop.wake());
  readonly #standings = new Standings();
  readonly #waits = new Waits();
  readonly #gate: Gate;
  readonly #guard: RaiseGuard;
  readonly #loop: JobLoop;
  #running: ReadonlySet<string> | "all" | null = null;
  #lb: LoadBalancer | null = null;
  #lastWasDue = false;
  /** What is known of VPP. */
  readonly view: VppView;

  /** Makes a reconciler that does nothing before `start`. */
  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
    this.#memory = new Memory(new Ownership(parts.record, parts.recorded));
    this.#guard = new RaiseGuard({
      memoryLost: parts.memoryLost,
      startedAt: parts.startedAt,
      maxDelayMs: parts.world().config.lb.startupMaxDelayMs,
      witness: (vip, address) => this.#memory.witness(vip, address),
      wanted: (frontend, backend) => this.#memory.isWanted(frontend, backend),
    });
    this.#syncer = new Syncer(parts, this.#memory, this.#guard, new Semaphore(parts.inFlight));
    this.#heldLog = new HeldLog(parts.log);
    this.#gate = new Gate(parts);
    this.#loop = new JobLoop(
      parts.clock,
      { next: () => this.#next(), dueAt: () => this.#dueAt() },
      this.#stop.signal,
    );
    this.view = new VppView(this.#memory);
    this.#observe();
  }

  /** Begins to work; `connected` may come before or after. */
  start(): void {
    this.#loop.start();
  }

  /** A session with VPP began: everything is synced at once. */
  connected(lb: LoadBalancer): void {
    this.#lb = lb;
    this.#syncer.connected(this.#memory.connected(lb.bootTime));
    this.#queue.restart(this.#parts.clock.now());
    this.#loop.wake();
  }

  /** The session ended; what waited for it is told. */
  disconnected(): void {
    this.#lb = null;
    this.#memory.disconnected();
    this.#queue.stop();
    this.#standings.clear();
    this.#syncer.confConfirmed = false;
    this.#waits.take(null).done();
    this.#loop.wake();
  }

  /**
   * Backends changed their states.
   *
   * @param decidedAt monotonic time of the deciding result or request
   */
  touch(transitions: readonly Transition[], decidedAt: Millis = this.#parts.clock.now()): void {
    this.#observe();
    this.#memory.transitions(transitions);
    const frontends = new Set<string>();
    for (const { backend, by, to } of transitions) {
      const places = this.#memory.membersOf(backend).map((place) => place.frontend);
      for (const frontend of places) frontends.add(frontend);
      if (by !== null && (to === "paused" || to === "disabled")) this.#gate.ask(places);
    }
    if (this.#lb !== null) this.#waits.decided(frontends, decidedAt);
    this.resync(frontends);
  }

  /** Flows of servers are to end that no transition of now tells: the first full read decided it. */
  flush(late: readonly LateFlush[]): void {
    if (late.length === 0) return;
    this.#observe();
    for (const { frontend, backend, state } of late) this.#memory.flush(frontend, backend, state);
    this.resync(late.map(({ frontend }) => frontend));
  }

  /** VIPs may differ from what they should be, for a reason that is not a transition. */
  resync(frontends: Iterable<string>): void {
    this.#observe();
    if (this.#lb !== null) this.#queue.touch(frontends, this.#parts.clock.now());
    this.#loop.wake();
  }

  /**
   * An operator set a running weight; the running configuration has it already. Resolves when VPP has been told,
   * or cannot be told now.
   */
  weightSet(frontend: string, backend: string, flush: boolean): Promise<void> {
    this.#observe();
    const { config, status } = this.#parts.world();
    const server = flush ? serverOf(config, status, this.#memory, frontend, backend) : null;
    if (server !== null) this.#memory.flushByWeight(frontend, backend, server);
    this.#standings.weightSet(frontend);
    this.#gate.ask([frontend]);
    this.resync([frontend]);
    return this.#lb === null ? Promise.resolve() : this.#waits.next(frontend);
  }

  /** The configuration was reloaded. Resolves with the full sync that follows; null: VPP cannot be told now. */
  async reloaded(): Promise<api.SyncResult | null> {
    this.#memory.reloaded();
    this.#observe();
    this.#syncer.confConfirmed = false;
    const { config } = this.#parts.world();
    this.#queue.keep((frontend) => config.frontends.has(frontend));
    this.#standings.forget();
    const outcome = await this.#request((lb) => this.#all(lb));
    return outcome.ok ? syncResult(outcome.value, null) : null;
  }

  /** Plans without sending; reads VPP now. */
  async plan(frontend: string | null): Promise<Result<PlanView, Refusal>> {
    const refused = this.#refusal(frontend);
    if (refused !== null) return err(refused);
    const names = frontend === null ? null : [frontend];
    return await this.#request(async (lb) => {
      const planned = await this.#read(lb, names);
      const actual = new Map([...this.#memory.vips].map((vip) => [vipId(vip), vip]));
      return { ...planned, actual };
    });
  }

  /** Reads VPP now, after all that is due was sent; null: everything. Answers the VIPs that were read. */
  async read(frontend: string | null): Promise<Result<LbReading, Refusal>> {
    const refused = this.#refusal(frontend);
    if (refused !== null) return err(refused);
    return await this.#request((lb) => abortable(this.#syncer.read(lb, frontend), this.#stop.signal));
  }

  /** An operator's sync. Refused: `not-found`, `vpp-unavailable`, `plan-changed`, `vpp-refused`. */
  async sync(request: api.SyncRequest): Promise<Result<api.SyncResult, Refusal>> {
    const frontend = request.frontend ?? null;
    const refused = this.#refusal(frontend);
    if (refused !== null) return err(refused);
    const names = frontend === null ? null : [frontend];
    const digest = request.plan_digest;
    const outcome = await this.#request((lb) => this.#byOperator(lb, names, digest));
    if (!outcome.ok) return outcome;
    if ("type" in outcome.value) return err(outcome.value);
    return syncAnswer(outcome.value, frontend);
  }

  /** How a frontend's VIP stands. */
  standing(frontend: string): api.Frontend["vpp"] {
    if (!this.#parts.enabled) return "off";
    if (this.#lb === null) return this.#standings.isUntold(frontend) ? "pending" : "disconnected";
    if (this.#gate.isHeld(frontend)) return "held";
    const standing = this.#standings.of(frontend);
    if (standing === "error") return "error";
    if (standing === null || this.#isRunning(frontend) || this.#queue.waits(frontend)) return "pending";
    return standing;
  }

  /** How VPP stands as a whole. */
  get overall(): VppStanding {
    if (!this.#parts.enabled) return "off";
    if (this.#lb === null) return "disconnected";
    if (!this.#gate.done) return "warming-up";
    return this.#standings.inSync ? "in-sync" : "out-of-sync";
  }

  /** Where the warm-up stands. */
  get warmup(): WarmupView {
    return this.#gate.view;
  }

  /** Changes that the last full sync held. */
  get heldChanges(): number {
    return this.#standings.heldChanges;
  }

  /** Number of syncs that wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** What the next process must know of VPP's VIPs. */
  get record(): VipRecord {
    return this.#memory.ownership.record;
  }

  /** What an earlier process left of it came late. */
  recall(record: VipRecord): void {
    this.#memory.ownership.recall(record);
    this.#guard.end();
    this.#queue.touchAll(this.#parts.clock.now());
    this.#loop.wake();
  }

  /** Ends the loop; nothing more is sent, VPP is left as it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.disconnected();
    await this.#loop.ended();
    for (let job = this.#requests.take(); job !== null; job = this.#requests.take()) await job();
  }

  #isRunning(frontend: string): boolean {
    return this.#running === "all" || (this.#running?.has(frontend) ?? false);
  }

  #observe(): void {
    this.#memory.observe(this.#parts.world().config);
    this.#gate.keep();
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
    return this.#requests.add((lb) => {
      this.#lastWasDue = false;
      return job(lb);
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
    const due = [this.#lb === null ? null : this.#queue.dueAt, this.#gate.dueAt, this.#guard.dueAt]
      .filter((at) => at !== null);
    return due.length === 0 ? null : Math.min(...due);
  }

  #stepWarmup(): void {
    const now = this.#parts.clock.now();
    const opened = this.#gate.step();
    const mayRaise = this.#guard.step(now);
    if (this.#lb === null) return;
    this.#queue.touch(opened.frontends, now);
    if (opened.all || mayRaise) this.#queue.touchAll(now);
  }

  /** For an operator's question nothing remembered is good enough, nor for a VIP that was not as remembered. */
  #read(
    lb: LoadBalancer,
    frontends: readonly string[] | null,
    thorough: (name: string) => boolean = () => true,
  ): Promise<Planned> {
    return abortable(this.#syncer.plan(lb, frontends, this.#gate, thorough), this.#stop.signal);
  }

  #due(): Job | null {
    const lb = this.#lb;
    if (lb === null) return null;
    const due = this.#queue.take(this.#parts.clock.now(), !this.#syncer.confConfirmed);
    if (due === null) return null;
    this.#lastWasDue = true;
    return async () => {
      try {
        if (due.kind === "all") await this.#all(lb);
        else await this.#vips(lb, due.frontends);
      } catch {
        // Logged and queued again where it happened; nobody else waits for this one.
      }
    };
  }

  /** A sync that could not even read: retried, unless the session is over, which the next connect repairs. */
  #failed(lb: LoadBalancer, frontends: readonly string[] | null, error: unknown): void {
    if (lb.signal.aborted || lb !== this.#lb || this.#stop.signal.aborted) return;
    const { clock, random, log, world } = this.#parts;
    const now = clock.now();
    logFailed(log, frontends, error);
    this.#standings.failed(frontends);
    if (frontends === null) {
      this.#queue.allFailed(now, now, world().config.lb.syncIntervalMs, random());
    }
    for (const frontend of frontends ?? []) this.#queue.vipFailed(frontend, now, random());
  }

  async #all(lb: LoadBalancer, release = false, planned?: Planned): Promise<Synced> {
    const startedAt = this.#parts.clock.now();
    // A plan made before may not cover what was touched since, so that stays in the queue.
    if (planned === undefined) this.#queue.takeAll();
    const synced = await this.#run(lb, null, release, planned);
    if (lb !== this.#lb) return synced;
    const now = this.#parts.clock.now();
    const { syncIntervalMs } = this.#parts.world().config.lb;
    if (synced.othersSurprised) this.#queue.allAgain(startedAt, now, syncIntervalMs, this.#parts.random());
    else if (synced.othersFailed) this.#queue.allFailed(startedAt, now, syncIntervalMs, this.#parts.random());
    else this.#queue.allDone(startedAt, now, syncIntervalMs);
    this.#heldLog.tell(synced.plan);
    return synced;
  }

  async #vips(lb: LoadBalancer, frontends: readonly string[]): Promise<Synced | null> {
    this.#queue.takeVips(frontends);
    // A sync of a held VIP could only read; its release touches it again.
    const held = frontends.filter((name) => this.#gate.isHeld(name));
    this.#waits.take(held).done();
    const free = frontends.filter((name) => !held.includes(name));
    if (free.length === 0) return null;
    return await this.#run(lb, free, false);
  }

  async #byOperator(
    lb: LoadBalancer,
    names: readonly string[] | null,
    digest: string | undefined,
  ): Promise<Synced | Refusal> {
    if (digest === undefined) {
      this.#releaseFor(names);
      if (names === null) return await this.#all(lb);
    }
    const planned = await this.#read(lb, names);
    if (digest === undefined) return await this.#run(lb, names, false, planned);
    const now = planned.plan.digest;
    if (now !== digest) {
      const detail = `the plan is another by now: its digest is ${now}, not ${digest}`;
      return { type: "plan-changed", detail, planDigest: now };
    }
    this.#releaseFor(names);
    return names === null ? await this.#all(lb, true, planned) : await this.#run(lb, names, true, planned);
  }

  #releaseFor(names: readonly string[] | null): void {
    this.#gate.ask(names);
    this.#stepWarmup();
  }

  async #run(
    lb: LoadBalancer,
    frontends: readonly string[] | null,
    release: boolean,
    made?: Planned,
  ): Promise<Synced> {
    this.#running = frontends === null ? "all" : new Set(frontends);
    const waiting = this.#waits.take(frontends);
    try {
      const planned = made ??
        await this.#read(lb, frontends, (name) => this.#queue.failures(name) > 0);
      const synced = await this.#syncer.apply(lb, planned, release, this.#stop.signal);
      if (lb === this.#lb) this.#account(synced, waiting.decided);
      return synced;
    } catch (error) {
      this.#failed(lb, frontends, error);
      throw error;
    } finally {
      this.#running = null;
      waiting.done();
    }
  }

  #account(synced: Synced, decided: ReadonlyMap<string, Millis>): void {
    const { clock, random, hooks } = this.#parts;
    const now = clock.now();
    const sent = new Set(
      synced.results.filter(({ status }) => status === "done").map(({ step }) => step.change.frontend),
    );
    for (const [frontend, at] of decided) if (sent.has(frontend)) hooks.answered(now - at);
    this.#standings.synced(synced);
    for (const [frontend, standing] of synced.standings) {
      if (synced.surprised.has(frontend)) this.#queue.vipAgain(frontend, now, random());
      else if (standing === "error") this.#queue.vipFailed(frontend, now, random());
      else this.#queue.vipDone(frontend);
    }
    // What one VIP's sync may not do, deleting what is in its way, a full one may.
    const stuck = synced.results.some(({ step }) => isBlocked(step.holds));
    if (stuck && synced.frontends !== null && !this.#gate.frozen) this.#queue.touchAll(now);
    if (synced.setChanged) this.#queue.setChanged(now);
  }
}
