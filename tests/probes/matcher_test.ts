import assert from "node:assert/strict";
import fc from "fast-check";
import { Attempt } from "../../src/probes/attempt.ts";
import { compileBody } from "../../src/probes/body.ts";
import { BodyLook } from "../../src/probes/look.ts";
import { type Matcher, ThreadMatcher } from "../../src/probes/matcher.ts";
import { probePlan } from "../../src/probes/plan.ts";
import { Turns } from "../../src/probes/turns.ts";
import { FakeClock } from "../fake_clock.ts";
import { httpCheck, target } from "./helpers.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const body = encode("x".repeat(5000) + "well");

/** Matches through `matcher` and waits for the answer. */
function matched(matcher: Matcher, expression: string, octets = body): Promise<boolean> {
  return new Promise((answer) => matcher.match(compileBody(expression), octets, { begun() {}, answer }));
}

/** Matches on a thread of its own, which is there when this is done. */
async function matchedBy(spawn: () => Worker): Promise<void> {
  using matcher = new ThreadMatcher(spawn);
  await matched(matcher, "w");
}

const source = (script: string) => new Worker(`data:application/javascript,${script}`, { type: "module" });
/** A thread that begins with `script` on a request. */
const fake = (script: string) =>
  source(`onmessage=({data})=>{if(data==="call")postMessage("ready");else{${script}}}`);
/** A thread that never answers a request. */
const hanging = () => fake("");
const real = () =>
  new Worker(new URL("../../src/probes/matcher_worker.ts", import.meta.url), { type: "module" });

Deno.test("compileBody() has Go's syntax and searches octets, also those that are no UTF-8", () => {
  assert.equal(compileBody("(?i)^ok\\z").test(encode("OK")), true);
  assert.equal(compileBody("(?s)a.b").test(encode("a\nb")), true);
  assert.equal(compileBody("ü").test(encode("über")), true);
  assert.equal(compileBody("^.ok$").test(Uint8Array.of(0xff, 0x6f, 0x6b)), true);
  assert.throws(() => compileBody("(?=x)"));
});

Deno.test("a match in the beginning of a body holds for the whole, unless the pattern looks at the end", () => {
  const pattern = fc.constantFrom(
    "a",
    "ab",
    "a$",
    "a\\b",
    "\\Ba",
    "a\\z",
    "^a",
    "[ab]+c?",
    "a\\$",
    "a[$]",
    "(?m)a$",
    "\\\\b",
  );
  const text = fc.string({ unit: fc.constantFrom("a", "b", "c", "\n", "$", "\\", "b"), maxLength: 12 });
  fc.assert(fc.property(pattern, text, fc.nat(12), (expression, whole, cut) => {
    const compiled = compileBody(expression);
    if (!compiled.needsEnd && compiled.test(encode(whole.slice(0, cut)))) {
      assert.ok(compiled.test(encode(whole)));
    }
  }));
  assert.equal(compileBody("a\\$").needsEnd, false);
  assert.equal(compileBody("a$").needsEnd, true);
  assert.equal(compileBody("a\\b").needsEnd, true);
  assert.equal(compileBody("a\\\\b").needsEnd, false);
});

Deno.test("ThreadMatcher answers each request, in turn", async () => {
  using matcher = new ThreadMatcher();
  const answers = await Promise.all(
    ["w.ll", "ill", "l$", "^x+w"].map((expression) => matched(matcher, expression)),
  );
  assert.deepEqual(answers, [true, false, true, true]);
});

Deno.test("ThreadMatcher: a request that is taken back while it runs costs nobody else time, nor the thread", async () => {
  let threads = 0;
  using matcher = new ThreadMatcher(() => {
    threads++;
    return real();
  });
  const begun = Promise.withResolvers<void>();
  let answered = false;
  const late = matcher.match(compileBody("w"), body, { begun: begun.resolve, answer: () => answered = true });
  await begun.promise;
  late[Symbol.dispose]();
  assert.equal(await matched(matcher, "ill"), false);
  assert.deepEqual([threads, answered], [1, false]);
});

