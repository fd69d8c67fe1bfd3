import assert from "node:assert/strict";
import { Segment, SegmentError } from "../../src/vpp/segment.ts";
import { readPulse, STAT_NAMES, VIP_COUNTERS } from "../../src/vpp/stats.ts";
import { StatSegment } from "../../src/simulator/statsegment.ts";
import { recordedSegment } from "./recordings.ts";

function look<T>(segment: Segment, what: () => T): T {
  const read = segment.read(what);
  assert.equal(read.outcome, "ok", JSON.stringify(read));
  assert.ok(read.outcome === "ok");
  return read.value;
}

/** Value of an entry by name. */
function valueOf(segment: Segment, name: string): ReturnType<Segment["value"]> {
  return look(segment, () => {
    const place = segment.names().indexOf(name);
    assert.ok(place >= 0, `${name} is not in the directory`);
    return segment.value(place);
  });
}

Deno.test("segment: the recording without worker threads decodes to what was counted", async () => {
  const segment = new Segment((await recordedSegment("stats-1thread")).buffer);
  const names = look(segment, () => segment.names());
  assert.ok(names.length > 2000);
  assert.equal(names.filter((name) => name === "/net/route/to").length, 1);
  const sums = look(segment, () => {
    const places = segment.find(STAT_NAMES);
    assert.equal(places.size, STAT_NAMES.length);
    return VIP_COUNTERS.map((name) => [...segment.sumSimple(places.get(name) ?? -1, [1, 0, 999])]);
  });
  // 12 connections through VIP index 1; a column that is not there counts nothing.
  assert.deepEqual(sums, [[61, 0, 0], [12, 0, 0], [0, 0, 0], [0, 0, 0]]);
  const { bootTime, heartbeat } = look(segment, () => readPulse(segment));
  assert.ok(bootTime !== null && bootTime > 1_700_000_000 && bootTime < 2_000_000_000, String(bootTime));
  assert.ok(heartbeat !== null && Number.isInteger(heartbeat) && heartbeat < 1e6, String(heartbeat));
  assert.deepEqual(valueOf(segment, "/sys/num_worker_threads"), { kind: "gauge", value: 0 });
});

Deno.test("segment: the recording with a worker thread decodes by thread and in sum", async () => {
  const segment = new Segment((await recordedSegment("stats-2threads")).buffer);
  const rows = (name: string) => {
    const value = valueOf(segment, name);
    assert.ok(value.kind === "simple");
    return value.rows.map((row) => row.slice(1, 3));
  };
  assert.deepEqual(rows("first session packet"), [[0, 0], [0, 12]]);
  assert.deepEqual(rows("packet from existing sessions"), [[0, 0], [0, 61]]);
  assert.deepEqual(
    look(segment, () => [
      ...segment.sumSimple(segment.find(STAT_NAMES).get("first session packet") ?? -1, [1, 2]),
    ]),
    [0, 12],
  );
  assert.deepEqual(valueOf(segment, "/sys/num_worker_threads"), { kind: "gauge", value: 1 });
});

for (const name of ["stats-1thread", "stats-2threads"] as const) {
  Deno.test(`segment: every entry of ${name} has a value, and symlinks agree with what they lead to`, async () => {
    const segment = new Segment((await recordedSegment(name)).buffer);
    const kinds = new Map<string, number>();
    look(segment, () => {
      const names = segment.names();
      names.forEach((entry, place) => {
        const value = segment.value(place);
        kinds.set(value.kind, (kinds.get(value.kind) ?? 0) + 1);
        if (value.kind === "names") {
          for (const one of value.names) {
            assert.ok(one === null || /^[\x20-\x7e]*$/.test(one), `${entry}: ${one}`);
          }
        }
      });
      const total = segment.value(names.indexOf("/mem/stat segment/total"));
      const table = segment.value(names.indexOf("/mem/stat segment"));
      assert.ok(total.kind === "symlink" && table.kind === "simple");
      assert.ok(total.value > 0);
      assert.ok(table.rows.some((row) => row.includes(total.value)));
    });
    for (const kind of ["scalar", "gauge", "simple", "combined", "names", "symlink"]) {
      assert.ok((kinds.get(kind) ?? 0) > 0, `${name} holds a ${kind}`);
    }
  });
}

Deno.test("segment: the directory is searched again only when the epoch changed", async () => {
  const bytes = await recordedSegment("stats-1thread");
  const segment = new Segment(bytes.buffer);
  for (let i = 0; i < 5; i++) look(segment, () => segment.find(STAT_NAMES));
  assert.equal(segment.directoryScans, 1);
  const epoch = new BigUint64Array(bytes.buffer, 16, 1);
  epoch[0] = (epoch[0] ?? 0n) + 1n;
  for (let i = 0; i < 5; i++) look(segment, () => segment.find(STAT_NAMES));
  assert.equal(segment.directoryScans, 2);
});

for (const workers of [0, 1, 4]) {
  Deno.test(`segment: counters of ${workers} worker threads sum up over all of them`, () => {
    const buffer = new ArrayBuffer(1 << 20);
    const written = new StatSegment(buffer, { workers, bootTime: 1_800_000_000 });
    const segment = new Segment(buffer);
    assert.equal(look(segment, () => segment.find(STAT_NAMES)).has("first session packet"), false);
    written.vipAdded(1);
    written.vipAdded(2);
    written.routeAdded(7);
    for (let thread = 0; thread <= workers; thread++) {
      written.countVip("first session packet", 2, 10 + thread, thread);
      written.countRoute("/net/route/via", 7, 100 + thread, 2 ** 33 + thread, thread);
    }
    const [simple, combined] = look(segment, () => {
      const places = segment.find(STAT_NAMES);
      return [
        [...segment.sumSimple(places.get("first session packet") ?? -1, [2, 1])],
        [...segment.sumCombined(places.get("/net/route/via") ?? -1, [7, 3, Infinity])],
      ];
    });
    const threads = workers + 1;
    const extra = (workers * threads) / 2;
    assert.deepEqual(simple, [10 * threads + extra, 0]);
    assert.deepEqual(combined, [100 * threads + extra, 2 ** 33 * threads + extra, 0, 0, 0, 0]);
  });
}

