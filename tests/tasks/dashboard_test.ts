import assert from "node:assert/strict";
import { catalog } from "../../src/metrics/catalog.ts";
import { dashboard } from "../../src/tasks/dashboard.ts";
import { promtool, promtoolPasses } from "../promtool.ts";

const file = new URL("../../docs/packaging/grafana-dashboard.json", import.meta.url);

/** What the tests look at. */
interface Board {
  readonly uid: string;
  readonly panels: readonly {
    readonly id: number;
    readonly type: string;
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
    readonly targets?: readonly {
      readonly expr: string;
      readonly refId: string;
      readonly legendFormat: string;
    }[];
  }[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
}

const board = JSON.parse(await Deno.readTextFile(file)) as Board;
const expressions = board.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => ({ title, expr }))
);

/** Labels that the series of a metric carry; those of a histogram's buckets among them. */
function labels(metric: keyof typeof catalog): readonly string[] {
  return ["instance", ...catalog[metric].labels, ...(catalog[metric].type === "histogram" ? ["le"] : [])];
}

function metricOf(series: string): keyof typeof catalog {
  const found = Object.keys(catalog).find((name) =>
    series === name ||
    (catalog[name as keyof typeof catalog].type === "histogram" &&
      /^_(bucket|sum|count)$/.test(series.slice(name.length)) &&
      series.startsWith(name))
  );
  assert.ok(found !== undefined, `no metric is called ${series}`);
  return found as keyof typeof catalog;
}

Deno.test("dashboard: the file is what the task writes", () => {
  assert.deepEqual(board, JSON.parse(JSON.stringify(dashboard())));
});

Deno.test("dashboard: every expression asks for metrics and labels that exist", () => {
  assert.ok(expressions.length > 20);
  for (const { title, expr } of expressions) {
    const series = [...expr.matchAll(/\b(maglev_[a-z_]+)(?:\{([^}]*)\})?/g)];
    assert.ok(series.length > 0, title);
    for (const [, name = "", selector = ""] of series) {
      const known = labels(metricOf(name));
      for (const [, label = ""] of selector.matchAll(/([a-z_]+)(?:=~|!=|!~|=)"/g)) {
        assert.ok(known.includes(label), `${title}: ${name} has no label ${label}`);
      }
      for (const [, list = ""] of expr.matchAll(/\bby \(([^)]*)\)/g)) {
        for (const label of list.split(", ")) {
          assert.ok(known.includes(label), `${title}: ${name} has no ${label}`);
        }
      }
    }
  }
});

Deno.test("dashboard: every series is of the chosen daemons, and no panel adds up figures of two", () => {
  for (const { title, expr } of expressions) {
    for (const [series] of expr.matchAll(/\bmaglev_[a-z_]+(?:\{[^}]*\})?/g)) {
      assert.match(series, /\{instance=~"\$instance"[,}]/, title);
    }
    for (const [, list = ""] of expr.matchAll(/\bby \(([^)]*)\)/g)) {
      assert.match(list, /^instance\b/, title);
    }
    assert.doesNotMatch(expr, /\b(?:sum|min|max|avg|count) ?\(/, title);
  }
  for (const { legendFormat } of board.panels.flatMap(({ targets = [] }) => targets)) {
    assert.match(legendFormat, /^\{\{instance\}\}/);
  }
});

Deno.test("dashboard: a counter is only shown as a rate, a gauge never", () => {
  for (const { title, expr } of expressions) {
    for (const [, name = ""] of expr.matchAll(/\b(maglev_[a-z_]+)/g)) {
      assert.equal(catalog[metricOf(name)].type !== "gauge", expr.includes("rate("), title);
    }
  }
});

Deno.test("dashboard: legends name labels of their series, and every panel has a unit and a place of its own", () => {
  const places = new Set<string>();
  const ids = new Set<number>();
  for (const { id, type, title, gridPos, fieldConfig, targets = [] } of board.panels) {
    ids.add(id);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(x < 24 && !places.has(`${x} ${y}`), `${title} overlaps`);
        places.add(`${x} ${y}`);
      }
    }
    if (type === "row") continue;
    assert.ok(fieldConfig?.defaults.unit, title);
    for (const { expr, legendFormat } of targets) {
      const [, name = ""] = /\b(maglev_[a-z_]+)/.exec(expr) ?? [];
      const kept = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(", ") ?? labels(metricOf(name));
      for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        assert.ok(kept.includes(label), `${title}: no label ${label} is left`);
      }
    }
  }
  assert.equal(ids.size, board.panels.length);
  const variables = board.templating.list.map(({ name }) => name);
  for (const [, name = ""] of JSON.stringify(board.panels).matchAll(/\$\{?([a-z]+)\b/g)) {
    assert.ok(variables.includes(name), `no variable ${name}`);
  }
});

/** The expression as it is asked with all variables at "All". */
function asked(expr: string): string {
  return expr.replaceAll("$__rate_interval", "5m").replaceAll(/\$[a-z]+/g, ".*");
}

Deno.test({
  name: `dashboard: Prometheus takes every expression${promtool.suffix}`,
  ignore: promtool.missing,
  fn: () =>
    promtoolPasses({
      check: {
        groups: [{
          name: "dashboard",
          rules: expressions.map(({ expr }, index) => ({ record: `panel:${index}`, expr: asked(expr) })),
        }],
      },
    }),
});

Deno.test({
  name: `dashboard: two daemons that see the same 3 servers have 3 each, not 6${promtool.suffix}`,
  ignore: promtool.missing,
  fn() {
    const expr = asked(expressions.find(({ title }) => title === "Backends up")?.expr ?? "");
    const states = ["lb1:9091", "lb2:9091"].flatMap((instance) =>
      ["b1", "b2", "b3"].map((backend) => ({
        series: `maglev_backend_state{instance="${instance}", backend="${backend}", state="up"}`,
        // The second daemon takes b3 for down in its third minute.
        values: instance.startsWith("lb2") && backend === "b3" ? "1 1 0" : "1 1 1",
      }))
    );
    const at = (eval_time: string, ...values: number[]) => ({
      expr,
      eval_time,
      exp_samples: values.map((value, i) => ({ labels: `{instance="lb${i + 1}:9091"}`, value })),
    });
    return promtoolPasses({
      check: { groups: [] },
      tests: [{
        interval: "1m",
        input_series: states,
        promql_expr_test: [at("1m", 3, 3), at("2m", 3, 2)],
      }],
    });
  },
});
