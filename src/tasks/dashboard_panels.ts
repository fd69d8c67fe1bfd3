/**
 * The panels of the dashboard for Grafana: what each shows, and what to make of it.
 *
 * @module
 */
import type { MetricName } from "../metrics/catalog.ts";

/** Kind of a panel, as Grafana calls it. */
export type PanelKind = "stat" | "timeseries";

/** Units, as Grafana calls them. */
export type PanelUnit = "short" | "percentunit" | "s" | "cps" | "pps" | "Bps" | "reqps" | "bool_yes_no";

/** One query: expression and the name of its series. */
export type PanelQuery = readonly [expression: string, legend: string];

/** One panel. */
export interface Panel {
  /** One value, or a plot. */
  readonly kind: PanelKind;
  /** Its heading. */
  readonly title: string;
  /** What to make of it, shown as a hint. */
  readonly about: string;
  /** Of its values. */
  readonly unit: PanelUnit;
  /** Of 24 columns. */
  readonly width: number;
  /** What it draws. */
  readonly queries: readonly PanelQuery[];
  /** Value from which on a stat is red; `below` turns it round. */
  readonly red?: number | { readonly below: number };
}

const rate = "[$__rate_interval]";

/** The series of a metric on the chosen daemons. Each panel keeps the daemons apart, as each sees the same servers. */
export function on(metric: string, where = ""): string {
  return `${metric}{instance=~"$instance"${where === "" ? "" : `, ${where}`}}`;
}

/** Sum of a gauge for each daemon. */
function total(metric: MetricName, where = ""): string {
  return `sum by (instance) (${on(metric, where)})`;
}

/** Rate of a counter by daemon and some labels. */
function perSecond(metric: MetricName, by: string, where = ""): string {
  return `sum by (instance, ${by}) (rate(${on(metric, where)}${rate}))`;
}

/** A quantile of a histogram by daemon and perhaps a label, in the unit of the histogram. */
function quantile(q: number, metric: MetricName, by = "", where = ""): string {
  return `histogram_quantile(${q}, sum by (${["instance", ...(by === "" ? [] : [by]), "le"].join(", ")}) ` +
    `(rate(${on(`${metric}_bucket`, where)}${rate})))`;
}

const ofFrontend = 'frontend=~"$frontend"';
const ofBackend = 'backend=~"$backend"';

