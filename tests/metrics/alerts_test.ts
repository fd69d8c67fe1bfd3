import assert from "node:assert/strict";
import { parse } from "yaml";
import { catalog } from "../../src/metrics/catalog.ts";
import { promtool, promtoolPasses } from "../promtool.ts";

/** One rule of the file. */
interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description?: string };
}

const text = await Deno.readTextFile(new URL("../../docs/packaging/alerts.yaml", import.meta.url));
const page = await Deno.readTextFile(new URL("../../docs/metrics.md", import.meta.url));
const { groups: [group] } = parse(text) as { groups: { rules: Rule[] }[] };
const rules = group?.rules ?? [];

Deno.test("alerts: the rules ask for metrics and labels that exist, and keep the daemons apart", () => {
  for (const { alert, expr, annotations } of rules) {
    const known = new Set(["instance", "le", "job"]);
    for (const [name] of expr.matchAll(/\bmaglev_[a-z_]+\b/g)) {
      const metric = name.replace(/_bucket$/, "");
      assert.ok(Object.hasOwn(catalog, metric), `${alert}: ${name}`);
      for (const label of catalog[metric as keyof typeof catalog].labels) known.add(label);
    }
    for (const [, list = ""] of expr.matchAll(/\bby \(([^)]*)\)/g)) {
      const labels = list.split(", ");
      assert.ok(labels.includes("instance"), alert);
      for (const label of labels) assert.ok(known.has(label), `${alert}: ${label}`);
    }
    assert.match(annotations.summary, /\{\{ \$labels\.instance \}\}/, alert);
    for (const [, label = ""] of annotations.summary.matchAll(/\$labels\.([a-z]+)/g)) {
      assert.ok(known.has(label), `${alert}: ${label}`);
    }
  }
});

Deno.test("alerts: docs/metrics.md says of each what to do", () => {
  const rows = [...page.matchAll(/^\| `(Maglev\w+)` +\| (\w+) +\|/gm)].map(([, name, severity]) => [
    name,
    severity,
  ]);
  assert.deepEqual(rows, rules.map(({ alert, labels }) => [alert, labels.severity]));
});

