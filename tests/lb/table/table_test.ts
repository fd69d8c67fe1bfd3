import assert from "node:assert/strict";
import fc from "fast-check";
import type { IpAddress } from "../../../src/model.ts";
import { flowHash } from "../../../src/lb/table/flow.ts";
import {
  bucketCounts,
  FlowTableBuilder,
  hashWord,
  leastMoved,
  movedBuckets,
  newFlowTable,
  serverOf,
  type TableServer,
  weightsHaveEffect,
} from "../../../src/lb/table/table.ts";
import { ip, ipFromOctets, octets16 } from "../../../src/net/ip.ts";
import { flowRecordings, tableRecordings } from "../recordings.ts";
import { slowCrc32c, slowHash, slowTable } from "./table_reference.ts";

/** Servers with distinct addresses of both families. */
const servers = (most: number): fc.Arbitrary<TableServer[]> =>
  fc.uniqueArray(
    fc.tuple(
      fc.oneof(
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
      ),
      fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 255 })),
    ).map(([octets, weight]): TableServer => ({ address: ipFromOctets(octets), weight })),
    { maxLength: most, selector: ({ address }) => octets16(address).join() },
  );

const length = (log2: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: log2 }).map((n) => 2 ** n);

Deno.test("every recorded table has exactly the buckets that VPP counted", async () => {
  const lines = await tableRecordings();
  assert.equal(lines.length, 32);
  for (const line of lines) {
    const want = line.servers.map(({ buckets }) => buckets);
    assert.deepEqual([...bucketCounts(line.length, line.servers)], want);
    const counted = new Array<number>(want.length).fill(0);
    for (const server of newFlowTable(line.length, line.servers).buckets) {
      counted[server] = (counted[server] ?? 0) + 1;
    }
    assert.deepEqual(counted, want);
  }
});

Deno.test("every recorded connection is predicted: table and flow hash together", async () => {
  const lines = await flowRecordings();
  assert.equal(lines.length, 440);
  for (const { flow, length, servers, server } of lines) {
    assert.equal(serverOf(newFlowTable(length, servers), flowHash(flow))?.address, server);
  }
});

Deno.test("the hash in halves equals the hash in BigInt", () => {
  const out = { high: 0, low: 0 };
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (word) => {
      hashWord(Number(word >> 32n), Number(word & 0xffffffffn), out);
      assert.equal((BigInt(out.high) << 32n) | BigInt(out.low), slowHash(word));
    }),
    { numRuns: 5000, examples: [[0n], [1n], [2n ** 64n - 1n], [2n ** 32n], [2n ** 32n - 1n]] },
  );
});

Deno.test("the table equals the plain reference in BigInt", () => {
  fc.assert(
    fc.property(length(9), servers(6), (length, servers) => {
      assert.deepEqual([...newFlowTable(length, servers).buckets], slowTable(length, servers));
    }),
    { numRuns: 150 },
  );
});

Deno.test("the table does not depend on the order in which servers were added", () => {
  fc.assert(
    fc.property(length(9), servers(6), (length, servers) => {
      const byAddress = (list: TableServer[]): (IpAddress | undefined)[] =>
        [...newFlowTable(length, list).buckets].map((index) => list[index]?.address);
      assert.deepEqual(byAddress(servers.toReversed()), byAddress(servers));
    }),
    { numRuns: 100 },
  );
});

Deno.test("bucketCounts() equals counting the table", () => {
  fc.assert(
    fc.property(length(12), servers(20), (length, servers) => {
      const counted = new Array<number>(servers.length).fill(0);
      for (const at of newFlowTable(length, servers).buckets) {
        if (at >= 0) counted[at] = (counted[at] ?? 0) + 1;
      }
      assert.deepEqual([...bucketCounts(length, servers)], counted);
    }),
    { numRuns: 200 },
  );
});

Deno.test("a table computed in small steps equals the one computed at once, and each step is bounded", () => {
  const list = [7, 100, 42].map((weight, i): TableServer => ({ address: ip(`192.0.2.${i}`), weight }));
  const builder = new FlowTableBuilder({ length: 4096, servers: list });
  let steps = 1;
  assert.throws(() => builder.table, /not finished/);
  while (!builder.step(500)) steps++;
  assert.ok(steps > 20, `${steps} steps`);
  assert.deepEqual(builder.table.buckets, newFlowTable(4096, list).buckets);
  assert.ok(builder.step(1), "a finished table stays finished");
});

