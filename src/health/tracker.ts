/**
 * Holds what is known of every backend and frontend: takes probes' results, steps the pure parts, and tells of what
 * changed. Owns the running configuration. What operators ask for is in `orders.ts`, another configuration in `reload.ts`.
 *
 * @module
 */
import { isChange, type LeftOverrides } from "../memory/overrides/override.ts";
import type { Actor, IpAddress, Millis, Transition, UnixMillis } from "../model.ts";
import type { Config } from "../configuration.ts";
import type { ProbeReport, ReportSink } from "../probes/prober.ts";
import { type BackendHealth, type HealthEvent, step } from "./backend.ts";
import { type BlindBackend, BlindWatch, oneMoreVoid } from "./blind.ts";
import {
  type Leaving,
  type Membership,
  renamedBackends,
  type RuntimeWeight,
  runtimeWeights,
  toward,
  withWeights,
} from "./config.ts";
import { type Entry, flapped } from "./entry.ts";
import {
  because,
  type FrontendChange,
  FrontendStates,
  type FrontendTransition,
  type FrontendWeights,
  type MemberStatus,
  reasons,
  type Standing,
} from "./frontend.ts";
import { LatencyWindow } from "./latency.ts";
import { Orders, type RuntimeState, runtimeState } from "./orders.ts";
import { type ForeseenOverrides, OverrideBook, randomId } from "./override_book.ts";
import { Targets } from "./probing.ts";
import { reload, type ReloadOutcome } from "./reload.ts";
import { endUnread, firstRead, start } from "./start.ts";
import type { Finished, HealthSteps, HealthWorld, TrackerParts } from "./tracker_parts.ts";
import { Batch, type Cause, type HealthChanges, isFirst, Judgement, type LateFlush } from "./transitions.ts";
import type { HealthPicture } from "./what_if.ts";

/** A result that counted, and the health of its backend before and after it. */
interface Counted {
  readonly entry: Entry;
  readonly report: ProbeReport;
  readonly at: UnixMillis;
  readonly before: BackendHealth;
  readonly after: BackendHealth;
}

/** The health of everything; one per daemon. */
export class Tracker implements Disposable {
  readonly #parts: TrackerParts;
  readonly #judgement: Judgement;
  readonly #states = new FrontendStates();
  readonly #blindWatch: BlindWatch;
  readonly #targets: Targets;
  /** What operators set. */
  readonly overrides: OverrideBook;
  /** What operators ask for. */
  readonly orders: Orders;
  readonly #world: HealthWorld;
  readonly #steps: HealthSteps;
  /** Results that are judged; what else a result means is still to do. */
  readonly #uncounted: Counted[] = [];
  #giveUp: Disposable | null = null;
  #closed = false;
  #handing = false;

  /** Makes a tracker that probes nothing yet. */
  constructor(parts: TrackerParts) {
    this.#parts = parts;
    const unread = (parts.unreadUntil ?? null) !== null;
    this.#world = { file: parts.config, running: parts.config, unread, entries: new Map() };
    const { clock, log, newId = randomId, prober, vpp } = parts;
    const world = this.#world;
    this.#blindWatch = new BlindWatch(clock, log, () => world.entries.values(), () => this.netns);
    this.#targets = new Targets(prober, clock);
    this.overrides = new OverrideBook(parts.config, { clock, newId, onDue: () => this.orders.passTime() });
    this.#judgement = new Judgement(vpp, () => world.running, (name) => world.entries.get(name));
    this.#steps = {
      parts,
      world,
      overrides: this.overrides,
      judgement: this.#judgement,
      states: this.#states,
      targets: this.#targets,
      apply: (...step) => this.#apply(...step),
      align: (...step) => this.#align(...step),
      finish: (...batch) => this.#finish(...batch),
      tell: (change, by, claimed) => {
        if (isChange(change)) parts.onOverrides?.(change, by, claimed);
      },
    };
    this.orders = new Orders(this.#steps);
  }

  /** Begins: backends without a check come up, disabled ones are disabled, the others are probed, spread in time. */
  start(): void {
    start(this.#steps);
    const { clock, unreadUntil = null } = this.#parts;
    if (unreadUntil !== null) {
      const wait = Math.max(0, unreadUntil - clock.now());
      this.#giveUp = clock.after(wait, () => {
        if (this.#world.unread) endUnread(this.#steps, null);
      });
    }
    this.#blindWatch.start();
  }

