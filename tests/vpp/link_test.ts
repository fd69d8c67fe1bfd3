import assert from "node:assert/strict";
import { ip } from "../../src/net/ip.ts";
import { VppSessionError } from "../../src/vpp/errors.ts";
import { LinkHarness } from "./link_harness.ts";
import { countDescriptors, countMappings } from "./support.ts";
import { simulated, vipOf } from "./targets.ts";

const SEGMENT = "memfd:stat segment";
const web = vipOf("203.0.113.1");

Deno.test("link: connects, tells so, and knows its VPP", async () => {
  await using target = await simulated({ build: { version: "26.10-test", build_date: "2026-11-22" } });
  await using h = new LinkHarness(target);
  assert.equal(h.link.state, "disconnected");
  await h.connected();
  const { info, lb } = h.link;
  assert.ok(info && lb);
  assert.equal(info.version, "26.10-test");
  assert.equal(info.bootTime, target.simulator.bootTime);
  assert.equal(lb.bootTime, target.simulator.bootTime);
  assert.equal(info.connectedAtMs, h.clock.now());
  assert.deepEqual(h.log.names, ["info vpp-connect"]);
  assert.deepEqual(Object.keys(h.log.lines[0]?.attrs ?? {}), [
    "version",
    "build_date",
    "build_directory",
    "pid",
    "boot_time",
  ]);
  assert.deepEqual(h.changes, [{ to: "connected", lb, info }]);
  assert.equal(h.link.reason, "");
});

Deno.test("link: asks what it must before it says connected, and changes nothing", async () => {
  await using target = await simulated();
  await using h = new LinkHarness(target);
  await h.connected();
  assert.deepEqual(target.simulator.recorder.take().map((request) => request.name), [
    "sockclnt_create",
    "show_version",
    "cli_inband",
    "control_ping",
  ]);
});

Deno.test("link: an empty API address turns it off", async () => {
  await using h = new LinkHarness({ api: "", stats: "/nonexistent/stats.sock" });
  await h.pass(120_000, 10_000);
  assert.equal(h.link.state, "off");
  assert.equal(h.link.lb, null);
  assert.deepEqual(h.log.lines, []);
  assert.deepEqual(h.changes, []);
});

Deno.test("link: an empty stats address means no counters and boot time 0, for as long as it lasts", async () => {
  await using target = await simulated();
  await using h = new LinkHarness({ api: target.api, stats: "" });
  await h.connected();
  await h.pass(120_000, 5000);
  assert.equal(h.link.state, "connected");
  assert.equal(h.link.info?.bootTime, 0);
  assert.equal(h.link.counts, null);
});

Deno.test("link: a socket that is not there is said once, and tried every 5 s until it is", async () => {
  const dir = await Deno.makeTempDir({ prefix: "maglev-none-" });
  const paths: string[] = [];
  {
    await using h = new LinkHarness({ api: `${dir}/api.sock`, stats: `${dir}/stats.sock` }, {
      connect: (path) => {
        paths.push(path);
        return Deno.connect({ transport: "unix", path });
      },
    });
    await h.until(() => h.changes.length === 1, "a first failure");
    const since = h.clock.now();
    assert.equal(paths.length, 1);
    await h.pass(since + 4900 - h.clock.now());
    assert.equal(paths.length, 1);
    await h.pass(200);
    assert.equal(paths.length, 2);
    await h.pass(15_000);
    assert.equal(paths.length, 5);
    assert.deepEqual(h.log.names, ["warn vpp-disconnect"]);
    assert.match(String(h.log.lines[0]?.attrs.reason), /cannot connect to .*api\.sock: .*No such file/);
    assert.equal(h.changes.length, 1);
    assert.equal(h.link.state, "disconnected");
  }
  await Deno.remove(dir, { recursive: true });
});

Deno.test("link: a VPP without the needed messages is refused by name and version, and tried again after 60 s", async () => {
  await using target = await simulated({
    build: { version: "26.06-release" },
    without: ["lb_as_set_weight", "lb_conf_get_reply"],
  });
  await using h = new LinkHarness(target);
  await h.until(() => h.link.state === "refused", "refused");
  const since = h.clock.now();
  assert.equal(
    h.link.reason,
    "VPP 26.06-release lacks lb_conf_get_reply_923427ac, lb_as_set_weight_2d89bdbd: " +
      "VPP 26.10 or later with the lb plugin is needed",
  );
  assert.deepEqual(h.log.names, ["error vpp-disconnect"]);
  assert.deepEqual(h.changes, [{ to: "refused", reason: h.link.reason }]);
  assert.equal(h.link.lb, null);
  await target.simulator.restart({ without: [] });
  target.simulator.recorder.take();
  await h.pass(since + 59_900 - h.clock.now(), 10_000);
  assert.deepEqual(target.simulator.recorder.take(), []);
  await h.pass(200);
  await h.connected();
});

