/** A fault of the program is not an error of VPP: it ends the process and is not swallowed. */
import assert from "node:assert/strict";
import { VppError } from "../../src/lb/balancer.ts";
import { settle } from "../fake_clock.ts";
import { running } from "./reconciler_world.ts";

/** What nobody handled while `run` ran; without a listener each of them would end the process. */
async function unhandled(run: () => Promise<void>): Promise<unknown[]> {
  const reasons: unknown[] = [];
  const listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    reasons.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", listener);
  try {
    await run();
    // The runtime tells of a rejection at the end of a turn.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve));
  } finally {
    globalThis.removeEventListener("unhandledrejection", listener);
  }
  return reasons;
}

const defect = () => new TypeError("Cannot read properties of null");

Deno.test("a fault in the answer of a question is not answered as VPP being away", async () => {
  const { world, vpp } = await running();
  vpp.readGate = () => Promise.reject(defect());
  let answered = false;
  const reasons = await unhandled(async () => {
    void world.reconciler.plan(null).then(() => answered = true);
    await settle();
  });
  assert.deepEqual(reasons.map(String), ["TypeError: Cannot read properties of null"]);
  assert.equal(answered, false);
});

Deno.test("a fault in a sync that nobody waits for is not swallowed", async () => {
  const { world, vpp } = await running();
  vpp.readGate = () => Promise.reject(defect());
  const reasons = await unhandled(() => world.clock.advance(30_000));
  assert.deepEqual(reasons.map(String), ["TypeError: Cannot read properties of null"]);
});

Deno.test("a fault while messages are sent is no failed message", async () => {
  const { world, vpp } = await running();
  vpp.gate = () => Promise.reject(defect());
  const reasons = await unhandled(async () => {
    world.become("b1", "down");
    await settle();
  });
  assert.ok(reasons.length > 0);
  for (const reason of reasons) assert.equal(String(reason), "TypeError: Cannot read properties of null");
  assert.deepEqual(world.log.named("vpp-lbsync-as-weight"), []);
});

Deno.test("what VPP refuses to a read is answered, and nothing ends", async () => {
  const { world, vpp } = await running();
  await using _ = world;
  vpp.readGate = () => Promise.reject(new VppError("lb_vip_dump: VNET_API_ERROR_BUSY (-167)"));
  const reasons = await unhandled(async () => {
    const answer = await world.reconciler.plan(null);
    assert.ok(!answer.ok);
    assert.deepEqual(answer.error, {
      type: "vpp-unavailable",
      detail: "lb_vip_dump: VNET_API_ERROR_BUSY (-167)",
    });
  });
  assert.deepEqual(reasons, []);
});
