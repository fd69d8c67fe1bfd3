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

/** Kind of a health check. */
export type CheckType = "icmp" | "tcp" | "http" | "https";

/** TLS settings of a probe; null fields mean "not given". Files are PEM paths. */
export interface TlsParams {
  readonly serverName: string | null;
  readonly insecureSkipVerify: boolean;
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
}

/** One closed interval of accepted HTTP status codes, 100…599. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** Parameters of an http or https check. */
export interface HttpParams {
  readonly path: string;
  readonly host: string | null;
  readonly method: "GET" | "HEAD";
  /** The text of the file, e.g. `200-399`. */
  readonly responseCode: string;
  readonly responseCodes: readonly StatusRange[];
  /** RE2 pattern for the first 64 KiB of the body, or null. */
  readonly responseRegexp: string | null;
  readonly headers: Readonly<Record<string, string>>;
  /** Null for type `http`. */
  readonly tls: TlsParams | null;
}

/** Parameters of a tcp check; `tls` is null unless `ssl: true`. */
export interface TcpParams {
  readonly tls: TlsParams | null;
}

interface HealthCheckCommon {
  readonly name: string;
  readonly intervalMs: Millis;
  readonly fastIntervalMs: Millis;
  readonly downIntervalMs: Millis;
  /** One probe, all phases together. */
  readonly timeoutMs: Millis;
  /** Passes in a row that make a backend up, 1…100. */
  readonly rise: number;
  /** Failures in a row that make a backend down, 1…100. */
  readonly fall: number;
  readonly probeIpv4Src: IpAddress | null;
  readonly probeIpv6Src: IpAddress | null;
}

/** A health check with every default filled in. */
export type HealthCheck =
  & HealthCheckCommon
  & (
    | { readonly type: "icmp"; readonly port: null; readonly params: null }
    | { readonly type: "tcp"; readonly port: number; readonly params: TcpParams }
    | { readonly type: "http" | "https"; readonly port: number; readonly params: HttpParams }
  );

/** A backend: one address, probed at most by one health check, member of any number of frontends. */
export interface Backend {
  readonly name: string;
  readonly address: IpAddress;
  /** Name of the health check; null: no probes, always up. */
  readonly healthcheck: string | null;
  /** False: starts as `disabled`. */
  readonly enabled: boolean;
}

/** A backend in a pool, with its configured (or run-time) weight 0…100. */
export interface PoolMember {
  readonly backend: string;
  readonly weight: number;
}

/** A pool: backends that carry a frontend together; the order of pools is their priority. */
export interface Pool {
  readonly name: string;
  readonly members: readonly PoolMember[];
}

/** A frontend: one VIP and the pools behind it. */
export interface Frontend {
  readonly name: string;
  readonly description: string;
  readonly address: IpAddress;
  readonly protocol: Protocol;
  /** 1…65535, or 0 for an all-port VIP. */
  readonly port: number;
  readonly pools: readonly Pool[];
  readonly srcIpSticky: boolean;
  readonly flushOnDown: boolean;
  /** Entries of the new-flow table, a power of two 256…65536; with `auto` the length computed from the configuration. */
  readonly newFlowsTableLength: number;
  /** Whether the length was left to the daemon; then a live VIP keeps the length it has. */
  readonly newFlowsTableLengthAuto: boolean;
}

/** What maglevd does with VIPs that no configuration of this process ever named. */
export type ForeignVips = "delete" | "keep";

/** `vpp.lb` of the configuration. */
export interface LbSettings {
  readonly syncIntervalMs: Millis;
  readonly ipv4SrcAddress: IpAddress;
  readonly ipv6SrcAddress: IpAddress;
  readonly stickyBucketsPerCore: number;
  /** Whole seconds, 1…120. */
  readonly flowTimeoutSeconds: number;
  readonly startupMinDelayMs: Millis;
  readonly startupMaxDelayMs: Millis;
  readonly foreignVips: ForeignVips;
}

/** A checked configuration, defaults filled in. Maps keep the file's order. */
export interface Config {
  readonly healthchecker: {
    /** Transitions kept per backend, 1…1000. */
    readonly transitionHistory: number;
    /** Name under /var/run/netns or absolute path; "" = the daemon's own. */
    readonly netns: string;
  };
  readonly lb: LbSettings;
  readonly healthchecks: ReadonlyMap<string, HealthCheck>;
  readonly backends: ReadonlyMap<string, Backend>;
  readonly frontends: ReadonlyMap<string, Frontend>;
}

