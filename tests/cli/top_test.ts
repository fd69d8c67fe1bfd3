import assert from "node:assert/strict";
import fc from "fast-check";
import { type Key, named } from "../../src/cli/shell/keys.ts";
import { columns, type Line, plain } from "../../src/cli/text.ts";
import { sparkSpans } from "../../src/cli/render/spark.ts";
import { screenLines, type TopHead } from "../../src/cli/top/render.ts";
import { arrange, packetRates, type Row, rowsOf, type Sort, sorts } from "../../src/cli/top/rows.ts";
import { firstState, press, type TopState } from "../../src/cli/top/state.ts";
import { utc } from "../../src/cli/when.ts";
import { unusedPort } from "../../src/demo/port.ts";
import { startDaemon } from "./daemon.ts";
import { run } from "./session.ts";
import { backends, frontends, siteNow } from "./site.ts";
import { problems } from "./site_answers.ts";
import * as vpp from "./site_vpp.ts";

const view = { now: siteNow, zone: utc };
const head: TopHead = { node: "lb1", problems, readAt: siteNow, trouble: "" };
const [earlier, later] = vpp.counters;
const site = rowsOf(backends, frontends, packetRates(earlier ?? null, later ?? null), null);
const typed = (text: string): Key => ({ name: "text", text });
const lines = (screen: readonly Line[]) => screen.map((spans) => plain(spans).trimEnd());

Deno.test("top: the worst come first, what is equal keeps the file's order, and the other orders too", () => {
  const names = (sort: Sort, filter = "", frontend: string | null = null) =>
    arrange(site, { sort, filter, frontend }).map(({ name }) => name);
  assert.deepEqual(names("worst"), ["web3", "web2", "ns1", "web1", "spare1"]);
  assert.deepEqual(names("name"), ["ns1", "spare1", "web1", "web2", "web3"]);
  assert.deepEqual(names("p95"), ["web3", "ns1", "web1", "web2", "spare1"]);
  assert.deepEqual(names("since"), ["web3", "web2", "web1", "spare1", "ns1"]);
  assert.equal(names("share")[0], "web1");
  assert.deepEqual(names("worst", "refused"), ["web3"]);
  assert.deepEqual(names("worst", "WEB"), ["web3", "web2", "web1"]);
  assert.deepEqual(names("name", "", "www6"), ["web1", "web2"]);
  // A blind one comes before all but those that are down, a degraded one before those that are well.
  const web1 = site.find(({ name }) => name === "web1");
  assert.ok(web1 !== undefined);
  const row = (name: string, rest: Partial<Row>): Row => ({ ...web1, spark: "555", why: "", name, ...rest });
  const mixed = [
    row("well", {}),
    row("failed-once", { spark: "5x5" }),
    row("degraded", { health: { counter: 3, max: 4, degraded: true } }),
    row("unknown", { state: "unknown" }),
    row("blind", { blind: true }),
    row("down", { state: "down" }),
  ];
  assert.deepEqual(
    arrange(mixed, { sort: "worst", filter: "", frontend: null }).map(({ name }) => name),
    ["down", "blind", "unknown", "degraded", "failed-once", "well"],
  );
});

Deno.test("top: a sparkline marks each failure, however few characters there are", () => {
  const text = (spark: string, width: number) => plain(sparkSpans(spark, width));
  assert.equal(text("0123456789x-".repeat(5), 60), "▁▁▂▃▄▅▅▆▇█✖·".repeat(5));
  assert.equal(text("", 10), "··········");
  fc.assert(fc.property(
    fc.array(fc.constantFrom(..."0123456789x-"), { maxLength: 60 }),
    fc.constantFrom(60, 30, 20, 15, 12, 10),
    (probes, width) => {
      const shown = text(probes.join(""), width);
      assert.equal([...shown].length, width);
      const each = 60 / width;
      const padded = probes.join("").padStart(60, "-");
      for (const [i, sign] of [...shown].entries()) {
        const group = padded.slice(i * each, (i + 1) * each);
        assert.equal(sign === "✖", group.includes("x"), group);
        assert.equal(sign === "·", /^-+$/.test(group), group);
      }
    },
  ));
});

Deno.test("top: rates are made of two reads of one VPP", () => {
  const read = (seconds: number, packets: number) => ({
    read_at: new Date(siteNow + seconds * 1000).toISOString(),
    vips: [],
    servers: [{ address: "10.0.0.1", backend: "b1", packets, bytes: 0, vips: [] }],
    unmatched: 0,
  });
  assert.deepEqual([...packetRates(read(0, 100), read(5, 600))], [["b1", 100]]);
  assert.deepEqual([...packetRates(read(0, 600), read(5, 100))], []);
  assert.deepEqual([...packetRates(read(0, 100), read(0, 100))], []);
  assert.deepEqual([...packetRates(null, read(0, 100))], []);
});