Deno.test("link: of two controllers one stays, and the other writes nothing and tries again later", async () => {
  await using target = await simulated();
  await using first = new LinkHarness(target);
  await first.connected();
  target.simulator.recorder.take();
  await using second = new LinkHarness(target);
  await second.until(() => second.changes.length === 1, "the conflict");
  const since = second.clock.now();
  assert.deepEqual(second.log.names, ["warn vpp-conflict"]);
  assert.equal(second.log.lines[0]?.attrs.clients, 2);
  assert.equal(second.link.state, "disconnected");
  const reads = new Set(["sockclnt_create", "show_version", "cli_inband", "sockclnt_delete"]);
  const sent = target.simulator.recorder.take().map((request) => request.name);
  assert.deepEqual(sent.filter((name) => !reads.has(name)), []);
  assert.equal(first.link.state, "connected");
  // 5 s and half of another 5 s: the random number is 0.5.
  await second.pass(since + 7400 - second.clock.now());
  assert.deepEqual(target.simulator.recorder.take(), []);
  await first[Symbol.asyncDispose]();
  await second.pass(200);
  await second.connected();
});

Deno.test("link: two controllers that start together do not both stay", async () => {
  await using target = await simulated();
  await using a = new LinkHarness(target, { random: () => 0.1 });
  await using b = new LinkHarness(target, { random: () => 0.9 });
  const stays = () => [a, b].filter((h) => h.link.state === "connected").length;
  for (let i = 0; i < 40 && stays() === 0; i++) {
    await a.pass(500, 50);
    await b.pass(500, 50);
    assert.ok(stays() <= 1);
  }
  assert.equal(stays(), 1);
});

Deno.test("link: pings every 10 s", async () => {
  await using target = await simulated();
  await using h = new LinkHarness({ api: target.api, stats: "" });
  await h.connected();
  target.simulator.recorder.take();
  await h.pass(9900);
  assert.deepEqual(target.simulator.recorder.take(), []);
  await h.pass(200);
  await h.pass(30_000);
  assert.deepEqual(target.simulator.recorder.take().map((one) => one.name), Array(4).fill("control_ping"));
});

Deno.test("link: a VPP that does not answer is left after 5 s, and tried again after another 5 s", async () => {
  await using target = await simulated();
  await using h = new LinkHarness({ api: target.api, stats: "" });
  await h.connected();
  {
    using _hold = target.simulator.faults.hold();
    await h.pass(14_900);
    assert.equal(h.link.state, "connected");
    await h.pass(200);
    assert.equal(h.link.state, "disconnected");
    assert.equal(h.link.reason, "control_ping was not answered within 5 s");
    assert.deepEqual(h.log.names.slice(1), ["warn vpp-disconnect"]);
  }
  await h.pass(5000);
  await h.connected();
});

Deno.test("link: when VPP ends, everything under way is rejected, and its successor is another VPP", async () => {
  await using target = await simulated();
  await using h = new LinkHarness(target);
  await h.connected();
  const { lb } = h.link;
  assert.ok(lb);
  const bootTime = h.link.info?.bootTime ?? 0;
  await lb.apply({ kind: "vip-add", vip: web, encap: "gre4", tableLength: 1024, srcIpSticky: false });
  await lb.readAll();
  await h.pass(5000);
  assert.equal(h.link.counts?.vips.length, 1);
  assert.equal(countMappings(SEGMENT), 2, "the simulator's own, and ours");
  const hold = target.simulator.faults.hold();
  const under = lb.apply({ kind: "as-add", vip: web, address: ip("10.77.0.1"), weight: 1 }).catch((error) =>
    error
  );
  await target.simulator.kill();
  hold[Symbol.dispose]();
  const error = await under;
  assert.ok(error instanceof VppSessionError);
  assert.match(error.message, /VPP closed the connection|Connection reset/);
  await h.disconnected();
  assert.ok(lb.signal.aborted);
  assert.equal(lb.signal.reason, error);
  assert.equal(h.link.counts, null);
  assert.equal(h.link.info, null);
  await h.until(() => countMappings(SEGMENT) === 0, "the old segment is unmapped");
  await target.simulator.restart();
  await h.pass(5000);
  await h.connected();
  const now = h.changes.at(-1);
  assert.ok(now?.to === "connected");
  assert.ok(now.info.bootTime > bootTime);
  assert.notEqual(now.lb, lb);
  assert.deepEqual((await now.lb.readAll()).vips, []);
});

