/**
 * The state gauges and VPP's counters, written from the snapshot of a scrape.
 *
 * @module
 */
import type { MetricName } from "./catalog.ts";
import type {
  BackendRow,
  CountsRow,
  FleetRow,
  FrontendRow,
  MemberRow,
  MetricsSnapshot,
  VipRow,
  VppRow,
} from "./source.ts";
import { escapeLabel, linePrefix, type Lines, type Template, template } from "./text.ts";
import { type FrontendState, type State, VPP_STANDINGS } from "../model.ts";

const backendStates: readonly State[] = ["unknown", "up", "down", "paused", "disabled"];
const frontendStates: readonly FrontendState[] = ["unknown", "up", "down"];

/** The lines of a one-hot metric, one for each state that an object may be in. */
function oneHot(name: MetricName, label: string, states: readonly string[]): readonly Template[] {
  return states.map((state) => template(name, "", label, `state="${state}"`));
}

const BACKEND = {
  state: oneHot("maglev_backend_state", "backend", backendStates),
  health: template("maglev_backend_health", "", "backend"),
  enabled: template("maglev_backend_enabled", "", "backend"),
  blind: template("maglev_backend_blind", "", "backend"),
  expiry: template("maglev_backend_certificate_expiry_seconds", "", "backend"),
  p50: template("maglev_backend_latency_seconds", "", "backend", 'quantile="0.5"'),
  p95: template("maglev_backend_latency_seconds", "", "backend", 'quantile="0.95"'),
  p99: template("maglev_backend_latency_seconds", "", "backend", 'quantile="0.99"'),
};
const FRONTEND_STATE = oneHot("maglev_frontend_state", "frontend", frontendStates);

function vipLabels(vip: VipRow): string {
  return `frontend="${escapeLabel(vip.frontend ?? "")}",address="${escapeLabel(vip.address)}",` +
    `protocol="${vip.protocol}",port="${vip.port}"`;
}

function single(lines: Lines, name: MetricName, value: number | null): void {
  if (value === null) return;
  lines.metric(name);
  lines.add(linePrefix(name, ""), value);
}

/** Writes all tables of a snapshot, a few lines a step; VPP's own are left out while it is away. */
export function* writeTables(lines: Lines, snapshot: MetricsSnapshot): Generator<void> {
  yield* writeBackends(lines, snapshot.backends);
  yield* writeFrontends(lines, snapshot.frontends);
  lines.metric("maglev_overrides");
  for (const [kind, count] of Object.entries(snapshot.overrides)) {
    lines.add(linePrefix("maglev_overrides", `kind="${kind}"`), count);
  }
  lines.metric("maglev_problems");
  for (const [severity, count] of Object.entries(snapshot.problems)) {
    lines.add(linePrefix("maglev_problems", `severity="${severity}"`), count);
  }
  single(lines, "maglev_vpp_connected", snapshot.vpp === null ? 0 : 1);
  if (snapshot.vpp !== null) yield* writeVpp(lines, snapshot.vpp);
  const { dropped, onDisk } = snapshot.journal;
  single(lines, "maglev_journal_dropped_total", dropped);
  single(lines, "maglev_journal_on_disk", onDisk === null ? null : Number(onDisk));
  if (snapshot.fleet != null) writeFleet(lines, snapshot.fleet);
}

function writeFleet(lines: Lines, { connected, nodes, tables }: FleetRow): void {
  single(lines, "maglev_fleet_connected", connected ? 1 : 0);
  lines.metric("maglev_fleet_nodes");
  for (const state of VPP_STANDINGS) {
    const count = nodes.filter((one) => one === state).length;
    lines.add(linePrefix("maglev_fleet_nodes", `state="${state}"`), count);
  }
  lines.metric("maglev_fleet_table_agreement");
  for (const { agrees, frontend } of tables) {
    const label = `frontend="${escapeLabel(frontend)}"`;
    lines.add(linePrefix("maglev_fleet_table_agreement", label), agrees ? 1 : 0);
  }
}

function writeStates(
  lines: Lines,
  all: readonly Template[],
  states: readonly string[],
  label: string,
  state: string,
) {
  for (const [i, line] of all.entries()) lines.fill(line, label, states[i] === state ? 1 : 0);
}

