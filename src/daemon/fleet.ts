/**
 * The daemon in its fleet: what it tells of itself, what it keeps over a restart, what it logs, and the answer to
 * GET /v1/fleet.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import { timeText } from "../api/text.ts";
import type { Clock } from "../clock.ts";
import type { Config, FleetSettings } from "../configuration.ts";
import type { Refusal } from "../control.ts";
import type { UnitContents } from "../files/unit.ts";
import type { Disagreement } from "../fleet/agreement.ts";
import { Fleet, type FleetView } from "../fleet/fleet.ts";
import type { StoreState } from "../fleet/intent_loop.ts";
import { intentKey, type Learned, type StoredIntent, targetOf } from "../fleet/intents.ts";
import type { NodeRow } from "../fleet/node_row.ts";
import { followIntents, overrideId, overrideOf } from "../fleet/overrides.ts";
import { memoryOf, recordOf } from "../fleet/record.ts";
import { stepOf, targetOfWish, type Wish } from "../fleet/wish.ts";
import type { Tracker } from "../health/tracker.ts";
import { desiredVips } from "../lb/desired.ts";
import type { Reconciler } from "../lb/reconciler.ts";
import type { Log } from "../log/mod.ts";
import type { Actor, FleetRecord, Millis } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import { version } from "../version.ts";
import { fleetAnswer, type FleetTroubles, fleetTroubles, whyAway } from "./fleet_answer.ts";
import { configDigest, TableDigests } from "./fleet_row.ts";
import { FleetStore } from "./fleet_store.ts";
import { type EverywhereWords, fileValue, outcomeOf, refusalOf, type Wanted } from "./fleet_wish.ts";
import type { FleetSink } from "./recorder.ts";

/** The end waits so long for the store to take the row back, in ms. */
const farewellMs: Millis = 1_000;
/** Tables and states are computed again after this time, in ms, whatever was heard. */
const lookMs: Millis = 60_000;
/** A new revision alone is kept at most this often, in ms: it moves whenever any node writes its row. */
const keepMs: Millis = 60_000;

/** What a daemon's fleet is made of. */
export interface DaemonFleetParts {
  /** `fleet` of the configuration. */
  readonly settings: FleetSettings;
  /** Name of this node. */
  readonly node: string;
  /** Tells two processes of one name apart. */
  readonly instance: string;
  /** Time. */
  readonly clock: Clock;
  /** Where `fleet-store` and `fleet-intent` are written. */
  readonly log: Log;
  /** What the files hold that the configuration names. */
  readonly files: readonly UnitContents[];
  /** What an earlier process knew. */
  readonly record: FleetRecord | null;
  /** What the next process must know has changed. */
  readonly recorded: () => void;
  /** Health of everything. */
  readonly tracker: Tracker;
  /** Keeper of VPP's state. */
  readonly reconciler: Reconciler;
  /** How VPP stands. */
  readonly vpp: () => api.Ready["vpp"];
  /** Where changes of the fleet are recorded. */
  readonly journal: FleetSink;
  /** A call of the store took so long, in ms. */
  readonly onCall: (ms: Millis) => void;
}

/** Whether a record says nothing of this fleet. */
export function isFleetUnknown({ fleet }: Config, record: FleetRecord | null): boolean {
  return fleet !== undefined && memoryOf(fleet.name, record).clusterId === null;
}

/** A daemon in its fleet. */
export class DaemonFleet implements AsyncDisposable {
  readonly #parts: DaemonFleetParts;
  readonly #store: FleetStore;
  readonly #fleet: Fleet;
  readonly #tables = new TableDigests();
  #digest: { readonly config: Config; readonly text: string } | null = null;
  #seen: Pick<NodeRow, "tables" | "notUp"> & { readonly config: Config; readonly at: Millis } | null = null;
  #said: StoreState["kind"] | null = null;
  #keptAt: Millis = -Infinity;
  /** False: what comes from the store is what was before this process. */
  #listed = false;
  /** Who of this daemon asked for the write that is under way, by key. */
  readonly #asked = new Map<string, string>();
  #kept: FleetRecord | null;

