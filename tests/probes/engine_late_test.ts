import assert from "node:assert/strict";
import { Asking, Bench, one, PASS, REFUSED } from "./engine_world.ts";

Deno.test("Engine: a stall moves the deadline by its length, and is told as lag", async () => {
  await using bench = new Bench();
  bench.behave = () => "silent";
  bench.engine.start([one({}, 10_000, 500)]);
  await bench.clock.advance(100);
  bench.clock.stall(1000);
  await bench.clock.advance(390);
  assert.equal(bench.reports.all.length, 0);
  await bench.clock.advance(20);
  const [report] = bench.reports.all;
  assert.equal(report?.result.code, "L4TOUT");
  assert.equal(report?.result.void, null);
  assert.ok((report?.result.lagMs ?? 0) >= 1000);
  assert.ok((report?.result.totalMs ?? 0) >= 1500);
});

Deno.test("Engine: a time-out is void once stalls took more than three timeouts", async () => {
  await using bench = new Bench();
  bench.behave = () => "silent";
  bench.engine.start([one({}, 10_000, 500)]);
  await bench.clock.advance(100);
  bench.clock.stall(1600);
  bench.behave = () => PASS;
  await bench.clock.advance(500);
  assert.deepEqual(bench.reports.all.map(({ result }) => result.void), ["late", null]);
});

Deno.test("Engine: an answer that arrived in a stall is heard before the deadline that passed in it", async () => {
  await using bench = new Bench({
    machine: (attempt) => new Asking(attempt, (answer) => void bench.pending.push(() => answer(PASS))),
  });
  bench.engine.start([one({}, 10_000, 20)]);
  // The probe begins in this pass; its answer then waits for a drain, which comes only after the stall.
  await bench.clock.advance(1);
  bench.clock.stall(5000);
  await bench.clock.advance(10);
  assert.deepEqual(bench.reports.all.map(({ result }) => [result.code, result.void]), [["L4OK", null]]);
});

Deno.test("Engine: without a stall, too, what has arrived goes before the deadline", async () => {
  await using bench = new Bench({
    machine: (attempt) => new Asking(attempt, (answer) => void bench.pending.push(() => answer(PASS))),
  });
  bench.engine.start([one({}, 10_000, 20)]);
  await bench.clock.advance(1);
  bench.clock.stall(25);
  await bench.clock.advance(10);
  assert.deepEqual(bench.reports.all.map(({ result }) => result.code), ["L4OK"]);
});

Deno.test("Engine: a refusal counts however late the thread is", async () => {
  await using bench = new Bench({
    machine: (attempt) => new Asking(attempt, (answer) => void bench.pending.push(() => answer(REFUSED))),
  });
  bench.engine.start([one()]);
  await bench.clock.advance(1);
  bench.clock.stall(60_000);
  await bench.clock.advance(10);
  const [report] = bench.reports.all;
  assert.equal(report?.result.code, "L4CON");
  assert.equal(report?.result.void, null);
});

Deno.test("Engine: after a stall every backend gets one turn, not the turns it missed", async () => {
  await using bench = new Bench();
  bench.engine.start([one({}, 100)]);
  await bench.clock.advance(50);
  bench.clock.stall(1000);
  await bench.clock.advance(60);
  assert.deepEqual(bench.times("b"), [0, 1050]);
});

Deno.test("Engine: the time that a probe is held counts as lag, and too much of it ends the probe as void", async () => {
  await using bench = new Bench({
    machine: (attempt) => new Asking(attempt, () => attempt.hold()),
  });
  bench.engine.start([one({}, 10_000, 100)]);
  await bench.clock.advance(300);
  assert.equal(bench.reports.all.length, 0);
  await bench.clock.advance(200);
  assert.equal(bench.reports.all[0]?.result.void, "late");
});

Deno.test("Engine: a probe that begins in a pass has its whole timeout, however long the sockets took", async () => {
  let busy = 0;
  await using bench: Bench = new Bench({ drain: () => busy > 0 ? bench.clock.stall(busy) : undefined });
  bench.behave = () => "silent";
  bench.engine.start([one({ firstDelayMs: 5 }, 10_000, 20)]);
  busy = 25;
  await bench.clock.advance(5);
  busy = 0;
  await bench.clock.advance(100);
  const [report] = bench.reports.all;
  assert.ok(report);
  assert.ok(report.result.totalMs >= 20 && report.result.totalMs < 25, String(report.result.totalMs));
  assert.ok(report.result.startedAt - report.result.scheduledAt >= 25);
});

Deno.test("Engine: on a host whose loop always runs late a silent backend's probe ends, and is void", async () => {
  await using bench = new Bench();
  bench.behave = () => "silent";
  bench.engine.start([one({}, 10_000, 500)]);
  await bench.clock.advance(1);
  // Each gap is a stall, and moves the deadline as far as time goes on.
  for (let ms = 0; ms < 2200; ms += 40) {
    bench.clock.stall(40);
    await bench.clock.advance(0);
  }
  const [report] = bench.reports.all;
  assert.deepEqual([report?.result.code, report?.result.void], ["L4TOUT", "late"]);
  assert.ok((report?.result.lagMs ?? 0) > 3 * 500);
});
