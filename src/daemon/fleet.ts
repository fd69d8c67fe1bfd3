/**
 * The daemon in its fleet: what it tells of itself, what it keeps over a restart, what it logs, and the answer to
 * GET /v1/fleet.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import { nanosText, timeText } from "../api/text.ts";
import type { Clock } from "../clock.ts";
import type { UnitContents } from "../files/unit.ts";
import { Fleet, type FleetView } from "../fleet/fleet.ts";
import { notAsked, type StoreState } from "../fleet/intent_loop.ts";
import type { Learned, StoredIntent } from "../fleet/intents.ts";
import type { NodeRow } from "../fleet/node_row.ts";
import { memoryOf, recordOf } from "../fleet/record.ts";
import type { Tracker } from "../health/tracker.ts";
import { desiredVips } from "../lb/desired.ts";
import type { Reconciler } from "../lb/reconciler.ts";
import type { Log } from "../log/mod.ts";
import type { Config, FleetRecord, FleetSettings, Millis, UnixMillis } from "../model.ts";
import { version } from "../version.ts";
import { configDigest, TableDigests } from "./fleet_row.ts";
import { FleetStore } from "./fleet_store.ts";

/** The end waits so long for the store to take the row back, in ms. */
const farewellMs: Millis = 1_000;
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
  /** A call of the store took so long, in ms. */
  readonly onCall: (ms: Millis) => void;
}

/** Whether a record says nothing of this fleet. */
export function isFleetUnknown({ fleet }: Config, record: FleetRecord | null): boolean {
  return fleet !== undefined && memoryOf(fleet.name, record).clusterId === null;
}

/** The answer to GET /v1/fleet of a daemon that stands alone. */
export function noFleet(node: string): api.Fleet {
  return {
    name: null,
    node,
    store: "off",
    store_since: null,
    store_detail: "",
    nodes: [],
    disagreements: [],
  };
}

