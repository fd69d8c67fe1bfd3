import assert from "node:assert/strict";
import { createMetricsApp } from "../../routes/app.ts";
import { systemClock } from "../../src/clock.ts";
import { unusedPort } from "../../src/demo/port.ts";
import { silentLog } from "../../src/log/mod.ts";
import { catalog } from "../../src/metrics/catalog.ts";
import { busyMetrics, snapshotOf } from "./world.ts";
import { anyPort, start } from "../routes/serving.ts";
import { makeWorld } from "../routes/world.ts";
import { promtool, promtoolPasses } from "../promtool.ts";
import { optionalTool } from "../tool.ts";
import { textOf } from "./pieces.ts";

const text = await Deno.readTextFile(new URL("../../docs/metrics.md", import.meta.url));

Deno.test("docs/metrics.md lists exactly the metrics that are exported, with type, labels and help", () => {
  const rows = text.split("\n").filter((line) => line.startsWith("| `maglev_")).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim().replaceAll("`", ""))
  );
  const wanted = Object.entries(catalog).map((
    [name, { type, labels, help }],
  ) => [name, type, labels.join(", "), help]);
  assert.deepEqual(rows, wanted);
});

Deno.test("docs/metrics.md asks only for metrics and labels that exist", () => {
  const questions = [...text.matchAll(/```promql\n([^]*?)```/g)].map((match) => match[1] ?? "").join(
    "\n",
  );
  const names = new Set(questions.match(/\bmaglev_[a-z_]+\b/g));
  assert.ok(names.size > 5);
  for (const name of names) assert.ok(Object.hasOwn(catalog, name.replace(/_bucket$/, "")), name);
  const labels = new Set([
    "le",
    "instance",
    ...Object.values(catalog).flatMap((spec) => spec.labels),
  ]);
  for (const [, list = ""] of questions.matchAll(/\bby \(([^)]*)\)/g)) {
    for (const label of list.split(", ")) assert.ok(labels.has(label), label);
  }
});

Deno.test({
  name: `promtool accepts the questions of docs/metrics.md${promtool.suffix}`,
  ignore: promtool.missing,
  fn() {
    const questions = (/```promql\n([^]*?)```/.exec(text)?.[1] ?? "").split(/^# /m).slice(1)
      .map((part) => part.split("\n").slice(1).join(" ").trim());
    assert.ok(questions.length > 5);
    const rules = questions.map((expr, i) => ({ record: `question_${i}`, expr }));
    return promtoolPasses({ check: { groups: [{ name: "questions", rules }] } });
  },
});

const prometheus = optionalTool("prometheus");

Deno.test({
  name: `a Prometheus server scrapes the metrics listener${prometheus.suffix}`,
  ignore: prometheus.missing,
  async fn() {
    const snapshot = snapshotOf(50, 5);
    const metrics = busyMetrics(() => snapshot, true);
    const world = makeWorld();
    world.control.metrics = () => metrics.text();
    const { control, bus } = world;
    const metricsApp = createMetricsApp({ control, bus, log: silentLog, clock: systemClock });
    await using serving = await start(world, { listen: [], metricsApp, metricsListen: anyPort });
    const directory = await Deno.makeTempDir();
    // Prometheus takes no port 0.
    const port = unusedPort();
    await Deno.writeTextFile(
      `${directory}/prometheus.yml`,
      `global: {scrape_interval: 1s}
scrape_configs:
  - job_name: maglevd
    static_configs: [{targets: ["${serving.metricsAddress}"]}]
`,
    );
    const child = new Deno.Command("prometheus", {
      args: [
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        `--web.listen-address=127.0.0.1:${port}`,
        "--log.level=error",
      ],
      cwd: directory,
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      const count = `count({__name__=~"maglev_.+"})`;
      const wanted = textOf(await metrics.text()).split("\n").filter((line) =>
        line.startsWith("maglev_")
      ).length;
      let found = 0;
      for (const deadline = performance.now() + 60_000; found === 0;) {
        assert.ok(performance.now() < deadline, "Prometheus did not scrape within a minute");
        try {
          const answer = await fetch(
            `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(count)}`,
          );
          const body = await answer.json();
          found = Number(body.data?.result?.[0]?.value?.[1] ?? 0);
        } catch (error) {
          // Not up yet: the connection is refused, or what answers is no JSON.
          assert.ok(error instanceof TypeError || error instanceof SyntaxError, String(error));
        }
        if (found === 0) await new Promise((resolve) => setTimeout(resolve, 100));
      }
      assert.equal(found, wanted);
    } finally {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(directory, { recursive: true });
    }
  },
});