Deno.test("ThreadMatcher: a thread that hangs is replaced when somebody gives up behind it", async () => {
  let threads = 0;
  using matcher = new ThreadMatcher(() => threads++ === 0 ? hanging() : real());
  let stuckAnswered = false;
  const begun = Promise.withResolvers<void>();
  const stuck = matcher.match(compileBody("w"), body, {
    begun: begun.resolve,
    answer: () => stuckAnswered = true,
  });
  await begun.promise;
  const next = matched(matcher, "well");
  let queuedBegun = false;
  const queue = () => matcher.match(compileBody("w"), body, { begun: () => queuedBegun = true, answer() {} });
  const [cancelled, patient] = [queue(), queue()];
  // While somebody wants the answer that is waited for, nobody else ends the thread.
  cancelled[Symbol.dispose]();
  stuck[Symbol.dispose]();
  assert.equal(threads, 1);
  patient[Symbol.dispose]();
  assert.equal(await next, true);
  assert.deepEqual([threads, stuckAnswered, queuedBegun], [2, false, false]);
});

Deno.test("ThreadMatcher: a thread that dies on one request is replaced for the others", async () => {
  let threads = 0;
  const dying = () => fake('throw new Error("died")');
  using matcher = new ThreadMatcher(() => threads++ === 0 ? dying() : real());
  let answered = false;
  using _lost = matcher.match(compileBody("w"), body, { begun() {}, answer: () => answered = true });
  assert.equal(await matched(matcher, "well"), true);
  assert.deepEqual([threads, answered], [2, false]);
});

Deno.test("ThreadMatcher: while its thread starts, no request has begun", async () => {
  // It has loaded and says something, but has not heard us yet.
  using matcher = new ThreadMatcher(() => source("onmessage=()=>{}"));
  let begun = false;
  using _request = matcher.match(compileBody("w"), body, { begun: () => begun = true, answer() {} });
  await matchedBy(real);
  assert.equal(begun, false);
  assert.equal(matcher.pending, 1);
});

Deno.test("ThreadMatcher starts no thread that there is no room for, and asks again with the next request", async () => {
  let room = false;
  let threads = 0;
  using matcher = new ThreadMatcher(() => {
    threads++;
    return real();
  }, () => room ? null : "descriptors");
  const first = matched(matcher, "well");
  assert.deepEqual([threads, matcher.pending], [0, 1]);
  room = true;
  assert.equal(await matched(matcher, "ill"), false);
  assert.equal(await first, true);
  assert.equal(threads, 1);
});

Deno.test("ThreadMatcher: a thread that cannot be started is asked for again with the next request", async () => {
  let attempts = 0;
  using matcher = new ThreadMatcher(() => {
    if (++attempts <= 2) throw new Deno.errors.WouldBlock("Resource temporarily unavailable (os error 11)");
    return real();
  }, () => null);
  const waiting = ["well", "w$"].map((expression) => matched(matcher, expression));
  assert.deepEqual([attempts, matcher.pending], [2, 2]);
  assert.equal(await matched(matcher, "ill"), false);
  assert.deepEqual(await Promise.all(waiting), [true, false]);
  assert.equal(attempts, 3);
});

/** A matcher that keeps its requests for the test to answer. */
class FakeMatcher implements Matcher {
  readonly asked: { size: number; begun: () => void; answer: (matches: boolean) => void }[] = [];
  back = 0;
  match(
    _pattern: unknown,
    octets: Uint8Array,
    events: { begun(): void; answer(matches: boolean): void },
  ): Disposable {
    this.asked.push({ size: octets.length, begun: () => events.begun(), answer: (m) => events.answer(m) });
    return { [Symbol.dispose]: () => this.back++ };
  }
}

