// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * From the death of a backend to weight 0 in VPP, seen from outside: by the signal, or the route, that kills it and
 * by the simulated VPP that is told. Three deaths, ten times each: refused (the process is killed, its kernel sends
 * resets), silent (a route swallows every answer), wrong (status 500). maglevd is a process of its own and probes in a
 * network namespace. Each death comes at a random moment, with the counter at its top, and must be told within the
 * bound of docs/healthchecks.md plus 100 ms.
 *
 *   deno run -A tests/bench/death_bench.ts
 *
 * Needs root and iproute2.
 *
 * @module
 */
import type { Backend } from "../../src/api/mod.ts";
import { TestDaemon } from "../e2e/harness.ts";
import { namespacesMissing, Segment } from "../e2e/netns.ts";
import { lbSettings, Vpp } from "../e2e/world.ts";

const tries = 10;
const [interval, fast, timeout, fall] = [1000, 200, 500, 3];
const slackMs = 100;

const missing = await namespacesMissing();
if (missing !== null) {
  console.log(`skipped: ${missing}`);
  Deno.exit(0);
}

await using segment = await Segment.create();
await segment.host("prober", "10.99.0.9/24");
await segment.host("web", "10.99.0.1/24");
const server = `let status = 200;
  Deno.addSignalListener("SIGUSR1", () => status = status === 200 ? 500 : 200);
  Deno.serve({ hostname: "10.99.0.1", port: 80, onListen: () => console.log("here") }, () => new Response("here\\n", { status }));`;

/** Starts the backend; resolves when it serves. */
async function serve(): Promise<Deno.ChildProcess> {
  const child = segment.command(
    "web",
    Deno.execPath(),
    { stdin: "null", stdout: "piped", stderr: "null" },
    "eval",
    server,
  ).spawn();
  // Its first line tells that it listens; the rest is of no interest.
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  return child;
}

await using vpp = await Vpp.start();
const config = `maglev:
${lbSettings}
  healthchecker: { netns: ${segment.name("prober")} }
  healthchecks:
    web: { type: http, port: 80, interval: 1s, fast-interval: 200ms, timeout: 500ms, rise: 2, fall: 3 }
  backends: { b1: { address: 10.99.0.1, healthcheck: web } }
  frontends:
    www: { address: 198.51.100.10, protocol: tcp, port: 80, pools: [{ name: all, backends: { b1: {} } }] }
`;
let backend = await serve();
await using _backend = {
  async [Symbol.asyncDispose]() {
    backend.kill("SIGKILL");
    await backend.status;
  },
};
await using daemon = await TestDaemon.start({ config, vpp: vpp.paths, until: "ready" });

/** Waits until the counter is at its top: who has just come back is found dead sooner. */
async function healthy(): Promise<void> {
  for (;;) {
    const { health } = await daemon.get<Backend>("/v1/backends/b1");
    if (health !== null && health.counter === health.max && vpp.weights()["10.99.0.1"] === 100) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const isTold = ({ name, body }: { readonly name: string; readonly body: unknown }) =>
  name === "lb_as_set_weight" && (body as { readonly weight: number }).weight === 0;

interface Death {
  readonly name: string;
  readonly boundMs: number;
  die(): Promise<unknown> | void;
  rise(): Promise<unknown> | void;
}

const answered = 1.1 * interval + (fall - 1) * 1.1 * fast + slackMs;
const silent = 1.1 * interval + (fall - 1) * Math.max(1.1 * fast, timeout) + timeout + slackMs;
const swallow = ["10.99.0.9/32"];
const deaths: readonly Death[] = [
  {
    name: "refused (killed)",
    boundMs: answered,
    die: () => backend.kill("SIGKILL"),
    rise: async () => backend = await serve(),
  },
  {
    name: "silent (black hole)",
    boundMs: silent,
    die: () => segment.ip("web", "route", "add", "blackhole", ...swallow),
    rise: () => segment.ip("web", "route", "delete", "blackhole", ...swallow),
  },
  {
    name: "wrong (status 500)",
    boundMs: answered,
    die: () => backend.kill("SIGUSR1"),
    rise: () => backend.kill("SIGUSR1"),
  },
];

for (const { name, boundMs, die, rise } of deaths) {
  const took: number[] = [];
  for (let i = 0; i < tries; i++) {
    await healthy();
    // Not in step with the probes.
    await new Promise((resolve) => setTimeout(resolve, interval * Math.random()));
    const told = vpp.simulator.recorder.next(isTold);
    const start = performance.now();
    await die();
    await told;
    took.push(performance.now() - start);
    await rise();
  }
  const sorted = took.toSorted((a, b) => a - b);
  const greatest = sorted.at(-1) ?? Infinity;
  console.log(
    `${name}: median ${sorted[tries >> 1]?.toFixed(0)} ms, greatest ${greatest.toFixed(0)} ms, bound ${
      boundMs.toFixed(0)
    } ms ${greatest <= boundMs ? "kept" : "BROKEN"}; runs ${
      took.map((ms) => ms.toFixed(0)).join(" ")
    }; load ${Deno.loadavg()[0]?.toFixed(2)}`,
  );
}
