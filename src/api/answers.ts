/**
 * Answers to an operator's questions: what is wrong, why, how fast, and what the other daemons see.
 *
 * @module
 */
import type { CurrentProblem, Ns, Nul, Ready, State, Time } from "./base.ts";
import type { EventHead } from "./events.ts";
import type { Override } from "./memory.ts";

/** GET /v1/problems */
export interface ProblemList {
  /** Worst first. */
  problems: CurrentProblem[];
  /** How many are critical. */
  critical: number;
  /** How many are warnings. */
  warnings: number;
}

/** GET /v1/{frontends,backends}/{name}/explain */
export interface Explain {
  /** The moment that it is about. */
  at: Time;
  /** Null: of a backend. */
  frontend: Nul<string>;
  /** State of the object. */
  state: string;
  /** One sentence. */
  text: string;
  /** The chain from the file to VPP for each member. */
  members: {
    frontend: string;
    pool: string;
    backend: string;
    in_use: boolean;
    pool_reason: string;
    file_weight: number;
    override: Nul<Override>;
    state: State;
    state_reason: string;
    state_since: Time;
    effective_weight: number;
    sent: Nul<{ at: Time; weight: number; flush: boolean; retval: number; reason: string }>;
    in_vpp: Nul<{ weight: number; num_buckets: Nul<number>; read_at: Time }>;
  }[];
}

/** Something changed that is no transition. */
export interface ChangeEvent extends EventHead {
  /** Kind of the event. */
  kind: "change";
  /** What changed. */
  what: "weight" | "override" | "problems" | "sync" | "config" | "fleet";
  /** Name of the backend, or null. */
  backend: Nul<string>;
  /** Name of the frontend, or null. */
  frontend: Nul<string>;
}

/** GET /v1/peers */
export interface PeerList {
  /** In the order of the flags. */
  peers: { name: string; url: string; reachable: boolean; detail: string }[];
}

/** GET /v1/fleet */
export interface Fleet {
  /** Null: this daemon stands alone. */
  name: Nul<string>;
  /** Name of this node. */
  node: string;
  /** The store as this daemon sees it. */
  store: "off" | "live" | "away";
  /** Since when. */
  store_since: Nul<Time>;
  /** Why. */
  store_detail: string;
  /** The daemons. */
  nodes: {
    node: string;
    age_ns: Ns;
    version: string;
    config: "same" | "differs";
    config_digest: string;
    vpp: Ready["vpp"];
    not_up: string[];
  }[];
  /** What they do not agree about. */
  disagreements: {
    kind: "config" | "table" | "health";
    object: string;
    text: string;
    nodes: Record<string, string>;
  }[];
}
