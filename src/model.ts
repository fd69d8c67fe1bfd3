/**
 * The vocabulary of the product. The same words stand in `maglev.yaml`, the API, the metrics, the
 * client and the documents. This file imports nothing.
 *
 * @module
 */

/** A span or a point on the monotonic clock, in milliseconds; may carry a fraction. */
export type Millis = number;

/** A point of wall-clock time: milliseconds since 1970-01-01 UTC; may carry a fraction. */
export type UnixMillis = number;

/** An IP address in its one canonical text (RFC 5952); made only by `src/net/ip.ts`, so `===` compares addresses. */
export type IpAddress = string & { readonly __brand: "IpAddress" };

/** Address family by its number in the text: 4 or 6. */
export type Family = 4 | 6;

/** Transport protocol of a VIP; `any` is an all-port VIP (VPP's 255, port 0). */
export type Protocol = "tcp" | "udp" | "any";

/** How VPP carries packets to application servers; GRE4/GRE6 name the outer header, so they follow the servers' family. */
export type Encap = "gre4" | "gre6" | "l3dsr" | "nat4" | "nat6";

/** State of a backend. */
export type State = "unknown" | "up" | "down" | "paused" | "disabled" | "removed";

/** State of a frontend. */
export type FrontendState = "unknown" | "up" | "down";

/** Codes of a probe's result, after HAProxy. */
export const PROBE_CODES = [
  "L4OK",
  "L4TOUT",
  "L4CON",
  "L6OK",
  "L6TOUT",
  "L6RSP",
  "L7OK",
  "L7TOUT",
  "L7RSP",
  "L7STS",
] as const;

/** One of `PROBE_CODES`. */
export type ProbeCode = typeof PROBE_CODES[number];

/** Codes of transitions that no probe caused. */
export type OperatorCode =
  | "paused"
  | "disabled"
  | "enabled"
  | "resumed"
  | "removed"
  | "reload"
  | "static"
  | "expired";

/** Why a backend is in its state. */
export type Code = ProbeCode | OperatorCode;

/** Why a probe's result counts neither way: the daemon's host or rights failed, not the backend. */
export const VOID_CAUSES = [
  "late",
  "descriptors",
  "ports",
  "memory",
  "netns",
  "permission",
  "source-address",
  "family",
  "tls-library",
  "worker-restart",
] as const;

/** One of `VOID_CAUSES`. */
export type VoidCause = typeof VOID_CAUSES[number];

/** Result of one probe. Times of phases are null when the phase was not reached. */
export interface ProbeResult {
  /** Whether the probe passed. */
  readonly ok: boolean;
  /** Layer that decided: connect, TLS, application or echo. */
  readonly layer: "L4" | "L6" | "L7";
  /** What happened. */
  readonly code: ProbeCode;
  /** For humans: `connection refused`, `HTTP 503`. */
  readonly detail: string;
  /** When the schedule wanted it. */
  readonly scheduledAt: UnixMillis;
  /** When it really began. */
  readonly startedAt: UnixMillis;
  /** Until the connection was there. */
  readonly connectMs: Millis | null;
  /** Duration of the TLS handshake. */
  readonly tlsMs: Millis | null;
  /** From the request to the first octet of the answer. */
  readonly firstByteMs: Millis | null;
  /** The whole probe. */
  readonly totalMs: Millis;
  /** How long the probing thread did not run during the probe. */
  readonly lagMs: Millis;
  /** Not null: the result counts neither way. */
  readonly void: VoidCause | null;
}

/** The certificate that a backend shows in the TLS of its probes, trusted or not. */
export interface LeafCertificate {
  /** Whose it is, e.g. `CN=www.example.net, O=Example`; "" if it does not say. */
  readonly subject: string;
  /** Who signed it. */
  readonly issuer: string;
  /** DNS names and addresses that it is valid for. */
  readonly names: readonly string[];
  /** Begin of its time. */
  readonly notBefore: UnixMillis;
  /** End of its time. */
  readonly notAfter: UnixMillis;
}

/** How a transition changed what one frontend sends to a backend. */
export interface WeightEffect {
  /** Name of the frontend. */
  readonly frontend: string;
  /** Name of the pool. */
  readonly pool: string;
  /** Effective weight before, 0...100. */
  readonly weightBefore: number;
  /** Effective weight after, 0...100. */
  readonly weightAfter: number;
  /** Whether the flows of the server are flushed. */
  readonly flush: boolean;
}

