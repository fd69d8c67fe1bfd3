import assert from "node:assert/strict";
import fc from "fast-check";
import { retryDelay, SyncQueue } from "../../src/lb/queue.ts";

Deno.test("retries wait 250 ms, then double up to 30 s, spread by a tenth", () => {
  const middle = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1000].map((failures) => retryDelay(failures, 0.5));
  assert.deepEqual(middle, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  assert.ok(Math.abs(retryDelay(1, 0) - 225) < 1e-9);
  assert.ok(Math.abs(retryDelay(1, 1) - 275) < 1e-9);
});

Deno.test("however often a VIP is touched, one sync waits", () => {
  const queue = new SyncQueue();
  for (let i = 0; i < 100; i++) queue.touch(["a", "b"], i);
  assert.equal(queue.length, 2);
  assert.deepEqual(queue.take(100, false), { kind: "vips", frontends: ["a", "b"] });
  assert.equal(queue.take(100, false), null);
});

Deno.test("a touch during a sync waits for the next one", () => {
  const queue = new SyncQueue();
  queue.touch(["a"], 0);
  queue.take(0, false);
  queue.touch(["a"], 1);
  queue.vipDone("a");
  assert.deepEqual(queue.take(1, false), { kind: "vips", frontends: ["a"] });
});

Deno.test("VIPs come before a full sync, but not twice in a row; without known settings it comes first", () => {
  const queue = new SyncQueue();
  queue.touch(["a"], 0);
  queue.touchAll(0);
  assert.deepEqual(queue.take(0, false), { kind: "vips", frontends: ["a"] });
  queue.touch(["b"], 0);
  assert.deepEqual(queue.take(0, false), { kind: "all" });
  assert.equal(queue.take(0, false), null, "a full sync covers the VIPs that wait");
  queue.touch(["a"], 0);
  queue.touchAll(0);
  assert.deepEqual(queue.take(0, true), { kind: "all" });
});

Deno.test("a failure waits, a touch does not wait for it, success forgets it", () => {
  const queue = new SyncQueue();
  queue.touch(["a"], 0);
  queue.take(0, false);
  queue.vipFailed("a", 0, 0.5);
  assert.equal(queue.dueAt, 250);
  assert.equal(queue.take(249, false), null);
  queue.touch(["a"], 100);
  assert.notEqual(queue.take(100, false), null);
  queue.vipFailed("a", 100, 0.5);
  assert.equal(queue.dueAt, 600);
  queue.take(600, false);
  queue.vipDone("a");
  assert.equal(queue.dueAt, null);
  queue.vipFailed("a", 1_000, 0.5);
  assert.equal(queue.dueAt, 1_250);
});

Deno.test("the next full sync is due one interval after the start of the last; missed turns are skipped", () => {
  const queue = new SyncQueue();
  queue.takeAll();
  queue.allDone(1_000, 1_200, 30_000);
  assert.equal(queue.dueAt, 31_000);
  queue.take(31_000, false);
  queue.allDone(31_000, 200_000, 30_000);
  assert.equal(queue.dueAt, 200_000);
});

Deno.test("a failed full sync is retried before the interval, and not after it", () => {
  const queue = new SyncQueue();
  for (let failures = 0; failures < 12; failures++) {
    queue.takeAll();
    queue.allFailed(0, 100, 1_000, 0.5);
    assert.equal(queue.dueAt, Math.min(1_000, 100 + retryDelay(failures + 1, 0.5)));
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
    const queue = new SyncQueue();
    const owed = new Set<string>();
    let now = 0;
    for (const e of events) {
      now += 1;
      if (e.kind === "touch") {
        queue.touch([e.name], now);
        owed.add(e.name);
      } else if (e.kind === "all") queue.touchAll(now);
      else if (e.kind === "fail") {
        queue.vipFailed(e.name, now, 0.5);
        owed.add(e.name);
      } else {
        const due = queue.take(now, e.first);
        if (due?.kind === "all") owed.clear();
        else for (const name of due?.frontends ?? []) owed.delete(name);
      }
    }
    for (const name of owed) assert.ok(queue.waits(name));
  }));
});

Deno.test("new VIPs are read once more after a second, and again no sooner than 10 s later", () => {
  const queue = new SyncQueue();
  const full = (now: number) => queue.take(now, false)?.kind === "all";
  queue.restart(0);
  assert.ok(full(0));
  queue.setChanged(0);
  queue.allDone(0, 0, 60_000);
  queue.setChanged(500);
  assert.equal(queue.dueAt, 1_000);
  assert.ok(full(1_000));
  queue.setChanged(1_100);
  queue.allDone(1_000, 1_100, 60_000);
  assert.equal(queue.dueAt, 11_000);
  assert.ok(full(11_000));
  queue.allDone(11_000, 11_000, 60_000);
  queue.setChanged(50_000);
  assert.equal(queue.dueAt, 51_000);
  queue.restart(50_500);
  assert.ok(full(50_500));
  queue.setChanged(50_600);
  assert.equal(queue.dueAt, 51_600);
});