/** What each alert waits for: series with the trouble in `lb1`, the same without it in `lb2`. */
const troubles: Record<string, {
  /** Name, labels behind `instance`, values while in trouble and while well (promtool's notation). */
  readonly series: readonly (readonly [name: string, labels: string, bad: string, good: string])[];
  /** Labels of the alert beside `instance` and `severity`. */
  readonly labels?: Record<string, string>;
  readonly summary: string;
  /** When it is looked at; absent: after 15 minutes. */
  readonly at?: string;
}> = {
  MaglevdDown: {
    series: [["up", 'job="maglevd"', "1 0x40", "1x40"]],
    labels: { job: "maglevd" },
    summary: "lb1 does not answer",
  },
  MaglevFrontendDown: {
    series: [
      ["maglev_frontend_state", 'frontend="www", state="down"', "1x40", "0x40"],
      ["maglev_frontend_state", 'frontend="www", state="up"', "0x40", "1x40"],
    ],
    labels: { frontend: "www", state: "down" },
    summary: "Frontend www has no server on lb1",
  },
  MaglevBackendDown: {
    series: [["maglev_backend_state", 'backend="b1", state="down"', "1x40", "0x40"]],
    labels: { backend: "b1", state: "down" },
    summary: "Backend b1 is down on lb1",
  },
  MaglevBackendFlaps: {
    series: [
      ["maglev_backend_transitions_total", 'backend="b1", from="up", to="down"', "0+1x10 10x30", "0x10 1x30"],
    ],
    labels: { backend: "b1" },
    summary: "Backend b1 went down 10 times in 15 minutes on lb1",
  },
  MaglevBackendBlind: {
    series: [["maglev_backend_blind", 'backend="b1"', "1x40", "0x40"]],
    labels: { backend: "b1" },
    summary: "lb1 knows nothing of backend b1",
  },
  MaglevCertificateEnds: {
    series: [["maglev_backend_certificate_expiry_seconds", 'backend="b1"', "1000000x40", "2000000x40"]],
    labels: { backend: "b1" },
    summary: "The certificate of b1 ends in 11d 13h 46m 40s, seen from lb1",
  },
  MaglevProbesVoid: {
    series: [["maglev_probe_void_total", 'cause="netns"', "0+30x40", "0+1x40"]],
    labels: { cause: "netns" },
    summary: "Probes of lb1 say nothing: netns",
  },
  MaglevProbesLate: {
    series: [
      ["maglev_probe_lateness_seconds_bucket", 'le="0.1"', "0x40", "0+60x40"],
      ["maglev_probe_lateness_seconds_bucket", 'le="0.25"', "0+60x40", "0+60x40"],
      ["maglev_probe_lateness_seconds_bucket", 'le="+Inf"', "0+60x40", "0+60x40"],
    ],
    summary: "lb1 is overloaded: probes begin 248.5ms late",
  },
  MaglevOverrideOld: {
    series: [["maglev_overrides", 'kind="pause"', "1x3100", "0x2000 1x1100"]],
    labels: { kind: "pause" },
    summary: "lb1 has had overrides (pause) for more than a day",
    at: "25h",
  },
  MaglevVppDisconnected: {
    series: [["maglev_vpp_connected", "", "0x40", "1x40"]],
    summary: "lb1 is not connected to VPP",
  },
  MaglevProblemsCritical: {
    series: [["maglev_problems", 'severity="critical"', "2x40", "0x40"]],

    summary: "lb1: 2 critical problems",
  },
  MaglevProblems: {
    series: [["maglev_problems", 'severity="warning"', "3x40", "0x40"]],
    summary: "lb1: 3 problems have not gone for 15 minutes",
  },
  MaglevHeldChanges: {
    series: [["maglev_vpp_held_changes", "", "3x40", "0x40"]],
    summary: "3 changes wait for an operator on lb1",
  },
  MaglevVppRefuses: {
    series: [
      [
        "maglev_vpp_api_total",
        'msg="lb_add_del_as_v2_reply", direction="recv", result="failure"',
        "0+1x40",
        "0x40",
      ],
    ],
    labels: { msg: "lb_add_del_as_v2_reply" },
    summary: "VPP refuses lb_add_del_as_v2_reply on lb1",
  },
  MaglevNoServerPackets: {
    series: [["maglev_vpp_vip_packets_total", 'frontend="www", kind="no_server"', "0+1x40", "0x40"]],
    labels: { frontend: "www" },
    summary: "lb1 drops packets to www for want of a server",
  },
};

Deno.test({
  name: `alerts: each fires for the daemon that has its trouble, and for no other${promtool.suffix}`,
  ignore: promtool.missing,
  async fn() {
    assert.deepEqual(Object.keys(troubles), rules.map(({ alert }) => alert));
    const tests = rules.map((rule) => {
      const { series = [], labels = {}, summary = "", at = "15m" } = troubles[rule.alert] ?? {};
      const named = (instance: string, name: string, labels: string) =>
        `${name}{${[`instance="${instance}"`, labels].filter((part) => part !== "").join(", ")}}`;
      return {
        interval: "30s",
        input_series: series.flatMap(([name, of, bad, good]) => [
          { series: named("lb1", name, of), values: bad },
          { series: named("lb2", name, of), values: good },
        ]),
        alert_rule_test: [{
          eval_time: at,
          alertname: rule.alert,
          exp_alerts: [{
            exp_labels: { instance: "lb1", severity: rule.labels.severity, ...labels },
            exp_annotations: { ...rule.annotations, summary },
          }],
        }],
      };
    });
    await promtoolPasses({ check: text, tests });
  },
});
