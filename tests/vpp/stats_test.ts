import assert from "node:assert/strict";
import type { Fd } from "../../ffi/fd.ts";
import { createMemfd, fileSize, isSealed, Mapping, resize } from "../../ffi/mapping.ts";
import { FdReceiver, sendFd, SeqpacketListener } from "../../ffi/passfd.ts";
import { StatsSocket } from "../../src/simulator/statsocket.ts";
import { systemClock } from "../../src/clock.ts";
import { ip } from "../../src/net/ip.ts";
import { VppSessionError } from "../../src/vpp/errors.ts";
import type { Outcome } from "../../src/vpp/segment.ts";
import { type Pulse, readPulse, StatsSource, StatsWatch } from "../../src/vpp/stats.ts";
import { FakeClock } from "../fake_clock.ts";
import { countDescriptors, countMappings } from "./support.ts";
import { LinkHarness } from "./link_harness.ts";
import { Bench, simulated, vipOf } from "./targets.ts";

const ok = (bootTime: number | null, heartbeat: number | null): Outcome<Pulse> => ({
  outcome: "ok",
  value: { bootTime, heartbeat },
});
const stale: Outcome<Pulse> = { outcome: "stale", problem: "rubbish" };
const busy: Outcome<Pulse> = { outcome: "busy" };

/** Looks every 5 s; returns the first sentence and when it came, in s. */
function watch(reads: (second: number) => Outcome<Pulse>, seconds = 300): string | null {
  const stats = new StatsWatch();
  for (let second = 0; second <= seconds; second += 5) {
    const lost = stats.step(reads(second), second * 1000);
    if (lost !== null) return `${second}: ${lost}`;
  }
  return null;
}

Deno.test("stats: a VPP that lives is never lost", () => {
  assert.equal(watch((second) => ok(1000, Math.floor(second / 10))), null);
  assert.equal(watch((second) => second % 30 === 0 ? stale : ok(1000, Math.floor(second / 10))), null);
  assert.equal(watch(() => busy), null, "busy is no failure");
  assert.equal(watch(() => ok(null, null)), null, "what was never there cannot stand still");
});

Deno.test("stats: another boot time is another VPP, at once", () => {
  const lost = watch((second) => ok(second < 50 ? 1000 : 1001, second));
  assert.equal(lost, "50: VPP was restarted: its boot time changed from 1000 to 1001");
});

Deno.test("stats: a heartbeat that stood still for 60 s is lost, one that stood still for 55 s is not", () => {
  assert.equal(watch(() => ok(1000, 7)), "60: VPP's heartbeat has not moved for 60 s");
  assert.equal(watch((second) => ok(1000, Math.floor(second / 60))), null);
});

Deno.test("stats: reads that make no sense for 30 s are lost, a good one in between starts anew", () => {
  assert.equal(
    watch((second) => second < 10 ? ok(1000, second) : stale),
    "35: the stats segment has made no sense for 30 s: rubbish",
  );
  assert.equal(watch((second) => second % 25 === 0 ? ok(1000, second) : stale), null);
});

Deno.test("stats: time in which nobody looked is not held against VPP", () => {
  const stats = new StatsWatch();
  assert.equal(stats.step(ok(1000, 7), 0), null);
  assert.equal(stats.step(ok(1000, 7), 3_600_000), null);
  assert.equal(stats.step(stale, 7_200_000), null);
});

