import assert from "node:assert/strict";
import { type Intent, intentKey, type StoredIntent, targetOf } from "../../src/fleet/intents.ts";
import { stepOf, type Wish, type WishFacts, type WishHead, type WishStep } from "../../src/fleet/wish.ts";

const now = Date.UTC(2026, 0, 1);
const anna: WishHead = { by: "anna", claimed: null, reason: null, until: null, node: "lb1", now };
const free: WishFacts = { present: null, state: "up", file: true };

function present(kind: "pause" | "disable" | "enable", more: Partial<Intent> = {}): StoredIntent {
  const intent = {
    kind,
    backend: "b1",
    by: "anna",
    claimed: null,
    reason: "disk",
    since: now - 5_000,
    until: now + 9_000,
    node: "lb2",
    ...more,
  } as Intent;
  return { key: intentKey("x", targetOf(intent)), revision: 5n, intent };
}

const wish = (kind: "pause" | "resume" | "disable" | "enable"): Wish => ({ kind, backend: "b1" });

function step(of: Wish, facts: Partial<WishFacts> = {}, head: Partial<WishHead> = {}): WishStep | string {
  const found = stepOf(of, { ...anna, ...head }, { ...free, ...facts });
  return found.ok ? found.value : found.error.kind;
}

const kindOf = (found: WishStep | string) => typeof found === "string" ? found : found.kind;

Deno.test("what each wish makes of each intent", () => {
  const table = {
    pause: { none: "write", pause: "nothing", disable: "write", enable: "write" },
    resume: { none: "nothing", pause: "remove", disable: "nothing", enable: "nothing" },
    disable: { none: "write", pause: "write", disable: "nothing", enable: "write" },
    enable: { none: "nothing", pause: "nothing", disable: "remove", enable: "nothing" },
  };
  for (const [kind, row] of Object.entries(table)) {
    for (const [there, wanted] of Object.entries(row)) {
      const facts = { present: there === "none" ? null : present(there as "pause") };
      assert.equal(kindOf(step(wish(kind as "pause"), facts)), wanted, `${kind} on ${there}`);
    }
  }
});

Deno.test("where the file says enabled: false, enable is an intent and disable takes it back", () => {
  assert.equal(kindOf(step(wish("enable"), { file: false, state: "disabled" })), "write");
  assert.equal(kindOf(step(wish("disable"), { file: false, present: present("enable") })), "remove");
  assert.equal(kindOf(step(wish("enable"), { file: false, present: present("disable") })), "remove");
});

Deno.test("a disabled backend is neither paused nor resumed, and an end of nothing is refused", () => {
  assert.equal(step(wish("pause"), { state: "disabled" }), "conflict");
  assert.equal(step(wish("resume"), { state: "disabled" }), "conflict");
  assert.equal(step(wish("resume"), { present: present("pause") }, { until: now + 1 }), "hour");
});

Deno.test("an intent whose hour has passed is none", () => {
  assert.equal(kindOf(step(wish("pause"), { present: present("pause", { until: now }) })), "write");
  assert.equal(kindOf(step(wish("resume"), { present: present("pause", { until: now }) })), "nothing");
});

Deno.test("the same wish with a reason or an hour replaces these and keeps the rest", () => {
  const again = step(wish("pause"), { present: present("pause") }, { until: now + 60_000 });
  assert.ok(typeof again !== "string" && again.kind === "write");
  const { reason, since, until } = again.intent;
  assert.deepEqual([reason, since, until], ["disk", now - 5_000, now + 60_000]);
  const others = step(wish("pause"), { present: present("pause", { by: "bert" }) }, { reason: "mine" });
  assert.ok(typeof others !== "string" && others.kind === "write");
  assert.deepEqual([others.intent.reason, others.intent.until], ["mine", null]);
});

Deno.test("the file's weight takes a weight back, another one is written", () => {
  const member = { kind: "weight", frontend: "www", pool: "main", backend: "b1", flush: false } as const;
  const facts = { file: 100, present: present("pause", { ...member, kind: "weight", weight: 10 }) };
  assert.equal(kindOf(step({ ...member, weight: 100 }, facts)), "remove");
  assert.equal(kindOf(step({ ...member, weight: 100 }, { file: 100 })), "nothing");
  assert.equal(kindOf(step({ ...member, weight: 10 }, facts)), "nothing");
  assert.equal(kindOf(step({ ...member, weight: 10, flush: true }, facts)), "write");
  assert.equal(kindOf(step({ ...member, weight: 0 }, facts)), "write");
});