  /** Takes a batch of finished probes; those of a generation that no longer runs are rejected. */
  readonly report: ReportSink = (reports) => {
    if (this.#closed) return;
    this.#count();
    const decidedAt = this.#parts.clock.now();
    const now = this.#parts.clock.wall();
    const batch = new Batch(this.#judgement);
    for (const report of reports) this.#take(report, batch, decidedAt, now);
    const { handedOn } = this.#finish(batch, batch.touched, because(""), decidedAt, now);
    // In the warm-up what was handed on becomes VPP's message in a microtask of this turn; this one comes after it.
    if (handedOn) queueMicrotask(() => this.#count());
    else this.#count();
  };

  /** Overrides of an earlier process that have come late; they are in force from now on. */
  recallOverrides(left: LeftOverrides): void {
    this.#giveUp?.[Symbol.dispose]();
    this.orders.recallOverrides(left);
  }

  /**
   * VPP was read whole for the first time in this process: what it showed is the witness from now on, and decides
   * the flushes of first states that were told before.
   */
  firstRead(): void {
    firstRead(this.#steps);
  }

  /** Takes a new, checked configuration. Backends that stay the same go on, and so does what operators set. */
  reload(config: Config, actor: Actor | null): ReloadOutcome {
    this.#count();
    return reload(this.#steps, config, actor);
  }

  /**
   * The journal has been read: what it has of a backend from before this process.
   *
   * @param left transitions, newest first
   * @param since when the last of their states began
   */
  recallHistory(backend: string, left: readonly Transition[], since: UnixMillis): void {
    this.#world.entries.get(backend)?.recall(
      left,
      since,
      this.#world.running.healthchecker.transitionHistory,
    );
  }

  /** What the journal has of a frontend from before this process, newest first. */
  recallFrontend(frontend: string, left: readonly FrontendTransition[]): void {
    this.#states.recall(frontend, left);
  }

  /** The running configuration: the file's with the weights that operators set. */
  get config(): Config {
    return this.#world.running;
  }

  /** The configuration as the file has it. */
  get fileConfig(): Config {
    return this.#world.file;
  }

  /** Network namespace of all probes, "" for the daemon's own. */
  get netns(): string {
    return this.#world.running.healthchecker.netns;
  }

  /** What another file would make of what operators set, and the configuration that would run. */
  foreseenReload(config: Config): { readonly config: Config; readonly overrides: ForeseenOverrides } {
    const renamed = renamedBackends(this.#world.running.backends, config.backends);
    const overrides = this.overrides.foreseen(config, renamed);
    return { config: withWeights(config, overrides.weights), overrides };
  }

  /** Weights that operators set and the file has otherwise. */
  runtimeWeights(): RuntimeWeight[] {
    return runtimeWeights(this.#world.file, this.#world.running);
  }

  /** What a restart of the daemon would forget. */
  runtimeState(): RuntimeState {
    return runtimeState([...this.#world.entries.values()], this.runtimeWeights());
  }

  /** The running configuration and the health of its backends now; nothing that happens later changes it. */
  picture(): HealthPicture {
    const health = new Map<string, BackendHealth>();
    for (const [name, entry] of this.#world.entries) health.set(name, entry.health);
    return { config: this.#world.running, health };
  }

  /** Backends in the file's order; read only. */
  entries(): IterableIterator<Readonly<Entry>> {
    return this.#world.entries.values();
  }

  /** One backend; read only. */
  entry(name: string): Readonly<Entry> | null {
    return this.#world.entries.get(name) ?? null;
  }

  /** What weights depend on, of one backend; a name that is not configured counts as `removed`. */
  status(backend: string): MemberStatus {
    return this.#judgement.status(backend);
  }

  /** A frontend of the running configuration, judged now; null if there is none of that name. */
  weights(frontend: string): FrontendWeights | null {
    return this.#judgement.weights(frontend);
  }

  /** State and active pool of a frontend as last told, with their time; null if there is none of that name. */
  standing(frontend: string): Standing | null {
    return this.#states.get(frontend);
  }

  /** Address of the server that serves for each backend whose new address waits for a verdict. */
  previousAddresses(): Map<string, IpAddress> {
    const addresses = new Map<string, IpAddress>();
    for (const { backend, health } of this.#world.entries.values()) {
      if (health.previous !== null) addresses.set(backend.name, health.previous.address);
    }
    return addresses;
  }

  /** The backends that are blind now, in the file's order, and the number of those that are probed. */
  blind(): { readonly backends: readonly BlindBackend[]; readonly probed: number } {
    return this.#blindWatch.all();
  }

  /** Stops the timers; reports that still arrive are rejected. The prober belongs to its maker. */
  [Symbol.dispose](): void {
    this.#count();
    this.#closed = true;
    this.overrides[Symbol.dispose]();
    this.#blindWatch[Symbol.dispose]();
    this.#giveUp?.[Symbol.dispose]();
  }

  #take(report: ProbeReport, batch: Batch, decidedAt: Millis, now: UnixMillis): void {
    const entry = this.#world.entries.get(report.backend);
    if (entry === undefined || entry.check === null || entry.generation !== report.generation) return;
    const { result } = report;
    entry.lastProbe = result;
    entry.nextDueAt = report.nextDueAt;
    entry.certificate = report.certificate ?? entry.certificate;
    this.#parts.metrics.probed(report.backend, entry.check.type, result);
    if (result.void !== null) {
      const { detail, void: cause } = result;
      entry.lastVoid = oneMoreVoid(entry.lastVoid, { cause, detail }, now);
      return;
    }
    entry.lastVoid = null;
    entry.countedAt = decidedAt;
    if (entry.blindTold) this.#blindWatch.heard(entry);
    const { code, detail } = result;
    if (!result.ok) entry.lastFailure = { code, detail };
    const before = entry.health;
    this.#apply(entry, [{ kind: result.ok ? "pass" : "fail", code, detail }], batch, now, null);
    this.#uncounted.push({ entry, report, at: now, before, after: entry.health });
  }

  /** Does for the last results that counted what no verdict needs: journal, flapping, latency, pace. */
  #count(): void {
    for (const { after, at, before, entry, report: { backend, result } } of this.#uncounted.splice(0)) {
      this.#parts.onCounted?.(backend, result, at, before, after);
      const { state } = before;
      if (after.state !== state && (state === "up" || state === "down")) {
        entry.flapping = flapped(entry.flapping, at);
      }
      entry.latency ??= new LatencyWindow(at);
      entry.latency.add(at, result.totalMs, result.ok, result.code);
      this.#targets.pace(entry);
    }
  }

  // Steps one backend through events.
  #apply(
    entry: Entry,
    events: readonly HealthEvent[],
    batch: Batch,
    now: UnixMillis,
    by: string | null,
    gone: readonly Membership[] = [],
    cause: Cause = "other",
  ): void {
    for (const event of events) {
      const result = step(entry.health, event, now);
      if (result.change !== null) {
        const frontends = new Set([...entry.frontends, ...gone.map((place) => place.frontend)]);
        entry.toldUnread = isFirst(entry.health) && this.#parts.vpp.firstRead === "awaited";
        batch.add(entry.backend.name, entry.health, result.change, [...frontends], now, by, cause);
      }
      if (result.change === null) entry.health = result.health;
      else entry.enter(result.health);
    }
  }

  /** Brings a backend to what the file and the overrides want. */
  #align(
    entry: Entry,
    batch: Batch,
    now: UnixMillis,
    leaving: Leaving,
    by: string | null,
    cause: Cause,
  ): void {
    const orders = this.overrides.orders(entry.backend.name);
    const { state, unread } = entry.health;
    const isFirstState = unread === "state" && cause !== "asked";
    const flows = isFirstState ? { flows: this.#judgement.flows(entry.backend.address) } : {};
    const events = toward(state, orders, leaving)
      .map((event) => event.kind === "enable" ? { ...event, ...flows } : event);
    this.#apply(entry, events, batch, now, orders.override?.by ?? by, [], cause);
  }

  /** Hands on all that a batch came to, as one value. Whoever takes it must not change anything here meanwhile. */
  #handOn(changes: HealthChanges): void {
    if (this.#handing) throw new Error("Cannot change the health while a change is handed on");
    this.#handing = true;
    try {
      this.#parts.onChanges(changes);
    } finally {
      this.#handing = false;
    }
  }

  #finish(
    batch: Batch,
    frontends: Iterable<string>,
    reason: (why: string) => string,
    decidedAt: Millis,
    now: UnixMillis,
    lateFlushes: readonly LateFlush[] = [],
    reweighed: readonly string[] = [],
  ): Finished {
    const transitions = batch.finish();
    const why = reasons(transitions);
    const frontendChanges: FrontendChange[] = [];
    for (const frontend of frontends) {
      const weights = this.weights(frontend);
      if (weights === null) continue;
      const change = this.#states.judge(frontend, weights, () => reason(why(frontend)), now);
      if (change !== null) frontendChanges.push(change);
    }
    for (const transition of transitions) {
      const limit = this.#world.running.healthchecker.transitionHistory;
      this.#world.entries.get(transition.backend)?.remember(transition, limit);
    }
    const handedOn = transitions.length + frontendChanges.length + lateFlushes.length + reweighed.length > 0;
    if (handedOn) this.#handOn({ transitions, frontendChanges, lateFlushes, reweighed, decidedAt, at: now });
    return { transitions, frontendChanges, handedOn };
  }
}
