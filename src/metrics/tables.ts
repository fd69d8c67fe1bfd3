/**
 * The state gauges and VPP's counters, written from the snapshot of a scrape.
 *
 * @module
 */
import type { MetricName } from "./catalog.ts";
import type { BackendRow, CountsRow, FrontendRow, MetricsSnapshot, VipRow, VppRow } from "./source.ts";
import { escapeLabel, linePrefix, type Lines, ScrapeCache } from "./text.ts";
import type { FrontendState, State } from "../model.ts";

const backendStates: readonly State[] = ["unknown", "up", "down", "paused", "disabled"];
const frontendStates: readonly FrontendState[] = ["unknown", "up", "down"];

/** The lines of a one-hot metric, for each state that the object may be in. */
function oneHot(name: MetricName, label: string, states: readonly string[]): ReadonlyMap<string, string> {
  return new Map(states.map((state) => [
    state,
    states.map((each) => linePrefix(name, `${label},state="${each}"`) + (each === state ? "1\n" : "0\n"))
      .join(""),
  ]));
}

function backendParts(name: string) {
  const label = `backend="${escapeLabel(name)}"`;
  return {
    state: oneHot("maglev_backend_state", label, backendStates),
    health: linePrefix("maglev_backend_health", label),
    enabled: linePrefix("maglev_backend_enabled", label),
    blind: linePrefix("maglev_backend_blind", label),
    expiry: linePrefix("maglev_backend_certificate_expiry_seconds", label),
  };
}

/** `place` is pool and backend, with a tab between: no name holds one. */
function memberParts(frontend: string, place: string) {
  const [pool = "", backend = ""] = place.split("\t").map(escapeLabel);
  const label = `frontend="${escapeLabel(frontend)}",pool="${pool}",backend="${backend}"`;
  return {
    weight: linePrefix("maglev_frontend_pool_backend_weight", label),
    effective: linePrefix("maglev_frontend_pool_backend_effective_weight", label),
  };
}

function serverParts(address: string, backend: string) {
  const label = `address="${escapeLabel(address)}",backend="${escapeLabel(backend)}"`;
  return {
    packets: linePrefix("maglev_vpp_server_packets_total", label),
    bytes: linePrefix("maglev_vpp_server_bytes_total", label),
  };
}

function vipLabels(vip: VipRow): string {
  return `frontend="${escapeLabel(vip.frontend ?? "")}",address="${escapeLabel(vip.address)}",` +
    `protocol="${vip.protocol}",port="${vip.port}"`;
}

function single(lines: Lines, name: MetricName, value: number | null): void {
  if (value === null) return;
  lines.metric(name);
  lines.add(linePrefix(name, ""), value);
}

/** Writes the tables of one daemon, scrape after scrape. */
export class Tables {
  readonly #backends = new ScrapeCache(backendParts);
  readonly #members = new ScrapeCache(memberParts);
  readonly #servers = new ScrapeCache(serverParts);

  /** Writes all tables of a snapshot; VPP's own are left out while it is away. */
  write(lines: Lines, snapshot: MetricsSnapshot): void {
    for (const cache of [this.#backends, this.#members, this.#servers]) cache.begin();
    this.#writeBackends(lines, snapshot.backends);
    this.#writeFrontends(lines, snapshot.frontends);
    single(lines, "maglev_vpp_connected", snapshot.vpp === null ? 0 : 1);
    if (snapshot.vpp !== null) this.#writeVpp(lines, snapshot.vpp);
  }

  #writeBackends(lines: Lines, all: readonly BackendRow[]): void {
    const rows = all.filter((row) => row.state !== "removed")
      .map((row) => ({ row, parts: this.#backends.get(row.name) }));
    lines.metric("maglev_backend_state");
    for (const { row, parts } of rows) lines.block(parts.state.get(row.state) ?? "");
    lines.metric("maglev_backend_health");
    for (const { row, parts } of rows) if (row.counter !== null) lines.add(parts.health, row.counter);
    lines.metric("maglev_backend_enabled");
    for (const { row, parts } of rows) lines.add(parts.enabled, row.enabled ? 1 : 0);
    lines.metric("maglev_backend_blind");
    for (const { row, parts } of rows) lines.add(parts.blind, row.blind ? 1 : 0);
    lines.metric("maglev_backend_certificate_expiry_seconds");
    for (const { row, parts } of rows) {
      if (row.certificateSeconds !== null) lines.add(parts.expiry, row.certificateSeconds);
    }
  }

  #writeFrontends(lines: Lines, frontends: readonly FrontendRow[]): void {
    lines.metric("maglev_frontend_state");
    for (const { name, state } of frontends) {
      const states = oneHot("maglev_frontend_state", `frontend="${escapeLabel(name)}"`, frontendStates);
      lines.block(states.get(state) ?? "");
    }
    const members = frontends.flatMap((frontend) =>
      frontend.members.map((row) => ({
        row,
        parts: this.#members.get(frontend.name, `${row.pool}\t${row.backend}`),
      }))
    );
    lines.metric("maglev_frontend_pool_backend_weight");
    for (const { row, parts } of members) lines.add(parts.weight, row.weight);
    lines.metric("maglev_frontend_pool_backend_effective_weight");
    for (const { row, parts } of members) lines.add(parts.effective, row.effectiveWeight);
  }

  #writeVpp(lines: Lines, vpp: VppRow): void {
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
    if (vpp.counts !== null) this.#writeCounts(lines, vpp.counts);
  }

  #writeCounts(lines: Lines, counts: CountsRow): void {
    const vips = counts.vips.map((row) => ({ row, label: vipLabels(row) }));
    const packets = "maglev_vpp_vip_packets_total";
    lines.metric(packets);
    for (const { row, label } of vips) {
      lines.add(linePrefix(packets, `${label},kind="next"`), row.next);
      lines.add(linePrefix(packets, `${label},kind="first"`), row.first);
      lines.add(linePrefix(packets, `${label},kind="untracked"`), row.untracked);
      lines.add(linePrefix(packets, `${label},kind="no_server"`), row.noServer);
    }
    lines.metric("maglev_vpp_vip_route_packets_total");
    for (const { row, label } of vips) {
      lines.add(linePrefix("maglev_vpp_vip_route_packets_total", label), row.packets);
    }
    lines.metric("maglev_vpp_vip_route_bytes_total");
    for (const { row, label } of vips) {
      lines.add(linePrefix("maglev_vpp_vip_route_bytes_total", label), row.bytes);
    }
    const servers = counts.servers.map((row) => ({
      row,
      parts: this.#servers.get(row.address, row.backend ?? ""),
    }));
    lines.metric("maglev_vpp_server_packets_total");
    for (const { row, parts } of servers) lines.add(parts.packets, row.packets);
    lines.metric("maglev_vpp_server_bytes_total");
    for (const { row, parts } of servers) lines.add(parts.bytes, row.bytes);
    single(lines, "maglev_vpp_unmatched_packets_total", counts.unmatched);
  }
}