Deno.test("no weight above 0 leaves every bucket empty", () => {
  const servers = [{ address: ip("192.0.2.1"), weight: 0 }];
  const table = newFlowTable(8, servers);
  assert.deepEqual([...table.buckets], new Array(8).fill(-1));
  assert.equal(serverOf(table, 3), null);
  assert.deepEqual([...bucketCounts(8, servers)], [0]);
  assert.deepEqual([...newFlowTable(1, []).buckets], [-1]);
});

Deno.test("lengths and weights that VPP could not have are refused", () => {
  const server = { address: ip("192.0.2.1"), weight: 1 };
  for (const length of [0, -1, 3, 1000, 1.5, NaN, 2 ** 32]) {
    assert.throws(() => newFlowTable(length, [server]), /power of two/, String(length));
    assert.throws(() => bucketCounts(length, [server]), /power of two/, String(length));
  }
  assert.throws(() => newFlowTable(2 ** 17, [server]), /Cannot compute/);
  assert.deepEqual([...bucketCounts(2 ** 26, [server])], [2 ** 26]);
  for (const weight of [-1, 256, 1.5, NaN]) {
    assert.throws(() => newFlowTable(8, [{ ...server, weight }]), /weight/, String(weight));
  }
});

Deno.test("movedBuckets() and leastMoved() against counting by address", () => {
  fc.assert(
    fc.property(
      length(8),
      servers(6),
      length(8),
      fc.array(fc.nat(255), { maxLength: 6 }),
      fc.nat(6),
      (l, list, l2, w, n) => {
        const changed = list.slice(0, n).map((s, i) => ({ ...s, weight: w[i] ?? s.weight }));
        const before = newFlowTable(l, list);
        const after = newFlowTable(l2, changed);
        const longest = Math.max(l, l2);
        let moved = 0;
        for (let i = 0; i < longest; i++) {
          const had = serverOf(before, i);
          if (had !== null && serverOf(after, i)?.address !== had.address) moved++;
        }
        assert.equal(movedBuckets(before, after), moved);
        const least = leastMoved(before, after);
        assert.ok(least <= moved, `${least} > ${moved}`);
        assert.equal(leastMoved(before, before), 0);
        assert.equal(movedBuckets(before, before), 0);
      },
    ),
  );
});

Deno.test("removing one of seven servers of weight 100 moves what was measured on VPP", () => {
  const seven = Array.from(
    { length: 7 },
    (_, i): TableServer => ({ address: ip(`10.0.0.${i + 1}`), weight: 100 }),
  );
  const share = (length: number) =>
    movedBuckets(newFlowTable(length, seven), newFlowTable(length, seven.slice(1))) / length;
  assert.ok(share(1024) > 0.28 && share(1024) < 0.33, `${share(1024)}`);
  assert.ok(share(65536) > 0.16 && share(65536) < 0.18, `${share(65536)}`);
  assert.equal(
    Math.round(
      leastMoved({ length: 1024, servers: seven }, { length: 1024, servers: seven.slice(1) }) / 10.24,
    ),
    14,
  );
});

Deno.test("weights lose their effect where the sum of weights exceeds the length", () => {
  const twenty = Array.from(
    { length: 20 },
    (_, i): TableServer => ({ address: ip(`10.0.0.${i + 1}`), weight: i === 0 ? 50 : 100 }),
  );
  assert.deepEqual(weightsHaveEffect({ length: 65536, servers: twenty }), new Array(20).fill(true));
  assert.deepEqual(weightsHaveEffect({ length: 1024, servers: twenty }), [
    true,
    ...new Array(19).fill(false),
  ]);
  assert.equal(((bucketCounts(1024, twenty)[0] ?? 0) / 10.24).toFixed(2), "4.88");
});

Deno.test("the flow hash is the plain CRC-32C of the words", () => {
  const address = (size: number) =>
    fc.uint8Array({ minLength: size, maxLength: size }).map((o) => ipFromOctets(o));
  const port = fc.nat(65535);
  fc.assert(fc.property(
    fc.constantFrom(4, 16).chain((size) => fc.tuple(address(size), address(size))),
    port,
    port,
    fc.boolean(),
    ([client, vip], clientPort, vipPort, srcIpSticky) => {
      const flow = { client, clientPort, vip, vipPort, srcIpSticky };
      assert.equal(flowHash(flow), slowCrc32c(flow));
      const other = flowHash({ ...flow, clientPort: clientPort ^ 1 });
      assert.equal(other === flowHash(flow), srcIpSticky);
    },
  ));
  assert.throws(
    () =>
      flowHash({ client: ip("192.0.2.1"), clientPort: 1, vip: ip("::1"), vipPort: 2, srcIpSticky: false }),
    /families/,
  );
});
