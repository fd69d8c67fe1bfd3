/**
 * From what was read and found good to the `Config` that the daemon runs.
 *
 * @module
 */
import type { IpAddress } from "../model.ts";
import type {
  Backend,
  Config,
  FleetSettings,
  Frontend,
  HealthCheck,
  HttpParams,
  LbSettings,
  Pool,
  TlsFilePaths,
  TlsParams,
} from "../configuration.ts";
import { toMillis } from "../duration.ts";
import type { RawFleet } from "./fleet.ts";
import type { RawParams, TLS_FILES } from "./params.ts";
import { parseResponseCodes } from "./patterns.ts";
import type { Judged } from "./rules.ts";
import type { RawBackend, RawFrontend, RawHealthCheck, RawLb } from "./schema.ts";
import type { Field, Fields } from "./spec.ts";
import { autoTableLength } from "./table_length.ts";

/** A value that a document without errors has. Throws if the checker let an error through. */
function must<T>(field: Field<T>): T {
  if (field.value === undefined) {
    throw new TypeError(`Unchecked configuration: ${field.place.path} has no value`);
  }
  return field.value;
}

/** Text or null; an empty text means that the key was not given. */
function textOrNull(field: Field<string>): string | null {
  return field.value === undefined || field.value === "" ? null : field.value;
}

function addressOrNull(field: Field<IpAddress>): IpAddress | null {
  return field.value ?? null;
}

function buildTlsFiles(fields: Fields<typeof TLS_FILES>): TlsFilePaths {
  return {
    caFile: textOrNull(fields["ca-file"]),
    certFile: textOrNull(fields["cert-file"]),
    keyFile: textOrNull(fields["key-file"]),
  };
}

function buildTls(fields: NonNullable<(RawParams & { kind: "http" })["tls"]>): TlsParams {
  return {
    serverName: textOrNull(fields["server-name"]),
    insecureSkipVerify: must(fields["insecure-skip-verify"]),
    ...buildTlsFiles(fields),
  };
}

function buildHttp({ fields, tls }: RawParams & { kind: "http" }): HttpParams {
  const responseCode = must(fields["response-code"]);
  const codes = parseResponseCodes(responseCode);
  const headers: [string, string][] = [];
  for (const { name, value } of fields.headers.value ?? []) {
    if (value !== undefined) headers.push([name, value]);
  }
  return {
    path: must(fields.path),
    host: textOrNull(fields.host),
    method: must(fields.method),
    responseCode,
    responseCodes: codes.ok ? codes.value : [],
    responseRegexp: textOrNull(fields["response-regexp"]),
    headers: Object.fromEntries(headers),
    tls: tls === null ? null : buildTls(tls),
  };
}

function buildHealthCheck(
  name: string,
  fields: RawHealthCheck,
  params: RawParams | null | undefined,
): HealthCheck {
  const interval = must(fields.interval);
  const common = {
    name,
    intervalMs: toMillis(interval),
    fastIntervalMs: toMillis(fields["fast-interval"].value ?? interval),
    downIntervalMs: toMillis(fields["down-interval"].value ?? interval),
    timeoutMs: toMillis(must(fields.timeout)),
    rise: must(fields.rise),
    fall: must(fields.fall),
    probeIpv4Src: addressOrNull(fields["probe-ipv4-src"]),
    probeIpv6Src: addressOrNull(fields["probe-ipv6-src"]),
  };
  const type = must(fields.type);
  if (type === "icmp") return { ...common, type, port: null, params: null };
  const port = must(fields.port);
  if (type === "tcp" && params?.kind === "tcp") {
    return {
      ...common,
      type,
      port,
      params: { tls: params.fields.ssl.value ? buildTls(params.fields) : null },
    };
  }
  if (type !== "tcp" && params?.kind === "http") return { ...common, type, port, params: buildHttp(params) };
  throw new TypeError(`Unchecked configuration: health check "${name}" has no params`);
}

function buildBackend(name: string, fields: RawBackend): Backend {
  return {
    name,
    address: must(fields.address),
    healthcheck: textOrNull(fields.healthcheck),
    enabled: must(fields.enabled),
  };
}

function buildFrontend(name: string, fields: RawFrontend): Frontend {
  const pools: Pool[] = [];
  for (const { value: pool } of must(fields.pools)) {
    if (pool === undefined) continue;
    const members = must(pool.backends).map((member) => ({
      backend: member.name,
      weight: member.value === undefined ? 0 : must(member.value.weight),
    }));
    pools.push({ name: must(pool.name), members });
  }
  const length = must(fields["new-flows-table-length"]);
  return {
    name,
    description: must(fields.description),
    address: must(fields.address),
    protocol: fields.protocol.value ?? "any",
    port: fields.port.value ?? 0,
    pools,
    srcIpSticky: must(fields["src-ip-sticky"]),
    flushOnDown: must(fields["flush-on-down"]),
    newFlowsTableLength: length ?? autoTableLength(pools.reduce((sum, pool) => sum + pool.members.length, 0)),
    newFlowsTableLengthAuto: length === null,
  };
}

function buildLb(lb: RawLb): LbSettings {
  return {
    syncIntervalMs: toMillis(must(lb["sync-interval"])),
    ipv4SrcAddress: must(lb["ipv4-src-address"]),
    ipv6SrcAddress: must(lb["ipv6-src-address"]),
    stickyBucketsPerCore: must(lb["sticky-buckets-per-core"]),
    flowTimeoutSeconds: toMillis(must(lb["flow-timeout"])) / 1000,
    startupMinDelayMs: toMillis(must(lb["startup-min-delay"])),
    startupMaxDelayMs: toMillis(must(lb["startup-max-delay"])),
    foreignVips: must(lb["foreign-vips"]),
  };
}

function buildFleet(fields: RawFleet): FleetSettings {
  const endpoints: string[] = [];
  for (const { value: url } of must(fields.endpoints)) {
    if (url !== undefined) endpoints.push(url.origin);
  }
  return {
    name: must(fields.name),
    endpoints,
    ...buildTlsFiles(fields),
    username: textOrNull(fields.username),
    passwordFile: textOrNull(fields["password-file"]),
    node: textOrNull(fields.node),
    insecure: must(fields.insecure),
  };
}

/** Makes the configuration of a document that no rule complained about. */
export function buildConfig({ maglev, params }: Judged): Config {
  const healthchecker = must(maglev.healthchecker);
  const fleet = maglev.fleet.value;
  return {
    healthchecker: {
      transitionHistory: must(healthchecker["transition-history"]),
      netns: must(healthchecker.netns),
    },
    lb: buildLb(must(must(maglev.vpp).lb)),
    healthchecks: collect(
      maglev.healthchecks.value,
      (name, fields) => buildHealthCheck(name, fields, params.get(name)),
    ),
    backends: collect(maglev.backends.value, buildBackend),
    frontends: collect(maglev.frontends.value, buildFrontend),
    ...(fleet === undefined ? {} : { fleet: buildFleet(fleet) }),
  };
}

function collect<R, T>(
  items: readonly { readonly name: string; readonly value: R | undefined }[] | undefined,
  build: (name: string, fields: R) => T,
): ReadonlyMap<string, T> {
  const out = new Map<string, T>();
  for (const { name, value } of items ?? []) {
    if (value !== undefined) out.set(name, build(name, value));
  }
  return out;
}
