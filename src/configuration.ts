/**
 * The configuration in the words of the product: health checks, backends, frontends and settings, with every default
 * filled in. Made by `src/config/`, read by all others.
 *
 * @module
 */
import type { IpAddress, Millis, Protocol } from "./model.ts";

/** Kind of a health check. */
export type CheckType = "icmp" | "tcp" | "http" | "https";

/** Paths of the PEM files of TLS; null: not given. */
export interface TlsFilePaths {
  /** Certificates to trust in place of the system's. */
  readonly caFile: string | null;
  /** Client certificate. */
  readonly certFile: string | null;
  /** Key of the client certificate. */
  readonly keyFile: string | null;
}

/** TLS settings of a probe. */
export interface TlsParams extends TlsFilePaths {
  /** Name for SNI and for the certificate check; null: not given. */
  readonly serverName: string | null;
  /** True: any certificate will do. */
  readonly insecureSkipVerify: boolean;
}

/** One closed interval of accepted HTTP status codes, 100...599. */
export interface StatusRange {
  /** First accepted status. */
  readonly from: number;
  /** Last accepted status. */
  readonly to: number;
}

/** Parameters of an http or https check. */
export interface HttpParams {
  /** Path and query of the request. */
  readonly path: string;
  /** Host header; null: made of the address and port. */
  readonly host: string | null;
  /** Method of the request. */
  readonly method: "GET" | "HEAD";
  /** The text of the file, e.g. `200-399`. */
  readonly responseCode: string;
  /** The same, read. */
  readonly responseCodes: readonly StatusRange[];
  /** RE2 pattern for the first 64 KiB of the body, or null. */
  readonly responseRegexp: string | null;
  /** More headers of the request, by name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null for type `http`. */
  readonly tls: TlsParams | null;
}

/** Parameters of a tcp check; `tls` is null unless `ssl: true`. */
export interface TcpParams {
  /** Null: the connection alone is the verdict. */
  readonly tls: TlsParams | null;
}

/** What every kind of health check has. */
export interface HealthCheckCommon {
  /** Name in the configuration. */
  readonly name: string;
  /** Spacing of probes while up with a full counter, 10 ms...1 h. */
  readonly intervalMs: Millis;
  /** Spacing while unknown or degraded, 10 ms...1 h. */
  readonly fastIntervalMs: Millis;
  /** Spacing while down with the counter at 0, 10 ms...1 h. */
  readonly downIntervalMs: Millis;
  /** One probe, all phases together. */
  readonly timeoutMs: Millis;
  /** Passes in a row that make a backend up, 1...100. */
  readonly rise: number;
  /** Failures in a row that make a backend down, 1...100. */
  readonly fall: number;
  /** Source of probes to IPv4 backends; null: the kernel's choice. */
  readonly probeIpv4Src: IpAddress | null;
  /** Source of probes to IPv6 backends; null: the kernel's choice. */
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
  /** Name in the configuration. */
  readonly name: string;
  /** Address of the application server. */
  readonly address: IpAddress;
  /** Name of the health check; null: no probes, always up. */
  readonly healthcheck: string | null;
  /** False: starts as `disabled`. */
  readonly enabled: boolean;
}

/** A backend in a pool, with its configured (or run-time) weight 0...100. */
export interface PoolMember {
  /** Name of the backend. */
  readonly backend: string;
  /** 0...100. */
  readonly weight: number;
  /** Who set the weight at run time; absent: it is the file's. */
  readonly byOperator?: string;
  /** True: not in this process. */
  readonly restored?: true;
}

/** A pool: backends that carry a frontend together; the order of pools is their priority. */
export interface Pool {
  /** Name, unique in its frontend. */
  readonly name: string;
  /** In the file's order. */
  readonly members: readonly PoolMember[];
}

/** A frontend: one VIP and the pools behind it. */
export interface Frontend {
  /** Name in the configuration. */
  readonly name: string;
  /** For people. */
  readonly description: string;
  /** The VIP, announced as a host prefix. */
  readonly address: IpAddress;
  /** `any` for an all-port VIP. */
  readonly protocol: Protocol;
  /** 1...65535, or 0 for an all-port VIP. */
  readonly port: number;
  /** In the order of their priority; never empty. */
  readonly pools: readonly Pool[];
  /** True: the server is chosen by the client's address alone. */
  readonly srcIpSticky: boolean;
  /** True: a backend that goes down has its flows flushed. */
  readonly flushOnDown: boolean;
  /** Entries of the new-flow table, a power of two 256...65536; with `auto` the length computed from the configuration. */
  readonly newFlowsTableLength: number;
  /** Whether the length was left to the daemon; then a live VIP keeps the length it has. */
  readonly newFlowsTableLengthAuto: boolean;
}

/** What maglevd does with VIPs that no configuration of this process ever named. */
export type ForeignVips = "delete" | "keep";

/** `vpp.lb` of the configuration. */
export interface LbSettings {
  /** Period of the full sync, 1 s...1 h. */
  readonly syncIntervalMs: Millis;
  /** Outer source of GRE to IPv4 servers. */
  readonly ipv4SrcAddress: IpAddress;
  /** Outer source of GRE to IPv6 servers. */
  readonly ipv6SrcAddress: IpAddress;
  /** Entries of each thread's flow table, a power of two. */
  readonly stickyBucketsPerCore: number;
  /** Whole seconds, 1...120. */
  readonly flowTimeoutSeconds: number;
  /** Nothing is written to VPP before this time after the start. */
  readonly startupMinDelayMs: Millis;
  /** Every frontend is released at this time after the start. */
  readonly startupMaxDelayMs: Millis;
  /** What to do with VIPs that no configuration named. */
  readonly foreignVips: ForeignVips;
}

/** `fleet` of the configuration: the etcd store that several daemons share. Read at start only. */
export interface FleetSettings extends TlsFilePaths {
  /** Name of the fleet. */
  readonly name: string;
  /** Origins of the store's members, e.g. `https://192.0.2.10:2379`; never empty. */
  readonly endpoints: readonly string[];
  /** User of the store; null: none. */
  readonly username: string | null;
  /** Path of the file with the user's password; null: none. */
  readonly passwordFile: string | null;
  /** Name of this daemon in the fleet; null: the daemon's own. */
  readonly node: string | null;
  /** Whether http:// may be used to other hosts. */
  readonly insecure: boolean;
}

/** A checked configuration, defaults filled in. Maps keep the file's order. */
export interface Config {
  /** Settings of all health checks. */
  readonly healthchecker: {
    /** Transitions kept per backend, 1...1000. */
    readonly transitionHistory: number;
    /** Name under /var/run/netns or absolute path; "" = the daemon's own. */
    readonly netns: string;
  };
  /** Settings of the load balancer. */
  readonly lb: LbSettings;
  /** By name. */
  readonly healthchecks: ReadonlyMap<string, HealthCheck>;
  /** By name. */
  readonly backends: ReadonlyMap<string, Backend>;
  /** By name. */
  readonly frontends: ReadonlyMap<string, Frontend>;
  /** Absent: this daemon stands alone. */
  readonly fleet?: FleetSettings;
}
