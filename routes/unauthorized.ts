/**
 * The record of a request that was refused for lack of rights: at most one a second for each peer, so that a
 * stranger cannot fill the log.
 *
 * @module
 */
import type { Clock } from "../src/clock.ts";
import type { Log } from "../src/log/mod.ts";
import type { Millis } from "../src/model.ts";
import type { Peer } from "./access.ts";

/** Least time between two records about one peer. */
const pauseMs: Millis = 1_000;

/** Peers that are remembered. With more in one second, the peers beyond share one place. */
const mostPeers = 1_000;

/** Longest path that is logged, in characters. */
const longestPath = 200;

/** A refused request. */
export interface Refused {
  /** 401 or 403. */
  readonly code: number;
  /** Null: not known. */
  readonly peer: Peer | null;
  /** Whose valid token it was; null: there was none. */
  readonly principal: string | null;
  /** As sent. */
  readonly method: string;
  /** Without query. */
  readonly path: string;
  /** Why, in one sentence. */
  readonly detail: string;
}

/** Writes `unauthorized` records. */
export class RefusalLog {
  readonly #log: Log;
  readonly #clock: Clock;
  /** Host of a peer -> when it was last logged, and how many were not logged since. */
  readonly #peers = new Map<string, { at: Millis; unlogged: number }>();

  /** Writes to `log`. */
  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Logs one refusal, unless the peer had a record within the last second. */
  refused({ code, peer, principal, method, path, detail }: Refused): void {
    const now = this.#clock.now();
    const key = this.#keyOf(peer?.host ?? "unknown", now);
    const known = this.#peers.get(key);
    if (known !== undefined && now - known.at < pauseMs) {
      known.unlogged++;
      return;
    }
    const unlogged = known?.unlogged ?? 0;
    // Deleted first: the map keeps the order of the records, oldest first.
    this.#peers.delete(key);
    this.#peers.set(key, { at: now, unlogged: 0 });
    this.#log.warn("unauthorized", {
      code,
      peer: peer?.address ?? "unknown",
      ...(principal === null ? {} : { principal }),
      method,
      path: path.length > longestPath ? `${path.slice(0, longestPath)}\u2026` : path,
      detail,
      ...(unlogged === 0 ? {} : { unlogged }),
    });
  }

  #keyOf(host: string, now: Millis): string {
    if (this.#peers.has(host)) return host;
    for (const [old, { at }] of this.#peers) {
      if (this.#peers.size < mostPeers) break;
      if (now - at < pauseMs) return "others";
      this.#peers.delete(old);
    }
    return host;
  }
}