/** Serves one descriptor once. */
async function withStatsSocket(
  serve: (listener: SeqpacketListener) => void,
  run: (path: string) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "maglev-stats-" });
  try {
    using listener = new SeqpacketListener(`${dir}/stats.sock`);
    const accepting = setInterval(() => serve(listener), 1);
    try {
      await run(`${dir}/stats.sock`);
    } finally {
      clearInterval(accepting);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const sending = (size: number) => (listener: SeqpacketListener) => {
  using connection = listener.accept();
  if (connection === null) return;
  using memory = createMemfd("maglev-bad", size);
  sendFd(connection, memory);
};

Deno.test("stats: what cannot be a segment is refused, and leaves nothing behind", async () => {
  const before = countDescriptors();
  const refused = async (path: string, why: RegExp, deadlineMs = 1000) => {
    await assert.rejects(StatsSource.open(path, systemClock, deadlineMs), (error) => {
      assert.ok(error instanceof VppSessionError);
      assert.equal(error.end, "stats");
      assert.match(error.message, why);
      return true;
    });
  };
  await refused("/nonexistent/stats.sock", /cannot open the stats segment at \/nonexistent.*ENOENT/);
  await withStatsSocket(() => {}, (path) => refused(path, /sent no descriptor within 0.02 s/, 20));
  await withStatsSocket(
    (listener) => listener.accept()?.[Symbol.dispose](),
    (path) => refused(path, /no descriptor in the message/),
  );
  await withStatsSocket(sending(0), (path) => refused(path, /Cannot map 0 octets/));
  await withStatsSocket(sending(16), (path) => refused(path, /cannot have 16 octets/));
  assert.equal(countDescriptors(), before);
  assert.equal(countMappings("maglev-bad"), 0);
});

Deno.test("stats: an empty segment opens, and its reads are stale; a closed one is never read again", async () => {
  await withStatsSocket(sending(4096), async (path) => {
    const stats = await StatsSource.open(path, systemClock, 1000);
    assert.equal((await stats.read(readPulse)).outcome, "stale");
    assert.equal(countMappings("maglev-bad"), 1);
    stats[Symbol.dispose]();
    assert.equal(countMappings("maglev-bad"), 0);
    assert.deepEqual(await stats.read(readPulse), {
      outcome: "stale",
      problem: "the segment is no longer mapped",
    });
  });
});

Deno.test("stats: a busy segment is looked at a few times, a little apart", async () => {
  await using target = await simulated();
  const clock = new FakeClock();
  const opening = StatsSource.open(target.stats, clock, 5000);
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    await clock.advance(2);
  }
  using stats = await opening;
  using _change = target.simulator.vpp.stats.change();
  const read = stats.read(readPulse);
  await clock.advance(100);
  assert.deepEqual(await read, busy);
});

const web = vipOf("203.0.113.1");
const tls = vipOf("203.0.113.1", 443);

for (const workers of [0, 1, 4]) {
  Deno.test(`counters: packets of VIPs and servers are counted over ${workers} worker threads`, async () => {
    await using target = await simulated({ workers });
    await using bench = await Bench.open(target);
    const { lb, counters } = bench.session;
    assert.ok(counters);
    await bench.add(web, { "10.77.0.1": 100 });
    await bench.add(tls, { "10.77.0.1": 100, "10.77.0.2": 0 });
    await bench.add(vipOf("203.0.113.2"), { "10.77.0.2": 0 });
    await lb.readAll();
    const send = (vip: string, port: number, thread: number, packets = 1) =>
      target.simulator.forward({
        client: ip("198.18.0.1"),
        clientPort: 40_000 + thread,
        vip: ip(vip),
        port,
        protocol: 6,
        packets,
        octets: 100,
        thread,
      });
    for (let thread = 0; thread <= workers; thread++) {
      send("203.0.113.1", 80, thread, 3);
      send("203.0.113.1", 443, thread);
      send("203.0.113.1", 9999, thread);
      send("203.0.113.2", 80, thread);
    }
    assert.equal((await counters.poll()).outcome, "ok");
    const n = workers + 1;
    const { counts } = counters;
    assert.ok(counts);
    assert.deepEqual(counts.vips, [
      // Packets and octets are the prefix's, so both VIPs of it show them.
      { ...web, next: 2 * n, first: n, untracked: 0, noServer: 0, packets: 5 * n, bytes: 500 * n },
      { ...tls, next: 0, first: n, untracked: 0, noServer: 0, packets: 5 * n, bytes: 500 * n },
      { ...vipOf("203.0.113.2"), next: 0, first: 0, untracked: 0, noServer: n, packets: n, bytes: 100 * n },
    ]);
    assert.deepEqual(counts.servers, [
      { address: "10.77.0.1", packets: 4 * n, bytes: 4 * 124 * n, vips: [web, tls] },
      { address: "10.77.0.2", packets: 0, bytes: 0, vips: [tls, vipOf("203.0.113.2")] },
    ]);
    assert.equal(counts.unmatched, n);
  });
}

Deno.test("counters: routes are looked up when VIPs or servers changed, each once, and not again", async () => {
  await using target = await simulated();
  await using bench = await Bench.open(target);
  const { lb, counters } = bench.session;
  assert.ok(counters);
  await bench.add(web, { "10.77.0.1": 100, "10.77.0.2": 100 });
  await bench.add(tls, { "10.77.0.2": 100 });
  const lookups = async (): Promise<string[]> => {
    await lb.readAll();
    target.simulator.recorder.take();
    await counters.poll();
    return target.simulator.recorder.take().filter((one) => one.name === "ip_route_lookup")
      .map((one) => (one.body as { prefix: string }).prefix).toSorted();
  };
  const all = ["10.77.0.1/32", "10.77.0.2/32", "203.0.113.1/32"];
  assert.deepEqual(await lookups(), all);
  assert.deepEqual(await lookups(), []);
  await bench.done({ kind: "as-weight", vip: web, address: ip("10.77.0.1"), weight: 5, flush: false });
  assert.deepEqual(await lookups(), [], "a weight changes no route");
  await bench.done({ kind: "as-add", vip: web, address: ip("10.77.0.3"), weight: 5 });
  assert.deepEqual(await lookups(), ["10.77.0.1/32", "10.77.0.2/32", "10.77.0.3/32", "203.0.113.1/32"]);
  assert.deepEqual(await lookups(), []);
  const index = async (): Promise<number | null | undefined> =>
    (await lb.readAll()).vips.find((vip) => vip.port === tls.port)?.index;
  const first = await index();
  await bench.done({ kind: "vip-delete", vip: tls, encap: "gre4" });
  await bench.add(tls, { "10.77.0.2": 100 });
  assert.notEqual(await index(), first);
  assert.equal((await lookups()).length, 4, "a VIP that was made anew is counted in another column");
});

Deno.test("counters: before the first VIP, and with nothing to count, there is an empty answer", async () => {
  await using target = await simulated();
  await using bench = await Bench.open(target);
  const { counters } = bench.session;
  assert.ok(counters);
  assert.equal((await counters.poll()).outcome, "ok");
  assert.deepEqual({ ...counters.counts, readAt: 0 }, { readAt: 0, vips: [], servers: [], unmatched: 0 });
});

/** The segment that the socket at `path` gives, copied into a file that can be cut. */
async function cuttable(path: string): Promise<Fd> {
  using receiver = new FdReceiver(path);
  let fd = receiver.receive();
  for (let tries = 0; fd === null && tries < 500; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    fd = receiver.receive();
  }
  using original = fd ?? assert.fail("no descriptor came");
  assert.equal(isSealed(original), true, "the simulator seals as VPP does");
  assert.throws(() => resize(original, 4096), /EPERM/);
  const size = fileSize(original);
  const copy = createMemfd("maglev-cut", size, false);
  using from = new Mapping(original, size);
  using to = new Mapping(copy, size, "write");
  new Uint8Array(to.buffer).set(new Uint8Array(from.buffer));
  return copy;
}

Deno.test("stats: a segment that VPP did not seal is used with one warning; when it is cut, the daemon lives", async () => {
  await using target = await simulated();
  using memory = await cuttable(target.stats);
  const path = `${target.stats}.cut`;
  using _socket = new StatsSocket(path, memory);
  await using h = new LinkHarness({ api: target.api, stats: path });
  await h.connected();
  assert.deepEqual(h.log.names.filter((name) => /stats/.test(name)), ["warn vpp-stats-unsealed"]);
  const stats = await openStats(path);
  const whole = await stats.read(readPulse);
  assert.equal(whole.outcome, "ok");
  const size = fileSize(memory);
  resize(memory, 4096);
  const problem = `VPP cut it from ${size} octets to 4096`;
  // Without a look at the size this read would end the process by SIGBUS.
  assert.deepEqual(await stats.read(readPulse), { outcome: "stale", problem });
  stats[Symbol.dispose]();
  await h.pass(40_000);
  const lost = h.log.lines.find(({ msg }) => msg === "vpp-disconnect");
  assert.equal(lost?.attrs.reason, `the stats segment has made no sense for 30 s: ${problem}`);
});

Deno.test("stats: a sealed segment needs no descriptor and no warning", async () => {
  await using target = await simulated();
  await using h = new LinkHarness(target);
  await h.connected();
  assert.deepEqual(h.log.names, ["info vpp-connect"]);
  const before = countDescriptors();
  using stats = await openStats(target.stats);
  assert.equal(stats.sealed, true);
  assert.equal(countDescriptors(), before);
});

const openStats = (path: string) => StatsSource.open(path, systemClock, 5000);
