import assert from "node:assert/strict";
import fc from "fast-check";
import {
  memberships,
  noneOwed,
  type OwedFlushes,
  owedTo,
  oweMembers,
  oweTransitions,
  oweWeight,
  settleFlush,
  settleRead,
  settleRestart,
} from "../../src/lb/owed.ts";
import type { ActualVip, State } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import { placed } from "./plan_world.ts";
import { config, frontend } from "./setup.ts";

const web = frontend("web", { primary: { b1: 100, b2: 100 } });
const members = memberships(config([web]));
const soft = memberships(config([{ ...web, flushOnDown: false }]));
const vip = "192.0.2.1/32 6 80";
const b1 = ip("10.0.0.1");

const cause = (owed: OwedFlushes) => owedTo(owed, vip, b1, 100)?.cause ?? null;
const turn = (owed: OwedFlushes, to: State, first = false, places = members) =>
  oweTransitions(owed, [{ backend: "b1", to, first }], places);
const actual = (weight: number | null): ActualVip => ({
  ...placed(),
  servers: weight === null ? [] : [{ address: b1, weight, flags: 1, numBuckets: 0, inUseSince: 0 }],
});

Deno.test("down owes a flush if flush-on-down, disabled always, paused and unknown never", () => {
  assert.equal(cause(turn(noneOwed, "down")), "down");
  assert.equal(cause(turn(noneOwed, "down", false, soft)), null);
  assert.equal(cause(turn(noneOwed, "disabled", false, soft)), "disabled");
  for (const state of ["paused", "unknown", "up"] as const) assert.equal(cause(turn(noneOwed, state)), null);
});

Deno.test("leaving the state pays what the state owed, and only that", () => {
  assert.equal(cause(turn(turn(noneOwed, "down"), "up")), null);
  assert.equal(cause(turn(turn(noneOwed, "disabled"), "unknown")), null);
  assert.equal(cause(turn(turn(noneOwed, "down"), "disabled")), "disabled");
  const [member] = members.get("b1") ?? [];
  assert.ok(member);
  assert.equal(cause(turn(oweWeight(turn(noneOwed, "down"), member), "up")), "weight");
});

Deno.test("a first state that comes between the read and the plan owes none for a server at weight 0", () => {
  const first = turn(noneOwed, "down", true);
  assert.equal(owedTo(first, vip, b1, 0), null);
  assert.equal(owedTo(first, vip, b1, 50)?.cause, "down");
  assert.equal(owedTo(turn(noneOwed, "down"), vip, b1, 0)?.cause, "down", "a later one does");
  const [member] = members.get("b1") ?? [];
  assert.ok(member);
  const both = turn(oweWeight(noneOwed, member), "down", true);
  assert.equal(owedTo(both, vip, b1, 0)?.cause, "weight", "what an operator owes stays");
});

Deno.test("an answer pays what was owed when the message was planned, not what came later", () => {
  const down = turn(noneOwed, "down");
  const planned = down.next;
  assert.equal(cause(settleFlush(down, vip, b1, planned)), null);
  const again = turn(turn(down, "up"), "down");
  assert.equal(cause(settleFlush(again, vip, b1, planned)), "down");
  assert.equal(cause(settleFlush(down, vip, ip("10.0.0.2"), planned)), "down");
  assert.equal(cause(settleFlush(down, vip, null, planned)), null);
});

Deno.test("a restart of VPP pays everything", () => {
  const owed = settleRestart(turn(noneOwed, "down"));
  assert.equal(cause(owed), null);
  assert.equal(cause(turn(owed, "disabled")), "disabled");
});

Deno.test("a first state owes none for a server that VPP has at weight 0, a later one does", () => {
  const first = turn(noneOwed, "down", true);
  assert.equal(cause(settleRead(first, vip, actual(0))), null);
  assert.equal(cause(settleRead(first, vip, actual(100))), "down");
  assert.equal(cause(settleRead(turn(noneOwed, "down"), vip, actual(0))), "down");
});

Deno.test("a first state that found weight 0 stays without a flush when somebody raises it", () => {
  const settled = settleRead(turn(noneOwed, "down", true), vip, actual(0));
  assert.equal(cause(settleRead(settled, vip, actual(100))), null);
});

Deno.test("a server or VIP that VPP does not have is owed nothing", () => {
  assert.equal(cause(settleRead(turn(noneOwed, "down"), vip, actual(null))), null);
  assert.equal(cause(settleRead(turn(noneOwed, "down"), vip, null)), null);
});

Deno.test("members that a configuration brings owe what their state owes, as a first state", () => {
  const owed = oweMembers(noneOwed, new Map(), members, (name) => name === "b1" ? "disabled" : "up");
  assert.equal(owedTo(owed, vip, b1, 100)?.first, true);
  assert.equal(owedTo(owed, vip, ip("10.0.0.2"), 100), null);
  const same = oweMembers(noneOwed, members, members, () => "disabled");
  assert.equal(cause(same), null);
});

Deno.test("members that a configuration takes away owe nothing, nor does down without flush-on-down", () => {
  const down = turn(noneOwed, "down");
  const without = memberships(config([frontend("web", { primary: { b2: 100 } })]));
  assert.equal(cause(oweMembers(down, members, without, () => "down")), null);
  assert.equal(cause(oweMembers(down, members, soft, () => "down")), null);
  assert.equal(cause(oweMembers(down, members, members, () => "down")), "down");
});

Deno.test("whatever happens, a flush by state is owed only while the state lasts", () => {
  const states = fc.constantFrom<State>("up", "down", "disabled", "paused", "unknown");
  fc.assert(fc.property(fc.array(states, { minLength: 1 }), (list) => {
    const owed = list.reduce((before, to) => turn(before, to), noneOwed);
    const last = list[list.length - 1];
    assert.equal(cause(owed), last === "down" || last === "disabled" ? last : null);
  }));
});
