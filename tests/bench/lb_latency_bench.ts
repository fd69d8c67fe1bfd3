// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * From a deciding result to VPP's reply, on the simulated VPP in a process of its own, with 1,000 VIPs in VPP:
 * transitions of backends that serve one VIP each, about 20 ms apart, while another 1,000 backends are probed over
 * loopback each second by the real probe worker (bound: p99 3 ms). A transition costs two round trips, a read and
 * a change; two bare pings in the same run tell how much of the time is the machine's.
 *
 *   deno run -A tests/bench/lb_latency_bench.ts
 *
 * @module
 */
import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log/mod.ts";
import type { Config, Frontend, HealthCheck, State, Transition } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import { startProber } from "../../src/probes/runner.ts";
import { config, frontend } from "../lb/setup.ts";
import { calls } from "../../src/vpp/messages.ts";
import { manyVips, quantile, reconcilerOf, startVpp } from "./lb_world.ts";

const transitions = 1000;
const probed = 1000;
const boundMs = 3;

const moving = Array.from(
  { length: 50 },
  (_, n): Frontend =>
    frontend(`m${n}`, { primary: { [`b${n + 101}`]: 10, [`b${n + 201 > 254 ? n + 151 : n + 201}`]: 10 } }, {
      address: ip(`203.1.0.${n}`),
    }),
);
const others = manyVips(1000);
const own = config(moving);
const world: Config = {
  ...others,
  backends: new Map([...others.backends, ...own.backends]),
  frontends: new Map([...others.frontends, ...own.frontends]),
};
const states = new Map<string, State>();
const answered: number[] = [];
let counted = 0;

await using vpp = await startVpp();
await using reconciler = reconcilerOf(world, states, { answered: (ms) => void answered.push(ms) });
reconciler.connected(vpp.session.lb);
const first = await reconciler.sync({});
if (!first.ok) throw new Error(first.error.detail);

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
let listening = true;
const accepting = (async () => {
  while (listening) {
    // A probe that is reset before it was accepted is no concern of this listener.
    await listener.accept().then((connection) => connection.close()).catch(() => {});
  }
})();
const check: HealthCheck = {
  name: "tcp",
  type: "tcp",
  port: listener.addr.port,
  intervalMs: 1000,
  fastIntervalMs: 1000,
  downIntervalMs: 1000,
  timeoutMs: 900,
  rise: 1,
  fall: 1,
  probeIpv4Src: null,
  probeIpv6Src: null,
  params: { tls: null },
};

async function measure(label: string, count = transitions): Promise<void> {
  answered.length = 0;
  counted = 0;
  const pings: number[] = [];
  const began = performance.now();
  for (let n = 0; n < count; n++) {
    const backend = `b${(n % 50) + 101}`;
    const from = states.get(backend) ?? "up";
    const to: State = from === "up" ? "down" : "up";
    states.set(backend, to);
    const at = systemClock.wall();
    const transition: Transition = {
      backend,
      from,
      to,
      at,
      code: "L4CON",
      detail: "",
      by: null,
      effects: [],
    };
    reconciler.touch([transition], systemClock.now());
    await new Promise((resolve) => setTimeout(resolve, 10));
    const before = performance.now();
    for (let i = 0; i < 2; i++) await vpp.session.client.demand(calls.controlPing, {});
    pings.push(performance.now() - before);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const seconds = (performance.now() - began) / 1000;
  const p99 = quantile(answered, 0.99);
  console.log(
    `${label}: ${answered.length} transitions, p50 ${quantile(answered, 0.5).toFixed(2)} ms, p99 ${
      p99.toFixed(2)
    } ms, greatest ${Math.max(...answered).toFixed(2)} ms; p99 bound ${boundMs} ms ${
      p99 <= boundMs ? "kept" : "BROKEN"
    }`,
  );
  console.log(
    `  two bare pings: p50 ${quantile(pings, 0.5).toFixed(2)} ms, p99 ${
      quantile(pings, 0.99).toFixed(2)
    } ms; ${(counted / seconds).toFixed(0)} probes a second`,
  );
}

console.log(`load average ${Deno.loadavg().map((load) => load.toFixed(2)).join(" ")}`);
await measure("warm-up", 200);
await measure("without probes");
{
  await using prober = startProber({ log: silentLog, sink: (reports) => void (counted += reports.length) });
  prober.start(Array.from({ length: probed }, (_, n) => ({
    backend: `p${n}`,
    generation: 1,
    address: ip(`127.0.${n >> 8}.${(n & 255) || 1}`),
    check,
    netns: "",
    firstDelayMs: n,
    intervalMs: 1000,
  })));
  await new Promise((resolve) => setTimeout(resolve, 2000));
  await measure("with probes");
}
listening = false;
listener.close();
await accepting;
