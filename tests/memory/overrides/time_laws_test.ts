/** Hours and durations over random lives with restarts, kills and a clock that is set. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Override } from "../../../src/memory/overrides/override.ts";
import { anchored, anchorMs, type EndWish, expire, restored } from "../../../src/memory/overrides/time.ts";
import type { Millis } from "../../../src/model.ts";
import { ip } from "../../../src/net/ip.ts";

type Event =
  | { readonly kind: "set"; readonly for: Millis }
  | { readonly kind: "until"; readonly in: Millis }
  | { readonly kind: "pass"; readonly ms: Millis }
  /** The clock is set; `quietly`: the process ends before it looks at the clock again. */
  | { readonly kind: "clock"; readonly by: Millis; readonly quietly: boolean }
  | { readonly kind: "stop"; readonly away: Millis; readonly clock: Millis }
  | { readonly kind: "kill"; readonly after: Millis; readonly away: Millis; readonly clock: Millis };

const minute = 60_000;
const span = fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 300 * minute }));
const jump = fc.oneof(
  fc.constant(0),
  fc.integer({ min: -3_000, max: 3_000 }),
  fc.integer({ min: -400 * minute, max: 400 * minute }),
);
const event = (clock: fc.Arbitrary<Millis>): fc.Arbitrary<Event> =>
  fc.oneof(
    fc.record({ kind: fc.constant("set" as const), for: span }),
    fc.record({ kind: fc.constant("until" as const), in: span }),
    fc.record({ kind: fc.constant("pass" as const), ms: span }),
    fc.record({ kind: fc.constant("clock" as const), by: clock, quietly: fc.boolean() }),
    fc.record({ kind: fc.constant("stop" as const), away: span, clock }),
    fc.record({
      kind: fc.constant("kill" as const),
      after: fc.nat(10_000),
      away: span,
      clock,
    }),
  );

/** What is real: time, how the clock is set, and when each override shall end. */
class Life {
  real = 0;
  offset = 1_700_000_000_000;
  #start = 0;
  /** The clock was set since it was looked at last. */
  #set = false;
  list: readonly Override[] = [];
  #disk: readonly Override[] = [];
  #next = 0;
  /** Real end of each duration, and how much later it may be. */
  readonly ends = new Map<string, { end: Millis; slack: Millis }>();
  /** Hours that were not reached at any look. */
  readonly hours = new Map<string, Millis>();

  get now() {
    return { mono: this.real - this.#start, wall: this.real + this.offset };
  }

  set(wish: EndWish): void {
    const { now } = this;
    const id = `o${this.#next++}`;
    const end = wish.kind === "hour"
      ? wish
      : { kind: "duration" as const, until: now.wall + wish.ms, left: wish.ms, at: now.mono };
    if (wish.kind === "hour") this.hours.set(id, wish.until);
    else this.ends.set(id, { end: this.real + wish.ms, slack: 0 });
    const made: Override = {
      id,
      scope: "here",
      kind: "pause",
      backend: id,
      by: "alice",
      claimed: null,
      reason: null,
      since: now.wall,
      end,
      seen: { address: ip("10.0.0.1"), value: true },
      sleeping: null,
      restored: false,
      against: null,
    };
    this.list = [...this.list, made];
    this.#write();
  }

  pass(ms: Millis): void {
    // The daemon looks at the clock every 10 s.
    for (let left = ms; left > 0; left -= 10_000) {
      this.real += Math.min(left, 10_000);
      this.#look();
    }
  }

  clock(by: Millis, quietly: boolean): void {
    this.offset += by;
    if (quietly) this.#set = true;
    else this.#look();
  }

  stop(away: Millis, clock: Millis): void {
    this.#look();
    this.list = anchored(this.list, this.now, true);
    this.#restart(away, clock, clock < 0 ? away : 0);
  }

  kill(after: Millis, away: Millis, clock: Millis): void {
    this.real += after;
    // A clock that was set back hides the time since the last anchor, and that in which nobody ran.
    const back = clock < 0 || this.#set;
    this.list = this.#disk;
    this.#restart(away, clock, back ? after + anchorMs + away : 0);
  }

  #restart(away: Millis, clock: Millis, slack: Millis): void {
    this.real += away;
    this.offset += clock;
    this.#start = this.real - 7;
    for (const one of this.ends.values()) one.slack += slack;
    this.list = restored(JSON.parse(JSON.stringify(this.list)), this.now);
    this.#look();
  }

  #look(): void {
    this.#set = false;
    const { list } = expire(this.list, this.now);
    this.list = anchored(list, this.now);
    for (const [id, until] of this.hours) if (this.now.wall >= until) this.hours.delete(id);
    this.#write();
  }

  #write(): void {
    this.#disk = this.list;
  }
}

function play(life: Life, one: Event): void {
  switch (one.kind) {
    case "set":
      return life.set({ kind: "duration", ms: one.for });
    case "until":
      return life.set({ kind: "hour", until: life.now.wall + one.in });
    case "pass":
      return life.pass(one.ms);
    case "clock":
      return life.clock(one.by, one.quietly);
    case "stop":
      return life.stop(one.away, one.clock);
    case "kill":
      return life.kill(one.after, one.away, one.clock);
  }
}

const full = Deno.env.get("MAGLEV_TEST_RUNS") === "full";
const numRuns = full ? 300_000 : 3_000;

Deno.test("without a clock that is set, hours and durations end when they shall, over restarts", () => {
  fc.assert(
    fc.property(fc.array(event(fc.constant(0)), { maxLength: 15 }), (events) => {
      const life = new Life();
      for (const one of events) {
        play(life, one);
        const alive = new Set(life.list.map(({ id }) => id));
        for (const [id, { end }] of life.ends) assert.equal(alive.has(id), life.real < end, id);
        for (const id of life.hours.keys()) assert.ok(alive.has(id), id);
      }
    }),
    { numRuns },
  );
});

Deno.test("a clock that is set while the daemon lives changes no duration, and an hour is the clock's", () => {
  fc.assert(
    fc.property(fc.array(event(jump), { maxLength: 15 }), (events) => {
      const life = new Life();
      for (const one of events) {
        if (one.kind === "stop" || one.kind === "kill") continue;
        play(life, one);
        const alive = new Set(life.list.map(({ id }) => id));
        for (const [id, { end }] of life.ends) assert.equal(alive.has(id), life.real < end, id);
        const hours = [...alive].filter((id) => !life.ends.has(id));
        assert.deepEqual(hours, [...life.hours.keys()]);
      }
    }),
    { numRuns },
  );
});

Deno.test("a clock that is set back between two processes hides the time in which none ran, and nothing else", () => {
  fc.assert(
    fc.property(fc.array(event(jump), { maxLength: 15 }), (events) => {
      const life = new Life();
      for (const one of events) {
        play(life, one);
        for (const { id } of life.list) {
          const limit = life.ends.get(id);
          if (limit !== undefined) assert.ok(life.real < limit.end + limit.slack + 1_000, id);
        }
      }
    }),
    { numRuns },
  );
});
