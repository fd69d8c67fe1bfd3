/**
 * `deno task dashboard`: writes docs/packaging/grafana-dashboard.json, a dashboard for Grafana 10 or newer.
 *
 * @module
 */
import type { MetricName } from "../metrics/catalog.ts";
import { on, type Panel, rows } from "./dashboard_panels.ts";

const source = { type: "prometheus", uid: "${datasource}" };
const height = { stat: 4, timeseries: 8 } as const;

function thresholds(red: Panel["red"]): unknown {
  const steps = red === undefined
    ? [{ color: "blue", value: null }]
    : typeof red === "number"
    ? [{ color: "green", value: null }, { color: "red", value: red }]
    : [{ color: "red", value: null }, { color: "green", value: red.below }];
  return { mode: "absolute", steps };
}

/** A variable of the dashboard whose values are those of a label; objects are those of the chosen daemons. */
function labelVariable(name: string, metric: MetricName): unknown {
  return {
    name,
    label: name,
    type: "query",
    datasource: source,
    query: {
      query: `label_values(${name === "instance" ? metric : on(metric)}, ${name})`,
      refId: name,
    },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: ".*",
    current: { text: "All", value: "$__all" },
  };
}

/** The dashboard as Grafana reads it. */
export function dashboard(): Record<string, unknown> {
  const panels: unknown[] = [];
  let y = 0;
  for (const { title, panels: inRow } of rows) {
    panels.push({
      id: panels.length + 1,
      type: "row",
      title,
      collapsed: false,
      gridPos: { x: 0, y, w: 24, h: 1 },
      panels: [],
    });
    y += 1;
    let x = 0;
    let tallest = 0;
    for (const { kind, title, about, unit, width, queries, red } of inRow) {
      if (x + width > 24) {
        x = 0;
        y += tallest;
        tallest = 0;
      }
      panels.push({
        id: panels.length + 1,
        type: kind,
        title,
        description: about,
        datasource: source,
        gridPos: { x, y, w: width, h: height[kind] },
        fieldConfig: { defaults: { unit, min: 0, thresholds: thresholds(red) }, overrides: [] },
        options: kind === "stat"
          ? { colorMode: "background", reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false } }
          : {
            legend: { displayMode: "list", placement: "bottom" },
            tooltip: { mode: "multi", sort: "desc" },
          },
        targets: queries.map(([expr, legendFormat], index) => ({
          datasource: source,
          refId: String.fromCharCode(65 + index),
          expr,
          legendFormat,
          range: true,
        })),
      });
      x += width;
      tallest = Math.max(tallest, height[kind]);
    }
    y += tallest;
  }
  return {
    title: "vpp-maglev",
    uid: "vpp-maglev",
    description: "Health of backends, weights, traffic as VPP counts it, and maglevd itself.",
    tags: ["vpp", "load-balancer"],
    schemaVersion: 39,
    version: 1,
    editable: true,
    refresh: "30s",
    time: { from: "now-3h", to: "now" },
    templating: {
      list: [
        { name: "datasource", label: "data source", type: "datasource", query: "prometheus" },
        labelVariable("instance", "maglev_build_info"),
        labelVariable("frontend", "maglev_frontend_state"),
        labelVariable("backend", "maglev_backend_state"),
      ],
    },
    annotations: { list: [] },
    panels,
  };
}

if (import.meta.main) {
  const target = new URL("../../docs/packaging/grafana-dashboard.json", import.meta.url);
  await Deno.writeTextFile(target, JSON.stringify(dashboard(), null, 2) + "\n");
}
