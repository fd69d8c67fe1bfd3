/**
 * Every metric of maglevd's own: name, type, labels, help. The exporters are built from it, and docs/metrics.md is
 * compared with it.
 *
 * @module
 */

/** One metric. */
export interface MetricSpec {
  /** Kind of the series. */
  readonly type: "gauge" | "counter" | "histogram" | "summary";
  /** Labels in their order. */
  readonly labels: readonly string[];
  /** One line for people. */
  readonly help: string;
}

const vip = ["frontend", "address", "protocol", "port"] as const;

/** All metrics, in the order of the text. */
export const catalog = {
  maglev_build_info: {
    type: "gauge",
    labels: ["version", "commit", "runtime"],
    help: "Always 1; what is running",
  },
  maglev_backend_state: {
    type: "gauge",
    labels: ["backend", "state"],
    help: "1 for the state that the backend is in, 0 for the others",
  },
  maglev_backend_health: {
    type: "gauge",
    labels: ["backend"],
    help: "Health counter, 0 to rise + fall - 1; up from rise on; none without a health check",
  },
  maglev_backend_enabled: {
    type: "gauge",
    labels: ["backend"],
    help: "0 if the backend is disabled, else 1",
  },
  maglev_backend_blind: {
    type: "gauge",
    labels: ["backend"],
    help: "1 if no result of this backend's probes has counted for too long",
  },
  maglev_backend_certificate_expiry_seconds: {
    type: "gauge",
    labels: ["backend"],
    help:
      "Time until the backend's TLS certificate ends, negative once it has; none without a probe with TLS",
  },
  maglev_backend_latency_seconds: {
    type: "summary",
    labels: ["backend", "quantile"],
    help: "Duration of the last 60 counted probes: quantiles 0.5, 0.95 and 0.99",
  },
  maglev_frontend_state: {
    type: "gauge",
    labels: ["frontend", "state"],
    help: "1 for the state that the frontend is in, 0 for the others",
  },
  maglev_frontend_pool_backend_weight: {
    type: "gauge",
    labels: ["frontend", "pool", "backend"],
    help: "Weight in the running configuration, 0 to 100",
  },
  maglev_frontend_pool_backend_effective_weight: {
    type: "gauge",
    labels: ["frontend", "pool", "backend"],
    help: "Weight that VPP should have, 0 to 100",
  },
  maglev_overrides: {
    type: "gauge",
    labels: ["kind"],
    help: "What operators set at run time and have not taken back: pause, disable, enable, weight",
  },
  maglev_problems: {
    type: "gauge",
    labels: ["severity"],
    help: "Things that are wrong now, as GET /v1/problems lists them",
  },
  maglev_probe_total: {
    type: "counter",
    labels: ["backend", "type", "result", "code"],
    help: "Probes whose result counted",
  },
  maglev_probe_duration_seconds: {
    type: "histogram",
    labels: ["backend", "type"],
    help: "Duration of probes whose result counted, all phases together",
  },
  maglev_probe_void_total: {
    type: "counter",
    labels: ["cause"],
    help: "Probes whose result says nothing about the backend",
  },
  maglev_probe_lateness_seconds: {
    type: "histogram",
    labels: [],
    help: "How long after its due time a probe began",
  },
  maglev_backend_transitions_total: {
    type: "counter",
    labels: ["backend", "from", "to"],
    help: "Changes of a backend's state",
  },
  maglev_transition_to_vpp_seconds: {
    type: "histogram",
    labels: [],
    help: "From the result that decided a transition to VPP's reply",
  },
  maglev_vpp_connected: { type: "gauge", labels: [], help: "1 while maglevd is connected to VPP" },
  maglev_vpp_uptime_seconds: { type: "gauge", labels: [], help: "How long VPP has been running" },
  maglev_vpp_connected_seconds: {
    type: "gauge",
    labels: [],
    help: "How long maglevd has been connected to VPP",
  },
  maglev_vpp_info: {
    type: "gauge",
    labels: ["version", "build_date", "pid"],
    help: "Always 1; the VPP that maglevd is connected to",
  },
  maglev_vpp_api_total: {
    type: "counter",
    labels: ["msg", "direction", "result"],
    help: "Messages on VPP's API socket; a retval other than 0 is a failure",
  },
  maglev_vpp_lbsync_total: {
    type: "counter",
    labels: ["scope", "kind"],
    help: "Changes made in VPP by syncs",
  },
  maglev_vpp_held_changes: {
    type: "gauge",
    labels: [],
    help: "Changes that only a sync with the plan's digest would send",
  },
  maglev_vpp_vip_table_length: {
    type: "gauge",
    labels: ["frontend"],
    help: "Entries of the VIP's new-flow table in VPP",
  },
  maglev_vpp_vip_packets_total: {
    type: "counter",
    labels: [...vip, "kind"],
    help: "Packets to the VIP: of known flows, first of a flow, untracked, without a server",
  },
  maglev_vpp_vip_route_packets_total: {
    type: "counter",
    labels: vip,
    help: "Packets to the VIP's prefix; the same on all VIPs of a prefix, so do not add them up",
  },
  maglev_vpp_vip_route_bytes_total: {
    type: "counter",
    labels: vip,
    help: "Octets to the VIP's prefix; the same on all VIPs of a prefix, so do not add them up",
  },
  maglev_vpp_server_packets_total: {
    type: "counter",
    labels: ["address", "backend"],
    help: "Packets sent to an application server, over all VIPs that share it",
  },
  maglev_vpp_server_bytes_total: {
    type: "counter",
    labels: ["address", "backend"],
    help: "Octets sent to an application server, over all VIPs that share it",
  },
  maglev_vpp_unmatched_packets_total: {
    type: "counter",
    labels: [],
    help: "Packets to a VIP's address on a port that no VIP has",
  },
  maglev_http_requests_total: {
    type: "counter",
    labels: ["method", "route", "code"],
    help: "Requests to the API, by pattern of the path",
  },
  maglev_http_request_duration_seconds: {
    type: "histogram",
    labels: [],
    help: "From a request to the head of its answer",
  },
  maglev_fleet_connected: {
    type: "gauge",
    labels: [],
    help: "1 while the fleet's store answers; none without a fleet",
  },
  maglev_fleet_nodes: {
    type: "gauge",
    labels: ["state"],
    help: "Daemons of the fleet that this one sees, itself included, by how their VPP stands",
  },
  maglev_fleet_table_agreement: {
    type: "gauge",
    labels: ["frontend"],
    help: "0 if nodes of the fleet have had different tables for over 10 s, else 1",
  },
  maglev_fleet_store_seconds: {
    type: "histogram",
    labels: [],
    help: "Duration of calls of the fleet's store, those that failed included",
  },
  maglev_journal_dropped_total: {
    type: "counter",
    labels: [],
    help: "Entries, runs and latency rows that were lost because the disk was too slow",
  },
  maglev_journal_on_disk: {
    type: "gauge",
    labels: [],
    help:
      "1 while entries of the journal reach the disk, 0 while they do not; missing without a journal on disk",
  },
  maglev_unauthorized_total: {
    type: "counter",
    labels: ["code"],
    help: "Requests refused for lack of a token (401) or of rights (403)",
  },
} as const satisfies Record<string, MetricSpec>;

/** Names of maglevd's own metrics. */
export type MetricName = keyof typeof catalog;
