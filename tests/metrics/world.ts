/** Snapshots for the tests of the metrics. */
import { Metrics } from "../../src/metrics/mod.ts";
import type { MetricsSnapshot } from "../../src/metrics/source.ts";
import type { ProbeResult, State } from "../../src/model.ts";

/** A counted pass of 12 ms. */
export const pass: ProbeResult = {
  ok: true,
  layer: "L7",
  code: "L7OK",
  detail: "HTTP 200",
  scheduledAt: 0,
  startedAt: 0,
  connectMs: 1,
  tlsMs: null,
  firstByteMs: 10,
  totalMs: 12,
  lagMs: 0,
  void: null,
};

/** A counted failure. */
export const failure: ProbeResult = { ...pass, ok: false, code: "L7STS", detail: "HTTP 503" };

/** A world of so many backends and frontends, VPP connected. */
export function snapshotOf(backends: number, frontends: number): MetricsSnapshot {
  const names = Array.from({ length: backends }, (_, i) => `backend-${i}`);
  const vips = Array.from({ length: frontends }, (_, i) => ({
    frontend: `frontend-${i}`,
    address: `192.0.2.${i % 256}`,
    protocol: "tcp" as const,
    port: 1 + i,
  }));
  const states: State[] = ["up", "up", "up", "down", "unknown", "paused", "disabled"];
  return {
    backends: names.map((name, i) => ({
      name,
      state: states[i % states.length] ?? "up",
      counter: i % 10 === 9 ? null : 4,
      enabled: i % 7 !== 6,
      blind: false,
      certificateSeconds: i % 3 === 0 ? 8_000_000 + i : null,
      latencySeconds: i % 10 === 9 ? null : { p50: 0.0125, p95: 0.02, p99: 0.5 },
    })),
    frontends: vips.map((vip, f) => ({
      name: vip.frontend,
      state: "up",
      members: names.slice(0, 20).map((_, i) => ({
        pool: i < 10 ? "main" : "fallback",
        backend: names[(f * 10 + i) % backends] ?? "",
        weight: 100,
        effectiveWeight: i < 10 ? 100 : 0,
      })),
    })),
    overrides: { pause: 1, disable: 0, enable: 0, weight: 2 },
    problems: { critical: 1, warning: 2, info: 0 },
    journal: { dropped: 3, onDisk: true },
    vpp: {
      version: "25.10-release",
      buildDate: "2025-10-29",
      pid: 4711,
      uptimeSeconds: 100.5,
      connectedSeconds: 50.25,
      heldChanges: 0,
      tables: vips.map((vip) => ({ frontend: vip.frontend, length: 1024 })),
      counts: {
        vips: vips.map((vip) => ({
          ...vip,
          next: 1e9,
          first: 1e6,
          untracked: 0,
          noServer: 0,
          packets: 1e9,
          bytes: 1e12,
        })),
        servers: names.map((backend, i) => ({
          address: `198.51.${i >> 8}.${i & 255}`,
          backend,
          packets: 1e9,
          bytes: 1e12,
        })),
        unmatched: 7,
      },
    },
    fleet: {
      connected: true,
      nodes: ["in-sync", "in-sync", "disconnected"],
      tables: vips.map(({ frontend }) => ({ frontend, agrees: true })),
    },
  };
}

/** Metrics that have heard of everything once, for each backend of the snapshot. */
export function busyMetrics(snapshot: () => MetricsSnapshot, process = false): Metrics {
  const metrics = new Metrics({
    source: snapshot,
    version: "1.2.3",
    build: { commit: "0123456789ab", date: "2026-01-31T12:00:00.000Z" },
    process,
  });
  for (const { name } of snapshot().backends) {
    metrics.probed(name, "http", pass);
    metrics.probed(name, "http", failure);
    metrics.transitioned(name, "unknown", "up");
  }
  metrics.fleetCall(3);
  metrics.probed("backend-0", "http", { ...failure, void: "late" });
  metrics.probeLateness(2);
  metrics.changed("vip", "as_weight_updated");
  metrics.answered(3);
  metrics.vppApi("lb_as_v2_dump", "send", "success");
  metrics.vppApi("lb_as_v2_details", "recv", "success", 5);
  metrics.httpRequest("GET", "/v1/backends/{name}", 200, 0.001);
  return metrics;
}
