/** Frontends of every shape at once, and what VPP is told of them when a server dies and returns. */
import assert from "node:assert/strict";
import type { LbState } from "../../src/api/mod.ts";
import { LocalDaemon } from "./local_daemon.ts";
import { TcpServers } from "./tcp_servers.ts";
import { lbSettings, Vpp } from "./world.ts";

const net = "127.77.55";

function text(port: number): string {
  return `maglev:
${lbSettings}  healthchecks:
    tcp: { type: tcp, port: ${port}, interval: 100ms, fast-interval: 20ms, rise: 1, fall: 2 }
  backends:
    b1: { address: ${net}.1, healthcheck: tcp }
    b2: { address: ${net}.2, healthcheck: tcp }
    s1: { address: ${net}.3 }
    s2: { address: ${net}.4 }
    off: { address: ${net}.5, healthcheck: tcp, enabled: false }
    six: { address: "2001:db8::6" }
  frontends:
    static:
      address: 198.51.100.1
      protocol: tcp
      port: 80
      pools: [{ name: p, backends: { s1: {}, s2: { weight: 30 } } }]
    no-weight-first:
      address: 198.51.100.2
      protocol: tcp
      port: 80
      pools: [{ name: zero, backends: { s1: { weight: 0 } } }, { name: second, backends: { b1: {} } }]
    no-weight-at-all:
      address: 198.51.100.3
      protocol: tcp
      port: 80
      pools: [{ name: zero, backends: { s1: { weight: 0 } } }, { name: nil, backends: { b2: { weight: 0 } } }]
    off-first:
      address: 198.51.100.4
      protocol: udp
      port: 53
      pools: [{ name: p, backends: { off: {} } }, { name: q, backends: { b1: {} } }, { name: r, backends: { s1: {} } }]
    no-flush:
      address: 198.51.100.5
      protocol: tcp
      port: 80
      flush-on-down: false
      pools: [{ name: p, backends: { b1: {} } }, { name: q, backends: { b2: {} } }]
    six-over-four:
      address: "2001:db8:f::1"
      protocol: tcp
      port: 80
      pools: [{ name: p, backends: { s2: {}, b1: {} } }]
    four-over-six:
      address: 198.51.100.6
      pools: [{ name: p, backends: { six: { weight: 7 } } }]
`;
}

interface Shape {
  readonly state: string;
  readonly active: string;
  /** By backend. */
  readonly weights: Record<string, number>;
}

/** What the API shows, after asserting that VPP has the same. */
function shapes(daemon: LocalDaemon, vpp: Vpp): Record<string, Shape> {
  return Object.fromEntries(
    daemon.control.frontends().map(({ address, name, pools, state }) => {
      const members = pools.flatMap((pool) => pool.backends);
      const wanted = Object.fromEntries(members.map((member) => [member.address, member.effective_weight]));
      assert.deepEqual(vpp.weights(address), wanted, name);
      const weights = Object.fromEntries(members.map((member) => [member.name, member.effective_weight]));
      return [name, { state, active: pools.find(({ active }) => active)?.name ?? "", weights }];
    }),
  );
}

async function synced(daemon: LocalDaemon): Promise<void> {
  await daemon.sync();
  assert.deepEqual(await daemon.planned(), []);
}

Deno.test("frontends of every shape: active pools, weights, flushes and encapsulation", async () => {
  await using vpp = await Vpp.start();
  using servers = new TcpServers([1, 2, 5].map((host) => `${net}.${host}`));
  await using daemon = await LocalDaemon.start({ config: text(servers.port), vpp: vpp.paths });
  await daemon.logged(({ msg }) => msg === "ready");
  await daemon.became("b1", "up");
  await daemon.became("b2", "up");
  await synced(daemon);
  const healthy: Record<string, Shape> = {
    "static": { state: "up", active: "p", weights: { s1: 100, s2: 30 } },
    "no-weight-first": { state: "up", active: "second", weights: { s1: 0, b1: 100 } },
    "no-weight-at-all": { state: "down", active: "zero", weights: { s1: 0, b2: 0 } },
    "off-first": { state: "up", active: "q", weights: { off: 0, b1: 100, s1: 0 } },
    "no-flush": { state: "up", active: "p", weights: { b1: 100, b2: 0 } },
    "six-over-four": { state: "up", active: "p", weights: { s2: 100, b1: 100 } },
    "four-over-six": { state: "up", active: "p", weights: { six: 7 } },
  };
  assert.deepEqual(shapes(daemon, vpp), healthy);
  const lb = await daemon.control.lbState(null);
  assert.ok(lb.ok);
  const encaps = (state: LbState) =>
    Object.fromEntries(state.vips.map(({ encap, frontend, protocol }) => [frontend, `${encap} ${protocol}`]));
  assert.deepEqual(encaps(lb.value), {
    "static": "gre4 tcp",
    "no-weight-first": "gre4 tcp",
    "no-weight-at-all": "gre4 tcp",
    "off-first": "gre4 udp",
    "no-flush": "gre4 tcp",
    "six-over-four": "gre4 tcp",
    "four-over-six": "gre6 any",
  });
  const static1 = daemon.control.backend("s1");
  assert.deepEqual([static1?.state, static1?.health, static1?.transitions[0]?.code], ["up", null, "static"]);
  assert.equal(daemon.control.backend("off")?.state, "disabled");
  assert.equal(servers.taken(`${net}.5`), 0, "a disabled backend is not probed");

  let log = daemon.log.length;
  let mark = vpp.simulator.recorder.requests.length;
  servers.stop(`${net}.1`);
  await daemon.became("b1", "down", log);
  await synced(daemon);
  assert.deepEqual(shapes(daemon, vpp), {
    ...healthy,
    "no-weight-first": { state: "down", active: "zero", weights: { s1: 0, b1: 0 } },
    "off-first": { state: "up", active: "r", weights: { off: 0, b1: 0, s1: 100 } },
    "no-flush": { state: "up", active: "q", weights: { b1: 0, b2: 100 } },
    "six-over-four": { state: "up", active: "p", weights: { s2: 100, b1: 0 } },
  });
  assert.deepEqual(vpp.told(mark).sort(), [
    `weight ${net}.1 0`, // no-flush
    `weight ${net}.1 0 flush`,
    `weight ${net}.1 0 flush`,
    `weight ${net}.1 0 flush`,
    `weight ${net}.2 100`,
    `weight ${net}.3 100`,
  ]);

  log = daemon.log.length;
  mark = vpp.simulator.recorder.requests.length;
  servers.start(`${net}.1`);
  await daemon.became("b1", "up", log);
  await synced(daemon);
  assert.deepEqual(shapes(daemon, vpp), healthy);
  // Flows on what carried meanwhile live on.
  assert.deepEqual(vpp.told(mark).filter((message) => message.includes("flush")), []);
  assert.equal(vpp.told(mark).length, 6);
});
