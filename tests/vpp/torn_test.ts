/**
 * A writer on another thread changes a segment as fast as it can while the reader reads. Whatever is accepted must
 * be of one moment.
 *
 * The writer keeps two rules. Outside a change it moves one counter back and forth between two values that differ
 * in both halves, so that a value read in two pieces would be a third one. In each change it moves the rows to
 * another place, fills the old one with rubbish, and gives all columns one new value, so that columns or rows of
 * two moments would not be equal.
 */
import assert from "node:assert/strict";
import { createMemfd, Mapping } from "../../ffi/mapping.ts";
import { StatSegment } from "../../src/simulator/statsegment.ts";
import { Segment } from "../../src/vpp/segment.ts";
import { STAT_NAMES } from "../../src/vpp/stats.ts";

const SIZE = 1 << 20;
const COLUMNS = 64;
/** The two values of the flickering counter: one octet apart, with a carry into the upper half. */
const LOW = 0xffffffff;
const HIGH = 0x1_0000_0000;
const RUN_MS = Number(Deno.env.get("MAGLEV_TEST_TORN_MS") ?? 10_000);

Deno.test("segment: no torn value is accepted while another thread writes as fast as it can", async () => {
  using memory = createMemfd("maglev-torn", SIZE);
  using mapping = new Mapping(memory, SIZE, "write");
  const written = new StatSegment(mapping.buffer, { workers: 1, bootTime: 1 });
  for (let column = 1; column < COLUMNS; column++) written.vipAdded(column);
  using readable = new Mapping(memory, SIZE);
  const segment = new Segment(readable.buffer);
  const worker = new Worker(new URL("torn_writer.ts", import.meta.url), { type: "module" });
  const message = () =>
    new Promise<{ changes: number; writes: number }>((resolve, reject) => {
      worker.onmessage = (event) => resolve(event.data);
      worker.onerror = (event) => reject(event.error ?? new Error(event.message));
    });
  try {
    const ready = message();
    worker.postMessage({ fd: memory.number, size: SIZE, runMs: RUN_MS, columns: COLUMNS });
    await ready;
    const done = message();
    const columns = Array.from({ length: COLUMNS - 1 }, (_, i) => i + 1);
    // The flickering counter again and again: one look seldom meets the moment between two halves.
    const again = new Array<number>(500).fill(1);
    const tally = { ok: 0, busy: 0, stale: 0 };
    const flickers = new Set<number>();
    const seen = new Set<number>();
    const end = Date.now() + RUN_MS - 200;
    while (Date.now() < end) {
      const read = segment.read(() => {
        const places = segment.find(STAT_NAMES);
        return [
          segment.sumSimple(places.get("first session packet") ?? -1, columns),
          segment.sumSimple(places.get("untracked packet") ?? -1, again),
        ] as const;
      });
      tally[read.outcome]++;
      if (read.outcome !== "ok") continue;
      const [sums, flickering] = read.value;
      assert.equal(new Set(sums).size, 1, `columns of two moments: ${[...new Set(sums)]}`);
      assert.equal((sums[0] ?? 1) % 2, 0, "rows of two moments: both threads have the same value");
      for (const flicker of flickering) {
        assert.ok(flicker === LOW || flicker === HIGH, `a torn value: ${flicker.toString(16)}`);
        flickers.add(flicker);
      }
      seen.add(sums[0] ?? 0);
    }
    const { changes, writes } = await done;
    // The test is worth something only if both sides were busy and met.
    assert.ok(changes > 1000 && writes > 100_000, `the writer made ${changes} changes and ${writes} writes`);
    assert.ok(
      tally.ok > 100 && seen.size > 50 && flickers.size === 2,
      JSON.stringify({ ...tally, seen: seen.size }),
    );
    assert.equal(tally.stale, 0);
  } finally {
    worker.terminate();
  }
});
