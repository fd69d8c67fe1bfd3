/** What the daemon does not know it leaves alone, whatever makes it look. */
import assert from "node:assert/strict";
import { systemClock } from "../../src/clock.ts";
import { eventually } from "./harness.ts";
import { JumpClock } from "./jump_clock.ts";
import { LocalDaemon } from "./local_daemon.ts";
import { TcpServers } from "./tcp_servers.ts";
import { lbSettings, Vpp } from "./world.ts";

const net = "127.77.56";

function text(port: number, more = ""): string {
  return `maglev:
${lbSettings}  healthchecks:
    never: { type: http, port: ${port}, interval: 1h, timeout: 1h }
    tcp: { type: tcp, port: ${port}, interval: 1h }
  backends:
    b1: { address: ${net}.1, healthcheck: never }
    b2: { address: ${net}.2, healthcheck: never }
    b3: { address: ${net}.3, healthcheck: never }
    b4: { address: ${net}.4, healthcheck: never }
${more}  frontends:
    www:
      address: 198.51.100.1
      protocol: tcp
      port: 80
      pools: [{ name: p, backends: { b1: {}, b2: {} } }, { name: q, backends: { b3: {}, b4: {} } }]
`;
}

Deno.test("what is not known is left alone by connect, interval, reconnect, reload, max-delay and operator's sync", async () => {
  await using vpp = await Vpp.start();
  using servers = new TcpServers([]);
  for (const host of [1, 2, 3, 4]) servers.startSilent(`${net}.${host}`);
  // The reserve carries, b3 less than it should; of the primary pool b2 is missing.
  vpp.place("198.51.100.1/32", 80, { [`${net}.1`]: 0, [`${net}.3`]: 40, [`${net}.4`]: 100 }, 4096);
  const clock = new JumpClock();
  await using daemon = await LocalDaemon.start({ config: text(servers.port), vpp: vpp.paths, clock });
  const { control } = daemon;
  await daemon.logged(({ msg }) => msg === "ready");
  const untouched = { [`${net}.1`]: 0, [`${net}.2`]: 0, [`${net}.3`]: 40, [`${net}.4`]: 100 };
  const look = async (why: string) => {
    assert.deepEqual(await daemon.planned(), [], why);
    // The server that was missing is added, at weight 0: nobody has seen it yet.
    assert.deepEqual(vpp.told(), ["conf", `add ${net}.2 0`], why);
    assert.deepEqual(vpp.weights(), untouched, why);
    const frontend = control.frontend("www");
    assert.deepEqual([frontend?.state, frontend?.pools.find(({ active }) => active)?.name], ["up", "q"], why);
    assert.ok(control.backends().every(({ state }) => state === "unknown"), why);
  };
  await look("connect, with delays of 0");
  await daemon.sync();
  await daemon.sync("www");
  await look("operator's sync");
  await daemon.reload();
  await look("reload of the same file");
  clock.jump(31_000);
  await look("interval");
  vpp.simulator.disconnect();
  await daemon.logged(({ msg }) => msg === "vpp-disconnect");
  const log = daemon.log.length;
  await eventually(
    () => "a new session",
    () => daemon.log.slice(log).find(({ msg }) => msg === "vpp-connect"),
    () => systemClock.sleep(40).then(() => clock.jump(500)),
  );
  await look("reconnect");

  // The weight of an operator replaces the witness.
  const weighed = await daemon.weigh("www", "q", "b3", 20);
  assert.equal(weighed.pools[1]?.backends[0]?.effective_weight, 20);
  assert.deepEqual(vpp.weights(), { ...untouched, [`${net}.3`]: 20 });
  const told = await daemon.logged(({ backend, msg }) => msg === "vpp-lbsync-as-weight" && backend === "b3");
  assert.equal(told.reason, "weight set by operator");
  await daemon.weigh("www", "q", "b3", 0);

  // An operator's action makes one known, and only that one.
  await daemon.act("b4", "pause");
  await daemon.sync();
  assert.deepEqual(vpp.weights(), { ...untouched, [`${net}.3`]: 0, [`${net}.4`]: 0 });
  // A result makes known; the primary pool carries again, so the reserve lets go, without a flush.
  await daemon.reload(
    text(servers.port).replace(`${net}.1, healthcheck: never`, `${net}.1, healthcheck: tcp`),
  );
  await daemon.became("b1", "up");
  await daemon.sync();
  assert.deepEqual(vpp.weights(), { [`${net}.1`]: 100, [`${net}.2`]: 0, [`${net}.3`]: 0, [`${net}.4`]: 0 });
  const weights = vpp.told().slice(2);
  assert.deepEqual(weights.slice(0, 3), [`weight ${net}.3 20`, `weight ${net}.3 0`, `weight ${net}.4 0`]);
  // The reload puts the operator's weight back: whether its sync or the result of b1 comes first is chance.
  const last = weights.slice(3);
  const resultFirst = [`weight ${net}.1 100`];
  const syncFirst = [`weight ${net}.3 40`, `weight ${net}.1 100`, `weight ${net}.3 0`];
  assert.deepEqual(last, last.length === 1 ? resultFirst : syncFirst);
});
