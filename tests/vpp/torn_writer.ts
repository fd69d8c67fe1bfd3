/** The writer of the test of torn values; runs in a worker. */
/// <reference lib="deno.worker" />
import { Fd } from "../../ffi/fd.ts";
import { Mapping } from "../../ffi/mapping.ts";
import { Segment } from "../../src/vpp/segment.ts";
import { STAT_NAMES } from "../../src/vpp/stats.ts";

interface Task {
  readonly fd: number;
  readonly size: number;
  readonly runMs: number;
  readonly columns: number;
}

self.onmessage = ({ data: { fd: number, size, runMs, columns } }: MessageEvent<Task>) => {
  // The descriptor belongs to the other thread.
  const fd = new Fd(number);
  using mapping = new Mapping(fd, size, "write");
  fd.release();
  const words = new BigUint64Array(mapping.buffer);
  const lengths = new Uint32Array(mapping.buffer);
  const base = words[1] ?? 0n;
  const offset = (pointer: bigint): number => Number(pointer - base);
  const segment = new Segment(mapping.buffer);
  const read = segment.read(() => segment.find(STAT_NAMES));
  if (read.outcome !== "ok") throw new Error("the segment was not ready");
  const directory = offset(words[4] ?? 0n);
  const table = (name: string): number => {
    const place = read.value.get(name) ?? -1;
    return offset(words[(directory + 144 * place + 8) / 8] ?? 0n);
  };
  const moving = table("first session packet");
  const flickering = table("untracked packet");
  const threads = lengths[(moving - 8) / 4] ?? 0;
  const rowOf = (at: number, thread: number): number => offset(words[at / 8 + thread] ?? 0n);

  // Two places for each row, at the end of the memory; the rows jump from one to the other.
  const room = 8 + 8 * columns;
  const places = [0, 1].map((side) =>
    Array.from({ length: threads }, (_, thread) => size - 8192 + (side * threads + thread) * room + 8)
  );
  const cell = rowOf(flickering, 0) / 8 + 1;
  let changes = 0;
  let writes = 0;
  let side = 0;
  let value = 0n;
  words[cell] = 0xffffffffn;
  self.postMessage({ changes, writes });
  const end = Date.now() + runMs;
  while (Date.now() < end) {
    words[3] = 1n;
    side = 1 - side;
    value++;
    for (let thread = 0; thread < threads; thread++) {
      const to = places[side]?.[thread] ?? 0;
      const from = places[1 - side]?.[thread] ?? 0;
      lengths[(to - 8) / 4] = columns;
      words.fill(value, to / 8, to / 8 + columns);
      words[moving / 8 + thread] = base + BigInt(to);
      lengths[(from - 8) / 4] = 0xffffffff;
      words.fill(0xdeadbeefn + value, from / 8, from / 8 + columns);
    }
    words[2] = (words[2] ?? 0n) + 1n;
    words[3] = 0n;
    changes++;
    for (let i = 0; i < 2000; i++) {
      words[cell] = 0x1_0000_0000n;
      words[cell] = 0xffffffffn;
    }
    writes += 4000;
  }
  self.postMessage({ changes, writes });
};
