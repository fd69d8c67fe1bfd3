/**
 * The whole daemon as a user runs it, for benchmarks: main.ts, a configuration of one frontend with all backends, health,
 * metrics and API, VPP off, interval 1 s. Processor time a check by /proc, of each thread, too; resident memory; how
 * late probes began.
 *
 * @module
 */
import { bundlePrograms } from "../../src/tasks/deb_bundle.ts";
import { memoryEnvironment, memoryFlags } from "../../src/deno_flags.ts";
import { addressOf, type Cost, cpuByThread, cpuOf, rssOf, sleep } from "./haproxy.ts";

const API = "127.0.0.1:21977";

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

/** What a whole daemon cost. */
export interface DaemonCost extends Cost {
  /** Processor time a check by thread, in microseconds. */
  readonly threads: string;
  /** 99th percentile of how late probes began: the bound of its bucket, in ms. */
  readonly lateMs: number;
}

/** The daemon in the sources. */
export const sources: string = new URL("../../main.ts", import.meta.url).pathname;

/** Writes the daemon as the package has it into a folder; answers its path. */
export async function packaged(folder: string): Promise<string> {
  const { files } = await bundlePrograms({ "maglevd.js": "main.ts" });
  for (const [name, text] of files) await Deno.writeTextFile(`${folder}/${name}`, text);
  return `${folder}/maglevd.js`;
}

/**
 * Runs maglevd with `count` checks a second. It gets `warm` seconds before `seconds` are counted.
 *
 * @param program `sources`, or what `packaged` answered
 */
export async function wholeDaemon(
  type: string,
  count: number,
  port: number,
  warm: number,
  seconds: number,
  flags: readonly string[] = [],
  program: string = sources,
): Promise<DaemonCost> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/maglev.yaml`, configuration(type, count, port));
  // A user's file is old. One that has just been written is checked a second time, after a minute.
  const old = Date.now() / 1000 - 3600;
  await Deno.utime(`${folder}/maglev.yaml`, old, old);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--quiet", ...memoryFlags, program],
      ...["--config", `${folder}/maglev.yaml`, "--listen", API, "--vpp-api-addr", "", "--log-level", "error"],
      ...["--local-token", `${folder}/token`, ...flags],
    ],
    env: memoryEnvironment,
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  try {
    await sleep(warm);
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
      lateMs: within?.[0] ?? Infinity,
    };
  } finally {
    child.kill("SIGTERM");
    await child.status;
    await Deno.remove(folder, { recursive: true });
  }
}
