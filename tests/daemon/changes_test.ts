import assert from "node:assert/strict";
import type { Announcement } from "../../src/bus/mod.ts";
import type { CurrentProblem } from "../../src/api/mod.ts";
import { Changes } from "../../src/daemon/changes.ts";
import { FakeClock } from "../fake_clock.ts";

/** A teller, what it announced as `what backend frontend`, and the problems that it compares. */
class World implements Disposable {
  readonly clock = new FakeClock();
  readonly said: string[] = [];
  problems: CurrentProblem[] = [];
  asked = 0;
  readonly changes = new Changes({
    clock: this.clock,
    announcer: { announce: (event: Announcement) => void this.said.push(text(event)) },
    problems: () => {
      this.asked++;
      return this.problems;
    },
  });

  [Symbol.dispose](): void {
    this.changes[Symbol.dispose]();
  }
}

function text(event: Announcement): string {
  return event.kind === "change" ? `${event.what} ${event.backend} ${event.frontend}` : event.kind;
}

const down: CurrentProblem = {
  severity: "warning",
  kind: "backend-down",
  object: "b1",
  since: "2026-01-31T12:00:00.000Z",
  text: "backend b1 is down",
  show: null,
  fix: null,
};

Deno.test("changes of a moment are one event of each kind, which names what all of them are about", async () => {
  using world = new World();
  world.changes.tell("weight", { backend: "b1", frontend: "web" });
  world.changes.tell("weight", { backend: "b2", frontend: "web" });
  world.changes.tell("sync");
  assert.deepEqual(world.said, [], "nobody waits for it");
  await world.clock.advance(100);
  assert.deepEqual(world.said, ["weight null web", "sync null null"]);
  world.changes.tell("override", { backend: "b1" });
  await world.clock.advance(100);
  assert.deepEqual(world.said.slice(2), ["override b1 null"]);
});

Deno.test("problems are compared after changes at most once a second, and every 5 s; only others are told", async () => {
  using world = new World();
  assert.equal(world.asked, 1, "those of the beginning are nobody's news");
  await world.clock.advance(4_999);
  assert.equal(world.asked, 1);
  await world.clock.advance(1);
  assert.deepEqual([world.asked, world.said], [2, []]);
  world.problems = [down];
  for (let i = 0; i < 10; i++) {
    world.changes.look();
    await world.clock.advance(100);
  }
  assert.deepEqual([world.asked, world.said], [3, ["problems null null"]]);
  world.problems = [{ ...down, text: "backend b1 is down: L4CON" }];
  await world.clock.advance(5_000);
  world.problems = [];
  world.changes.tell("sync");
  await world.clock.advance(1_100);
  assert.deepEqual(world.said, [
    "problems null null",
    "problems null null",
    "sync null null",
    "problems null null",
  ]);
});

Deno.test("what parts say that end after it is told to nobody, and leaves no timer", async () => {
  const world = new World();
  world[Symbol.dispose]();
  world.changes.tell("sync");
  world.changes.look();
  await world.clock.advance(60_000);
  assert.deepEqual([world.asked, world.said], [1, []]);
});
