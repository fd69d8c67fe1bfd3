// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * What the dashboard costs: octets, first paint, heap after 10,000 events, and the daemon's share of a core for each
 * open page at 300 backends, with the lateness of its probes; and how soon it tells of a death. Fails where a limit is
 * passed.
 *
 *   deno run -A tests/bench/dashboard_bench.ts [seconds of each run, default 20]
 *
 * @module
 */
import { closeBrowser, DashboardPage } from "../dashboard/browser.ts";
import { backend, FakeSite, frontend } from "../dashboard/fake_site.ts";
import { isNewest, paint, texts } from "../dashboard/in_page.js";
import { type Delays, killOne } from "../dashboard/incident.ts";
import { buildDashboard } from "../../src/tasks/dashboard_build.ts";
import { Demo, freeAddress } from "../e2e/demo.ts";
import { Vpp } from "../e2e/world.ts";
import { Crowd, crowdConfig, crowdDaemon, histogram, quantileMs } from "./many.ts";

const seconds = Number(Deno.args[0] ?? 20);
const count = 300;
/** Backends of a frontend. */
const each = 8;
const pages = 10;
const events = 10_000;
const lateness = "maglev_probe_lateness_seconds";
const limits = { octets: 120_000, tellsMs: 1_000, paintMs: 1_000, heapMB: 8, core: 1 };
let failed = false;

function figure(what: string, value: number, limit: number, unit: string): void {
  const good = value <= limit;
  failed ||= !good;
  console.log(`${good ? "ok  " : "OVER"} ${what}: ${value.toFixed(2)} ${unit} (limit ${limit})`);
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const { script, style } = await buildDashboard();
const zipped = new Blob([script, style]).stream().pipeThrough(new CompressionStream("gzip"));
figure("page, compressed", (await new Response(zipped).arrayBuffer()).byteLength, limits.octets, "octets");

/* Heap and rows after many events. */
{
  const names = Array.from({ length: count }, (_, i) => `b${i}`);
  const states = new Map(names.map((name) => [name, "up"]));
  const now = () => names.map((name) => backend(name, { state: states.get(name) }));
  await using site = new FakeSite(now());
  site.answers.set("GET /v1/backends", () => ({ backends: now() }));
  site.answers.set("GET /v1/frontends", () => {
    const all = now();
    const frontends = Array.from(
      { length: Math.ceil(count / each) },
      (_, i) => frontend(`f${i}`, all.slice(i * each, (i + 1) * each)),
    );
    return { frontends };
  });
  await using page = await DashboardPage.open(site.api);
  await page.shows(`#row-b${count - 1}`);
  const devtools = await page.page.context().newCDPSession(page.page);
  const heap = async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize } = await devtools.send("Runtime.getHeapUsage");
    return usedSize / 1e6;
  };
  /** A tenth of the events, each a transition of another backend. */
  const burst = async (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      const name = names[i * 7 % count] ?? "";
      const before = states.get(name);
      const after = before === "up" ? "down" : "up";
      states.set(name, after);
      const transition = {
        from: before,
        to: after,
        at: new Date().toISOString(),
        at_unix_ns: String(i),
        code: "L4CON",
        detail: "",
        by: null,
        effects: [],
      };
      await site.emit({ kind: "backend", backend: name, frontends: ["www"], transition });
      if (i % 100 === 99) await pause(20);
    }
    // The page has every event when it shows the last one; then it reads once more.
    await page.page.waitForFunction(isNewest, names[(to - 1) * 7 % count] ?? "", { timeout: 300_000 });
    await pause(5_000);
  };
  // The first events fill the lists that are kept.
  await burst(0, 1_000);
  const before = await heap();
  const began = performance.now();
  await burst(1_000, events);
  const after = await heap();
  console.log(
    `${events} events in ${((performance.now() - began) / 1000).toFixed(1)} s, heap ${before.toFixed(1)} to ${
      after.toFixed(1)
    } MB`,
  );
  const rows = await page.page.evaluate(texts, "#backends tbody tr td:nth-child(3)");
  const wrong = rows.filter(({ text }, i) => !text.includes(states.get(names[i] ?? "") ?? "?")).length;
  figure("wrong rows", wrong, 0, "rows");
  figure("heap after all events", after, limits.heapMB, "MB");
  figure("growth of the heap", after - before, 1, "MB");
}

