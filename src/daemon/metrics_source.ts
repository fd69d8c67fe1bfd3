import type { Clock } from "../clock.ts";
import type { Quantiles } from "../health/latency.ts";
import type { Tracker } from "../health/tracker.ts";
import type { Reconciler } from "../lb/reconciler.ts";
import { protocolName } from "../lb/vips.ts";
import type { Journal } from "../memory/journal/journal.ts";
import type { FleetRow, MetricsSnapshot, VipRow, VppRow } from "../metrics/source.ts";
import type { Millis, VipKey } from "../model.ts";
import { Names } from "../snapshot/vpp.ts";
import type { VppLink } from "../vpp/link.ts";
import type { DaemonFleet } from "./fleet.ts";

/** The parts that a scrape looks at. */
export interface MetricsSourceParts {
  /** Time. */
  readonly clock: Clock;
  /** Health of everything. */
  readonly tracker: Tracker;
  /** Keeper of VPP's state. */
  readonly reconciler: Reconciler;
  /** Connection to VPP. */
  readonly link: VppLink;
  /** What happened. */
  readonly journal: Journal;
  /** Its fleet; null: it stands alone. */
  readonly fleet: DaemonFleet | null;
  /** How many problems there are of each severity. */
  readonly problems: () => MetricsSnapshot["problems"];
}

/** What a scrape finds before the parts are there. */
const nothing: MetricsSnapshot = {
  backends: [],
  frontends: [],
  overrides: { pause: 0, disable: 0, enable: 0, weight: 0 },
  problems: { critical: 0, warning: 0, info: 0 },
  vpp: null,
  journal: { dropped: 0, onDisk: null },
};

/** Takes the snapshot of a scrape; null: the parts are not there yet. */
export function metricsSnapshot(parts: MetricsSourceParts | null): MetricsSnapshot {
  if (parts === null) return nothing;
  const { tracker } = parts;
  const blind = new Set(tracker.blind().backends.map(({ name }) => name));
  const now = parts.clock.wall();
  return {
    backends: [...tracker.entries()].map(({ backend: { name }, health, certificate, latency }) => ({
      name,
      state: health.state,
      counter: health.rule === null ? null : health.counter,
      enabled: health.state !== "disabled",
      blind: blind.has(name),
      certificateSeconds: certificate === null ? null : (certificate.notAfter - now) / 1000,
      latencySeconds: seconds(latency?.quantiles() ?? null),
    })),
    frontends: [...tracker.config.frontends.keys()].flatMap((name) => {
      const weights = tracker.weights(name);
      if (weights === null) return [];
      const members = weights.members.map(({ pool, backend, configured, effective }) => ({
        pool,
        backend,
        weight: configured,
        effectiveWeight: effective,
      }));
      return [{ name, state: weights.state, members }];
    }),
    overrides: overrideCounts(tracker),
    problems: parts.problems(),
    vpp: vppRow(parts),
    journal: {
      dropped: parts.journal.dropped,
      onDisk: parts.journal.state.kind === "memory" ? null : parts.journal.state.kind === "open",
    },
    fleet: fleetRow(parts),
  };
}

function fleetRow({ fleet, tracker }: MetricsSourceParts): FleetRow | null {
  if (fleet === null) return null;
  const { disagreements, rows, store } = fleet.view;
  const differs = new Set(disagreements.flatMap(({ kind, object }) => kind === "table" ? [object] : []));
  return {
    connected: store.kind === "live",
    nodes: rows.map(({ row }) => row.vpp),
    tables: [...tracker.config.frontends.keys()].map((frontend) => ({
      frontend,
      agrees: !differs.has(frontend),
    })),
  };
}

function seconds(quantiles: Quantiles | null): Quantiles | null {
  if (quantiles === null) return null;
  const { p50, p95, p99 } = quantiles;
  // Durations are kept as 32-bit floats, which have seven digits.
  const rounded = (ms: Millis) => Number((ms / 1000).toPrecision(6));
  return { p50: rounded(p50), p95: rounded(p95), p99: rounded(p99) };
}

function overrideCounts({ overrides: { list } }: Tracker): MetricsSnapshot["overrides"] {
  const counts = { pause: 0, disable: 0, enable: 0, weight: 0 };
  for (const { kind } of list) counts[kind]++;
  return counts;
}

function vppRow({ clock, link, reconciler, tracker }: MetricsSourceParts): VppRow | null {
  const { counts, info } = link;
  if (info === null) return null;
  const { config } = tracker;
  const names = new Names(config, tracker.previousAddresses());
  const vipRow = (vip: VipKey): VipRow => ({
    frontend: names.frontend(vip),
    // A frontend's VIP is always a host prefix, whose length says nothing.
    address: vip.prefix.replace(/^([^:]*)\/32$|^(.*:.*)\/128$/, "$1$2"),
    protocol: protocolName(vip.protocol),
    port: vip.port,
  });
  const now = clock.wall();
  return {
    version: info.version,
    buildDate: info.buildDate,
    pid: info.pid,
    uptimeSeconds: info.bootTime === 0 ? null : Math.max(0, now / 1000 - info.bootTime),
    // A step of the wall clock is no time that passed.
    connectedSeconds: (clock.now() - info.connectedAtMs) / 1000,
    heldChanges: reconciler.heldChanges,
    tables: [...config.frontends.keys()].flatMap((frontend) => {
      const vip = reconciler.view.vip(frontend);
      return vip === null ? [] : [{ frontend, length: vip.tableLength }];
    }),
    counts: counts === null ? null : {
      vips: counts.vips.map((vip) => {
        const { next, first, untracked, noServer, packets, bytes } = vip;
        return { ...vipRow(vip), next, first, untracked, noServer, packets, bytes };
      }),
      servers: counts.servers.map(({ address, packets, bytes }) => ({
        address,
        backend: names.backend(address),
        packets,
        bytes,
      })),
      unmatched: counts.unmatched,
    },
  };
}
