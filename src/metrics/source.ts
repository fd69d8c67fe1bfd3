/**
 * What the metrics need to know of the daemon at the time of a scrape: plain rows.
 *
 * @module
 */
import type { FrontendState, Protocol, State, VppStanding } from "../model.ts";

/** One backend. */
export interface BackendRow {
  /** Its name. */
  readonly name: string;
  /** Its state. */
  readonly state: State;
  /** Null without a health check. */
  readonly counter: number | null;
  /** False while disabled. */
  readonly enabled: boolean;
  /** No result has counted for too long. */
  readonly blind: boolean;
  /** Until its certificate ends, negative once it has; null if it showed none. */
  readonly certificateSeconds: number | null;
  /** Quantiles of the last 60 counted probes; null: there is none. */
  readonly latencySeconds: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
}

/** The journal. */
export interface JournalRow {
  /** Rows that were lost since the start. */
  readonly dropped: number;
  /** Whether entries reach the disk; null: they are kept in memory only. */
  readonly onDisk: boolean | null;
}

/** One member of one pool. */
export interface MemberRow {
  /** Name of the pool. */
  readonly pool: string;
  /** Name of the backend. */
  readonly backend: string;
  /** 0...100, of the running configuration. */
  readonly weight: number;
  /** 0...100, what VPP should have. */
  readonly effectiveWeight: number;
}

/** One frontend. */
export interface FrontendRow {
  /** Its name. */
  readonly name: string;
  /** Its state. */
  readonly state: FrontendState;
  /** All members of all pools. */
  readonly members: readonly MemberRow[];
}

/** One VIP of VPP. */
export interface VipRow {
  /** Null: foreign. */
  readonly frontend: string | null;
  /** `192.0.2.1`, or with its length what is no host prefix. */
  readonly address: string;
  /** Its protocol. */
  readonly protocol: Protocol;
  /** 0 with protocol any. */
  readonly port: number;
}

/** Counters of one VIP. */
export interface VipCountsRow extends VipRow {
  /** Packets of known flows. */
  readonly next: number;
  /** First packets of flows. */
  readonly first: number;
  /** Packets of flows that found no place. */
  readonly untracked: number;
  /** Packets dropped for want of a server. */
  readonly noServer: number;
  /** Of the prefix's route. */
  readonly packets: number;
  /** Of the prefix's route. */
  readonly bytes: number;
}

/** Counters of one application server. */
export interface ServerCountsRow {
  /** Its address. */
  readonly address: string;
  /** Null: no backend of the configuration has this address. */
  readonly backend: string | null;
  /** Packets sent to it. */
  readonly packets: number;
  /** Octets sent to it. */
  readonly bytes: number;
}

/** Counters as last read. */
export interface CountsRow {
  /** By VIP. */
  readonly vips: readonly VipCountsRow[];
  /** By application server. */
  readonly servers: readonly ServerCountsRow[];
  /** Packets to a VIP's address on a port that no VIP has. */
  readonly unmatched: number;
}

/** The VPP that maglevd is connected to. */
export interface VppRow {
  /** Version of VPP. */
  readonly version: string;
  /** As VPP says it. */
  readonly buildDate: string;
  /** Process id. */
  readonly pid: number;
  /** Null without a stats socket. */
  readonly uptimeSeconds: number | null;
  /** Since the connect. */
  readonly connectedSeconds: number;
  /** Held changes of the last plan; null before the first. */
  readonly heldChanges: number | null;
  /** New-flow tables of the frontends' VIPs, as last read. */
  readonly tables: readonly { readonly frontend: string; readonly length: number }[];
  /** Null before the first read. */
  readonly counts: CountsRow | null;
}

/** The fleet. */
export interface FleetRow {
  /** Whether the store answers. */
  readonly connected: boolean;
  /** How the VPP of each node stands, this one included. */
  readonly nodes: readonly VppStanding[];
  /** All frontends of the configuration. */
  readonly tables: readonly { readonly frontend: string; readonly agrees: boolean }[];
}

/** Everything at one moment. */
export interface MetricsSnapshot {
  /** Without removed ones. */
  readonly backends: readonly BackendRow[];
  /** All of them. */
  readonly frontends: readonly FrontendRow[];
  /** How many overrides there are of each kind. */
  readonly overrides: Readonly<Record<"pause" | "disable" | "enable" | "weight", number>>;
  /** How many problems there are of each severity. */
  readonly problems: Readonly<Record<"critical" | "warning" | "info", number>>;
  /** Null while disconnected or switched off. */
  readonly vpp: VppRow | null;
  /** The journal. */
  readonly journal: JournalRow;
  /** Null: this daemon stands alone. */
  readonly fleet?: FleetRow | null;
}

/** Takes the snapshot of a scrape; must not wait. */
export type MetricsSource = () => MetricsSnapshot;