Deno.test("segment: scalars are integers, and doubles of older releases are told apart", () => {
  for (const scalarsAsDoubles of [false, true]) {
    const buffer = new ArrayBuffer(1 << 20);
    const written = new StatSegment(buffer, { workers: 0, bootTime: 1_800_000_000, scalarsAsDoubles });
    const segment = new Segment(buffer);
    const pulse = () => look(segment, () => readPulse(segment));
    assert.deepEqual(pulse(), { bootTime: 1_800_000_000, heartbeat: 0 });
    written.beat();
    assert.deepEqual(pulse(), { bootTime: 1_800_000_000, heartbeat: 1 });
  }
});

Deno.test("segment: a change in progress is waited for, within bounds, and is busy, not stale", () => {
  const buffer = new ArrayBuffer(1 << 20);
  const written = new StatSegment(buffer, { workers: 0, bootTime: 1 });
  const segment = new Segment(buffer);
  {
    using _change = written.change();
    let looks = 0;
    assert.deepEqual(segment.read(() => looks++), { outcome: "busy" });
    assert.equal(looks, 0, "nothing is looked at meanwhile");
  }
  assert.equal(look(segment, () => 1), 1);
});

Deno.test("segment: what was seen across a change is thrown away and read again", () => {
  const buffer = new ArrayBuffer(1 << 20);
  const written = new StatSegment(buffer, { workers: 0, bootTime: 1 });
  written.vipAdded(1);
  const segment = new Segment(buffer);
  let looks = 0;
  const value = look(segment, () => {
    const place = segment.find(STAT_NAMES).get("first session packet") ?? -1;
    // Half of what is read comes from before the vector moved, half from after.
    if (looks++ === 0) {
      written.move("first session packet");
      written.countVip("first session packet", 1, 5);
    }
    return segment.sumSimple(place, [1])[0];
  });
  assert.equal(looks, 2);
  assert.equal(value, 5);
  // A change at every look: bounded, and busy.
  looks = 0;
  const read = segment.read(() => {
    looks++;
    written.move("first session packet");
  });
  assert.deepEqual(read, { outcome: "busy" });
  assert.ok(looks > 1 && looks <= 8);
});

Deno.test("segment: what makes no sense while nothing changes is stale, with a sentence", () => {
  const problemOf = (spoil: (view: DataView, segment: Segment) => void): string => {
    const buffer = new ArrayBuffer(1 << 16);
    new StatSegment(buffer, { workers: 0, bootTime: 1 }).vipAdded(1);
    const segment = new Segment(buffer);
    spoil(new DataView(buffer), segment);
    const read = segment.read(() => {
      const places = segment.find(STAT_NAMES);
      segment.sumSimple(places.get("first session packet") ?? -1, [1]);
      segment.value(0);
      segment.value(1);
    });
    assert.ok(read.outcome === "stale", JSON.stringify(read));
    return read.problem;
  };
  const place = (name: string, segment: Segment, view: DataView) => {
    const at = look(segment, () => segment.find(STAT_NAMES)).get(name) ?? -1;
    assert.ok(at >= 0);
    return Number(view.getBigUint64(32, true) - view.getBigUint64(8, true)) + 144 * at;
  };
  assert.match(problemOf((view) => view.setBigUint64(0, 3n, true)), /version 3/);
  assert.match(problemOf((view) => view.setBigUint64(32, 1n, true)), /pointer of the directory/);
  assert.match(problemOf((view) => view.setBigUint64(8, 2n ** 60n, true)), /pointer of the directory/);
  assert.match(
    problemOf((view) => {
      const directory = Number(view.getBigUint64(32, true) - view.getBigUint64(8, true));
      view.setUint32(directory - 8, 0xffffffff, true);
    }),
    /directory of 4294967295 elements/,
  );
  assert.match(
    problemOf((view, segment) => {
      const union = place("first session packet", segment, view) + 8;
      view.setBigUint64(union, view.getBigUint64(union, true) + 4n, true);
    }),
    /pointer of entry \d+ leads out/,
  );
  assert.match(
    problemOf((view, segment) => {
      view.setUint32(place("first session packet", segment, view), 3, true);
    }),
    /has type 3 instead of 2/,
  );
});

Deno.test("segment: memory without a header, and memory that was taken away, are errors and no crash", () => {
  assert.throws(() => new Segment(new ArrayBuffer(39)), SegmentError);
  const buffer = new ArrayBuffer(1 << 16);
  new StatSegment(buffer, { workers: 0, bootTime: 1 });
  const segment = new Segment(buffer);
  structuredClone(buffer, { transfer: [buffer] });
  assert.deepEqual(segment.read(() => readPulse(segment)), {
    outcome: "stale",
    problem: "the segment is no longer mapped",
  });
});

Deno.test("segment: a defect in what looks at it is thrown, not hidden", () => {
  const buffer = new ArrayBuffer(1 << 16);
  new StatSegment(buffer, { workers: 0, bootTime: 1 });
  const segment = new Segment(buffer);
  assert.throws(() =>
    segment.read(() => {
      throw new TypeError("defect");
    }), TypeError);
});
