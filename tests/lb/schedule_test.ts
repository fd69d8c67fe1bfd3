import assert from "node:assert/strict";
import fc from "fast-check";
import {
  again,
  done,
  failed,
  readBack,
  retryDelay,
  Schedule,
  type Scheduled,
  touch,
} from "../../src/lb/schedule.ts";

/** A schedule of three frontends. */
function three() {
  const records = ["a", "b", "c"].map((name): Scheduled => ({
    name,
    dueAt: null,
    readBackAt: null,
    failures: 0,
  }));
  const [a, b, c] = records;
  assert.ok(a && b && c);
  return { schedule: new Schedule(() => records), records, a, b };
}

Deno.test("retries wait 250 ms, then double up to 30 s, spread by a tenth", () => {
  const middle = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1000].map((failures) => retryDelay(failures, 0.5));
  assert.deepEqual(middle, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  assert.ok(Math.abs(retryDelay(1, 0) - 225) < 1e-9);
  assert.ok(Math.abs(retryDelay(1, 1) - 275) < 1e-9);
});

Deno.test("however often a VIP is touched, one sync waits", () => {
  const { a, b, schedule } = three();
  for (let i = 0; i < 100; i++) [a, b].forEach((record) => touch(record, i));
  assert.equal(schedule.length, 2);
  assert.deepEqual(schedule.take(100, false), { kind: "vips", frontends: ["a", "b"] });
  assert.equal(schedule.take(100, false), null);
});

Deno.test("a touch during a sync waits for the next one", () => {
  const { a, schedule } = three();
  touch(a, 0);
  schedule.take(0, false);
  touch(a, 1);
  done(a);
  assert.deepEqual(schedule.take(1, false), { kind: "vips", frontends: ["a"] });
});

Deno.test("VIPs come before a full sync, but not twice in a row; without known settings it comes first", () => {
  const { a, b, schedule } = three();
  touch(a, 0);
  schedule.touchAll(0);
  assert.deepEqual(schedule.take(0, false), { kind: "vips", frontends: ["a"] });
  touch(b, 0);
  assert.deepEqual(schedule.take(0, false), { kind: "all" });
  assert.equal(schedule.take(0, false), null, "a full sync covers the VIPs that wait");
  touch(a, 0);
  schedule.touchAll(0);
  assert.deepEqual(schedule.take(0, true), { kind: "all" });
});

Deno.test("between the groups of a read the VIPs that are due are taken, and the full sync goes on waiting", () => {
  const { a, schedule } = three();
  touch(a, 0);
  schedule.touchAll(0);
  assert.deepEqual(schedule.takeDueVips(0), ["a"]);
  assert.deepEqual(schedule.takeDueVips(0), []);
  assert.deepEqual(schedule.take(0, false), { kind: "all" });
});

Deno.test("a failure waits, a touch does not wait for it, success forgets it", () => {
  const { a, schedule } = three();
  touch(a, 0);
  schedule.take(0, false);
  failed(a, 0, 0.5);
  assert.equal(schedule.dueAt, 250);
  assert.equal(schedule.take(249, false), null);
  touch(a, 100);
  assert.notEqual(schedule.take(100, false), null);
  failed(a, 100, 0.5);
  assert.equal(schedule.dueAt, 600);
  schedule.take(600, false);
  done(a);
  assert.equal(schedule.dueAt, null);
  failed(a, 1_000, 0.5);
  assert.equal(schedule.dueAt, 1_250);
});

Deno.test("a VIP that was other than read is read at once, then with a pause; a change is read back within a second", () => {
  const { a, schedule } = three();
  again(a, 0, 0.5);
  assert.equal(schedule.dueAt, 0);
  schedule.take(0, false);
  again(a, 0, 0.5);
  assert.equal(schedule.dueAt, 500);
  schedule.take(500, false);
  readBack(a, 600);
  readBack(a, 700);
  assert.equal(schedule.length, 0, "reading back is no sync that waits");
  assert.equal(schedule.dueAt, 1_100);
  assert.deepEqual(schedule.take(1_100, false), { kind: "vips", frontends: ["a"] });
});

