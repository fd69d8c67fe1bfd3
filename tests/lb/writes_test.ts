/** How a failover's messages are grouped into writes to VPP's socket. */
import assert from "node:assert/strict";
import { ip } from "../../src/net/ip.ts";
import { settle } from "../fake_clock.ts";
import { FakeBalancer } from "./fake_balancer.ts";
import { config, frontend, TestWorld } from "./setup.ts";

/** Of a change of so many VIPs: sizes of the writes, where VPP answers so many messages a turn. */
async function writesOf(
  vips: number,
  { inFlight, answers, pools }: {
    inFlight: number;
    answers: number;
    pools: Record<string, Record<string, number>>;
  },
): Promise<number[]> {
  const frontends = Array.from(
    { length: vips },
    (_, n) => frontend(`f${n}`, pools, { address: ip(`192.0.${2 + (n >> 8)}.${n & 255}`) }),
  );
  await using world = new TestWorld(config(frontends), {}, inFlight);
  const vpp = new FakeBalancer();
  world.reconciler.connected(vpp);
  await settle();
  await world.clock.advance(1_000);
  const writes: number[] = [];
  const waiting: (() => void)[] = [];
  let queued = 0;
  let isDue = false;
  const flush = () => {
    isDue = false;
    if (queued > 0) writes.push(queued);
    queued = 0;
  };
  const send = vpp.send.bind(vpp);
  vpp.send = (op, answered, failed) => {
    // As the outbox does: at the end of the turn, or when it is asked to.
    if (!isDue) queueMicrotask(flush);
    isDue = true;
    queued++;
    send(op, (reply) => waiting.push(() => answered(reply)), failed);
  };
  vpp.flush = () => {
    flush();
    return Promise.resolve();
  };
  world.become("b1", "down");
  await settle();
  while (waiting.length > 0) {
    for (const answer of waiting.splice(0, answers)) answer();
    await settle();
  }
  return writes;
}

const weights = { primary: { b1: 100, b2: 100 } };
const pools = { primary: { b1: 100 }, fallback: { b2: 50, b3: 40 } };

Deno.test("answers that come one by one make a write for each group, whatever the number in flight", async () => {
  for (const [inFlight, group] of [[32, 8], [20, 5], [12, 3]] as const) {
    const [first, ...later] = await writesOf(400, { inFlight, answers: 1, pools: weights });
    assert.equal(first, inFlight);
    assert.deepEqual([...new Set(later.slice(0, -group))], [group], `${inFlight} in flight: ${later}`);
  }
});

Deno.test("answers that come together make writes of 16, so that VPP works while the next are made", async () => {
  for (const vips of [32, 400]) {
    const [first, ...later] = await writesOf(vips, { inFlight: 32, answers: 40, pools });
    assert.equal(first, 32);
    assert.ok(later.every((size) => size <= 16), `${vips} VIPs: ${later}`);
    assert.ok(later.length <= vips * 3 / 12, `${vips} VIPs: ${later.length} writes`);
  }
});