function* writeBackends(lines: Lines, all: readonly BackendRow[]): Generator<void> {
  const rows = all.filter((row) => row.state !== "removed")
    .map((row) => ({ row, label: escapeLabel(row.name) }));
  lines.metric("maglev_backend_state");
  for (const { row, label } of rows) {
    writeStates(lines, BACKEND.state, backendStates, label, row.state);
    yield;
  }
  lines.metric("maglev_backend_health");
  for (const { row, label } of rows) {
    if (row.counter !== null) lines.fill(BACKEND.health, label, row.counter);
    yield;
  }
  lines.metric("maglev_backend_enabled");
  for (const { row, label } of rows) {
    lines.fill(BACKEND.enabled, label, row.enabled ? 1 : 0);
    yield;
  }
  lines.metric("maglev_backend_blind");
  for (const { row, label } of rows) {
    lines.fill(BACKEND.blind, label, row.blind ? 1 : 0);
    yield;
  }
  lines.metric("maglev_backend_certificate_expiry_seconds");
  for (const { row, label } of rows) {
    if (row.certificateSeconds !== null) lines.fill(BACKEND.expiry, label, row.certificateSeconds);
    yield;
  }
  lines.metric("maglev_backend_latency_seconds");
  for (const { row: { latencySeconds }, label } of rows) {
    if (latencySeconds === null) continue;
    lines.fill(BACKEND.p50, label, latencySeconds.p50);
    lines.fill(BACKEND.p95, label, latencySeconds.p95);
    lines.fill(BACKEND.p99, label, latencySeconds.p99);
    yield;
  }
}

/** Writes one metric of all members; the template is of the pool that the last member was in, too. */
function* writeMembers(
  lines: Lines,
  name: MetricName,
  frontends: readonly FrontendRow[],
  value: (row: MemberRow) => number,
): Generator<void> {
  lines.metric(name);
  for (const frontend of frontends) {
    let pool: string | null = null;
    let line = template(name, "", "backend");
    for (const row of frontend.members) {
      if (row.pool !== pool) {
        pool = row.pool;
        const before = `frontend="${escapeLabel(frontend.name)}",pool="${escapeLabel(pool)}"`;
        line = template(name, before, "backend");
      }
      lines.fill(line, escapeLabel(row.backend), value(row));
      yield;
    }
  }
}

function* writeFrontends(lines: Lines, frontends: readonly FrontendRow[]): Generator<void> {
  lines.metric("maglev_frontend_state");
  for (const { name, state } of frontends) {
    writeStates(lines, FRONTEND_STATE, frontendStates, escapeLabel(name), state);
    yield;
  }
  yield* writeMembers(lines, "maglev_frontend_pool_backend_weight", frontends, (row) => row.weight);
  yield* writeMembers(
    lines,
    "maglev_frontend_pool_backend_effective_weight",
    frontends,
    (row) => row.effectiveWeight,
  );
}

function* writeVpp(lines: Lines, vpp: VppRow): Generator<void> {
  single(lines, "maglev_vpp_uptime_seconds", vpp.uptimeSeconds);
  single(lines, "maglev_vpp_connected_seconds", vpp.connectedSeconds);
  const info = `version="${escapeLabel(vpp.version)}",build_date="${
    escapeLabel(vpp.buildDate)
  }",pid="${vpp.pid}"`;
  lines.metric("maglev_vpp_info");
  lines.add(linePrefix("maglev_vpp_info", info), 1);
  single(lines, "maglev_vpp_held_changes", vpp.heldChanges);
  lines.metric("maglev_vpp_vip_table_length");
  for (const { frontend, length } of vpp.tables) {
    lines.add(linePrefix("maglev_vpp_vip_table_length", `frontend="${escapeLabel(frontend)}"`), length);
  }
  if (vpp.counts !== null) yield* writeCounts(lines, vpp.counts);
}

function* writeCounts(lines: Lines, counts: CountsRow): Generator<void> {
  const vips = counts.vips.map((row) => ({ row, label: vipLabels(row) }));
  const packets = "maglev_vpp_vip_packets_total";
  lines.metric(packets);
  for (const { row, label } of vips) {
    lines.add(linePrefix(packets, `${label},kind="next"`), row.next);
    lines.add(linePrefix(packets, `${label},kind="first"`), row.first);
    lines.add(linePrefix(packets, `${label},kind="untracked"`), row.untracked);
    lines.add(linePrefix(packets, `${label},kind="no_server"`), row.noServer);
    yield;
  }
  lines.metric("maglev_vpp_vip_route_packets_total");
  for (const { row, label } of vips) {
    lines.add(linePrefix("maglev_vpp_vip_route_packets_total", label), row.packets);
    yield;
  }
  lines.metric("maglev_vpp_vip_route_bytes_total");
  for (const { row, label } of vips) {
    lines.add(linePrefix("maglev_vpp_vip_route_bytes_total", label), row.bytes);
    yield;
  }
  for (const name of ["maglev_vpp_server_packets_total", "maglev_vpp_server_bytes_total"] as const) {
    lines.metric(name);
    for (const { address, backend, packets, bytes } of counts.servers) {
      const line = template(name, `address="${escapeLabel(address)}"`, "backend");
      lines.fill(
        line,
        escapeLabel(backend ?? ""),
        name === "maglev_vpp_server_bytes_total" ? bytes : packets,
      );
      yield;
    }
  }
  single(lines, "maglev_vpp_unmatched_packets_total", counts.unmatched);
}
