// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * The stats segment: the counters of 1,000 VIPs × 8 servers over two threads, and the search of a directory of
 * 10,000 entries. The peer is the same read of the counters as bigints, value by value.
 */
import { createMemfd, Mapping } from "../../ffi/mapping.ts";
import { StatSegment } from "../../src/simulator/statsegment.ts";
import { Segment } from "../../src/vpp/segment.ts";
import { readPulse, STAT_NAMES, VIP_COUNTERS } from "../../src/vpp/stats.ts";
import { median } from "./vpp_target.ts";

const RUNS = 5;
const VIPS = 1000;
const SERVERS = 8000;
const ENTRIES = 10_000;
const SIZE = 32 * 1024 * 1024;

function show(what: string, unit: string, runs: readonly number[], limit: string): void {
  const list = runs.map((run) => run.toFixed(3)).join(" ");
  console.log(`${what}: ${median(runs).toFixed(3)} ${unit} (${limit}); runs ${list}`);
}

/** Average of `times` calls, five times over, after warming up; in ms. */
function repeat(times: number, measure: () => void): number[] {
  for (let i = 0; i < times; i++) measure();
  return Array.from({ length: RUNS }, () => {
    const start = performance.now();
    for (let i = 0; i < times; i++) measure();
    return (performance.now() - start) / times;
  });
}

console.log(`load average ${Deno.loadavg().map((load) => load.toFixed(2)).join(" ")}`);
using memory = createMemfd("maglev-bench", SIZE);
using writable = new Mapping(memory, SIZE, "write");
const written = new StatSegment(writable.buffer, { workers: 1, bootTime: 1, otherEntries: ENTRIES });
for (let index = 1; index <= VIPS; index++) written.vipAdded(index);
for (let index = 0; index < VIPS + SERVERS; index++) written.routeAdded(index);
written.countVip("first session packet", VIPS, 12, 1);
using readable = new Mapping(memory, SIZE);
const segment = new Segment(readable.buffer);
const vipColumns = Array.from({ length: VIPS + 1 }, (_, i) => i);
const prefixColumns = Array.from({ length: VIPS }, (_, i) => i);
const serverColumns = Array.from({ length: SERVERS }, (_, i) => VIPS + i);

function counters(columns: readonly number[]): void {
  const read = segment.read(() => {
    const places = segment.find(STAT_NAMES);
    readPulse(segment);
    const sums = VIP_COUNTERS.map((name) => segment.sumSimple(places.get(name) ?? -1, vipColumns));
    segment.sumCombined(places.get("/net/route/to") ?? -1, prefixColumns);
    segment.sumCombined(places.get("/net/route/via") ?? -1, columns);
    return sums;
  });
  if (read.outcome !== "ok" || read.value[1]?.[VIPS] !== 12) {
    throw new Error(JSON.stringify(read).slice(0, 200));
  }
}

/** The same values by the plain way: a bigint for each. */
function plain(): bigint {
  const words = new BigUint64Array(readable.buffer);
  let sum = 0n;
  const values = 2 * (VIP_COUNTERS.length * VIPS + 2 * VIPS);
  for (let i = 0; i < values; i++) sum += BigInt(Number(words[5000 + i] ?? 0n));
  return sum;
}

const vipRuns = repeat(200, () => counters([]));
const plainRuns = repeat(200, plain);
show("counters of 1,000 VIPs × 2 threads, a read", "ms", vipRuns, "wanted ≤ 0.5");
show("the same number of values as bigints", "ms", plainRuns, "the peer");
show("with 8,000 servers besides", "ms", repeat(50, () => counters(serverColumns)), "for comparison");
const epoch = new BigUint64Array(writable.buffer, 16, 1);
const before = segment.directoryScans;
const scans = repeat(50, () => {
  epoch[0] = (epoch[0] ?? 0n) + 1n;
  if (segment.read(() => segment.find(STAT_NAMES).size).outcome !== "ok") {
    throw new Error("the segment makes no sense");
  }
});
if (segment.directoryScans - before !== 50 * (RUNS + 1)) throw new Error("the directory was not searched");
show(`directory of ${ENTRIES} entries, a search`, "ms", scans, "wanted ≤ 5");