/** The panels, by rows of the page. */
export const rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[] = [
  {
    title: "At a glance",
    panels: [
      {
        kind: "stat",
        title: "Connected to VPP",
        about: "While it is not, VPP forwards as it was last told.",
        unit: "bool_yes_no",
        width: 4,
        queries: [[on("maglev_vpp_connected"), "{{instance}}"]],
        red: { below: 1 },
      },
      {
        kind: "stat",
        title: "Frontends not up",
        about: "No member that is up and has a weight.",
        unit: "short",
        width: 4,
        queries: [[total("maglev_frontend_state", 'state!="up"'), "{{instance}}"]],
        red: 1,
      },
      {
        kind: "stat",
        title: "Backends up",
        about: "Backends that pass their health check.",
        unit: "short",
        width: 4,
        queries: [[total("maglev_backend_state", 'state="up"'), "{{instance}}"]],
      },
      {
        kind: "stat",
        title: "Backends down",
        about: "Backends that fail their health check.",
        unit: "short",
        width: 4,
        queries: [[total("maglev_backend_state", 'state="down"'), "{{instance}}"]],
        red: 1,
      },
      {
        kind: "stat",
        title: "Blind backends",
        about: "maglevd cannot probe them: something is wrong with its own host or rights.",
        unit: "short",
        width: 4,
        queries: [[total("maglev_backend_blind"), "{{instance}}"]],
        red: 1,
      },
      {
        kind: "stat",
        title: "Held changes",
        about: "Changes that wait for an operator: maglevc show vpp lb plan.",
        unit: "short",
        width: 4,
        queries: [[on("maglev_vpp_held_changes"), "{{instance}}"]],
        red: 1,
      },
    ],
  },
  {
    title: "Health",
    panels: [
      {
        kind: "timeseries",
        title: "Backends that are not up",
        about: "One line for each backend in a state other than up.",
        unit: "short",
        width: 12,
        queries: [[
          `${on("maglev_backend_state", `state!="up", ${ofBackend}`)} == 1`,
          "{{instance}} {{backend}} {{state}}",
        ]],
      },
      {
        kind: "timeseries",
        title: "Effective weights",
        about: "What VPP should have: 0 outside the active pool and for backends that are not up.",
        unit: "short",
        width: 12,
        queries: [[
          on("maglev_frontend_pool_backend_effective_weight", ofFrontend),
          "{{instance}} {{frontend}} {{pool}} {{backend}}",
        ]],
      },
      {
        kind: "timeseries",
        title: "Failed probes",
        about: "By backend and result code.",
        unit: "cps",
        width: 12,
        queries: [[
          perSecond("maglev_probe_total", "backend, code", `result="failure", ${ofBackend}`),
          "{{instance}} {{backend}} {{code}}",
        ]],
      },
      {
        kind: "timeseries",
        title: "Duration of probes, 95th percentile",
        about: "All phases together; close to the timeout means close to a failure.",
        unit: "s",
        width: 12,
        queries: [[
          quantile(0.95, "maglev_probe_duration_seconds", "backend", ofBackend),
          "{{instance}} {{backend}}",
        ]],
      },
      {
        kind: "timeseries",
        title: "Void probes",
        about: "Results that say nothing about a backend, by cause on maglevd's own host.",
        unit: "cps",
        width: 8,
        queries: [[perSecond("maglev_probe_void_total", "cause"), "{{instance}} {{cause}}"]],
      },
      {
        kind: "timeseries",
        title: "Lateness of probes",
        about: "How long after its due time a probe began.",
        unit: "s",
        width: 8,
        queries: [
          [quantile(0.5, "maglev_probe_lateness_seconds"), "{{instance}} median"],
          [quantile(0.99, "maglev_probe_lateness_seconds"), "{{instance}} 99th percentile"],
        ],
      },
      {
        kind: "timeseries",
        title: "Transitions",
        about: "A backend that flaps shows here.",
        unit: "cps",
        width: 8,
        queries: [[
          perSecond("maglev_backend_transitions_total", "backend, to", ofBackend),
          "{{instance}} {{backend}} to {{to}}",
        ]],
      },
    ],
  },
  {
    title: "Traffic, as VPP counts it",
    panels: [
      {
        kind: "timeseries",
        title: "Octets by application server",
        about: "Over all VIPs that share the server.",
        unit: "Bps",
        width: 12,
        queries: [[
          perSecond("maglev_vpp_server_bytes_total", "address, backend", ofBackend),
          "{{instance}} {{backend}} {{address}}",
        ]],
      },
      {
        kind: "timeseries",
        title: "New flows by VIP",
        about: "First packets of a flow.",
        unit: "pps",
        width: 12,
        queries: [[
          perSecond(
            "maglev_vpp_vip_packets_total",
            "frontend, address, protocol, port",
            `kind="first", ${ofFrontend}`,
          ),
          "{{instance}} {{frontend}} {{protocol}} {{port}}",
        ]],
      },
      {
        kind: "timeseries",
        title: "Packets that no server got",
        about: "VIPs without a server, and packets to a VIP's address on a port that no VIP has.",
        unit: "pps",
        width: 12,
        queries: [
          [
            perSecond("maglev_vpp_vip_packets_total", "frontend", `kind="no_server", ${ofFrontend}`),
            "{{instance}} {{frontend}} no server",
          ],
          [`rate(${on("maglev_vpp_unmatched_packets_total")}${rate})`, "{{instance}} no such port"],
        ],
      },
      {
        kind: "timeseries",
        title: "Untracked packets",
        about: "Packets of flows that the sticky table had no room for.",
        unit: "pps",
        width: 12,
        queries: [[
          perSecond("maglev_vpp_vip_packets_total", "frontend", `kind="untracked", ${ofFrontend}`),
          "{{instance}} {{frontend}}",
        ]],
      },
    ],
  },
  {
    title: "maglevd and VPP",
    panels: [
      {
        kind: "timeseries",
        title: "From the deciding result to VPP's reply, 95th percentile",
        about: "How fast a dead server loses its traffic once its last probe has failed.",
        unit: "s",
        width: 8,
        queries: [[quantile(0.95, "maglev_transition_to_vpp_seconds"), "{{instance}}"]],
      },
      {
        kind: "timeseries",
        title: "Changes sent to VPP",
        about: "By kind; in a quiet world there are none.",
        unit: "cps",
        width: 8,
        queries: [[perSecond("maglev_vpp_lbsync_total", "kind"), "{{instance}} {{kind}}"]],
      },
      {
        kind: "timeseries",
        title: "Refused messages",
        about: "Answers of VPP with an error.",
        unit: "cps",
        width: 8,
        queries: [[perSecond("maglev_vpp_api_total", "msg", 'result="failure"'), "{{instance}} {{msg}}"]],
      },
      {
        kind: "timeseries",
        title: "Requests to the API",
        about: "By status.",
        unit: "reqps",
        width: 12,
        queries: [[perSecond("maglev_http_requests_total", "code"), "{{instance}} {{code}}"]],
      },
      {
        kind: "timeseries",
        title: "Uptime",
        about: "A fall to zero is a restart of VPP or a new connection.",
        unit: "s",
        width: 12,
        queries: [[on("maglev_vpp_uptime_seconds"), "{{instance}} VPP"], [
          on("maglev_vpp_connected_seconds"),
          "{{instance}} connection",
        ]],
      },
    ],
  },
];
