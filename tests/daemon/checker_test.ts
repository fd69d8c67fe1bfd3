import assert from "node:assert/strict";
import { Checker } from "../../src/daemon/checker.ts";
import { FakeClock } from "../fake_clock.ts";

// The test runner checks the types of a thread's program first, which takes long on a loaded machine: no time passes.
const noThread = () => {
  throw new Deno.errors.WouldBlock("Resource temporarily unavailable (os error 11)");
};
const real = () =>
  new Worker(new URL("../../src/daemon/checker_worker.ts", import.meta.url), { type: "module" });
/** A text that the checker reads to its end. */
const text = "maglev: {}";

Deno.test("checks whose thread cannot be started give their places back", async () => {
  let works = false;
  const checker = new Checker(new FakeClock(), () => null, () => works ? real() : noThread());
  for (let attempt = 0; attempt < 5; attempt++) {
    const refused = await checker.check({ text });
    assert.ok(!refused.ok);
    assert.equal(refused.error.type, "busy");
    assert.match(refused.error.detail, /TasksMax/);
  }
  works = true;
  const [first, second] = await Promise.all([checker.check({ text }), checker.check({ text })]);
  assert.ok(first.ok && second.ok, "two places are free");
});

Deno.test("a check without descriptors for its thread names the limit, and takes no place", async () => {
  let lack: "descriptors" | null = "descriptors";
  const checker = new Checker(new FakeClock(), () => lack, real);
  for (let attempt = 0; attempt < 3; attempt++) {
    const refused = await checker.check({ text });
    assert.ok(!refused.ok);
    assert.match(refused.error.detail, /LimitNOFILE/);
  }
  lack = null;
  assert.ok((await checker.check({ text })).ok);
});

Deno.test("a check whose asker has gone ends at once, with its thread and its place", async () => {
  const clock = new FakeClock();
  const silent = () => new Worker("data:application/javascript,", { type: "module" });
  const checker = new Checker(clock, () => null, silent);
  for (let attempt = 0; attempt < 3; attempt++) {
    const asker = new AbortController();
    const check = checker.check({ text }, asker.signal);
    asker.abort();
    assert.ok(!(await check).ok);
    assert.ok(!(await checker.check({ text }, asker.signal)).ok, "it has gone already");
  }
  assert.equal(clock.pending, 0);
});

Deno.test("a check that ends late, and one whose thread breaks, give their places back", async () => {
  const clock = new FakeClock();
  const script = (code: string) => () =>
    new Worker(`data:application/javascript,${code}`, { type: "module" });
  let make = script("");
  const checker = new Checker(clock, () => null, () => make());
  const late = [checker.check({ text }), checker.check({ text })];
  const third = await checker.check({ text });
  assert.ok(!third.ok);
  assert.match(third.error.detail, /2 checks are under way/);
  await clock.advance(10_000);
  for (const check of await Promise.all(late)) assert.ok(!check.ok && check.error.type === "busy");
  make = script('onmessage=()=>{throw new Error("broken")}');
  for (let attempt = 0; attempt < 3; attempt++) await assert.rejects(checker.check({ text }), /broken/);
  make = real;
  assert.ok((await checker.check({ text })).ok);
  assert.equal(clock.pending, 0);
});