/** A daemon in its fleet. */
export class DaemonFleet implements AsyncDisposable {
  readonly #parts: DaemonFleetParts;
  readonly #store: FleetStore;
  readonly #fleet: Fleet;
  readonly #tables = new TableDigests();
  #digest: { readonly config: Config; readonly text: string } | null = null;
  #said: StoreState["kind"] | null = null;
  #keptAt: Millis = -Infinity;
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
    });
  }

  /** Begins. */
  start(): void {
    this.#fleet.start();
    void this.#fleet.listed.then(() => this.#parts.reconciler.fleetKnown());
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

  /** Takes the row back if the store answers, and ends every call. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#fleet[Symbol.asyncDispose]();
    const timeout = new AbortController();
    await Promise.race([ended, this.#parts.clock.sleep(farewellMs, timeout.signal).catch(() => {})]);
    timeout.abort();
    this.#store[Symbol.dispose]();
    await ended;
  }

  #row(): NodeRow {
    const { instance, node, reconciler, tracker, vpp } = this.#parts;
    const { config, fileConfig } = tracker;
    if (this.#digest?.config !== fileConfig) {
      this.#digest = { config: fileConfig, text: configDigest(fileConfig) };
    }
    const desired = desiredVips(config, (name) => tracker.status(name), reconciler.view.servers, null);
    const notUp = [...tracker.entries()].flatMap(({ backend, health }) =>
      health.state === "up" || health.state === "removed" ? [] : [[backend.name, health.state]]
    );
    return {
      node,
      instance,
      version,
      configDigest: this.#digest.text,
      intents: [...this.#fleet.memory.intents.values()].map(({ revision }) => String(revision)),
      tables: this.#tables.of(desired, (frontend) => reconciler.view.vip(frontend)?.tableLength ?? null),
      notUp: Object.fromEntries(notUp),
      vpp: vpp(),
    };
  }

  #learned({ ended, memory, rubbish, written }: Learned): void {
    const { clock, log, settings } = this.#parts;
    for (const { key, why } of rubbish) log.warn("fleet-intent", { key, detail: `it is left alone: ${why}` });
    for (const stored of written) log.info("fleet-intent", { event: "set", ...intentAttrs(stored) });
    for (const stored of ended) log.info("fleet-intent", { event: "gone", ...intentAttrs(stored) });
    const changed = written.length + ended.length > 0 || memory.clusterId !== this.#kept?.clusterId;
    if (!changed && clock.now() - this.#keptAt < keepMs) return;
    this.#keptAt = clock.now();
    this.#kept = recordOf(settings.name, memory);
    this.#parts.recorded();
  }

  #state({ detail, kind }: StoreState): void {
    if (kind === this.#said) return;
    this.#said = kind;
    const { log, settings } = this.#parts;
    const fleet = settings.name;
    if (kind === "live") log.info("fleet-store", { fleet, store: "live" });
    else log.warn("fleet-store", { fleet, store: "away", detail: whyAway(kind, detail) });
  }
}

/** Something that is wrong. */
export interface FleetTrouble {
  /** Since when. */
  readonly since: UnixMillis;
  /** One sentence. */
  readonly detail: string;
}

/** What is wrong with the fleet. */
export interface FleetTroubles {
  /** The store cannot be used; null: it can. */
  readonly store: FleetTrouble | null;
  /** This node's clock differs from the store's. */
  readonly clock: FleetTrouble | null;
  /** What nodes do not agree about: a node, a frontend or a backend is the object. */
  readonly nodes: readonly (FleetTrouble & { readonly object: string })[];
}

/** A daemon that stands alone has no trouble with others. */
export const noTroubles: FleetTroubles = { store: null, clock: null, nodes: [] };

/** What is wrong with the fleet; `now` is monotonic. */
export function fleetTroubles(view: FleetView, now: Millis, wall: UnixMillis): FleetTroubles {
  const { clockOff, disagreements, doubled, node, store } = view;
  const at = (since: Millis) => wall - (now - since);
  const away = store.kind === "live" || store.detail === notAsked
    ? null
    : { since: store.since, detail: whyAway(store.kind, store.detail) };
  const seconds = Math.round(Math.abs(clockOff?.ms ?? 0) / 1000);
  const way = (clockOff?.ms ?? 0) > 0 ? "ahead of" : "behind";
  const differs = disagreements.map(({ object, since, text }) => ({
    object,
    since: at(since),
    detail: text,
  }));
  const twin = doubled === null ? [] : [{
    object: node,
    since: at(doubled.since),
    detail: `another daemon has the node name ${node}, too: give each its own with --node-name`,
  }];
  return {
    store: away,
    clock: clockOff === null ? null : {
      since: clockOff.since,
      detail: `this node's clock is ${seconds} s ${way} that of the fleet's store`,
    },
    nodes: [...twin, ...differs],
  };
}

function whyAway(kind: StoreState["kind"], detail: string): string {
  return kind === "replaced"
    ? "the store was replaced: what was known holds until it is written again, cleared or over"
    : detail;
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

/** GET /v1/fleet of what is known; `now` is monotonic. */
export function fleetAnswer(view: FleetView, now: Millis): api.Fleet {
  const { disagreements, name, node, rows, store } = view;
  const own = rows.find(({ row }) => row.node === node)?.row.configDigest;
  return {
    name,
    node,
    store: store.kind === "live" ? "live" : "away",
    store_since: timeText(store.since),
    store_detail: store.kind === "live" ? "" : whyAway(store.kind, store.detail),
    nodes: rows.map(({ row, seenAt }) => ({
      node: row.node,
      age_ns: nanosText(Math.max(0, now - seenAt)),
      version: row.version,
      config: row.configDigest === own ? "same" : "differs",
      config_digest: row.configDigest,
      vpp: row.vpp,
      not_up: Object.keys(row.notUp).sort(),
    })),
    disagreements: disagreements.map(({ kind, nodes, object, text }) => ({
      kind,
      object,
      text,
      nodes: { ...nodes },
    })),
  };
}
