// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * HAProxy and the whole daemon in turn against the same nginx, as a user runs it: main.ts, a configuration of one
 * frontend with all backends, health, metrics and API, VPP off, interval 1 s. Processor time a check by /proc, of the
 * daemon by thread, too; resident memory; how late probes began.
 *
 *   deno run -A tests/bench/daemon_haproxy_bench.ts [seconds of each run, default 20] [rounds, default 5]
 *     [rows, default "tcp 1000,http 1000,tcp 4000,http 4000,tcp 8000,http 8000"] [flags of maglevd]
 *
 * @module
 */
import { heapFlag } from "../../src/tasks/permissions.ts";
import { noNginx } from "../probes/needs.ts";
import { Nginx } from "../probes/nginx.ts";
import { addressOf, type Cost, cpuByThread, cpuOf, haproxy, noHaproxy, rssOf, sleep } from "./haproxy.ts";
import { row } from "./probe_world.ts";

const seconds = Number(Deno.args[0] ?? 20);
const rounds = Number(Deno.args[1] ?? 5);
const rows = (Deno.args[2] ?? "tcp 1000,http 1000,tcp 4000,http 4000,tcp 8000,http 8000").split(",");
const flags = Deno.args.slice(3);
/** A daemon runs for months, so its code is compiled; HAProxy gets the same time. */
const WARM_SECONDS = 15;
const API = "127.0.0.1:21977";

if (noNginx !== null || noHaproxy !== null) {
  console.log(`skipped: ${noNginx ?? noHaproxy}`);
  Deno.exit(0);
}

function configuration(type: string, count: number, port: number): string {
  const names = Array.from({ length: count }, (_, i) => `b${i}`);
  const pace = "interval: 1s, fast-interval: 1s, down-interval: 1s, timeout: 1s";
  return [
    "maglev:",
    `  healthchecks: { c: { type: ${type}, port: ${port}, ${pace} } }`,
    "  backends:",
    ...names.map((name, i) => `    ${name}: { address: ${addressOf(i)}, healthcheck: c }`),
    "  frontends:",
    "    web: { address: 192.0.2.10, protocol: tcp, port: 80, pools: [ { name: p, backends: {",
    `      ${names.map((name) => `${name}: {}`).join(", ")} } } ] }`,
    "  vpp: { lb: { ipv4-src-address: 192.0.2.1, ipv6-src-address: '2001:db8::1' } }",
    "",
  ].join("\n");
}

/** Count and quantiles of a histogram as Prometheus writes it, in ms. */
function lateness(text: string): { count: number; buckets: [number, number][] } {
  const buckets = [...text.matchAll(/^maglev_probe_lateness_seconds_bucket\{le="([^"]+)"\} (\d+)$/gm)]
    .map(([, le, count]): [number, number] => [le === "+Inf" ? Infinity : Number(le) * 1000, Number(count)]);
  return { count: buckets.at(-1)?.[1] ?? 0, buckets };
}

async function scrape(): Promise<string> {
  return await (await fetch(`http://${API}/metrics`)).text();
}

interface OurCost extends Cost {
  readonly threads: string;
  readonly late: string;
}

async function maglevd(type: string, count: number, port: number): Promise<OurCost> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/maglev.yaml`, configuration(type, count, port));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--quiet", heapFlag, new URL("../../main.ts", import.meta.url).pathname],
      ...["--config", `${folder}/maglev.yaml`, "--listen", API, "--vpp-api-addr", "", "--log-level", "error"],
      ...["--local-token", `${folder}/token`, ...flags],
    ],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  try {
    await sleep(WARM_SECONDS);
    const first = lateness(await scrape());
    await sleep(1);
    const [before, threads] = [cpuOf(child.pid), cpuByThread(child.pid)];
    const start = performance.now();
    await sleep(seconds);
    const checks = count * (performance.now() - start) / 1000;
    const cpuUs = (cpuOf(child.pid) - before) / checks;
    const parts = [...cpuByThread(child.pid)]
      .map(([name, us]): [string, number] => [name, (us - (threads.get(name) ?? 0)) / checks])
      .filter(([, us]) => us >= 0.1)
      .sort(([, a], [, b]) => b - a);
    const rssMib = rssOf(child.pid);
    const last = lateness(await scrape());
    const counted = last.count - first.count;
    const within = last.buckets.find(([, n], i) => n - (first.buckets[i]?.[1] ?? 0) >= 0.99 * counted);
    return {
      cpuUs,
      rssMib,
      threads: parts.map(([name, us]) => `${name} ${us.toFixed(1)}`).join(", "),
      late: `<= ${within?.[0]}`,
    };
  } finally {
    child.kill("SIGTERM");
    await child.status;
    await Deno.remove(folder, { recursive: true });
  }
}

const median = (list: number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN;

await using nginx = await Nginx.start(
  `access_log off; server { listen {http} backlog=8192; location / { return 200 "well"; } }`,
  ["http"],
);
const port = nginx.port("http");
console.log(row("", "HAProxy us", "ours us", "ratio", "MiB", "ours", "late p99", "load"));
for (const name of rows) {
  const [type = "", number = ""] = name.split(" ");
  if (type !== "tcp" && type !== "http") throw new Error(`Cannot measure ${name}`);
  const count = Number(number);
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const them = await haproxy(type, count, port, WARM_SECONDS, seconds);
    const us = await maglevd(type, count, port);
    ratios.push(us.cpuUs / them.cpuUs);
    console.log(
      row(
        name,
        ...[them.cpuUs.toFixed(1), us.cpuUs.toFixed(1), (us.cpuUs / them.cpuUs).toFixed(2)],
        ...[them.rssMib.toFixed(0), us.rssMib.toFixed(0), us.late, (Deno.loadavg()[0] ?? 0).toFixed(1)],
      ),
      us.threads,
    );
  }
  console.log(row("", "", "median", median(ratios).toFixed(2)));
}