Deno.test("top: the screen has exactly the terminal's rows, and nothing is over its edge", () => {
  const many = Array.from({ length: 300 }, (_, i): Row => ({
    ...site[i % site.length] as Row,
    name: `srv-${i}-`.padEnd(23, "x"),
  }));
  const modes = ["list", "filter", "frontend", "asking", "detail"] as const;
  fc.assert(fc.property(
    fc.integer({ min: 30, max: 220 }),
    fc.integer({ min: 6, max: 70 }),
    fc.constantFrom(...modes),
    fc.constantFrom(site, many, []),
    fc.nat(400),
    (width, height, mode, rows, at) => {
      const selected = rows[at]?.name ?? null;
      const state: TopState = {
        ...firstState(null),
        mode,
        selected,
        message: "a question that is rather long",
      };
      const screen = screenLines(head, rows, rows, state, [], { columns: width, rows: height }, view);
      assert.equal(screen.length, height);
      for (const row of lines(screen)) assert.ok(columns(row) <= width, `${width}: ${row}`);
      // The cursor is on the screen.
      const shown = lines(screen).some((row) => row.startsWith("> "));
      assert.equal(shown, rows.length > 0 && mode !== "detail");
    },
  ));
});

Deno.test("top: keys filter, sort, choose a frontend, move, open, ask and leave", () => {
  const names = frontends.map(({ name }) => name);
  const play = (keys: readonly Key[], from = firstState(null)) => {
    let state = from;
    let effect: ReturnType<typeof press>["effect"] = { kind: "none" };
    for (const key of keys) {
      const rows = arrange(site, state);
      ({ state, effect } = press(state, key, rows, names, 10));
    }
    return { state, effect };
  };
  const enter = named("enter");
  assert.deepEqual(
    play([typed("/"), typed("w"), typed("3"), named("backspace"), typed("e")]).state.filter,
    "we",
  );
  assert.equal(play([typed("/"), typed("x"), enter]).state.mode, "list");
  assert.equal(play([typed("/"), typed("x"), named("escape")]).state.filter, "");
  // A q in a filter is a letter.
  assert.deepEqual(play([typed("/"), typed("q")]).state.filter, "q");
  assert.equal(play([typed("s")]).state.sort, "name");
  assert.equal(play(sorts.map(() => typed("s"))).state.sort, "worst");
  assert.equal(play([typed("f"), typed("d"), enter]).state.frontend, "dns");
  assert.equal(play([typed("f"), typed("w"), enter]).state.message, "no frontend is called w");
  assert.equal(play([typed("f"), typed("d"), named("tab")]).state.input, "dns");
  assert.equal(play([typed("f"), enter], firstState("dns")).state.frontend, null);
  assert.equal(play([typed("j"), typed("j"), typed("k")]).state.selected, "web2");
  assert.equal(play([typed("G")]).state.selected, "spare1");
  assert.equal(play([enter]).state.mode, "detail");
  assert.equal(play([enter, typed("q")]).state.mode, "list");
  assert.equal(play([typed("q")]).effect.kind, "quit");
  assert.equal(play([named("ctrl-c")]).effect.kind, "quit");
  assert.equal(play([named("resize")]).effect.kind, "redraw");
  assert.deepEqual(play([typed("p")]).effect, { kind: "try", backend: "web3", verb: "pause" });
  assert.deepEqual(play([typed("j"), typed("p")]).effect, { kind: "try", backend: "web2", verb: "resume" });
  const asking: TopState = {
    ...firstState(null),
    mode: "asking",
    action: { backend: "web3", verb: "pause" },
  };
  assert.deepEqual(play([typed("y")], asking).effect, { kind: "do", backend: "web3", verb: "pause" });
  assert.deepEqual(play([typed("n")], asking).effect.kind, "none");
  assert.deepEqual(play([enter], asking).state.message, "nothing was changed");
});

Deno.test("top: a daemon that is away is an error, and no screen is taken", async () => {
  const url = `http://127.0.0.1:${unusedPort()}`;
  const { code, err } = await run({ url }, "top", {
    width: 80,
    screen: () => assert.fail("the screen was taken"),
  });
  assert.deepEqual([code, err], [3, `maglevc: cannot reach ${url}: connection refused\n`]);
});

Deno.test("top: a pause is tried, asked about, and done with one key each", async () => {
  await using daemon = startDaemon();
  const screens: string[] = [];
  const wanted: [RegExp, Key][] = [
    [/> web3/, typed("/")],
    [/filter: _/, typed("b")],
    [/filter: b_/, typed("1")],
    [/filter: b1_/, named("enter")],
    [/> web1/, typed("p")],
    [/pause web1: this takes frontend www6 down: no server is left\? \(y or n\)/, typed("y")],
    [/web1: pause is done/, typed("q")],
  ];
  let at = 0;
  let wake: (key: Key | null) => void = () => {};
  const { code } = await run(daemon, "top", {
    width: 132,
    keys: {
      waiting: false,
      next: (signal) =>
        new Promise((resolve) => {
          if (screens.length > 40) throw new Error(`${at} ${screens.at(-1)}`);
          wake = resolve;
          signal?.addEventListener("abort", () => resolve(null), { once: true });
          const [pattern, key] = wanted[at] ?? [/^/, typed("q")];
          if (!pattern.test(screens.at(-1) ?? "")) return;
          at++;
          resolve(key);
        }),
    },
    screen: () => ({
      draw: (drawn) => void screens.push(lines(drawn).join("\n")),
      forget() {},
      [Symbol.dispose]() {},
    }),
  });
  wake(null);
  assert.deepEqual([code, at], [0, wanted.length]);
  assert.deepEqual(daemon.requests.filter((request) => request.startsWith("POST")), [
    "POST /v1/backends/web1/pause?dry_run=true",
    "POST /v1/backends/web1/pause",
  ]);
});
