import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addFlush,
  type FlushCause,
  flushed,
  keepFlushes,
  leaveState,
  type Memberships,
  memberships,
  newestFlush,
  type PendingFlushes,
} from "../../src/lb/pending_flushes.ts";
import type { Backend, Frontend } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";
import { config, frontend } from "./setup.ts";

const web = frontend("web", { primary: { b1: 100, b2: 100 } });
const vip = "192.0.2.1/32 6 80";
const address = ip("10.0.0.1");

const cause = (flushes: PendingFlushes) => newestFlush(flushes, address)?.cause ?? null;
const serialOf = (flushes: PendingFlushes) => 1 + Math.max(0, ...flushes.map(({ serial }) => serial));
const add = (flushes: PendingFlushes, cause: FlushCause, serial = serialOf(flushes)) =>
  addFlush(flushes, { address, backend: "b1", cause, serial });
const keep = (flushes: PendingFlushes, before: Memberships, now: Memberships) =>
  keepFlushes(new Map([[vip, flushes]]), before, now).get(vip) ?? [];

Deno.test("leaving the state drops what the state caused, and not what an operator asked for", () => {
  assert.equal(cause(add([], "down")), "down");
  assert.equal(cause(leaveState(add([], "down"), "b1")), null);
  assert.equal(cause(leaveState(add([], "disabled"), "b1")), null);
  assert.equal(cause(leaveState(add(add([], "down"), "weight"), "b1")), "weight");
  assert.equal(cause(leaveState(add([], "down"), "b2")), "down");
});

Deno.test("an answer ends what was pending when the message was planned, not what came later", () => {
  const down = add([], "down");
  const planned = serialOf(down);
  assert.equal(cause(flushed(down, address, planned)), null);
  const again = add(leaveState(down, "b1"), "down", planned);
  assert.equal(cause(flushed(again, address, planned)), "down");
  assert.equal(cause(flushed(down, ip("10.0.0.2"), planned)), "down");
  assert.equal(cause(flushed(down, null, planned)), null);
});

Deno.test("the newest flush is the one that is told", () => {
  assert.equal(cause(add(add([], "down"), "weight")), "weight");
  assert.equal(cause(add(add([], "weight"), "down")), "down");
});

Deno.test("what leaves the configuration has no flush any more; an operator's stays with its VIP", () => {
  const members = memberships(config([web]));
  const without = memberships(config([frontend("web", { primary: { b2: 100 } })]));
  const down = add([], "down");
  assert.equal(cause(keep(down, members, members)), "down");
  assert.equal(cause(keep(down, members, without)), null);
  const asked = add([], "weight");
  assert.equal(
    cause(keep(asked, members, without)),
    "weight",
    "of the previous server of a backend that moved",
  );
  assert.equal(cause(keep(asked, members, memberships(config([])))), null);
});

Deno.test("another name, or another flush-on-down, changes no pending flush; another backend there has none", () => {
  const at = (name: string, frontends: Frontend[], more: Backend[] = []) => {
    const backends = [{ name, address, healthcheck: "check", enabled: true }, ...more];
    return memberships({ ...config(frontends), backends: new Map(backends.map((b) => [b.name, b])) });
  };
  const members = memberships(config([web]));
  const down = add([], "down");
  const renamed = at("b7", [frontend("web", { primary: { b7: 100 } }, { flushOnDown: false })]);
  const kept = keep(down, members, renamed);
  assert.equal(cause(kept), "down");
  assert.equal(cause(leaveState(kept, "b7")), null);
  // b1 moved, and b2 has its address now.
  const moved = { name: "b1", address: ip("10.0.0.9"), healthcheck: "check", enabled: true };
  assert.equal(cause(keep(down, members, at("b2", [web], [moved]))), null);
});

Deno.test("whatever happens, what is pending is what was asked for since VPP carried out the last one", () => {
  const steps = fc.array(
    fc.constantFrom<FlushCause | "leave" | "answer">("down", "disabled", "weight", "leave", "answer"),
  );
  fc.assert(fc.property(steps, (list) => {
    let flushes: PendingFlushes = [];
    const model: FlushCause[] = [];
    list.forEach((step, serial) => {
      if (step === "leave") {
        flushes = leaveState(flushes, "b1");
        model.splice(0, model.length, ...model.filter((one) => one === "weight"));
      } else if (step === "answer") {
        flushes = flushed(flushes, address, serial);
        model.length = 0;
      } else {
        flushes = add(flushes, step, serial);
        model.push(step);
      }
      assert.equal(cause(flushes), model.at(-1) ?? null);
    });
  }));
});
