import assert from "node:assert/strict";
import fc from "fast-check";
import { systemClock } from "../../src/clock.ts";
import { Simulator } from "../../src/simulator/simulator.ts";
import { type SegmentOptions, StatSegment, VIP_COUNTERS } from "../../src/simulator/statsegment.ts";
import { type EntryValue, type Outcome, Segment } from "../../src/vpp/segment.ts";
import { StatsSource } from "../../src/vpp/stats.ts";
import { FakeClock } from "../fake_clock.ts";
import { socketDirectory } from "./raw_client.ts";

const SIZE = 4 * 1024 * 1024;

function segment(options: Partial<SegmentOptions> = {}): { writer: StatSegment; reader: Segment } {
  const buffer = new ArrayBuffer(SIZE);
  const writer = new StatSegment(buffer, { workers: 0, bootTime: 1_795_000_000, ...options });
  return { writer, reader: new Segment(buffer) };
}

function value<T>(outcome: Outcome<T>): T {
  if (outcome.outcome !== "ok") assert.fail(JSON.stringify(outcome));
  return outcome.value;
}

/** Every entry as the product's own reader sees it; an empty name is a free entry. */
function entries(reader: Segment): Map<string, EntryValue> {
  return value(reader.read(() => new Map(reader.names().map((name, place) => [name, reader.value(place)]))));
}

const VIPS = 5;

for (const workers of [0, 1, 4]) {
  Deno.test(`with ${workers} worker threads every counter reads as it was counted`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({
          name: fc.constantFrom(...VIP_COUNTERS),
          thread: fc.nat(workers),
          vip: fc.nat(VIPS - 1),
          packets: fc.nat(2 ** 31 - 1),
        })),
        fc.array(fc.record({
          name: fc.constantFrom("/net/route/to" as const, "/net/route/via" as const),
          thread: fc.nat(workers),
          route: fc.nat(40),
          packets: fc.nat(1_000_000),
          octets: fc.nat(2 ** 31 - 1),
        })),
        (vipCounts, routeCounts) => {
          const { writer, reader } = segment({ workers });
          for (let index = 1; index < VIPS; index++) writer.vipAdded(index);
          for (let index = 0; index <= 40; index++) writer.routeAdded(index);
          const plain = new Map<string, number>();
          const note = (key: string, n: number) => plain.set(key, (plain.get(key) ?? 0) + n);
          for (const { name, thread, vip, packets } of vipCounts) {
            writer.countVip(name, vip, packets, thread);
            note(`${name} ${thread} ${vip}`, packets);
          }
          for (const { name, thread, route, packets, octets } of routeCounts) {
            writer.countRoute(name, route, packets, octets, thread);
            note(`${name} ${thread} ${route} packets`, packets);
            note(`${name} ${thread} ${route} bytes`, octets);
          }
          const read = entries(reader);
          for (const name of VIP_COUNTERS) {
            const entry = read.get(name);
            assert.equal(entry?.kind, "simple");
            assert.deepEqual(
              entry.rows,
              Array.from(
                { length: workers + 1 },
                (_, thread) =>
                  Array.from({ length: VIPS }, (_, vip) => plain.get(`${name} ${thread} ${vip}`) ?? 0),
              ),
            );
            for (let vip = 0; vip < VIPS; vip++) {
              assert.equal(
                writer.vipSum(name, vip),
                entry.rows.reduce((sum, row) => sum + (row[vip] ?? 0), 0),
              );
            }
          }
          for (const name of ["/net/route/to", "/net/route/via"]) {
            const entry = read.get(name);
            assert.equal(entry?.kind, "combined");
            assert.equal(entry.rows.length, workers + 1);
            entry.rows.forEach((row, thread) => {
              assert.equal(row.length, 41);
              row.forEach(({ packets, bytes }, route) => {
                assert.equal(packets, plain.get(`${name} ${thread} ${route} packets`) ?? 0);
                assert.equal(bytes, plain.get(`${name} ${thread} ${route} bytes`) ?? 0);
              });
            });
          }
          assert.deepEqual(read.get("/sys/num_worker_threads"), { kind: "gauge", value: workers });
        },
      ),
      { numRuns: 25 },
    );
  });
}

Deno.test("the directory has every kind of entry, and the plugin's counters only after the first VIP", () => {
  const { writer, reader } = segment({ otherEntries: 3000 });
  const before = entries(reader);
  assert.ok(before.size > 3000);
  assert.deepEqual(before.get("/sys/boottime"), { kind: "scalar", value: 1_795_000_000 });
  assert.deepEqual(before.get("/if/names"), { kind: "names", names: ["local0", null, null] });
  assert.deepEqual(before.get("/sys/latency"), { kind: "other" });
  assert.deepEqual(before.get(""), { kind: "other" }, "a free entry");
  assert.deepEqual(before.get("/mem/stat segment/total"), { kind: "symlink", value: SIZE, bytes: null });
  assert.deepEqual(before.get("/err/simulated-node-93/error 23"), { kind: "symlink", value: 0, bytes: null });
  for (const name of VIP_COUNTERS) assert.equal(before.has(name), false);
  writer.vipAdded(1);
  for (const name of VIP_COUNTERS) {
    assert.deepEqual(entries(reader).get(name), { kind: "simple", rows: [[0, 0]] });
  }
});

