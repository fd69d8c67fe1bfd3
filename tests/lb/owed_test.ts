import assert from "node:assert/strict";
import fc from "fast-check";
import {
  keepMembers,
  leaveState,
  memberships,
  noneOwed,
  owe,
  type OwedCause,
  type OwedFlushes,
  owedTo,
  settleFlush,
  settleRestart,
} from "../../src/lb/owed.ts";
import type { Backend, Frontend } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import { config, frontend } from "./setup.ts";

const web = frontend("web", { primary: { b1: 100, b2: 100 } });
const vip = "192.0.2.1/32 6 80";
const address = ip("10.0.0.1");
const b1 = { vip, address, backend: "b1" };

const cause = (owed: OwedFlushes) => owedTo(owed, vip, address)?.cause ?? null;

Deno.test("leaving the state drops what the state owed, and not what an operator asked for", () => {
  assert.equal(cause(owe(noneOwed, b1, "down")), "down");
  assert.equal(cause(leaveState(owe(noneOwed, b1, "down"), b1)), null);
  assert.equal(cause(leaveState(owe(noneOwed, b1, "disabled"), b1)), null);
  assert.equal(cause(leaveState(owe(owe(noneOwed, b1, "down"), b1, "weight"), b1)), "weight");
  const other = { vip, address: ip("10.0.0.2"), backend: "b2" };
  assert.equal(cause(leaveState(owe(noneOwed, b1, "down"), other)), "down");
});

Deno.test("an answer settles what was owed when the message was planned, not what came later", () => {
  const down = owe(noneOwed, b1, "down");
  const planned = down.next;
  assert.equal(cause(settleFlush(down, vip, address, planned)), null);
  const again = owe(leaveState(down, b1), b1, "down");
  assert.equal(cause(settleFlush(again, vip, address, planned)), "down");
  assert.equal(cause(settleFlush(down, vip, ip("10.0.0.2"), planned)), "down");
  assert.equal(cause(settleFlush(down, vip, null, planned)), null);
});

Deno.test("the newest flush is the one that is told", () => {
  assert.equal(cause(owe(owe(noneOwed, b1, "down"), b1, "weight")), "weight");
  assert.equal(cause(owe(owe(noneOwed, b1, "weight"), b1, "down")), "down");
});

Deno.test("a restart of VPP settles everything", () => {
  const owed = settleRestart(owe(noneOwed, b1, "down"));
  assert.equal(cause(owed), null);
  assert.equal(cause(owe(owed, b1, "disabled")), "disabled");
});

Deno.test("what leaves the configuration owes nothing; an operator's flush stays with its VIP", () => {
  const members = memberships(config([web]));
  const without = memberships(config([frontend("web", { primary: { b2: 100 } })]));
  const down = owe(noneOwed, b1, "down");
  assert.equal(cause(keepMembers(down, members, members)), "down");
  assert.equal(cause(keepMembers(down, members, without)), null);
  const asked = owe(noneOwed, b1, "weight");
  assert.equal(
    cause(keepMembers(asked, members, without)),
    "weight",
    "of the previous server of a backend that moved",
  );
  assert.equal(cause(keepMembers(asked, members, memberships(config([])))), null);
});

Deno.test("another name, or another flush-on-down, changes nothing that is owed; another backend there owes nothing", () => {
  const at = (name: string, frontends: Frontend[], more: Backend[] = []) => {
    const backends = [{ name, address, healthcheck: "check", enabled: true }, ...more];
    return memberships({ ...config(frontends), backends: new Map(backends.map((b) => [b.name, b])) });
  };
  const members = memberships(config([web]));
  const down = owe(noneOwed, b1, "down");
  const renamed = at("b7", [frontend("web", { primary: { b7: 100 } }, { flushOnDown: false })]);
  const kept = keepMembers(down, members, renamed);
  assert.equal(cause(kept), "down");
  assert.equal(cause(leaveState(kept, { ...b1, backend: "b7" })), null);
  // b1 moved, and b2 has its address now.
  const moved = { name: "b1", address: ip("10.0.0.9"), healthcheck: "check", enabled: true };
  assert.equal(cause(keepMembers(down, members, at("b2", [web], [moved]))), null);
});

Deno.test("whatever happens, what is owed is what was asked for since it was last settled", () => {
  const steps = fc.array(
    fc.constantFrom<OwedCause | "leave" | "answer">("down", "disabled", "weight", "leave", "answer"),
  );
  fc.assert(fc.property(steps, (list) => {
    let owed = noneOwed;
    const model: OwedCause[] = [];
    for (const step of list) {
      if (step === "leave") {
        owed = leaveState(owed, b1);
        model.splice(0, model.length, ...model.filter((one) => one === "weight"));
      } else if (step === "answer") {
        owed = settleFlush(owed, vip, address, owed.next);
        model.length = 0;
      } else {
        owed = owe(owed, b1, step);
        model.push(step);
      }
      assert.equal(cause(owed), model.at(-1) ?? null);
    }
  }));
});
