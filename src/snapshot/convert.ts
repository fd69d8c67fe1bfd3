/**
 * From the domain's values to the JSON of the API. Pure.
 *
 * @module
 */
import type * as api from "../api.ts";
import type {
  Config,
  HealthCheck,
  HttpParams,
  Millis,
  ProbeResult,
  TlsParams,
  Transition,
  UnixMillis,
} from "../model.ts";

/** RFC 3339 UTC with milliseconds. */
export function time(at: UnixMillis): string {
  return new Date(at).toISOString();
}

/** Milliseconds, a duration or a unix time, as the decimal nanoseconds of the API. */
export function ns(ms: Millis): string {
  // Whole milliseconds and the fraction apart: unix time in nanoseconds does not fit a double.
  const whole = Math.floor(ms);
  return String(BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6)));
}

/** Like `ns`, for a phase that may not have been reached. */
export function nsOrNull(ms: Millis | null): string | null {
  return ms === null ? null : ns(ms);
}

/** Whether a header's value must not be shown: names that carry credentials. */
export function isSecretHeader(name: string): boolean {
  return /^(authorization|cookie|proxy-authorization)$|token|key|secret/i.test(name);
}

function tlsParams(tls: TlsParams): api.Params {
  return {
    ...(tls.serverName === null ? {} : { server_name: tls.serverName }),
    insecure_skip_verify: tls.insecureSkipVerify,
    ...(tls.caFile === null ? {} : { ca_file: tls.caFile }),
    ...(tls.certFile === null ? {} : { cert_file: tls.certFile }),
    ...(tls.keyFile === null ? {} : { key_file: tls.keyFile }),
  };
}

function httpParams(params: HttpParams): api.Params {
  return {
    path: params.path,
    ...(params.host === null ? {} : { host: params.host }),
    method: params.method,
    response_code: params.responseCode,
    ...(params.responseRegexp === null ? {} : { response_regexp: params.responseRegexp }),
    headers: Object.fromEntries(
      Object.entries(params.headers).map(([name, value]) => [name, isSecretHeader(name) ? "***" : value]),
    ),
    ...(params.tls === null ? {} : tlsParams(params.tls)),
  };
}

function params(check: HealthCheck): api.Params | null {
  switch (check.type) {
    case "icmp":
      return null;
    case "tcp":
      return {
        ssl: check.params.tls !== null,
        ...(check.params.tls === null ? {} : tlsParams(check.params.tls)),
      };
    case "http":
    case "https":
      return httpParams(check.params);
  }
}

/** A health check and the backends that use it. */
export function healthCheck(check: HealthCheck, config: Config): api.HealthCheck {
  return {
    name: check.name,
    type: check.type,
    port: check.port,
    interval_ns: ns(check.intervalMs),
    fast_interval_ns: ns(check.fastIntervalMs),
    down_interval_ns: ns(check.downIntervalMs),
    timeout_ns: ns(check.timeoutMs),
    rise: check.rise,
    fall: check.fall,
    probe_ipv4_src: check.probeIpv4Src,
    probe_ipv6_src: check.probeIpv6Src,
    params: params(check),
    backends: [...config.backends.values()].filter((b) => b.healthcheck === check.name).map((b) => b.name),
  };
}

/** A probe's result. */
export function probe(result: ProbeResult): api.Probe {
  return {
    ok: result.ok,
    layer: result.layer,
    code: result.code,
    detail: result.detail,
    scheduled_at: time(result.scheduledAt),
    started_at: time(result.startedAt),
    connect_ns: nsOrNull(result.connectMs),
    tls_ns: nsOrNull(result.tlsMs),
    first_byte_ns: nsOrNull(result.firstByteMs),
    total_ns: ns(result.totalMs),
    lag_ns: ns(result.lagMs),
    void: result.void,
  };
}

/** A transition of a backend. */
export function transition(change: Transition): api.Transition {
  return {
    from: change.from,
    to: change.to,
    at: time(change.at),
    at_unix_ns: ns(change.at),
    code: change.code,
    detail: change.detail,
    by: change.by,
    effects: change.effects.map((effect) => ({
      frontend: effect.frontend,
      pool: effect.pool,
      weight_before: effect.weightBefore,
      weight_after: effect.weightAfter,
      flush: effect.flush,
    })),
  };
}