  /** Joins when `start` is called. */
  constructor(parts: DaemonFleetParts) {
    this.#parts = parts;
    const { clock, log, node, onCall, record, settings } = parts;
    const { name } = settings;
    const memory = memoryOf(name, record);
    this.#kept = recordOf(name, memory);
    this.#store = new FleetStore(settings, clock, parts.files);
    this.#fleet = new Fleet({
      name,
      node,
      clock,
      memory,
      store: this.#store,
      row: () => this.#row(),
      onLearned: (learned) => this.#learned(learned),
      onState: (state) => this.#state(state),
      onRubbish: (of, why) => log.warn("fleet-store", { node: of, detail: `its row cannot be read: ${why}` }),
      onCall,
      onDisagreements: (began, ended) => {
        for (const one of began) this.#differ(one, one.text);
        for (const one of ended) this.#differ(one, `${one.object}: the nodes of the fleet agree again`);
      },
    });
  }

  /** Begins. */
  start(): void {
    // What was known of the intents and what was kept of the overrides are one.
    this.#follow();
    void this.#fleet.listed.then(() => {
      this.#listed = true;
      this.#parts.reconciler.fleetKnown();
    });
    this.#fleet.start();
  }

  /** What the next process must know. */
  get record(): FleetRecord | null {
    return this.#kept;
  }

  /** What is known now. */
  get view(): FleetView {
    return this.#fleet.view;
  }

  /** What is wrong now. */
  get troubles(): FleetTroubles {
    const { clock } = this.#parts;
    return fleetTroubles(this.#fleet.view, clock.now(), clock.wall());
  }

  /** What an earlier process knew has come late. */
  recall(record: FleetRecord | null): void {
    this.#fleet.recall(memoryOf(this.#parts.settings.name, record));
  }

  /** Takes files with new contents. */
  files(contents: readonly UnitContents[]): void {
    this.#store.files(contents);
  }

  /** The answer to GET /v1/fleet. */
  async answer(): Promise<api.Fleet> {
    await this.#fleet.refresh();
    return fleetAnswer(this.#fleet.view, this.#parts.clock.now());
  }

  /**
   * Carries out what an operator wants everywhere. Refused: `conflict` with another's override, `busy` while the store
   * is away.
   */
  async want(wish: Wish, actor: Actor, words: EverywhereWords): Promise<Result<Wanted, Refusal>> {
    const { clock, node, settings, tracker } = this.#parts;
    const now = clock.wall();
    const { dryRun, end, force, reason } = words;
    const until = end === null ? null : end.kind === "hour" ? end.until : now + end.ms;
    const by = actor.principal;
    const claimed = actor.claimed ?? null;
    const target = targetOfWish(wish);
    const key = intentKey(settings.name, target);
    const present = this.#fleet.memory.intents.get(key) ?? null;
    const head = { by, claimed, reason, until, node, now };
    const state = tracker.entry(wish.backend)?.health.state ?? "removed";
    const step = stepOf(wish, head, { present, state, file: fileValue(tracker.fileConfig, wish) });
    if (!step.ok) return err(refusalOf(step.error, wish, words));
    if (step.value.kind === "nothing") return ok({ replaced: null });
    const mine = present === null || present.intent.by === by && present.intent.claimed === claimed;
    const replaced = mine ? null : overrideOf(present, false);
    if (dryRun) {
      const isOthers = replaced !== null && step.value.kind === "write" && !force;
      if (isOthers) return outcomeOf({ kind: "conflict", present }, null);
      const { detail, kind } = this.#fleet.view.store;
      return kind === "away" ? outcomeOf({ kind: "refused", detail }, null) : ok({ replaced });
    }
    this.#asked.set(key, by);
    const written =
      await (step.value.kind === "write"
        ? this.#fleet.write(step.value.intent, force)
        : this.#fleet.remove(target));
    this.#asked.delete(key);
    return outcomeOf(written, replaced);
  }

  /** Ends an override of the fleet. Refused as `want`. */
  async clear(id: string, actor: Actor): Promise<Result<null, Refusal>> {
    const stored = [...this.#fleet.memory.intents.values()].find((one) => overrideId(one) === id);
    if (stored === undefined) return err({ type: "not-found", detail: `there is no override "${id}"` });
    this.#asked.set(stored.key, actor.principal);
    const written = await this.#fleet.remove(targetOf(stored.intent));
    this.#asked.delete(stored.key);
    const outcome = outcomeOf(written, null);
    return outcome.ok ? ok(null) : outcome;
  }

  /** Takes the row back if the store answers, and ends every call. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#fleet[Symbol.asyncDispose]();
    const timeout = new AbortController();
    await Promise.race([ended, this.#parts.clock.sleep(farewellMs, timeout.signal).catch(() => {})]);
    timeout.abort();
    this.#store[Symbol.dispose]();
    await ended;
  }

  /** States, weights or what VPP has may be others now. Returns at once. */
  touched(): void {
    this.#seen = null;
  }

  #row(): NodeRow {
    const { instance, node, tracker, vpp } = this.#parts;
    const { fileConfig } = tracker;
    if (this.#digest?.config !== fileConfig) {
      this.#digest = { config: fileConfig, text: configDigest(fileConfig) };
    }
    const { notUp, tables } = this.#look();
    return {
      node,
      instance,
      version,
      configDigest: this.#digest.text,
      tables,
      notUp,
      intents: [...this.#fleet.memory.intents.values()].map(({ revision }) => String(revision)),
      vpp: vpp(),
    };
  }

  /** Tables and states; with many frontends they take some milliseconds, so only when something has changed. */
  #look(): Pick<NodeRow, "tables" | "notUp"> {
    const { clock, reconciler, tracker } = this.#parts;
    const { config } = tracker;
    const seen = this.#seen;
    if (seen !== null && seen.config === config && clock.now() - seen.at < lookMs) return seen;
    const desired = desiredVips(config, (name) => tracker.status(name), reconciler.view.servers, null);
    const notUp = [...tracker.entries()].flatMap(({ backend, health }) =>
      health.state === "up" || health.state === "removed" ? [] : [[backend.name, health.state]]
    );
    this.#seen = {
      config,
      at: clock.now(),
      tables: this.#tables.of(desired, (frontend) => reconciler.view.vip(frontend)?.tableLength ?? null),
      notUp: Object.fromEntries(notUp),
    };
    return this.#seen;
  }

  #learned({ ended, memory, rubbish, written }: Learned): void {
    const { clock, log, settings } = this.#parts;
    // A field of the name "key" would be masked as a secret.
    for (const { key, why } of rubbish) {
      log.warn("fleet-intent", { entry: key, detail: `it is left alone: ${why}` });
    }
    for (const stored of written) log.info("fleet-intent", { event: "set", ...intentAttrs(stored) });
    for (const stored of ended) log.info("fleet-intent", { event: "gone", ...intentAttrs(stored) });
    if (written.length + ended.length > 0) this.#follow(written, ended);
    const changed = written.length + ended.length > 0 || memory.clusterId !== this.#kept?.clusterId;
    if (!changed && clock.now() - this.#keptAt < keepMs) return;
    this.#keptAt = clock.now();
    this.#kept = recordOf(settings.name, memory);
    this.#parts.recorded();
  }

  /** Brings the overrides to the intents that are known. */
  #follow(written: readonly StoredIntent[] = [], ended: readonly StoredIntent[] = []): void {
    const { reconciler, tracker } = this.#parts;
    const by = [...written, ...ended].map(({ key }) => this.#asked.get(key)).find((one) => one !== undefined);
    const change = tracker.orders.changeOverrides(
      (list, site, now) => followIntents(list, site, this.#fleet.memory.intents.values(), now, !this.#listed),
      by ?? null,
    );
    // The first list says what was before this process: it releases nothing and flushes nothing.
    if (change === null || !this.#listed) return;
    const set = new Set(change.set.map(({ id }) => id));
    for (const stored of written) {
      const { intent } = stored;
      if (!set.has(overrideId(stored))) continue;
      if (intent.kind === "weight") {
        void reconciler.weightSet(intent.frontend, intent.backend, intent.flush);
      } else reconciler.acted(intent.backend, intent.kind);
    }
    for (const { override } of change.ended) {
      if (override.kind === "pause") reconciler.acted(override.backend, "resume");
      if (override.kind === "disable") reconciler.acted(override.backend, "enable");
    }
  }

  #state({ detail, kind }: StoreState): void {
    if (kind === this.#said) return;
    this.#said = kind;
    const { journal, log, settings } = this.#parts;
    const fleet = settings.name;
    if (kind === "live") {
      log.info("fleet-store", { fleet, store: "live" });
      journal(`the store of fleet ${fleet} answers`, { store: "live" });
      return;
    }
    const why = whyAway(kind, detail);
    log.warn("fleet-store", { fleet, store: "away", detail: why });
    journal(`the store of fleet ${fleet} is away: ${why}`, { store: "away", detail: why });
  }

  #differ({ kind, nodes, object }: Disagreement, text: string): void {
    const about = kind === "health" ? { backend: object } : kind === "table" ? { frontend: object } : {};
    this.#parts.journal(text, { kind, object, nodes }, about);
  }
}

function intentAttrs({ intent, revision }: StoredIntent): Record<string, unknown> {
  const { backend, by, claimed, kind, node, reason, until } = intent;
  return {
    backend,
    ...(intent.kind === "weight" ? { frontend: intent.frontend, pool: intent.pool } : {}),
    kind,
    ...(intent.kind === "weight" ? { weight: intent.weight, flush: intent.flush } : {}),
    by,
    claimed,
    reason,
    until: until === null ? null : timeText(until),
    node,
    revision: String(revision),
  };
}
