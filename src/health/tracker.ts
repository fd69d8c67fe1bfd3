/**
 * Holds what is known of every backend and frontend: takes probes' results, operators' actions and new
 * configurations, steps the pure parts, and tells of what changed. Owns the running configuration.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log/mod.ts";
import type { BackendAction, Refusal } from "../control.ts";
import { clear } from "../memory/overrides/actions.ts";
import {
  isChange,
  type LeftOverrides,
  noOverrides,
  type OverrideChange,
} from "../memory/overrides/override.ts";
import type { Actor, Code, Config, IpAddress, Millis, Transition, UnixMillis } from "../model.ts";
import type { Prober, ProbeReport, ReportSink } from "../probes/prober.ts";
import { err, ok, type Result } from "../result.ts";
import { tellReload } from "./reload_log.ts";
import { type BackendHealth, type HealthEvent, step } from "./backend.ts";
import {
  Batch,
  because,
  type Cause,
  FrontendStates,
  type FrontendTransition,
  isFirst,
  Judgement,
  reasons,
  type Standing,
} from "./transitions.ts";
import { type BlindBackend, oneMoreVoid } from "./blind.ts";
import { BlindWatch } from "./blind_watch.ts";
import { Entry } from "./entry.ts";
import { flapped } from "./flapping.ts";
import type { FrontendWeights, MemberStatus } from "./frontend.ts";
import type {
  ChangeSink,
  CountedSink,
  FrontendChange,
  HealthChanges,
  HealthMetrics,
  LateFlush,
  VppFacts,
} from "./hooks.ts";
import { LatencyWindow } from "./latency.ts";
import { broughtFlushes, complete } from "./late_flush.ts";
import {
  type BookParts,
  concerns,
  type ForeseenOverrides,
  leaving,
  type OrderWords,
  OverrideBook,
  type OverrideRule,
  type OverrideSink,
  randomId,
} from "./override_book.ts";
import { checkOf, reloadBackend, renamedBackends, sortEntries } from "./config_change.ts";
import { assume, type Assumed } from "./assumed.ts";
import {
  type ActionOutcome,
  type ClearOutcome,
  refusalOf,
  type ReloadOutcome,
  type RuntimeState,
  runtimeState,
  type WeightOutcome,
} from "./outcomes.ts";
import { Targets } from "./probing.ts";
import type { HealthPicture } from "./what_if.ts";
import {
  type Membership,
  memberships,
  memberWeight,
  type RuntimeWeight,
  runtimeWeights,
  withWeights,
} from "./running.ts";
import { firstEvents, type Leaving, reloadEvents, toward } from "./toward.ts";

/** What a tracker is made of. */
export interface TrackerParts {
  /** Log of the daemon. */
  readonly log: Log;
  /** Counters. */
  readonly metrics: Pick<HealthMetrics, "probed" | "forgotten">;
  /** The configuration to start with. */
  readonly config: Config;
  /** Time. */
  readonly clock: Clock;
  /** Runs the probes; its reports go to `report`. */
  readonly prober: Prober;
  /** What VPP has and had. */
  readonly vpp: VppFacts;
  /** Receives every result that counts; for the journal. */
  readonly onCounted?: CountedSink;
  /** Receives the outcome of every batch that changed something. */
  readonly onChanges: ChangeSink;
  /** What an earlier process left of overrides; absent: nothing. */
  readonly overrides?: LeftOverrides;
  /** Told of every change of the overrides, and of what the next process must know of them. */
  readonly onOverrides?: OverrideSink;
  /** Id of a new override; absent: random. */
  readonly newId?: BookParts["newId"];
}

/** A result that counted, and the health of its backend before and after it. */
interface Counted {
  readonly entry: Entry;
  readonly report: ProbeReport;
  readonly at: UnixMillis;
  readonly before: BackendHealth;
  readonly after: BackendHealth;
}

/** What a batch came to. */
interface Finished {
  readonly transitions: readonly Transition[];
  readonly frontendChanges: readonly FrontendChange[];
  /** Whether there was anything to hand on. */
  readonly handedOn: boolean;
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
  #file: Config;
  #running: Config;
  #entries = new Map<string, Entry>();
  /** Results that are judged; what else a result means is still to do. */
  readonly #uncounted: Counted[] = [];
  #closed = false;
  #handing = false;

