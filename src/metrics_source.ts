/**
 * What the metrics need to know of the daemon at the time of a scrape: plain rows.
 *
 * @module
 */
import type { FrontendState, Protocol, State } from "./model.ts";

/** One backend. */
export interface BackendRow {
  readonly name: string;
  readonly state: State;
  /** Null without a health check. */
  readonly counter: number | null;
  readonly enabled: boolean;
  readonly blind: boolean;
}

/** One member of one pool. */
export interface MemberRow {
  readonly pool: string;
  readonly backend: string;
  /** 0…100, of the running configuration. */
  readonly weight: number;
  /** 0…100, what VPP should have. */
  readonly effectiveWeight: number;
}

/** One frontend. */
export interface FrontendRow {
  readonly name: string;
  readonly state: FrontendState;
  readonly members: readonly MemberRow[];
}

/** One VIP of VPP. */
export interface VipRow {
  /** Null: foreign. */
  readonly frontend: string | null;
  /** `192.0.2.1`, or with its length what is no host prefix. */
  readonly address: string;
  readonly protocol: Protocol;
  /** 0 with protocol any. */
  readonly port: number;
}

/** Counters of one VIP. */
export interface VipCountsRow extends VipRow {
  readonly next: number;
  readonly first: number;
  readonly untracked: number;
  readonly noServer: number;
  /** Of the prefix's route. */
  readonly packets: number;
  /** Of the prefix's route. */
  readonly bytes: number;
}

/** Counters of one application server. */
export interface ServerCountsRow {
  readonly address: string;
  /** Null: no backend of the configuration has this address. */
  readonly backend: string | null;
  readonly packets: number;
  readonly bytes: number;
}

/** Counters as last read. */
export interface CountsRow {
  readonly vips: readonly VipCountsRow[];
  readonly servers: readonly ServerCountsRow[];
  readonly unmatched: number;
}

/** The VPP that maglevd is connected to. */
export interface VppRow {
  readonly version: string;
  readonly buildDate: string;
  readonly pid: number;
  /** Null without a stats socket. */
  readonly uptimeSeconds: number | null;
  readonly connectedSeconds: number;
  /** Held changes of the last plan; null before the first. */
  readonly heldChanges: number | null;
  /** New-flow tables of the frontends' VIPs, as last read. */
  readonly tables: readonly { readonly frontend: string; readonly length: number }[];
  /** Null before the first read. */
  readonly counts: CountsRow | null;
}

/** Everything at one moment. */
export interface MetricsSnapshot {
  /** Without removed ones. */
  readonly backends: readonly BackendRow[];
  readonly frontends: readonly FrontendRow[];
  /** Null while disconnected or switched off. */
  readonly vpp: VppRow | null;
}

/** Takes the snapshot of a scrape; must not wait. */
export type MetricsSource = () => MetricsSnapshot;