Deno.test("link: a boot time that changed under a session ends it", async () => {
  await using target = await simulated();
  await using h = new LinkHarness(target);
  await h.connected();
  await h.pass(5000);
  target.simulator.vpp.stats.set("/sys/boottime", target.simulator.bootTime + 7);
  await h.pass(5000);
  assert.equal(h.link.state, "disconnected");
  assert.match(h.link.reason, /boot time changed from \d+ to \d+/);
});

Deno.test("link: a heartbeat that stands still ends the session, one that moves does not", async () => {
  await using target = await simulated();
  await using h = new LinkHarness(target);
  await h.connected();
  for (let i = 0; i < 20; i++) {
    await h.pass(10_000, 5000);
    target.simulator.vpp.stats.beat();
  }
  assert.equal(h.link.state, "connected");
  await h.pass(60_000, 5000);
  assert.equal(h.link.state, "connected");
  await h.pass(10_000, 5000);
  assert.equal(h.link.state, "disconnected");
  assert.equal(h.link.reason, "VPP's heartbeat has not moved for 60 s");
});

Deno.test("link: a segment that is busy while the link connects makes it later, and a failure after 5 s", async () => {
  await using target = await simulated();
  const { stats } = target.simulator.vpp;
  {
    const change = stats.change();
    await using h = new LinkHarness(target);
    await h.pass(1000, 50);
    assert.deepEqual(h.changes, []);
    change[Symbol.dispose]();
    await h.connected();
    assert.equal(h.link.info?.bootTime, target.simulator.bootTime);
  }
  using _change = stats.change();
  await using h = new LinkHarness(target);
  await h.pass(6000, 50);
  assert.equal(h.link.reason, "VPP has been changing its stats segment for 5 s");
});

Deno.test("link: a segment that is busy is no failure", async () => {
  await using target = await simulated();
  await using h = new LinkHarness(target);
  await h.connected();
  {
    using _change = target.simulator.vpp.stats.change();
    await h.pass(120_000, 1000);
    assert.equal(h.link.state, "connected");
  }
  await h.pass(10_000, 1000);
  assert.equal(h.link.state, "connected");
});

Deno.test("link: a stats socket that is not there, or sends nothing, keeps the session from beginning", async () => {
  await using target = await simulated();
  await using h = new LinkHarness({ api: target.api, stats: `${target.stats}.gone` });
  await h.until(() => h.changes.length === 1, "the failure");
  assert.match(h.link.reason, /cannot open the stats segment at .*\.gone: connect .*ENOENT/);
  assert.equal(h.link.state, "disconnected");
});

Deno.test("link: ends at once wherever it stands", async () => {
  await using target = await simulated();
  {
    await using _before = new LinkHarness(target);
  }
  {
    await using h = new LinkHarness(target);
    await h.until(() => target.simulator.recorder.requests.length > 0, "half way");
  }
  {
    using _hold = target.simulator.faults.hold();
    await using h = new LinkHarness(target);
    await h.pass(100, 10);
    assert.equal(h.link.state, "disconnected");
  }
  await using h = new LinkHarness(target);
  await h.connected();
  await h.link[Symbol.asyncDispose]();
  assert.equal(h.link.state, "disconnected");
  assert.equal(h.link.reason, "maglevd is stopping");
  assert.deepEqual(h.log.names, ["info vpp-connect", "info vpp-disconnect"]);
});

Deno.test("link: 1,000 reconnects leave no descriptor, no mapping and no timer behind", async () => {
  await using target = await simulated({ segmentSize: 1 << 20, keep: 0 });
  let connects = 0;
  await using h = new LinkHarness(target, {
    onChange: ({ to }) => {
      if (to === "connected") connects++;
    },
  });
  const round = async (): Promise<void> => {
    const before = connects;
    target.simulator.disconnect();
    await h.disconnected();
    await h.clock.advance(5000);
    await h.until(() => connects > before, "connected again");
  };
  await h.connected();
  await round();
  const descriptors = countDescriptors();
  const mappings = countMappings(SEGMENT);
  const timers = h.clock.pending;
  for (let i = 0; i < 1000; i++) await round();
  assert.equal(connects, 1002);
  assert.equal(countDescriptors(), descriptors);
  assert.equal(countMappings(SEGMENT), mappings);
  assert.equal(h.clock.pending, timers);
});
