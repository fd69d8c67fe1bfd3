// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * Many backends for benchmarks: one server process that listens on every loopback address, the configuration that
 * names N of them, and a maglevd on it.
 *
 * @module
 */
import { project, TestDaemon } from "../e2e/harness.ts";
import { lines } from "../../src/lines.ts";

/** One process that answers 200 on every address of 127.0.0.0/8. */
export class Crowd implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #drained: Promise<void>;
  /** Port on all addresses. */
  readonly port: number;

  private constructor(child: Deno.ChildProcess, port: number, drained: Promise<void>) {
    this.#child = child;
    this.port = port;
    this.#drained = drained;
  }

  /** Starts it. */
  static async start(): Promise<Crowd> {
    const script = `Deno.serve({ hostname: "0.0.0.0", port: 0, onListen: ({ port }) => console.log(port) },
      () => new Response("fine\\n"));`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", script],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const output = lines(child.stdout);
    const { value } = await output.next();
    const drained = (async () => {
      for await (const _ of output) { /* nothing more is said */ }
    })();
    return new Crowd(child, Number(value), drained);
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#drained;
  }
}

/** A configuration of `count` backends, `each` to a frontend, each probed once a second. */
export function crowdConfig(count: number, port: number, check = "http", each = 8): string {
  const text = [
    "maglev:",
    "  vpp: { lb: { ipv4-src-address: 192.0.2.254, ipv6-src-address: 2001:db8::254, startup-min-delay: 0s, startup-max-delay: 0s } }",
    `  healthchecks: { c: { type: ${check}, port: ${port}, interval: 1s, fast-interval: 1s, timeout: 900ms } }`,
    "  backends:",
  ];
  const address = (i: number) => `127.81.${Math.floor(i / 250)}.${1 + i % 250}`;
  for (let i = 0; i < count; i++) text.push(`    b${i}: { address: ${address(i)}, healthcheck: c }`);
  text.push("  frontends:");
  for (let f = 0; f * each < count; f++) {
    const length = Math.min(each, count - f * each);
    const members = Array.from({ length }, (_, m) => `b${f * each + m}: {}`).join(", ");
    text.push(
      `    f${f}: { address: 10.99.${f >> 8}.${
        f & 255
      }, protocol: tcp, port: 80, pools: [{ name: p, backends: { ${members} } }] }`,
    );
  }
  return text.join("\n") + "\n";
}

/** Starts maglevd on a crowd. */
export function crowdDaemon(
  config: string,
  vpp: { readonly api: string; readonly stats: string } | null,
  until = "ready",
): Promise<TestDaemon> {
  return TestDaemon.start({ config, vpp, until, entry: project("main.ts") });
}

/** Upper edge of the bucket that holds quantile `q` of a Prometheus histogram without labels, in ms. */
export function quantileMs(
  text: string,
  name: string,
  q: number,
  since: ReadonlyMap<string, number> = new Map(),
): number {
  const buckets = histogram(text, name);
  const counts = [...buckets].map(([le, n]) => [le, n - (since.get(le) ?? 0)] as const);
  const total = counts.at(-1)?.[1] ?? 0;
  const edge = counts.find(([, n]) => n >= q * total)?.[0] ?? "+Inf";
  return edge === "+Inf" ? Infinity : Number(edge) * 1000;
}

/** Cumulative counts by upper edge of a histogram without labels. */
export function histogram(text: string, name: string): Map<string, number> {
  return new Map(
    [...text.matchAll(new RegExp(`^${name}_bucket\\{le="([^"]+)"\\} (\\d+)`, "gm"))].map((
      m,
    ) => [m[1] ?? "", Number(m[2])]),
  );
}

/** One line of runs: all of them, the median, and the load average. */
export function report(what: string, runs: readonly number[], unit: string): void {
  const sorted = [...runs].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  const all = runs.map((run) => run.toFixed(1)).join(" ");
  const load = Deno.loadavg().map((l) => l.toFixed(2)).join(" ");
  console.log(`${what}: median ${median.toFixed(1)} ${unit}; runs ${all}; load average ${load}`);
}
