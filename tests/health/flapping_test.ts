import assert from "node:assert/strict";
import fc from "fast-check";
import {
  flapChanges,
  flapMs,
  flapped,
  type Flapping,
  flappingSince,
  steady,
} from "../../src/health/entry.ts";
import { alice, backend, config, frontend, tcpCheck, World } from "./kit.ts";

const minute = 60_000;

/** The rule as a plain list of all changes tells it. */
function model(changes: readonly number[], now: number): number | null {
  let since: number | null = null;
  for (const [i, at] of changes.entries()) {
    const quiet = i > 0 && at - (changes[i - 1] ?? 0) >= flapMs;
    if (quiet) since = null;
    const sixth = changes[i - (flapChanges - 1)];
    if (since === null && sixth !== undefined && at - sixth <= flapMs) since = sixth;
  }
  const last = changes.at(-1);
  return last === undefined || now - last >= flapMs ? null : since;
}

Deno.test("six changes within ten minutes begin it, ten minutes without one end it", () => {
  const after = (...times: number[]): Flapping => times.reduce(flapped, steady);
  const five = [0, 1, 2, 3, 4].map((i) => i * minute);
  assert.equal(flappingSince(after(...five), 4 * minute), null);
  const six = after(...five, 10 * minute);
  assert.equal(flappingSince(six, 10 * minute), 0, "since the first of the six");
  assert.equal(flappingSince(six, 20 * minute - 1), 0);
  assert.equal(flappingSince(six, 20 * minute), null);
  assert.equal(flappingSince(after(...five, 10 * minute + 1), 11 * minute), null, "too slow by a moment");
  const slow = [six, 19, 28].reduce<Flapping>(
    (one, at) => typeof at === "number" ? flapped(one, at * minute) : one,
    six,
  );
  assert.equal(flappingSince(slow, 30 * minute), 0, "one problem until it is quiet, however slow it gets");
});

Deno.test("any run of changes is judged as a list of all of them would be", () => {
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 0, max: 11 * minute }), { maxLength: 40 }),
    fc.integer({ min: 0, max: 12 * minute }),
    (gaps, later) => {
      let at = 0;
      const changes = gaps.map((gap) => at += gap);
      const flapping = changes.reduce(flapped, steady);
      assert.equal(flappingSince(flapping, at + later), model(changes, at + later));
    },
  ));
});

Deno.test("verdicts of probes count, an operator's actions and first verdicts do not", async () => {
  using world = World.started(config({
    checks: [tcpCheck("web", { rise: 1, fall: 1 })],
    backends: [backend("b1", "10.0.0.1", "web")],
    frontends: [frontend("www", "192.0.2.1", { main: { b1: 100 } })],
  }));
  const changes = () => world.tracker.entry("b1")?.flapping.changes.length;
  world.probe(["b1", "L4OK"]);
  for (let i = 0; i < 4; i++) {
    world.tracker.orders.act("b1", "pause", alice);
    world.tracker.orders.act("b1", "resume", alice);
    world.probe(["b1", "L4OK"]);
  }
  assert.equal(changes(), 0);
  for (let i = 0; i < 3; i++) {
    world.probe(["b1", "L4CON"]);
    await world.clock.advance(1000);
    world.probe(["b1", "L4OK"]);
    await Promise.resolve();
  }
  assert.equal(changes(), 6);
  const { flapping } = world.tracker.entry("b1") ?? assert.fail();
  assert.equal(flappingSince(flapping, world.clock.wall()), world.clock.wall() - 3000);
});
