import assert from "node:assert/strict";
import { Histogram as ClientHistogram, Registry } from "prom-client";
import fc from "fast-check";
import { Metrics } from "../../src/metrics/mod.ts";
import { catalog } from "../../src/metrics/catalog.ts";
import { Rows } from "../../src/metrics/rows.ts";
import type { BackendRow, MetricsSnapshot } from "../../src/metrics/source.ts";
import { VOID_CAUSES } from "../../src/model.ts";
import { writeTables } from "../../src/metrics/tables.ts";
import { escapeLabel, HistogramText, Lines } from "../../src/metrics/text.ts";
import { busyMetrics, failure, pass, snapshotOf } from "./world.ts";
import { optionalTool } from "../tool.ts";
import { textOf } from "./pieces.ts";

function tablesText(snapshot: MetricsSnapshot): string {
  const lines = new Lines();
  return textOf(lines.pieces(writeTables(lines, snapshot)));
}

/** Metrics of a text: name → label sets of its samples, `le` aside. */
function parse(text: string): Map<string, { type: string; labels: Set<string>; samples: string[] }> {
  const found = new Map<string, { type: string; labels: Set<string>; samples: string[] }>();
  let current = "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type !== null) {
      current = type[1] ?? "";
      assert.ok(!found.has(current), `${current} comes twice`);
      found.set(current, { type: type[2] ?? "", labels: new Set(), samples: [] });
      continue;
    }
    if (line.startsWith("#")) continue;
    const sample = /^([a-zA-Z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    assert.ok(sample !== null, line);
    assert.ok(sample[1]?.startsWith(current), `${line} stands under ${current}`);
    const names = [...(sample[2] ?? "").matchAll(/([a-z_]+)="(?:[^"\\]|\\.)*"/g)].map((match) =>
      match[1] ?? ""
    );
    found.get(current)?.labels.add(names.filter((name) => name !== "le").join(","));
    found.get(current)?.samples.push(line);
  }
  return found;
}

Deno.test("every metric of the catalog is exported with its type and labels, and none besides", async () => {
  const snapshot = snapshotOf(20, 3);
  const text = textOf(await busyMetrics(() => snapshot).text());
  const found = parse(text);
  assert.deepEqual([...found.keys()].sort(), Object.keys(catalog).sort());
  for (const [name, { type, labels }] of Object.entries(catalog)) {
    assert.equal(found.get(name)?.type, type, name);
    assert.deepEqual([...found.get(name)?.labels ?? []], [labels.join(",")], name);
  }
});

Deno.test("no two samples have the same name and labels", async () => {
  const snapshot = snapshotOf(50, 5);
  const lines = textOf(await busyMetrics(() => snapshot).text()).split("\n").filter((line) =>
    /^[a-z]/.test(line)
  );
  const keys = lines.map((line) => line.slice(0, line.lastIndexOf(" ")));
  assert.equal(new Set(keys).size, keys.length);
});