/** State of a backend. */
export type State = "unknown" | "up" | "down" | "paused" | "disabled" | "removed";

/** State of a frontend. */
export type FrontendState = "unknown" | "up" | "down";

/** Codes of a probe's result, after HAProxy. */
export type ProbeCode =
  | "L4OK"
  | "L4TOUT"
  | "L4CON"
  | "L6OK"
  | "L6TOUT"
  | "L6RSP"
  | "L7OK"
  | "L7TOUT"
  | "L7RSP"
  | "L7STS";

/** Codes of transitions that no probe caused. */
export type OperatorCode = "paused" | "disabled" | "enabled" | "resumed" | "removed" | "reload" | "static";

/** Why a backend is in its state. */
export type Code = ProbeCode | OperatorCode;

/** Why a probe's result counts neither way: the daemon's host or rights failed, not the backend. */
export type VoidCause =
  | "late"
  | "descriptors"
  | "ports"
  | "memory"
  | "netns"
  | "permission"
  | "source-address"
  | "worker-restart";

/** Result of one probe. Times of phases are null when the phase was not reached. */
export interface ProbeResult {
  readonly ok: boolean;
  readonly layer: "L4" | "L6" | "L7";
  readonly code: ProbeCode;
  /** For humans: `connection refused`, `HTTP 503`. */
  readonly detail: string;
  /** When the schedule wanted it. */
  readonly scheduledAt: UnixMillis;
  readonly startedAt: UnixMillis;
  readonly connectMs: Millis | null;
  readonly tlsMs: Millis | null;
  readonly firstByteMs: Millis | null;
  readonly totalMs: Millis;
  /** How long the probing thread did not run during the probe. */
  readonly lagMs: Millis;
  /** Not null: the result counts neither way. */
  readonly void: VoidCause | null;
}

/** How a transition changed what one frontend sends to a backend. */
export interface WeightEffect {
  readonly frontend: string;
  readonly pool: string;
  readonly weightBefore: number;
  readonly weightAfter: number;
  readonly flush: boolean;
}

/** A change of a backend's state. */
export interface Transition {
  readonly backend: string;
  readonly from: State;
  readonly to: State;
  readonly at: UnixMillis;
  readonly code: Code;
  readonly detail: string;
  /** The operator who asked for it, or null. */
  readonly by: string | null;
  readonly effects: readonly WeightEffect[];
}

/** A VIP's identity in VPP. */
export interface VipKey {
  /** `192.0.2.1/32`: canonical address, slash, length. */
  readonly prefix: string;
  /** IP protocol number: 6, 17, 255 = any; a foreign VIP may carry another. */
  readonly protocol: number;
  readonly port: number;
}

/** An application server as VPP reports it; removed ones (flag bit 0 clear) never appear. */
export interface ActualServer {
  readonly address: IpAddress;
  /** 0…100. */
  readonly weight: number;
  readonly flags: number;
  readonly numBuckets: number;
  readonly inUseSince: number;
}

/** A VIP as VPP reports it. */
export interface ActualVip extends VipKey {
  readonly encap: Encap;
  /** Null when `show lb vips verbose` held a line that the parser does not know. */
  readonly srcIpSticky: boolean | null;
  readonly tableLength: number;
  /** Column of the per-VIP counters; null as with `srcIpSticky`. */
  readonly index: number | null;
  readonly servers: readonly ActualServer[];
}

/** Global settings of the lb plugin as `lb_conf_get` reports them. */
export interface ActualConf {
  readonly ipv4SrcAddress: IpAddress;
  readonly ipv6SrcAddress: IpAddress;
  readonly stickyBucketsPerCore: number;
  readonly flowTimeoutSeconds: number;
}

/** All that was read from the lb plugin. */
export interface ActualLb {
  readonly readAt: UnixMillis;
  readonly conf: ActualConf;
  readonly vips: readonly ActualVip[];
}

/** Who asked for a change, for logs and history. */
export interface Actor {
  /** Name of the authenticated client, or `local`. */
  readonly principal: string;
  /** Address of the peer as the listener saw it. */
  readonly peer: string;
}
