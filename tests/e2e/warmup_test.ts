/** The warm-up of a running daemon: what VPP is told when, and what its API says meanwhile. */
import assert from "node:assert/strict";
import { JumpClock } from "./jump_clock.ts";
import { LocalDaemon } from "./local_daemon.ts";
import { TcpServers } from "./tcp_servers.ts";
import { Vpp } from "./world.ts";

const minute = 60_000;

/**
 * www waits for b2, which does not answer within the test; mail is complete; quiet has no health checks.
 */
function text(net: string, port: number, more = ""): string {
  return `maglev:
  vpp:
    lb:
      ipv4-src-address: 192.0.2.254
      ipv6-src-address: 2001:db8::254
      startup-min-delay: 1m
      startup-max-delay: 5m
  healthchecks:
    tcp: { type: tcp, port: ${port}, interval: 100ms, timeout: 900ms }
    never: { type: http, port: ${port}, interval: 100ms, timeout: 1h }
  backends:
    b1: { address: 127.${net}.1, healthcheck: tcp }
    b2: { address: 127.${net}.2, healthcheck: never }
    b3: { address: 127.${net}.3, healthcheck: tcp }
    b4: { address: 127.${net}.4 }
  frontends:
    www: { address: 198.51.100.1, protocol: tcp, port: 80, pools: [{ name: p, backends: { b1: {}, b2: {} } }] }
    mail: { address: 198.51.100.2, protocol: tcp, port: 25, pools: [{ name: p, backends: { b3: {} } }] }
    quiet: { address: 198.51.100.3, protocol: tcp, port: 80, pools: [{ name: p, backends: { b4: {} } }] }
${more}`;
}

/** A VPP as somebody else left it: every VIP differs from what is configured, one is foreign. */
async function otherVpp(net: string): Promise<Vpp> {
  const vpp = await Vpp.start();
  const at = (host: number) => `127.${net}.${host}`;
  vpp.place("198.51.100.1/32", 80, { [at(1)]: 10, [at(2)]: 70, [at(9)]: 5 }, 2048);
  vpp.place("198.51.100.2/32", 25, { [at(3)]: 10, [at(9)]: 5 });
  vpp.place("198.51.100.3/32", 80, { [at(4)]: 10 });
  vpp.place("203.0.113.1/32", 80, { [at(9)]: 5 });
  return vpp;
}

Deno.test("warm-up: nothing is written before min-delay, released frontends only before max-delay, then all", async () => {
  const net = "77.51";
  await using vpp = await otherVpp(net);
  using servers = new TcpServers([1, 3, 4, 5].map((host) => `127.${net}.${host}`));
  servers.startSilent(`127.${net}.2`);
  const clock = new JumpClock();
  const config = text(net, servers.port);
  await using daemon = await LocalDaemon.start({ config, vpp: vpp.paths, clock });
  const { control } = daemon;
  await daemon.logged(({ msg }) => msg === "vpp-connect");
  await daemon.became("b1", "up");
  await daemon.became("b3", "up");
  const { warmup } = control.info();
  assert.deepEqual([warmup.phase, warmup.held_frontends], ["hold", ["www", "mail", "quiet"]]);
  assert.equal(Math.round((Date.parse(warmup.ends_at) - Date.parse(control.info().started_at)) / 1000), 300);
  assert.equal(control.ready().vpp, "warming-up");
  assert.equal(control.frontend("mail")?.vpp, "held");

  // A reload writes nothing, even where it brings a frontend.
  const more =
    `    new: { address: 198.51.100.4, protocol: tcp, port: 80, pools: [{ name: p, backends: { b5: {} } }] }\n`;
  const reloaded = text(net, servers.port, more).replace(
    "  frontends:",
    `    b5: { address: 127.${net}.5, healthcheck: tcp }\n  frontends:`,
  );
  assert.equal((await daemon.reload(reloaded)).sync?.done, 0);
  await daemon.became("b5", "up");
  assert.deepEqual(vpp.told(), []);

  // Pings and reads go on.
  const ping = vpp.simulator.recorder.next("control_ping");
  clock.jump(minute / 2);
  await ping;
  const sofar = vpp.simulator.recorder.requests.length;
  await control.plan(null);
  assert.ok(vpp.simulator.recorder.requests.length > sofar);
  assert.equal(control.info().warmup.phase, "hold");
  assert.deepEqual(vpp.told(), []);

  // What an operator asks for is written at once, the settings before it, and nothing else.
  await daemon.act("b3", "pause");
  await daemon.logged(({ frontend, msg }) => msg === "vpp-lbsync-as-del" && frontend === "mail");
  assert.deepEqual(vpp.told(), ["conf", `weight 127.${net}.3 0`, `delete 127.${net}.9 flush`]);
  assert.deepEqual([control.info().warmup.phase, control.frontend("quiet")?.vpp], ["hold", "held"]);
  assert.deepEqual(await daemon.planned(), []);

  // At min-delay the rest goes that is complete; stale and foreign ones stay, and so does www.
  clock.jump(minute / 2);
  await daemon.logged(({ frontend, msg }) => msg === "vpp-lbsync-as-weight" && frontend === "quiet");
  await daemon.logged(({ frontend, msg }) => msg === "vpp-lbsync-as-add" && frontend === "new");
  assert.deepEqual(await daemon.planned(), []);
  const first = vpp.told();
  assert.deepEqual(first.slice(3).sort(), [
    `add 127.${net}.5 100`,
    `vip-add 198.51.100.4/32`,
    `weight 127.${net}.4 100`,
  ]);
  assert.deepEqual([control.info().warmup.phase, control.info().warmup.held_frontends], ["release", ["www"]]);
  assert.deepEqual(vpp.weights("198.51.100.1"), {
    [`127.${net}.1`]: 10,
    [`127.${net}.2`]: 70,
    [`127.${net}.9`]: 5,
  });

  // At max-delay what nobody knows keeps the weight that VPP has, while the API goes on saying unknown.
  clock.jump(4 * minute);
  await daemon.logged(({ msg }) => msg === "vpp-lbsync-vip-del");
  assert.deepEqual(vpp.told().slice(first.length), [
    `weight 127.${net}.1 100`,
    `delete 127.${net}.9 flush`,
    "vip-flush 203.0.113.1/32",
    "vip-delete 203.0.113.1/32",
  ]);
  assert.deepEqual(vpp.weights("198.51.100.1"), { [`127.${net}.1`]: 100, [`127.${net}.2`]: 70 });
  assert.equal(control.backend("b2")?.state, "unknown");
  assert.deepEqual(
    daemon.log.filter(({ msg }) => msg === "warmup-released").map(({ frontend, reason }) =>
      `${frontend}: ${reason}`
    ),
    ["mail: operator", "quiet: all backends have a state", "www: max-delay"],
  );
  assert.deepEqual([control.info().warmup.phase, control.info().warmup.held_frontends], ["done", []]);

  // A reload does not begin it anew, although it writes other delays.
  await daemon.reload(reloaded.replace("startup-min-delay: 1m", "startup-min-delay: 2m"));
  assert.equal(control.info().warmup.phase, "done");
  assert.equal(control.ready().vpp, "in-sync");
});
