import { shortDuration } from "../duration.ts";
import type { LeafCertificate, Millis, ProbeResult, UnixMillis, VoidCause } from "../model.ts";
import type { ProbeReport, ProbeTarget } from "./prober.ts";

/** The void report of a probe that died with its worker, at `wall`; `certificate` is the last that its target showed. */
export function lostReport(
  { backend, generation }: ProbeTarget,
  certificate: LeafCertificate | null,
  wall: UnixMillis,
): ProbeReport {
  return {
    backend,
    generation,
    nextDueAt: wall,
    certificate,
    result: notRun("worker-restart", "the probe worker was restarted", wall, wall),
  };
}

/** The void result of a probe that is due since `lateMs` and waits at `wall`, because `limit` others run. */
export function queuedResult(limit: number, lateMs: Millis, wall: UnixMillis): ProbeResult {
  const wait = shortDuration(1000 * Math.round(lateMs / 1000));
  const detail = `no descriptor for this probe in ${wait} (${limit} probes may run at once)`;
  return notRun("descriptors", detail, wall - lateMs, wall);
}

function notRun(
  cause: VoidCause,
  detail: string,
  scheduledAt: UnixMillis,
  startedAt: UnixMillis,
): ProbeResult {
  return {
    ok: false,
    layer: "L4",
    code: "L4TOUT",
    detail,
    scheduledAt,
    startedAt,
    connectMs: null,
    tlsMs: null,
    firstByteMs: null,
    totalMs: 0,
    lagMs: 0,
    void: cause,
  };
}

/** A report as flat attributes of a log record. */
export function describe({ backend, result }: ProbeReport): Record<string, unknown> {
  const { ok, code, detail, totalMs, lagMs } = result;
  return { backend, ok, code, detail, total_ms: totalMs, lag_ms: lagMs, void: result.void };
}