/* How long after the daemon's own transition the page tells of a death. */
{
  const runs: Delays[] = [];
  for (let i = 0; i < 5; i++) {
    // A demo for each: a backend that dies again and again flaps, which is another problem.
    const listen = freeAddress();
    await using demo = new Demo(["--listen", listen], { MAGLEV_NODE_NAME: "lb1" });
    await demo.next(/^Everything is up/);
    await using page = await DashboardPage.open(`http://${listen}`, { expected: /status of 503/ });
    await page.shows(".connection.live");
    await page.shows("#frontends .share", /66.\d %/);
    runs.push(await killOne(demo, `http://${listen}`, page));
  }
  for (const what of ["row", "frontend", "event", "problem", "share"] as const) {
    const all = runs.map((run) => run[what]);
    console.log(`${what}: ${all.join(", ")} ms`);
    figure(`${what} after a transition, median of ${runs.length}`, median(all), limits.tellsMs, "ms");
  }
}

/* Paint, and what the daemon pays. */
await using crowd = await Crowd.start();
await using vpp = await Vpp.start();
await using daemon = await crowdDaemon(crowdConfig(count, crowd.port), vpp.paths);
const scrape = async (): Promise<string> => await (await fetch(`${daemon.api}/metrics`)).text();
/** CPU time of the daemon so far, in seconds. */
const cpu = () => {
  const fields = Deno.readTextFileSync(`/proc/${daemon.pid}/stat`).split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
};

/** Answers so far to what pages ask again and again. */
function polls(text: string): number {
  return [
    ...text.matchAll(
      /^maglev_http_requests_total\{[^}]*route="\/v1\/(?:backends|frontends|vpp\/lb\/counters)"[^}]*\} (\d+)/gm,
    ),
  ]
    .reduce((sum, match) => sum + Number(match[1]), 0);
}

interface Seen {
  /** Share of a core, in percent. */
  readonly core: number;
  /** Lateness of the probes, in ms. */
  readonly p99: number;
  /** Of 1,000 probes, those over 5 ms late. */
  readonly over: number;
  /** Polls that were answered. */
  readonly answered: number;
}

async function during(): Promise<Seen> {
  const before = await scrape();
  const [cpuBefore, began] = [cpu(), performance.now()];
  await pause(seconds * 1000);
  const core = (cpu() - cpuBefore) / (performance.now() - began) * 1e5;
  const after = await scrape();
  const [old, fresh] = [histogram(before, lateness), histogram(after, lateness)];
  const grown = (edge: string) => (fresh.get(edge) ?? 0) - (old.get(edge) ?? 0);
  return {
    core,
    p99: quantileMs(after, lateness, 0.99, old),
    over: 1000 * (1 - grown("0.005") / grown("+Inf")),
    answered: polls(after) - polls(before),
  };
}

const paints: number[] = [];
for (let i = 0; i < 5; i++) {
  await using page = await DashboardPage.open(daemon.api, { expected: /status of/ });
  await page.shows(`#row-b${count - 1}`);
  paints.push(await page.page.evaluate(paint));
}
figure(`first paint at ${count} backends, median of 5`, median(paints), limits.paintMs, "ms");

const alone = await during();
{
  await using stack = new AsyncDisposableStack();
  for (let i = 0; i < pages; i++) {
    const page = stack.use(await DashboardPage.open(daemon.api, { expected: /status of/ }));
    await page.shows(".connection.live");
  }
  await pause(3_000);
  const open = await during();
  const say = (what: string, { answered, core, over, p99 }: Seen) =>
    console.log(
      `${what}: ${core.toFixed(1)} % of a core, ${answered} polls in ${seconds} s; ` +
        `probes ${over.toFixed(1)} ‰ over 5 ms late, p99 ${p99.toFixed(1)} ms`,
    );
  say("no page", alone);
  say(`${pages} pages`, open);
  figure("the daemon's cost of one page", (open.core - alone.core) / pages, limits.core, "% of a core");
}
await closeBrowser();
// Not `exit`, which would leave the daemon behind.
Deno.exitCode = failed ? 1 : 0;
