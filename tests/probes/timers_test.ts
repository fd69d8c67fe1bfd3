import assert from "node:assert/strict";
import fc from "fast-check";
import { type Timed, Timers } from "../../src/probes/timers.ts";

interface Entry extends Timed {
  readonly name: number;
}

const action = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), name: fc.nat(150), at: fc.nat(1000) }),
  fc.record({ kind: fc.constant("remove" as const), name: fc.nat(150) }),
);

Deno.test("Timers always shows the earliest entry, whatever was added, moved and removed", () => {
  fc.assert(fc.property(fc.array(action, { maxLength: 1000, size: "max" }), (actions) => {
    const timers = new Timers<Entry>();
    const entries = Array.from({ length: 151 }, (_, name): Entry => ({ name, at: 0, number: -1 }));
    const model = new Map<number, number>();
    for (const step of actions) {
      const entry = entries[step.name];
      assert.ok(entry);
      if (step.kind === "set") {
        timers.set(entry, step.at);
        model.set(step.name, step.at);
      } else {
        timers.remove(entry);
        model.delete(step.name);
      }
      const earliest = model.size === 0 ? undefined : Math.min(...model.values());
      assert.equal(timers.peek()?.at, earliest);
    }
    const order: number[] = [];
    for (let next = timers.peek(); next !== undefined; next = timers.peek()) {
      order.push(next.at);
      timers.remove(next);
    }
    assert.deepEqual(order, [...model.values()].sort((a, b) => a - b));
    assert.ok(entries.every(({ number }) => number === -1));
  }));
});
