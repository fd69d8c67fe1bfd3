// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * From a deciding result to the message on VPP's socket (goal: p99 1 ms) and to VPP's reply (p99 2 ms). A whole daemon
 * with 1,000 VIPs of 8 servers, and 50 more VIPs whose backends go down and up, 50 transitions a second. VPP is the
 * simulated one, a process with a core of its own, and then a real one where the environment names it. Three times with
 * each: with nothing else; while 1,000 other backends are probed each second; and while 10 clients ask for VPP's state all
 * the time besides, so that a full read is always under way. The time in which the main thread waits for a processor is
 * told apart. Two bare pings of another session in the same run tell how much of the time is the machine's and VPP's.
 *
 *   deno run -A tests/bench/lb_latency_bench.ts [runs, default 5] [transitions a run, default 500] [word of a case]
 *
 * @module
 */
import { systemClock } from "../../src/clock.ts";
import { unusedPort } from "../../src/demo/port.ts";
import { silentLog } from "../../src/log/mod.ts";
import { VppClient } from "../../src/vpp/client.ts";
import { calls } from "../../src/vpp/messages.ts";
import { Inside } from "../daemon/inside.ts";
import { Clients, Servers, Watch } from "./latency_world.ts";
import { quantile } from "./lb_world.ts";
import { clear } from "./vpp_load.ts";
import { type BenchTarget, eachVpp, openSession } from "./vpp_target.ts";

const [runs = 5, transitions = 500] = Deno.args.map(Number);
const only = Deno.args[2] ?? "";
const moving = 50;
const everyMs = 20;
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

function configuration(servers: Servers, others: number): string {
  const text = [
    "maglev:",
    "  vpp: { lb: { ipv4-src-address: 192.0.2.254, ipv6-src-address: 2001:db8::254, sync-interval: 1h, startup-min-delay: 0s, startup-max-delay: 0s } }",
    "  healthchecks:",
    `    moving: { type: tcp, port: ${servers.moving}, interval: 200ms, fast-interval: 200ms, down-interval: 200ms, timeout: 150ms, rise: 1, fall: 1 }`,
    `    other: { type: tcp, port: ${servers.others}, interval: 1s, fast-interval: 1s, down-interval: 1s, timeout: 900ms }`,
    "  backends:",
  ];
  for (let n = 1; n <= 64; n++) text.push(`    b${n}: { address: 10.0.0.${n} }`);
  for (let n = 1; n <= moving; n++) {
    text.push(
      `    m${n}: { address: 127.1.0.${n}, healthcheck: moving }`,
      `    s${n}: { address: 10.0.1.${n} }`,
    );
  }
  for (let n = 0; n < others; n++) {
    text.push(`    o${n}: { address: 127.81.${Math.floor(n / 250)}.${1 + n % 250}, healthcheck: other }`);
  }
  text.push("  frontends:");
  const frontend = (name: string, address: string, members: readonly string[]) =>
    text.push(
      `    ${name}: { address: ${address}, protocol: tcp, port: 80, new-flows-table-length: 1024, pools: [{ name: p, backends: { ${
        members.map((member) => `${member}: {}`).join(", ")
      } } }] }`,
    );
  for (let n = 0; n < 1000; n++) {
    frontend(
      `f${n}`,
      `203.0.${n >> 8}.${n & 255}`,
      Array.from({ length: 8 }, (_, m) => `b${(n + m) % 64 + 1}`),
    );
  }
  for (let n = 1; n <= moving; n++) frontend(`v${n}`, `203.1.0.${n}`, [`m${n}`, `s${n}`]);
  for (let n = 0; n * 20 < others; n++) {
    frontend(`w${n}`, `203.2.0.${n}`, Array.from({ length: 20 }, (_, m) => `o${n * 20 + m}`));
  }
  return text.join("\n") + "\n";
}

interface Run {
  readonly written: number;
  readonly running: number;
  readonly answered: number;
  readonly pings: number;
}

async function run(vpp: BenchTarget, name: string, others: number, clients: number): Promise<void> {
  const { api } = vpp;
  const label = `${vpp.name}, ${name}`;
  await using stack = new AsyncDisposableStack();
  const servers = stack.use(await Servers.start(moving));
  stack.defer(async () => {
    await using session = await openSession(vpp);
    await clear(session, "203.");
  });
  const watch = new Watch(api);
  const listen = `127.0.0.1:${unusedPort()}`;
  const daemon = stack.use(
    await Inside.start({
      config: configuration(servers, others),
      vpp: { api, stats: "" },
      args: ["--listen", listen],
    }),
  );
  await daemon.synced();
  const bare = stack.use(
    await VppClient.open(await Deno.connect({ transport: "unix", path: api }), {
      clock: systemClock,
      log: silentLog,
      name: "bench",
      deadlineMs: 60_000,
      onMessage: () => {},
    }),
  );
  await pause(3000);
  const asking = clients === 0 ? null : stack.use(new Clients(`http://${listen}/v1/vpp/lb/state`, clients));
  const all: Run[] = [];
  for (let n = 0; n <= runs; n++) {
    const asked = await asking?.answers() ?? 0;
    watch.clear();
    const pings: number[] = [];
    const began = performance.now();
    // The first run is the warm-up of the process.
    const count = n === 0 ? 200 : transitions;
    for (let i = 0; i < count; i++) {
      const number = i % moving + 1;
      watch.expect(number);
      await servers.toggle(number);
      await pause(everyMs / 2);
      const before = performance.now();
      for (let ping = 0; ping < 2; ping++) await bare.demand(calls.controlPing, {});
      pings.push(performance.now() - before);
      await pause(Math.max(0, began + (i + 1) * everyMs - performance.now()));
    }
    await pause(500);
    const seconds = (performance.now() - began) / 1000;
    const figures = (list: readonly number[]) =>
      `p50 ${quantile(list, 0.5).toFixed(2)} p99 ${quantile(list, 0.99).toFixed(2)} greatest ${
        Math.max(...list).toFixed(2)
      }`;
    console.log(
      `${label}, ${
        n === 0 ? "warm-up" : `run ${n}`
      }: ${watch.answered.length} of ${count} transitions, ms: ` +
        `result to message ${figures(watch.written)}, without waiting for a processor ${
          figures(watch.running)
        }; to reply ${figures(watch.answered)}; ` +
        `two bare pings ${figures(pings)}; ` +
        (asking === null
          ? ""
          : `${((await asking.answers() - asked) / seconds).toFixed(1)} answers a second; `) +
        `load ${Deno.loadavg().map((load) => load.toFixed(2)).join(" ")}`,
    );
    if (n > 0) {
      all.push({
        written: quantile(watch.written, 0.99),
        running: quantile(watch.running, 0.99),
        answered: quantile(watch.answered, 0.99),
        pings: quantile(pings, 0.99),
      });
    }
  }
  const median = (of: keyof Run) => quantile(all.map((one) => one[of]), 0.5).toFixed(2);
  console.log(
    `${label}: medians of p99: message ${median("written")} ms (goal 1; ${
      median("running")
    } without waiting for a processor), reply ${median("answered")} ms (goal 2), two bare pings ${
      median("pings")
    } ms`,
  );
}

const cases = [["alone", 0, 0], ["1,000 probed", 1000, 0], ["1,000 probed, 10 clients", 1000, 10]] as const;
for await (const vpp of eachVpp()) {
  for (const [name, others, clients] of cases) {
    if (`${vpp.name}, ${name}`.includes(only)) await run(vpp, name, others, clients);
  }
}
Deno.exit(0);