Deno.test("the next full sync is due one interval after the start of the last; missed turns are skipped", () => {
  const { schedule } = three();
  schedule.takeAll();
  schedule.allDone(1_000, 1_200, 30_000);
  assert.equal(schedule.dueAt, 31_000);
  schedule.take(31_000, false);
  schedule.allDone(31_000, 200_000, 30_000);
  assert.equal(schedule.dueAt, 200_000);
});

Deno.test("a failed full sync is retried before the interval, and not after it", () => {
  const { schedule } = three();
  for (let failures = 0; failures < 12; failures++) {
    schedule.takeAll();
    schedule.allFailed(0, 100, 1_000, 0.5);
    assert.equal(schedule.dueAt, Math.min(1_000, 100 + retryDelay(failures + 1, 0.5)));
  }
});

Deno.test("nothing that was touched is lost, whatever the order", () => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant("touch" as const), name: fc.constantFrom("a", "b", "c") }),
    fc.record({ kind: fc.constant("all" as const) }),
    fc.record({ kind: fc.constant("take" as const), first: fc.boolean() }),
    fc.record({ kind: fc.constant("fail" as const), name: fc.constantFrom("a", "b", "c") }),
  );
  fc.assert(fc.property(fc.array(event), (events) => {
    const { records, schedule } = three();
    const waiting = new Set<string>();
    const record = (name: string) => records.find((one) => one.name === name) ?? assert.fail();
    let now = 0;
    for (const e of events) {
      now += 1;
      if (e.kind === "touch") {
        touch(record(e.name), now);
        waiting.add(e.name);
      } else if (e.kind === "all") schedule.touchAll(now);
      else if (e.kind === "fail") {
        failed(record(e.name), now, 0.5);
        waiting.add(e.name);
      } else {
        const due = schedule.take(now, e.first);
        if (due?.kind === "all") waiting.clear();
        else for (const name of due?.frontends ?? []) waiting.delete(name);
      }
    }
    for (const name of waiting) assert.notEqual(record(name).dueAt, null);
  }));
});

Deno.test("new VIPs are read once more within a second, and again no sooner than 10 s later", () => {
  const { schedule } = three();
  const full = (now: number) => schedule.take(now, false)?.kind === "all";
  schedule.connected(0);
  assert.ok(full(0));
  assert.equal(schedule.setChanged(0), true, "read within a second");
  schedule.allDone(0, 0, 60_000);
  assert.equal(schedule.setChanged(250), true, "by the same read");
  assert.equal(schedule.dueAt, 500);
  assert.ok(full(500));
  assert.equal(schedule.setChanged(600), false, "the next is too far");
  schedule.allDone(500, 600, 60_000);
  assert.equal(schedule.dueAt, 10_500);
  assert.ok(full(10_500));
  schedule.allDone(10_500, 10_500, 60_000);
  schedule.setChanged(50_000);
  assert.equal(schedule.dueAt, 50_500);
  schedule.connected(50_250);
  assert.ok(full(50_250));
  schedule.setChanged(50_600);
  assert.equal(schedule.dueAt, 51_100);
});

Deno.test("drift makes a full sync due in a second, and for its sake at most every 10 s", () => {
  const { schedule } = three();
  schedule.connected(0);
  assert.equal(schedule.take(0, false)?.kind, "all");
  schedule.allDone(0, 0, 3_600_000);
  schedule.drifted(5_000);
  schedule.drifted(5_500);
  assert.equal(schedule.dueAt, 6_000);
  assert.equal(schedule.take(6_000, false)?.kind, "all");
  schedule.allDone(6_000, 6_000, 3_600_000);
  schedule.drifted(6_100);
  assert.equal(schedule.dueAt, 16_000);
});
