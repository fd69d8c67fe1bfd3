// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * From the death of a backend's process to weight 0 in VPP, read back through the API: ten kills in the demo's own
 * set-up. The bound is 1.1 × (interval + (fall − 1) × fast-interval) + 100 ms of the example configuration.
 *
 *   deno run -A tests/bench/failover_bench.ts
 *
 * @module
 */
import type { Backend, LbState } from "../../src/api/mod.ts";
import { unusedPort } from "../../src/demo/port.ts";
import { lines } from "../../src/lines.ts";

const tries = 10;
const boundMs = 1.1 * (1000 + 2 * 200) + 100;
const project = (path: string) => new URL(`../../${path}`, import.meta.url).pathname;

const listen = `127.0.0.1:${unusedPort()}`;

const child = new Deno.Command(Deno.execPath(), {
  args: ["run", "-A", project("src/demo/main.ts"), "--listen", listen],
  stdin: "null",
  stdout: "piped",
}).spawn();

async function weight(backend: string): Promise<number | undefined> {
  const state = await (await fetch(`http://${listen}/v1/vpp/lb/state?frontend=www`)).json() as LbState;
  return state.vips[0]?.application_servers.find((server) => server.backend === backend)?.weight;
}

async function until(backend: string, wanted: (weight: number | undefined) => boolean): Promise<void> {
  const late = performance.now() + 20_000;
  while (!wanted(await weight(backend))) {
    if (performance.now() > late) throw new Error(`the weight of ${backend} did not change within 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Waits until the counter is at its top: a kill right after a return would be found sooner than one out of the blue. */
async function untilHealthy(): Promise<void> {
  for (;;) {
    const { health } = await (await fetch(`http://${listen}/v1/backends/b1`)).json() as Backend;
    if (health !== null && health.counter === health.max) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function measure(pid: number, restart: string[]): Promise<void> {
  const took: number[] = [];
  let current: Deno.ChildProcess | null = null;
  for (let i = 0; i < tries; i++) {
    await untilHealthy();
    // Not in step with the probes.
    await new Promise((resolve) => setTimeout(resolve, 1000 * Math.random()));
    const started = performance.now();
    if (current === null) Deno.kill(pid, "SIGKILL");
    else current.kill("SIGKILL");
    await until("b1", (w) => w === 0);
    took.push(performance.now() - started);
    current = new Deno.Command(Deno.execPath(), { args: restart, stdin: "null", stdout: "null" }).spawn();
    await until("b1", (w) => (w ?? 0) > 0);
  }
  current?.kill("SIGTERM");
  const sorted = [...took].sort((a, b) => a - b);
  const median = ((sorted[4] ?? 0) + (sorted[5] ?? 0)) / 2;
  const text = took.map((ms) => ms.toFixed(0)).join(" ");
  console.log(`load average ${Deno.loadavg().map((l) => l.toFixed(2)).join(" ")}`);
  console.log(
    `kill to weight 0 read back, ms: ${text}; median ${median.toFixed(0)}, greatest ${
      sorted.at(-1)?.toFixed(0)
    }`,
  );
  console.log(
    `bound ${boundMs.toFixed(0)} ms: ${
      (sorted.at(-1) ?? Infinity) <= boundMs ? "kept in every try" : "BROKEN"
    }`,
  );
}

let pid = 0;
let restart: string[] = [];
for await (const line of lines(child.stdout)) {
  pid ||= Number(/backend b1 +pid (\d+)/.exec(line)?.[1] ?? 0);
  const command = /start it again: +(.*)$/.exec(line)?.[1];
  if (command !== undefined) restart = command.slice(command.indexOf(" run ") + 1).split(" ");
  if (line.startsWith("Events follow")) {
    measure(pid, restart).catch((error) => console.error(error)).finally(() => child.kill("SIGINT"));
  }
}
await child.status;
