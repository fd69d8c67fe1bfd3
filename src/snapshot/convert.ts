/**
 * From the domain's values to the JSON of the API. Pure.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import { nanosText, timeText } from "../api/text.ts";
import type { FrontendTransition } from "../health/frontend.ts";
import type { LatencyWindow } from "../health/latency.ts";
import { redactHeaders, redactPath } from "../log/redact.ts";
import type { LeafCertificate, Millis, ProbeResult, Transition, UnixMillis } from "../model.ts";
import type { Config, HealthCheck, HttpParams, TlsParams } from "../configuration.ts";

/** Like `nanosText`, for a phase that may not have been reached. */
export function nsOrNull(ms: Millis | null): string | null {
  return ms === null ? null : nanosText(ms);
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
    path: redactPath(params.path),
    ...(params.host === null ? {} : { host: params.host }),
    method: params.method,
    response_code: params.responseCode,
    ...(params.responseRegexp === null ? {} : { response_regexp: params.responseRegexp }),
    headers: redactHeaders(params.headers),
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
    interval_ns: nanosText(check.intervalMs),
    fast_interval_ns: nanosText(check.fastIntervalMs),
    down_interval_ns: nanosText(check.downIntervalMs),
    timeout_ns: nanosText(check.timeoutMs),
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
    scheduled_at: timeText(result.scheduledAt),
    started_at: timeText(result.startedAt),
    connect_ns: nsOrNull(result.connectMs),
    tls_ns: nsOrNull(result.tlsMs),
    first_byte_ns: nsOrNull(result.firstByteMs),
    total_ns: nanosText(result.totalMs),
    lag_ns: nanosText(result.lagMs),
    void: result.void,
  };
}

const DAY_MS: Millis = 86_400_000;

/** A certificate of a backend at `now`. */
export function certificate(leaf: LeafCertificate, now: UnixMillis): api.Certificate {
  return {
    subject: leaf.subject,
    issuer: leaf.issuer,
    names: [...leaf.names],
    not_before: timeText(leaf.notBefore),
    not_after: timeText(leaf.notAfter),
    days_left: Math.floor((leaf.notAfter - now) / DAY_MS),
  };
}

/** A transition of a frontend. */
export function frontendTransition(change: FrontendTransition): api.FrontendTransition {
  return {
    from: change.from,
    to: change.to,
    at: timeText(change.at),
    active_pool: change.activePool === "" ? null : change.activePool,
    reason: change.reason,
  };
}

/** How long the probes of a backend took; null: no result has counted yet. */
export function latency(window: LatencyWindow, isListed: boolean): api.Latency | null {
  const quantiles = window.quantiles();
  if (quantiles === null) return null;
  const { p50, p95, p99 } = quantiles;
  return {
    p50_ns: nanosText(p50),
    p95_ns: nanosText(p95),
    p99_ns: nanosText(p99),
    spark: window.spark(),
    recent: isListed ? [] : window.recent().map(({ at, code, ok, totalMs }) => ({
      at: timeText(at),
      total_ns: nanosText(totalMs),
      ok,
      code,
    })),
  };
}

/** A transition of a backend. */
export function transition(change: Transition): api.Transition {
  return {
    from: change.from,
    to: change.to,
    at: timeText(change.at),
    at_unix_ns: nanosText(change.at),
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
