/**
 * What the daemon says of its fleet: the answer to GET /v1/fleet, and what is wrong. Pure.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import { nanosText, timeText } from "../api/text.ts";
import type { FleetView } from "../fleet/fleet.ts";
import { notAsked, type StoreState } from "../fleet/intent_loop.ts";
import type { Millis, UnixMillis } from "../model.ts";

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

/** Why the store is away, for people. */
export function whyAway(kind: StoreState["kind"], detail: string): string {
  return kind === "replaced"
    ? "the store was replaced: what was known holds until it is written again, cleared or over"
    : detail;
}