function looking(
  expression: string,
): { look: BodyLook; matcher: FakeMatcher; attempt: Attempt; clock: FakeClock } {
  const clock = new FakeClock(0);
  const matcher = new FakeMatcher();
  const plan = probePlan(target("b", httpCheck(80)), "test");
  const attempt = new Attempt(plan, new Turns(clock), clock.now(), 0);
  return { look: new BodyLook(compileBody(expression), matcher, attempt), matcher, attempt, clock };
}

Deno.test("BodyLook searches short bodies at once and long ones elsewhere, one at a time, the newest part first", () => {
  const { look, matcher, attempt } = looking("w");
  let steps = 0;
  attempt.run({
    step: () => ++steps > 0 ? "wait" : "again",
    late: () => assert.fail(),
    [Symbol.dispose]() {},
  });
  assert.equal(look.look(encode("abc"), false), false);
  assert.equal(look.look(new Uint8Array(4096), false), false);
  assert.equal(matcher.asked.length, 0);
  assert.equal(look.look(new Uint8Array(5000), false), null);
  assert.equal(look.look(new Uint8Array(6000), false), null);
  assert.deepEqual(matcher.asked.map(({ size }) => size), [5000]);
  assert.deepEqual([look.pending, steps], [true, 1]);
  matcher.asked[0]?.answer(false);
  assert.deepEqual([look.pending, look.found, steps], [false, false, 2]);
  assert.equal(look.look(new Uint8Array(6000), false), null);
  assert.deepEqual(matcher.asked.map(({ size }) => size), [5000, 6000]);
  matcher.asked[1]?.answer(true);
  assert.equal(look.look(new Uint8Array(6000), false), true);
});

Deno.test("BodyLook: the larger the pattern, the shorter the body that is searched on the probe thread", () => {
  const { look, matcher } = looking("(?s)a.{500}b");
  assert.equal(look.look(new Uint8Array(60), false), false);
  assert.equal(matcher.asked.length, 0);
  assert.equal(look.look(new Uint8Array(70), false), null);
  assert.deepEqual(matcher.asked.map(({ size }) => size), [70]);
});

Deno.test("BodyLook: a body in drops is not searched on the probe thread again and again", () => {
  const { look, matcher } = looking("w");
  let calls = 0;
  for (let size = 1; size < 100 && matcher.asked.length === 0; size++) {
    look.look(new Uint8Array(size), false);
    calls++;
  }
  assert.ok(calls < 20, `${calls} looks`);
});

Deno.test("BodyLook: a pattern that looks at the end is asked once, with the whole body", () => {
  const { look } = looking("^ok$");
  assert.equal(look.look(encode("ok"), false), false);
  assert.equal(look.look(encode("ok"), true), true);
  const { look: other } = looking("ok");
  assert.equal(other.look(encode("no"), false), false);
  assert.equal(other.look(encode("no"), true), false);
});

Deno.test("BodyLook: a character of which a part has arrived is not taken for another", () => {
  for (const character of ["ü", "€", "😀"]) {
    const octets = encode(`ab${character}`);
    for (let size = 3; size < octets.length; size++) {
      const { look } = looking(`ab[^${character}]`);
      assert.equal(look.look(octets.subarray(0, size), false), false, `${size} octets of ${character}`);
      assert.equal(look.look(octets, true), false);
    }
  }
  const { look } = looking("ab[^c]");
  assert.equal(look.look(encode("abü"), false), true);
});

Deno.test("BodyLook: the time in the matcher's queue is not held against the backend; disposal takes it back", () => {
  const { look, matcher, attempt, clock } = looking("w");
  look.look(new Uint8Array(5000), true);
  clock.stall(700);
  assert.equal(attempt.held(clock.now()), 700);
  matcher.asked[0]?.begun();
  clock.stall(300);
  assert.equal(attempt.held(clock.now()), 700);
  look[Symbol.dispose]();
  assert.equal(matcher.back, 1);
});