Deno.test("the state of a backend is one-hot over five states, and a removed one has no series", () => {
  const snapshot: MetricsSnapshot = {
    ...snapshotOf(0, 0),
    backends: [
      {
        name: "a",
        state: "paused",
        counter: 0,
        enabled: true,
        blind: true,
        certificateSeconds: -1.5,
        latencySeconds: { p50: 0.01, p95: 0.02, p99: 0.5 },
      },
      {
        name: "b",
        state: "removed",
        counter: 0,
        enabled: true,
        blind: false,
        certificateSeconds: 1,
        latencySeconds: null,
      },
      {
        name: "c",
        state: "disabled",
        counter: null,
        enabled: false,
        blind: false,
        certificateSeconds: null,
        latencySeconds: null,
      },
    ],
  };
  const text = tablesText(snapshot);
  assert.deepEqual(text.match(/^maglev_backend_state\{backend="a".*$/gm), [
    'maglev_backend_state{backend="a",state="unknown"} 0',
    'maglev_backend_state{backend="a",state="up"} 0',
    'maglev_backend_state{backend="a",state="down"} 0',
    'maglev_backend_state{backend="a",state="paused"} 1',
    'maglev_backend_state{backend="a",state="disabled"} 0',
  ]);
  assert.doesNotMatch(text, /backend="b"/);
  assert.match(text, /^maglev_backend_blind\{backend="a"\} 1$/m);
  assert.match(text, /^maglev_backend_enabled\{backend="c"\} 0$/m);
  assert.doesNotMatch(text, /^maglev_backend_health\{backend="c"/m);
  assert.deepEqual(text.match(/^maglev_backend_certificate.*$/gm), [
    'maglev_backend_certificate_expiry_seconds{backend="a"} -1.5',
  ]);
  assert.deepEqual(text.match(/^maglev_backend_latency.*$/gm), [
    'maglev_backend_latency_seconds{backend="a",quantile="0.5"} 0.01',
    'maglev_backend_latency_seconds{backend="a",quantile="0.95"} 0.02',
    'maglev_backend_latency_seconds{backend="a",quantile="0.99"} 0.5',
  ]);
});

Deno.test("series of removed objects go, also when the object comes back", async () => {
  let snapshot = snapshotOf(3, 2);
  const metrics = busyMetrics(() => snapshot);
  assert.match(textOf(await metrics.text()), /backend="backend-1"/);
  snapshot = {
    ...snapshot,
    backends: snapshot.backends.filter((row) => row.name !== "backend-1"),
    frontends: [],
    vpp: null,
    fleet: null,
    journal: { dropped: 0, onDisk: null },
  };
  metrics.transitioned("backend-1", "up", "removed");
  metrics.forgotten("backend-1");
  const after = textOf(await metrics.text());
  assert.doesNotMatch(after, /backend-1"|frontend-/);
  metrics.transitioned("backend-1", "unknown", "up");
  assert.match(
    textOf(await metrics.text()),
    /backend_transitions_total\{backend="backend-1",from="unknown",to="up"\} 1\n/,
  );
});

Deno.test("a piece is made when it is asked for, so a large text is never whole in memory", async () => {
  const snapshot = snapshotOf(1000, 1);
  const metrics = busyMetrics(() => snapshot);
  const failures = (text: string) =>
    Number(/^maglev_probe_total\{backend="backend-999".*code="L7STS".*\} (\d+)$/m.exec(text)?.[1] ?? 0);
  const before = failures(textOf(await metrics.text()));
  const pieces = (await metrics.text())[Symbol.iterator]();
  const first = pieces.next();
  assert.equal(first.done, false);
  assert.ok((first.value?.length ?? Infinity) < 200_000);
  for (let i = 0; i < 7; i++) metrics.probed("backend-999", "http", failure);
  const rest = textOf({ [Symbol.iterator]: () => pieces });
  assert.equal(failures(rest), before + 7);
});

Deno.test("backends that go and come while a text is read leave its other lines as they are", async () => {
  const snapshot = snapshotOf(1000, 1);
  const metrics = busyMetrics(() => snapshot);
  const whole = textOf(await metrics.text()).split("\n");
  const pieces = (await metrics.text())[Symbol.iterator]();
  const first = textOf([pieces.next().value ?? assert.fail("no piece")]);
  for (let i = 1; i < 1000; i += 2) metrics.forgotten(`backend-${i}`);
  for (let i = 0; i < 5000; i++) metrics.probed(`new-${i}`, "http", pass);
  const read = new Set((first + textOf({ [Symbol.iterator]: () => pieces })).split("\n"));
  const stays = (line: string) => !/backend-\d*[13579]"/.test(line) && !/^process_|^maglev_memory/.test(line);
  assert.deepEqual(whole.filter((line) => stays(line) && !read.has(line)), []);
});

Deno.test("counters of what is known beforehand begin at 0", async () => {
  const snapshot = snapshotOf(2, 0);
  const removed = { ...snapshot.backends[0], name: "gone", state: "removed" } as BackendRow;
  const source = () => ({ ...snapshot, backends: [...snapshot.backends, removed] });
  const metrics = new Metrics({ source, version: "1", build: { commit: "", date: "" }, process: false });
  const series = async (name: string) =>
    textOf(await metrics.text()).split("\n").filter((line) => line.startsWith(name + "{"))
      .map((line) => line.slice(name.length));
  assert.deepEqual(
    (await series("maglev_backend_transitions_total")).sort(),
    ["backend-0", "backend-1"].flatMap((backend) =>
      [
        ["disabled", "unknown"],
        ["disabled", "up"],
        ["down", "unknown"],
        ["down", "up"],
        ["paused", "unknown"],
        ["paused", "up"],
        ["unknown", "down"],
        ["unknown", "up"],
        ["up", "down"],
        ["up", "unknown"],
      ].map(([from, to]) => `{backend="${backend}",from="${from}",to="${to}"} 0`)
    ),
  );
  assert.deepEqual(
    (await series("maglev_probe_void_total")).sort(),
    [...VOID_CAUSES].sort().map((cause) => `{cause="${cause}"} 0`),
  );
  const syncs = await series("maglev_vpp_lbsync_total");
  assert.equal(syncs.length, 12);
  assert.ok(syncs.every((line) => line.endsWith(" 0")));
  // Of VPP's messages it is not known which will come; the first answer to one begins its refusals.
  metrics.vppApi("lb_add_del_as_v2_reply", "recv", "success");
  assert.deepEqual(await series("maglev_vpp_api_total"), [
    '{msg="lb_add_del_as_v2_reply",direction="recv",result="success"} 1',
    '{msg="lb_add_del_as_v2_reply",direction="recv",result="failure"} 0',
  ]);
  metrics.transitioned("backend-1", "up", "down");
  metrics.transitioned("backend-1", "down", "paused");
  const after = await series("maglev_backend_transitions_total");
  assert.ok(after.includes('{backend="backend-1",from="up",to="down"} 1'));
  assert.ok(after.includes('{backend="backend-1",from="down",to="paused"} 1'));
  assert.equal(after.length, 21);
});

Deno.test("while VPP is away only maglev_vpp_connected and the daemon's own counters stay", async () => {
  const snapshot = { ...snapshotOf(3, 2), vpp: null };
  const names = [...parse(textOf(await busyMetrics(() => snapshot).text())).keys()].filter((name) =>
    name.includes("_vpp")
  );
  assert.deepEqual(names.sort(), [
    "maglev_transition_to_vpp_seconds",
    "maglev_vpp_api_total",
    "maglev_vpp_connected",
    "maglev_vpp_lbsync_total",
  ]);
});

Deno.test("a void result counts by its cause only", async () => {
  const overrides = { pause: 0, disable: 0, enable: 0, weight: 0 };
  const empty = {
    overrides,
    backends: [],
    frontends: [],
    problems: { critical: 0, warning: 0, info: 0 },
    vpp: null,
    journal: { dropped: 0, onDisk: null },
  };
  const metrics = busyMetrics(() => empty);
  const text = textOf(await metrics.text());
  assert.match(text, /^maglev_probe_void_total\{cause="late"\} 1$/m);
  assert.doesNotMatch(text, /^maglev_probe_total/m);
});

Deno.test("foreign VIPs have an empty frontend, all-port ones port 0", () => {
  const base = snapshotOf(0, 1);
  const vip = base.vpp?.counts?.vips[0];
  assert.ok(base.vpp !== null && vip !== undefined);
  const counts = {
    vips: [{ ...vip, frontend: null, protocol: "any" as const, port: 0, address: "192.0.2.0/24" }],
    servers: [{ address: "198.51.100.1", backend: null, packets: 1, bytes: 2 }],
    unmatched: 0,
  };
  const text = tablesText({ ...base, vpp: { ...base.vpp, counts } });
  assert.match(
    text,
    /packets_total\{frontend="",address="192\.0\.2\.0\/24",protocol="any",port="0",kind="next"\}/,
  );
  assert.match(text, /server_bytes_total\{address="198\.51\.100\.1",backend=""\} 2\n/);
});

Deno.test("a histogram written by hand says what prom-client says", async () => {
  const bounds = [0.001, 0.01, 0.1, 1];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.double({ min: 0, max: 2, noNaN: true })), async (values) => {
      const registry = new Registry();
      const name = "maglev_probe_duration_seconds";
      const theirs = new ClientHistogram({
        name,
        help: catalog[name].help,
        labelNames: ["backend"],
        buckets: bounds,
        registers: [registry],
      });
      const ours = new HistogramText(name, bounds, "backend");
      const numbers = new Float64Array(ours.width);
      theirs.zero({ backend: "b" });
      for (const value of values) {
        theirs.observe({ backend: "b" }, value);
        ours.observe(numbers, 0, value);
      }
      const normal = (text: string) =>
        text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
          .map((line) => line.replace(/\{le="([^"]+)",backend="b"\}/, '{backend="b",le="$1"}'));
      const lines = new Lines();
      ours.write(lines, numbers, 0, "b");
      assert.deepEqual(normal(textOf(lines.pieces([]))), normal(await registry.metrics()));
    }),
    { numRuns: 50 },
  );
});

Deno.test("label values survive quotes, backslashes and newlines", () => {
  assert.equal(escapeLabel('a"b\\c\nd'), 'a\\"b\\\\c\\nd');
});

Deno.test("the counters of backends that are gone leave their room to others", () => {
  const rows = new Rows(3);
  const at = Array.from({ length: 100 }, () => rows.add());
  assert.deepEqual(new Set(at), new Set(Array.from({ length: 100 }, (_, i) => 3 * i)));
  rows.numbers.fill(7);
  const { length } = rows.numbers;
  for (let round = 0; round < 10; round++) {
    for (const place of at) rows.remove(place);
    const again = new Set(Array.from({ length: 100 }, () => rows.add()));
    assert.deepEqual(again, new Set(at));
  }
  assert.equal(rows.numbers.length, length);
  assert.ok(rows.numbers.subarray(0, 300).every((number) => number === 0), "a row begins with zeros");
});

const promtool = optionalTool("promtool");

Deno.test({
  name: `promtool finds no fault with names, types and help${promtool.suffix}`,
  ignore: promtool.missing,
  async fn() {
    const snapshot = snapshotOf(5, 2);
    const child = new Deno.Command("promtool", {
      args: ["check", "metrics"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(textOf(await busyMetrics(() => snapshot, true).text())));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    assert.equal(new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr), "");
    assert.equal(code, 0);
  },
});

Deno.test("the number of open descriptors has no series while nobody knows it", async () => {
  let open: number | null = null;
  const metrics = new Metrics({
    source: () => snapshotOf(1, 1),
    version: "1.2.3",
    build: { commit: "0123456789ab", date: "2026-01-31T12:00:00.000Z" },
    descriptors: () => ({ open, max: 128 }),
  });
  const lines = async () =>
    textOf(await metrics.text()).split("\n").filter((line) => /^process_(open|max)_fds /.test(line));
  assert.deepEqual(await lines(), ["process_max_fds 128"]);
  open = 12;
  assert.deepEqual(await lines(), ["process_open_fds 12", "process_max_fds 128"]);
});