  /** Makes a tracker that probes nothing yet. */
  constructor(parts: TrackerParts) {
    this.#parts = parts;
    this.#file = parts.config;
    this.#running = parts.config;
    this.#blindWatch = new BlindWatch(parts.clock, parts.log, () => this.#entries.values(), () => this.netns);
    this.#targets = new Targets(parts.prober, parts.clock);
    const { clock, newId = randomId } = parts;
    this.overrides = new OverrideBook(parts.config, { clock, newId, onDue: () => this.#passTime() });
    this.#judgement = new Judgement(parts.vpp, () => this.#running, (name) => this.#entries.get(name));
  }

  /** Begins: backends without a check come up, disabled ones are disabled, the others are probed, spread in time. */
  start(): void {
    const now = this.#parts.clock.wall();
    const { overrides = noOverrides } = this.#parts;
    const restored = this.overrides.take(this.overrides.restored(overrides));
    this.#running = withWeights(this.#file, this.overrides.weights());
    const batch = new Batch(this.#judgement);
    const places = memberships(this.#running.frontends.values());
    for (const backend of this.#running.backends.values()) {
      const check = checkOf(this.#running, backend);
      const at = places.get(backend.name) ?? [];
      this.#entries.set(
        backend.name,
        new Entry(backend, check, at, now, this.#judgement.flows(backend.address)),
      );
    }
    this.#states.keep(this.#running.frontends.values(), now, this.#running.healthchecker.transitionHistory);
    for (const entry of this.#entries.values()) this.#enterService(entry, batch, now);
    this.#targets.begin(this.#entries.values(), this.netns);
    this.#blindWatch.start();
    this.#finish(batch, this.#running.frontends.keys(), because("start"), this.#parts.clock.now(), now);
    if (isChange(restored)) this.#parts.onOverrides?.(restored, null);
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
    // What was handed on becomes VPP's message in a microtask of this turn; this one comes after it.
    if (handedOn) queueMicrotask(() => this.#count());
    else this.#count();
  };

  /** Carries out an operator's action. Refused: `not-found`, `conflict` when the state forbids it, `invalid`. */
  act(
    name: string,
    action: BackendAction,
    actor: Actor,
    words: OrderWords = {},
  ): Result<ActionOutcome, Refusal> {
    const entry = this.#entries.get(name);
    if (entry === undefined) return err({ type: "not-found", detail: `there is no backend "${name}"` });
    const ordered = this.overrides.act(name, action, actor, words);
    if (!ordered.ok) return err(refusalOf(ordered.error, `cannot ${action} "${name}"`, words));
    const { value: change } = ordered;
    const { replaced } = change;
    const before = entry.health.state;
    if (words.dryRun === true) {
      const assumed = this.#assume(change);
      const after = assumed.backends.find(({ backend }) => backend === name)?.to ?? before;
      return ok({ changed: after !== before, before, after, replaced, assumed });
    }
    const decidedAt = this.#parts.clock.now();
    const now = this.#parts.clock.wall();
    this.overrides.take(change);
    const batch = new Batch(this.#judgement);
    const by = actor.principal;
    this.#apply(entry, [{ kind: action }], batch, now, by, [], "asked");
    this.#align(entry, batch, now, { detail: `${action} by ${by}` }, by, "asked");
    this.#targets.align([entry], this.netns);
    this.#finish(batch, batch.touched, because(""), decidedAt, now);
    this.#tell(change, by);
    const after = entry.health.state;
    return ok({ changed: after !== before, before, after, replaced, assumed: null });
  }

  /** Sets a weight of the running configuration, 0…100. Refused: `not-found`, `invalid`. */
  setWeight(
    frontend: string,
    pool: string,
    backend: string,
    weight: number,
    actor: Actor,
    words: OrderWords = {},
  ): Result<WeightOutcome, Refusal> {
    const before = memberWeight(this.#running, frontend, pool, backend);
    if (before === null) {
      const detail = `there is no backend "${backend}" in pool "${pool}" of frontend "${frontend}"`;
      return err({ type: "not-found", detail });
    }
    if (!Number.isInteger(weight) || weight < 0 || weight > 100) {
      return err({ type: "invalid", detail: "weight must be a whole number from 0 to 100" });
    }
    const member = { frontend, pool, backend };
    const ordered = this.overrides.setWeight(member, weight, actor, words);
    if (!ordered.ok) return err(refusalOf(ordered.error, `cannot set the weight of "${backend}"`, words));
    const { value: change } = ordered;
    const { replaced } = change;
    if (words.dryRun === true) {
      return ok({ before, after: weight, replaced, assumed: this.#assume(change) });
    }
    const by = actor.principal;
    this.overrides.take(change);
    if (this.overrides.weight(frontend, pool, backend) === null) {
      this.overrides.saidFileWeight({ ...member, weight, by });
    }
    this.#running = withWeights(this.#file, this.overrides.weights());
    const reason = () => `weight of backend ${backend} set from ${before} to ${weight} by ${by}`;
    const { clock } = this.#parts;
    this.#finish(new Batch(this.#judgement), [frontend], reason, clock.now(), clock.wall());
    this.#tell(change, by);
    return ok({ before, after: weight, replaced, assumed: null });
  }

  /** Ends an override, of either scope. Refused: `not-found`. */
  clearOverride(id: string, actor: Actor, dryRun = false): Result<ClearOutcome, Refusal> {
    const by = actor.principal;
    const change = this.overrides.tried((list) => clear(list, id, by));
    if (change === null) return err({ type: "not-found", detail: `there is no override "${id}"` });
    if (dryRun) return ok({ change, assumed: this.#assume(change) });
    this.#follow(this.overrides.take(change), by, "ended");
    return ok({ change, assumed: null });
  }

  /** Overrides of an earlier process that have come late; they are in force from now on. */
  recallOverrides(left: LeftOverrides): void {
    this.#follow(this.overrides.take(this.overrides.recalled(left)), null, "late");
  }

  /**
   * Adds, replaces or ends overrides of the fleet by a rule.
   *
   * @param by the operator of this process who asks for it; null: it came from elsewhere
   */
  changeOverrides(rule: OverrideRule, by: string | null): OverrideChange | null {
    const change = this.overrides.tried(rule);
    if (change !== null) this.#follow(this.overrides.take(change), by, by === null ? "other" : "asked");
    return change;
  }

  /**
   * VPP was read whole for the first time in this process: what it showed is the witness from now on, and decides
   * the flushes of first states that were told before.
   */
  firstRead(): void {
    const { clock, vpp } = this.#parts;
    const now = clock.wall();
    const batch = new Batch(this.#judgement);
    const late: LateFlush[] = [];
    for (const entry of this.#entries.values()) {
      const [told] = entry.history;
      if (entry.toldUnread && told !== undefined) {
        const completed = complete(told, entry.backend.name, this.#judgement);
        entry.history[0] = completed.transition;
        late.push(...completed.late);
      }
      entry.toldUnread = false;
      const event: HealthEvent = vpp.hadWeight(entry.backend.address)
        ? { kind: "witness" }
        : { kind: "no-witness", failure: entry.lastFailure };
      this.#apply(entry, [event], batch, now, null);
      this.#targets.pace(entry);
    }
    const reason = (why: string) => why === "" ? "as read from VPP" : why;
    this.#finish(batch, this.#running.frontends.keys(), reason, clock.now(), now, late);
  }

  /** Takes a new, checked configuration. Backends that stay the same go on, and so does what operators set. */
  reload(config: Config, actor: Actor | null): ReloadOutcome {
    this.#count();
    const decidedAt = this.#parts.clock.now();
    const now = this.#parts.clock.wall();
    const by = actor?.principal ?? null;
    const batch = new Batch(this.#judgement);
    batch.observe(new Set([...this.#running.frontends.keys(), ...config.frontends.keys()]));
    const before = this.#running;
    const old = this.#entries;
    const places = memberships(config.frontends.values());
    const renamed = renamedBackends(before.backends, config.backends);
    const overrides = this.overrides.reloaded(config, renamed);
    this.#file = config;
    this.#running = withWeights(config, this.overrides.weights());
    const { entries, fresh, removed } = sortEntries(
      old,
      before,
      config,
      (backend) =>
        new Entry(
          backend,
          checkOf(config, backend),
          places.get(backend.name) ?? [],
          now,
          this.#judgement.flows(backend.address),
        ),
    );
    this.#entries = entries;
    const restart = new Set<Entry>();
    const late: LateFlush[] = [];
    for (const [name, entry] of this.#entries) {
      const is = config.backends.get(name);
      if (is === undefined || fresh.has(entry)) continue;
      if (renamed.has(name)) this.#rename(entry, name, batch);
      const was = entry.backend;
      const change = reloadBackend(before, config, was, is);
      const gone = entry.places;
      entry.backend = is;
      entry.check = checkOf(config, is);
      entry.places = places.get(is.name) ?? [];
      entry.trim(config.healthchecker.transitionHistory);
      const { state } = entry.health;
      const events = reloadEvents(change.events, this.overrides.orders(name));
      this.#apply(entry, events, batch, now, by, gone);
      this.#align(entry, batch, now, leaving(overrides, name), by, "ended");
      if (entry.health.state === state) {
        late.push(...broughtFlushes(entry, was, gone, before, config, this.#judgement));
      }
      if (change.restart) restart.add(entry);
      if (change.newAddress) entry.lastProbe = null;
      if (change.restart || entry.check === null) entry.certificate = entry.latency = null;
    }
    for (const entry of fresh) this.#enterService(entry, batch, now);
    for (const entry of removed) this.#apply(entry, [{ kind: "remove" }], batch, now, by);
    this.#states.keep(config.frontends.values(), now, config.healthchecker.transitionHistory);
    this.#targets.align([...removed, ...this.#entries.values()], this.netns, restart);
    const { frontendChanges, transitions } = this.#finish(
      batch,
      config.frontends.keys(),
      because("reload"),
      decidedAt,
      now,
      late,
    );
    tellReload(this.#parts.log, renamed);
    this.#tell(overrides, by);
    return { transitions, frontendChanges, renamed, overrides };
  }

  /**
   * The journal has been read: what it has of a backend from before this process.
   *
   * @param left transitions, newest first
   * @param since when the last of their states began
   */
  recallHistory(backend: string, left: readonly Transition[], since: UnixMillis): void {
    this.#entries.get(backend)?.recall(left, since, this.#running.healthchecker.transitionHistory);
  }

  /** What the journal has of a frontend from before this process, newest first. */
  recallFrontend(frontend: string, left: readonly FrontendTransition[]): void {
    this.#states.recall(frontend, left);
  }

  /** The running configuration: the file's with the weights that operators set. */
  get config(): Config {
    return this.#running;
  }

  /** The configuration as the file has it. */
  get fileConfig(): Config {
    return this.#file;
  }

  /** Network namespace of all probes, "" for the daemon's own. */
  get netns(): string {
    return this.#running.healthchecker.netns;
  }

  /** What another file would make of what operators set, and the configuration that would run. */
  foreseenReload(config: Config): { readonly config: Config; readonly overrides: ForeseenOverrides } {
    const renamed = renamedBackends(this.#running.backends, config.backends);
    const overrides = this.overrides.foreseen(config, renamed);
    return { config: withWeights(config, overrides.weights), overrides };
  }

  /** Weights that operators set and the file has otherwise. */
  runtimeWeights(): RuntimeWeight[] {
    return runtimeWeights(this.#file, this.#running);
  }

  /** What a restart of the daemon would forget. */
  runtimeState(): RuntimeState {
    return runtimeState([...this.#entries.values()], this.runtimeWeights());
  }

  /** The running configuration and the health of its backends now; nothing that happens later changes it. */
  picture(): HealthPicture {
    const health = new Map<string, BackendHealth>();
    for (const [name, entry] of this.#entries) health.set(name, entry.health);
    return { config: this.#running, health };
  }

  /** Backends in the file's order; read only. */
  entries(): IterableIterator<Readonly<Entry>> {
    return this.#entries.values();
  }

  /** One backend; read only. */
  entry(name: string): Readonly<Entry> | null {
    return this.#entries.get(name) ?? null;
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
    for (const { backend, health } of this.#entries.values()) {
      if (health.previous !== null) addresses.set(backend.name, health.previous.address);
    }
    return addresses;
  }

  /** The backends that are blind now, in the file's order, and the number of those that are probed. */
  blind(): { readonly backends: readonly BlindBackend[]; readonly probed: number } {
    const { clock } = this.#parts;
    const [now, wall] = [clock.now(), clock.wall()];
    const entries = [...this.#entries.values()];
    const backends = entries.flatMap((entry) => {
      const blindness = entry.blindness(now, wall);
      return blindness === null ? [] : [{ name: entry.backend.name, ...blindness }];
    });
    return { backends, probed: entries.filter((entry) => entry.isProbed).length };
  }

  /** Stops the timers; reports that still arrive are rejected. The prober belongs to its maker. */
  [Symbol.dispose](): void {
    this.#count();
    this.#closed = true;
    this.overrides[Symbol.dispose]();
    this.#blindWatch[Symbol.dispose]();
  }

  /** Gives a backend another name; its old name is probed no more. */
  #rename(entry: Entry, name: string, batch: Batch): void {
    const was = entry.backend.name;
    batch.rename(was, name);
    this.#targets.forget(entry);
    this.#parts.metrics.forgotten(was);
  }

  #enterService(entry: Entry, batch: Batch, now: UnixMillis): void {
    const orders = this.overrides.orders(entry.backend.name);
    const events = firstEvents(entry.health.rule, orders);
    this.#apply(entry, events, batch, now, orders.override?.by ?? null);
  }

  #take(report: ProbeReport, batch: Batch, decidedAt: Millis, now: UnixMillis): void {
    const entry = this.#entries.get(report.backend);
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
    const events = toward(entry.health.state, orders, leaving);
    this.#apply(entry, events, batch, now, orders.override?.by ?? by, [], cause);
  }

  /** Time may have ended overrides. */
  #passTime(): void {
    if (this.#closed) return;
    const { anchored, change } = this.overrides.passTime();
    if (isChange(change)) this.#follow(change, null, "ended", "expired");
    else if (anchored) this.#parts.onOverrides?.(change, null);
  }

  /** Brings backends and weights to what changed overrides want. */
  #follow(change: OverrideChange, by: string | null, cause: Cause, code?: Code): void {
    const decidedAt = this.#parts.clock.now();
    const now = this.#parts.clock.wall();
    const batch = new Batch(this.#judgement);
    const { backends, frontends } = concerns(change);
    batch.observe(frontends);
    this.#running = withWeights(this.#file, this.overrides.weights());
    const entries = backends.flatMap((name) => this.#entries.get(name) ?? []);
    for (const entry of entries) {
      const { name } = entry.backend;
      const isSet = change.set.some((one) => one.kind !== "weight" && one.backend === name);
      const why = leaving(change, name);
      this.#align(
        entry,
        batch,
        now,
        code === undefined ? why : { ...why, code },
        by,
        isSet ? cause : "ended",
      );
    }
    this.#targets.align(entries, this.netns);
    const reason = because(change.ended.map(({ detail }) => detail).slice(0, 3).join(", "));
    this.#finish(batch, new Set([...batch.touched, ...frontends]), reason, decidedAt, now, [], frontends);
    this.#tell(change, by);
  }

  #tell(change: OverrideChange, by: string | null): void {
    if (isChange(change)) this.#parts.onOverrides?.(change, by);
  }

  /** What a change would make of backends and weights. */
  #assume(change: OverrideChange): Assumed {
    const entries = concerns(change).backends.flatMap((name) => this.#entries.get(name) ?? []);
    return assume(change.list, this.#file, this.overrides, entries, this.#parts.clock.wall());
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
      const limit = this.#running.healthchecker.transitionHistory;
      this.#entries.get(transition.backend)?.remember(transition, limit);
    }
    const handedOn = transitions.length + frontendChanges.length + lateFlushes.length + reweighed.length > 0;
    if (handedOn) this.#handOn({ transitions, frontendChanges, lateFlushes, reweighed, decidedAt, at: now });
    return { transitions, frontendChanges, handedOn };
  }
}