Deno.test("a change of a pointer moves the epoch and shows in_progress; counting does neither", () => {
  const buffer = new ArrayBuffer(SIZE);
  const writer = new StatSegment(buffer, { workers: 1, bootTime: 1 });
  const view = new DataView(buffer);
  const epoch = () => view.getBigUint64(16, true);
  const reader = new Segment(buffer);
  writer.vipAdded(1);
  let last = epoch();
  writer.countVip("untracked packet", 1, 5, 1);
  writer.vipAdded(2);
  assert.equal(epoch(), last, "a column within the room that is there");
  writer.vipAdded(200);
  assert.ok(epoch() > last, "a column beyond it moves the rows");
  last = epoch();
  writer.move("untracked packet");
  assert.ok(epoch() > last);
  assert.equal(writer.vipSum("untracked packet", 1), 5, "moved with its counts");
  last = epoch();
  const outer = writer.change();
  writer.vipAdded(5000);
  assert.equal(view.getBigUint64(24, true), 1n);
  assert.deepEqual(reader.read(() => 1), { outcome: "busy" });
  assert.equal(epoch(), last, "raised when the outermost change is done");
  outer[Symbol.dispose]();
  assert.equal(view.getBigUint64(24, true), 0n);
  assert.ok(epoch() > last);
  assert.equal(reader.read(() => 1).outcome, "ok");
});

Deno.test("an index that is given again starts at 0", () => {
  const { writer } = segment();
  writer.vipAdded(1);
  writer.countVip("first session packet", 1, 9);
  writer.vipAdded(1);
  assert.equal(writer.vipSum("first session packet", 1), 0);
  writer.routeAdded(3);
  assert.throws(() => writer.countRoute("/net/route/to", 4, 1, 1), /not there/);
  assert.throws(() => writer.countVip("first session packet", 1, 1, 1), /thread 1/);
});

Deno.test("scalars can be doubles, as VPP wrote them before 25.10", () => {
  const { writer, reader } = segment({ scalarsAsDoubles: true, workers: 2 });
  writer.beat();
  writer.beat();
  const read = entries(reader);
  assert.deepEqual(read.get("/sys/boottime"), { kind: "scalar", value: 1_795_000_000 });
  assert.deepEqual(read.get("/sys/heartbeat"), { kind: "scalar", value: 2 });
  assert.deepEqual(read.get("/sys/num_worker_threads"), { kind: "gauge", value: 2 });
});

Deno.test("a segment that is full says so", () => {
  const writer = new StatSegment(new ArrayBuffer(16384), { workers: 0, bootTime: 1 });
  assert.throws(() => writer.routeAdded(100_000), /full/);
});

Deno.test("the segment is handed over by its socket, beats every 10 s, and is another one after a restart", async () => {
  await using sockets = await socketDirectory();
  const clock = new FakeClock();
  await using simulator = await Simulator.start({ ...sockets, clock, workers: 1 });
  const open = () => StatsSource.open(sockets.stats, systemClock, 5000);
  const read = async (source: StatsSource, name: string) => {
    const found = value(await source.read((segment) => segment.scalar(segment.names().indexOf(name))));
    return found;
  };
  using first = await open();
  assert.equal(await read(first, "/sys/boottime"), simulator.bootTime);
  assert.equal(simulator.bootTime, Math.floor(clock.wall() / 1000));
  const beat = await read(first, "/sys/heartbeat");
  await clock.advance(9_999);
  assert.equal(await read(first, "/sys/heartbeat"), beat);
  await clock.advance(20_001);
  assert.equal(await read(first, "/sys/heartbeat"), beat + 3);
  simulator.faults.noHeartbeat = true;
  await clock.advance(60_000);
  assert.equal(await read(first, "/sys/heartbeat"), beat + 3, "a main thread that is stuck");
  simulator.faults.noHeartbeat = false;
  const before = simulator.bootTime;
  await simulator.restart();
  using second = await open();
  assert.ok(simulator.bootTime > before);
  assert.equal(await read(second, "/sys/boottime"), simulator.bootTime);
  await clock.advance(10_000);
  assert.equal(await read(first, "/sys/boottime"), before, "who mapped the old one still sees it");
  assert.equal(await read(first, "/sys/heartbeat"), beat + 3, "and that it no longer beats");
});
