/** A soak that could not see a fault would prove nothing, so its instruments are tried on faults. */
import assert from "node:assert/strict";
import { openTcp } from "../../ffi/socket.ts";
import { ip } from "../../src/net/ip.ts";
import { floorSlope, holdings, type Sample } from "./measure.ts";
import { EventMirror } from "./mirror.ts";
import { NeedlessChanges } from "./needless.ts";
import { type AtRest, compare } from "./rest.ts";
import { Random } from "./random.ts";
import { HandSession } from "../e2e/netns_vpp.ts";
import { Vpp } from "../e2e/world.ts";

Deno.test("a seed repeats, and what one activity draws does not depend on another", () => {
  const draw = (random: Random) => Array.from({ length: 50 }, () => random.int(0, 1000));
  assert.deepEqual(draw(new Random(7)), draw(new Random(7)));
  assert.notDeepEqual(draw(new Random(7)), draw(new Random(8)));
  const busy = new Random(7);
  draw(busy.for("one"));
  assert.deepEqual(draw(busy.for("other")), draw(new Random(7).for("other")));
  assert.notDeepEqual(draw(new Random(7).for("one")), draw(new Random(7).for("other")));
  const all = draw(new Random(1));
  assert.ok(Math.min(...all) < 100 && Math.max(...all) > 900);
  assert.deepEqual(new Random(3).some([1, 2, 3], 9).sort(), [1, 2, 3]);
});

Deno.test("the floor of memory grows with a leak, and not with what a collector takes away again", () => {
  const samples = (leak: number): Sample[] =>
    Array.from({ length: 600 }, (_, at) => ({ at, value: 200_000 + (at % 37) * 1000 + leak * at }));
  assert.ok(Math.abs(floorSlope(samples(0), 20) ?? NaN) < 0.5);
  assert.ok(Math.abs((floorSlope(samples(10), 20) ?? NaN) - 10) < 0.5);
  assert.equal(floorSlope([{ at: 0, value: 1 }], 20), null);
});

Deno.test("descriptors are counted by kind", () => {
  const before = holdings(Deno.pid);
  {
    using _listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const during = holdings(Deno.pid);
    assert.equal(during.kinds.get("socket") ?? 0, (before.kinds.get("socket") ?? 0) + 1);
    assert.equal(during.descriptors, before.descriptors + 1);
  }
  assert.equal(holdings(Deno.pid).descriptors, before.descriptors);
  {
    using _unconnected = openTcp(4, null);
    const during = holdings(Deno.pid);
    assert.deepEqual([during.descriptors, during.spare], [before.descriptors, before.spare + 1]);
  }
  assert.ok(before.residentKib > 1000 && before.mappings > 10);
});

Deno.test("what is held more of afterwards is a leak, and a timer that comes and goes is none", () => {
  const rest = (more: Partial<AtRest> = {}): AtRest => ({
    descriptors: 20,
    kinds: new Map([["socket", 5]]),
    spare: 3,
    mappings: 300,
    sharedMappings: 1,
    residentKib: 200_000,
    heapKib: 30_000,
    timers: ["5000 ms by a", "1000 ms by b"],
    ...more,
  });
  const leaks = (after: AtRest): string[] => {
    const problems: string[] = [];
    compare(rest(), after, 60_000, new Map(), problems);
    return problems;
  };
  assert.deepEqual(leaks(rest()), []);
  assert.deepEqual(leaks(rest({ descriptors: 19, timers: [], mappings: 900 })), []);
  assert.deepEqual(leaks(rest({ timers: ["5000 ms by a", "1000 ms by b", "30 ms by c"] })), []);
  assert.match(leaks(rest({ timers: ["5000 ms by a", "4000 ms by a"] }))[0] ?? "", /timers: 2 by a/);
  assert.match(leaks(rest({ descriptors: 21 }))[0] ?? "", /descriptors: 20 before, 21 after/);
  assert.deepEqual(leaks(rest({ spare: 32 })), []);
  assert.match(leaks(rest({ spare: 33 }))[0] ?? "", /spare sockets: 33/);
  assert.deepEqual(leaks(rest({ heapKib: 40_000, residentKib: 900_000 })), []);
  assert.match(leaks(rest({ heapKib: 50_000 }))[0] ?? "", /heap: 29\.3 MiB before, 48\.8 MiB after/);
  assert.match(leaks(rest({ sharedMappings: 2 }))[0] ?? "", /mappings of counters: 1 before, 2 after/);
});

const frame = (seq: number, event: string, data: unknown) => ({
  id: `e-${seq}`,
  event,
  data: JSON.stringify(data),
});
const backend = (seq: number, from: string, to: string, synthetic = false) =>
  frame(seq, "backend", { backend: "b1", synthetic, transition: { from, to, code: "L7OK" } });

Deno.test("a subscriber notices an event that is missing or comes twice, and takes a resync for a new start", () => {
  const mirror = new EventMirror();
  mirror.take(backend(1, "up", "up", true));
  mirror.take(backend(2, "up", "down"));
  assert.deepEqual(mirror.gaps, []);
  assert.equal(mirror.backends.get("b1"), "down");
  mirror.take(backend(4, "unknown", "up"));
  assert.equal(mirror.gaps.length, 1);
  mirror.take(backend(3, "up", "down"));
  assert.match(mirror.gaps[1] ?? "", /e-3 after e-4/);
  mirror.take(frame(9, "resync", { reason: "ring" }));
  mirror.take(backend(9, "paused", "paused", true));
  mirror.take(backend(10, "paused", "removed"));
  assert.equal(mirror.gaps.length, 2);
  assert.equal(mirror.backends.has("b1"), false);
});

Deno.test("messages that change nothing are seen before VPP carries them out, others are not", async () => {
  await using vpp = await Vpp.start();
  using needless = new NeedlessChanges(vpp.simulator);
  await using session = await HandSession.open(vpp.paths.api);
  const vip = { prefix: "198.51.100.10/32", protocol: 6, port: 80 };
  const address = ip("192.0.2.1");
  const add = { kind: "vip-add", vip, encap: "gre4", tableLength: 1024, srcIpSticky: false } as const;
  const weight = (weight: number, flush: boolean) =>
    ({ kind: "as-weight", vip, address, weight, flush }) as const;
  const told = async (...ops: Parameters<HandSession["apply"]>) => {
    needless.found.length = 0;
    await session.apply(...ops);
    return needless.found.length;
  };
  assert.equal(await told(add), 0);
  assert.equal(await told(add), 1);
  assert.equal(await told({ kind: "as-add", vip, address, weight: 5 }), 0);
  assert.equal(await told({ kind: "as-add", vip, address, weight: 6 }), 1);
  assert.equal(await told(weight(5, false)), 1);
  assert.equal(await told(weight(5, true)), 0);
  assert.equal(await told(weight(6, false)), 0);
  assert.equal(await told({ kind: "as-delete", vip, address }), 0);
  assert.equal(await told({ kind: "as-delete", vip, address }), 1);
  assert.equal(await told({ kind: "vip-flush", vip }), 0);
  assert.equal(await told({ kind: "vip-delete", vip, encap: "gre4" }), 0);
  assert.equal(await told({ kind: "vip-flush", vip }), 1);
  const conf = {
    ipv4SrcAddress: ip("192.0.2.254"),
    ipv6SrcAddress: ip("2001:db8::1"),
    stickyBucketsPerCore: 1024,
    flowTimeoutSeconds: 40,
  };
  assert.equal(await told({ kind: "conf-set", conf }), 0);
  assert.equal(await told({ kind: "conf-set", conf }), 1);
});
