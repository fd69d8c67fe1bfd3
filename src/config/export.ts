/**
 * From a `Config` back to the document it came from: the file's own keys, defaults filled in, addresses and
 * durations in their canonical text. Reading it again gives the same `Config`.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import { redactHeaders, redactPath } from "../log/redact.ts";
import type {
  Backend,
  Config,
  FleetSettings,
  Frontend,
  HealthCheck,
  HttpParams,
  LbSettings,
  TlsFilePaths,
  TlsParams,
} from "../configuration.ts";
import { formatDuration, fromMillis } from "../duration.ts";

/** Keys and values of one part of the file. */
export type Part = Readonly<Record<string, unknown>>;

/** Key and value, or nothing for what was not given. */
function given(key: string, value: unknown): Part {
  return value === null ? {} : { [key]: value };
}

function time(ms: number): string {
  return formatDuration(fromMillis(ms));
}

function tlsFiles(paths: TlsFilePaths): Part {
  return {
    ...given("ca-file", paths.caFile),
    ...given("cert-file", paths.certFile),
    ...given("key-file", paths.keyFile),
  };
}

function tls(params: TlsParams): Part {
  return {
    ...given("server-name", params.serverName),
    "insecure-skip-verify": params.insecureSkipVerify,
    ...tlsFiles(params),
  };
}

function http(params: HttpParams): Part {
  return {
    "path": params.path,
    ...given("host", params.host),
    "method": params.method,
    "response-code": params.responseCode,
    ...given("response-regexp", params.responseRegexp),
    "headers": params.headers,
    ...(params.tls === null ? {} : tls(params.tls)),
  };
}

function paramsPart(check: HealthCheck): Part {
  switch (check.type) {
    case "icmp":
      return {};
    case "tcp":
      return check.params.tls === null ? { "ssl": false } : { "ssl": true, ...tls(check.params.tls) };
    case "http":
    case "https":
      return http(check.params);
  }
}

/** One health check as the file would say it; header values as they are. */
export function healthCheckPart(check: HealthCheck): Part {
  const params = paramsPart(check);
  return {
    "type": check.type,
    ...given("port", check.port),
    "interval": time(check.intervalMs),
    "fast-interval": time(check.fastIntervalMs),
    "down-interval": time(check.downIntervalMs),
    "timeout": time(check.timeoutMs),
    "rise": check.rise,
    "fall": check.fall,
    ...given("probe-ipv4-src", check.probeIpv4Src),
    ...given("probe-ipv6-src", check.probeIpv6Src),
    ...(check.type === "icmp" ? {} : { params }),
  };
}

/** One backend as the file would say it. */
export function backendPart(backend: Backend): Part {
  return {
    "address": backend.address,
    ...given("healthcheck", backend.healthcheck),
    "enabled": backend.enabled,
  };
}

/** One frontend as the file would say it. */
export function frontendPart(frontend: Frontend): Part {
  return {
    "description": frontend.description,
    "address": frontend.address,
    ...(frontend.protocol === "any" ? {} : { "protocol": frontend.protocol, "port": frontend.port }),
    "pools": frontend.pools.map((pool) => ({
      "name": pool.name,
      "backends": Object.fromEntries(pool.members.map(({ backend, weight }) => [backend, { weight }])),
    })),
    "src-ip-sticky": frontend.srcIpSticky,
    "flush-on-down": frontend.flushOnDown,
    "new-flows-table-length": frontend.newFlowsTableLengthAuto ? "auto" : frontend.newFlowsTableLength,
  };
}

/** `healthchecker` as the file would say it. */
export function healthcheckerPart(config: Config): Part {
  return {
    "transition-history": config.healthchecker.transitionHistory,
    "netns": config.healthchecker.netns,
  };
}

/** `vpp.lb` as the file would say it. */
export function lbPart(lb: LbSettings): Part {
  return {
    "sync-interval": time(lb.syncIntervalMs),
    "ipv4-src-address": lb.ipv4SrcAddress,
    "ipv6-src-address": lb.ipv6SrcAddress,
    "sticky-buckets-per-core": lb.stickyBucketsPerCore,
    "flow-timeout": time(lb.flowTimeoutSeconds * 1000),
    "startup-min-delay": time(lb.startupMinDelayMs),
    "startup-max-delay": time(lb.startupMaxDelayMs),
    "foreign-vips": lb.foreignVips,
  };
}

/** `fleet` as the file would say it. */
export function fleetPart(fleet: FleetSettings): Part {
  return {
    "name": fleet.name,
    "endpoints": fleet.endpoints,
    ...tlsFiles(fleet),
    ...given("username", fleet.username),
    ...given("password-file", fleet.passwordFile),
    ...given("node", fleet.node),
    "insecure": fleet.insecure,
  };
}

/** A health check without the secrets in its headers and in the query of its path. */
function withoutSecrets(check: HealthCheck): HealthCheck {
  if (check.type !== "http" && check.type !== "https") return check;
  const { headers, path } = check.params;
  return { ...check, params: { ...check.params, path: redactPath(path), headers: redactHeaders(headers) } };
}

function parts<T>(objects: ReadonlyMap<string, T>, part: (object: T) => Part): Part {
  return Object.fromEntries([...objects].map(([name, object]) => [name, part(object)]));
}

/** The document of GET /v1/config: secret header values are `***`. */
export function exportConfig(config: Config): api.Config {
  return {
    maglev: {
      "healthchecker": healthcheckerPart(config),
      "healthchecks": parts(config.healthchecks, (check) => healthCheckPart(withoutSecrets(check))),
      "backends": parts(config.backends, backendPart),
      "frontends": parts(config.frontends, frontendPart),
      "vpp": { "lb": lbPart(config.lb) },
      ...(config.fleet === undefined ? {} : { "fleet": fleetPart(config.fleet) }),
    },
  };
}
