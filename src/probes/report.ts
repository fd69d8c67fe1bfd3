import type { LeafCertificate, UnixMillis } from "../model.ts";
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
    result: {
      ok: false,
      layer: "L4",
      code: "L4TOUT",
      detail: "the probe worker was restarted",
      scheduledAt: wall,
      startedAt: wall,
      connectMs: null,
      tlsMs: null,
      firstByteMs: null,
      totalMs: 0,
      lagMs: 0,
      void: "worker-restart",
    },
  };
}

/** A report as flat attributes of a log record. */
export function describe({ backend, result }: ProbeReport): Record<string, unknown> {
  const { ok, code, detail, totalMs, lagMs } = result;
  return { backend, ok, code, detail, total_ms: totalMs, lag_ms: lagMs, void: result.void };
}
