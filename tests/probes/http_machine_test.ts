import assert from "node:assert/strict";
import { Attempt, type Ending } from "../../src/probes/attempt.ts";
import type { Matcher, MatchEvents } from "../../src/probes/matcher.ts";
import { HttpProbe } from "../../src/probes/http.ts";
import { probePlan } from "../../src/probes/plan.ts";
import type { ByteStream, Read } from "../../src/probes/stream.ts";
import { TURN_MS, Turns } from "../../src/probes/turns.ts";
import { FakeClock } from "../fake_clock.ts";
import { httpCheck, target } from "./helpers.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const HEAD = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";

/** A probe over a connection that is in the test's hands, in time that is, too. */
class Bench extends Attempt {
  readonly clock: FakeClock;
  readonly turns: Turns;
  readonly asked: MatchEvents[] = [];
  /** Reads that found something, and what the next ones find. */
  reads = 0;
  next: (size: number) => Read | "wait" = () => "wait";
  ending: Ending | null = null;

  constructor(responseRegexp: string) {
    const clock = new FakeClock(0);
    const turns = new Turns(clock);
    super(probePlan(target("b", httpCheck(80, { responseRegexp })), "test"), turns, 0, 0);
    this.clock = clock;
    this.turns = turns;
    const stream: ByteStream = {
      failure: null,
      open: () => {
        this.phase("connectMs");
        return null;
      },
      write: (bytes) => bytes.length,
      read: (size) => {
        const read = this.next(size);
        if (read !== "wait") this.reads++;
        return read;
      },
      close: () => null,
      [Symbol.dispose]: () => {},
    };
    const matcher: Matcher = {
      match: (_pattern, _body, events) => {
        this.asked.push(events);
        return { [Symbol.dispose]: () => {} };
      },
    };
    this.run(new HttpProbe(this, stream, matcher));
  }

  protected override ended(ending: Ending): void {
    this.ending = ending;
  }

  get verdict(): unknown {
    const { ending } = this;
    return ending !== null && typeof ending === "object" && "code" in ending
      ? [ending.code, ending.detail]
      : ending;
  }
}

const data = (text: string): Read => ({ kind: "data", bytes: encode(text) });

Deno.test("http probe: nothing is read while the matcher has what came before", () => {
  const bench = new Bench("needle");
  // A head and 5,000 octets of its body; then for ever as much as is asked for.
  let part = 0;
  bench.next = () => part++ === 0 ? data(`${HEAD}${"x".repeat(5000)}`) : "wait";
  bench.wake();
  assert.deepEqual([bench.asked.length, bench.reads, bench.state], [1, 1, "waiting"]);
  bench.next = (size) => ({ kind: "data", bytes: new Uint8Array(size) });
  for (let i = 0; i < 100; i++) bench.wake();
  assert.deepEqual([bench.asked.length, bench.reads, bench.state], [1, 1, "waiting"]);
  // The answer is no so far: the rest is read, up to the limit, and asked for once more.
  bench.asked[0]?.begun();
  bench.asked[0]?.answer(false);
  assert.equal(bench.asked.length, 2);
  assert.ok(bench.reads > 1 && bench.reads <= 6, `${bench.reads} reads`);
  bench.asked[1]?.answer(false);
  assert.deepEqual(bench.verdict, ["L7RSP", `body does not match /needle/: ${"x".repeat(60)}…`]);
});

Deno.test("http probe: a match that has not ended at the deadline is late, whatever is still to be read", () => {
  const bench = new Bench("needle");
  let part = 0;
  bench.next = () => part++ === 0 ? data(`${HEAD}${"x".repeat(5000)}`) : "wait";
  bench.wake();
  bench.asked[0]?.begun();
  bench.expire();
  assert.deepEqual(bench.verdict, ["L7TOUT", "body not matched against /needle/ within 5s"]);
});

Deno.test("http probe: a peer that always has more takes one turn at a time", () => {
  const bench = new Bench("needle");
  let sent = 0;
  bench.next = () => {
    // Each read and what follows from it takes a quarter of a turn.
    bench.clock.stall(TURN_MS / 4);
    return data(sent++ === 0 ? HEAD : "x".repeat(100));
  };
  bench.wake();
  assert.deepEqual([bench.state, bench.reads], ["queued", 4]);
  bench.turns.run();
  assert.deepEqual([bench.state, bench.reads], ["queued", 8]);
  bench.cancel();
  assert.deepEqual([bench.ending, bench.reads], ["cancelled", 8]);
});