/** A change of a backend's state. */
export interface Transition {
  /** Name of the backend. */
  readonly backend: string;
  /** State before. */
  readonly from: State;
  /** State after; equal to `from` never. */
  readonly to: State;
  /** When it was decided. */
  readonly at: UnixMillis;
  /** Why. */
  readonly code: Code;
  /** Why, for humans. */
  readonly detail: string;
  /** The operator who asked for it, or null. */
  readonly by: string | null;
  /** One entry for each frontend that has the backend. */
  readonly effects: readonly WeightEffect[];
}

/** A VIP's identity in VPP. */
export interface VipKey {
  /** `192.0.2.1/32`: canonical address, slash, length. */
  readonly prefix: string;
  /** IP protocol number: 6, 17, 255 = any; a foreign VIP may carry another. */
  readonly protocol: number;
  /** 0 for an all-port VIP. */
  readonly port: number;
}

/** A VIP that a configuration named, and by which name. */
export interface NamedVip extends VipKey {
  /** Name of the frontend, or of the last one that had it. */
  readonly frontend: string;
}

/** What a daemon must know of VPP's VIPs that VPP does not tell. It outlives the process. */
export interface VipRecord {
  /** VIPs that a configuration named, as long as it does or VPP has them. They are the daemon's own. */
  readonly named: readonly NamedVip[];
  /** VIPs whose deletion is held as a mass deletion. */
  readonly held: readonly VipKey[];
}

/** What the next process must know of the fleet's store. */
export interface FleetRecord {
  /** Name of the fleet. */
  readonly name: string;
  /** Identity of the store. */
  readonly clusterId: string;
  /** Revision of the newest list or change, a decimal number. */
  readonly revision: string;
  /** What the store has up to this revision is not believed. */
  readonly floor: string;
  /** What operators want in the whole fleet, as keys and values of the store. */
  readonly intents: readonly {
    readonly key: string;
    readonly value: string;
    readonly revision: string;
    /** It holds though the store may not have it. */
    readonly held: boolean;
  }[];
}

/** How a daemon is connected to VPP and what VPP has, as GET /readyz says it. */
export const VPP_STANDINGS = [
  "off",
  "disconnected",
  "refused",
  "warming-up",
  "out-of-sync",
  "in-sync",
] as const;

/** One of `VPP_STANDINGS`. */
export type VppStanding = typeof VPP_STANDINGS[number];

/**
 * How much a process has of what an earlier one left: all of it (also if there was none), an older state of it, or
 * nothing although there was some.
 */
export type MemoryLeft = "all" | "older" | "lost";

/** An application server as VPP reports it; removed ones (flag bit 0 clear) never appear. */
export interface ActualServer {
  /** Address of the server. */
  readonly address: IpAddress;
  /** 0...100. */
  readonly weight: number;
  /** VPP's flags; bit 0 is set: in use. */
  readonly flags: number;
  /** Entries of the new-flow table that are this server's. */
  readonly numBuckets: number;
  /** VPP's own clock, in s. */
  readonly inUseSince: number;
}

/** A VIP as VPP reports it. */
export interface ActualVip extends VipKey {
  /** How packets are carried. */
  readonly encap: Encap;
  /** Null when `show lb vips verbose` held a line that the parser does not know. */
  readonly srcIpSticky: boolean | null;
  /** Entries of the new-flow table. */
  readonly tableLength: number;
  /** Column of the per-VIP counters; null as with `srcIpSticky`. */
  readonly index: number | null;
  /** In VPP's order. */
  readonly servers: readonly ActualServer[];
}

/** Global settings of the lb plugin as `lb_conf_get` reports them. */
export interface ActualConf {
  /** Outer source of GRE4. */
  readonly ipv4SrcAddress: IpAddress;
  /** Outer source of GRE6. */
  readonly ipv6SrcAddress: IpAddress;
  /** Entries of each thread's flow table. */
  readonly stickyBucketsPerCore: number;
  /** Life of an idle flow. */
  readonly flowTimeoutSeconds: number;
}

/** All that was read from the lb plugin. */
export interface ActualLb {
  /** When the read began. */
  readonly readAt: UnixMillis;
  /** Global settings. */
  readonly conf: ActualConf;
  /** In VPP's order; removed ones never appear. */
  readonly vips: readonly ActualVip[];
}

/** Who asked for a change, for logs and history. */
export interface Actor {
  /** Name of the authenticated client, or `local`. */
  readonly principal: string;
  /** Address of the peer as the listener saw it. */
  readonly peer: string;
  /** Who is behind the token, as the request says; nothing proves it. Missing or null: it does not say. */
  readonly claimed?: string | null;
}
