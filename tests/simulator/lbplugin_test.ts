import assert from "node:assert/strict";
import fc from "fast-check";
import { ip, octets16 } from "../../src/net/ip.ts";
import { LbPlugin, VppCrash } from "../../src/simulator/lbplugin.ts";
import { MainHeap } from "../../src/simulator/mainheap.ts";
import { Routes } from "../../src/simulator/routes.ts";
import { type Operation, operation, wholeWorld } from "./operations.ts";
import { plainAddress, PlainLb } from "./plain_lb.ts";
import { addVip, server, vip } from "./vip.ts";

const EVERYTHING = { pfx: { af: 0, octets: new Uint8Array(16), len: 0 }, protocol: 0, port: 0 };

function plugin(): { lb: LbPlugin; routes: Routes; hazards: string[]; added: number[] } {
  const hazards: string[] = [];
  const added: number[] = [];
  const routes = new Routes(() => {});
  const lb = new LbPlugin({
    routes,
    heap: new MainHeap(2 ** 30, () => {}, (text) => new VppCrash(text)),
    vipAdded: (index) => added.push(index),
    hazard: (text) => hazards.push(text),
  });
  return { lb, routes, hazards, added };
}

function apply(lb: LbPlugin, operation: Operation, now: number): number {
  switch (operation.name) {
    case "wait":
      return 0;
    case "lb_conf":
      return lb.lb_conf(operation.body);
    case "lb_add_del_vip_v2":
      return lb.lb_add_del_vip_v2(operation.body, now);
    case "lb_add_del_as_v2":
      return lb.lb_add_del_as_v2(operation.body, now);
    case "lb_as_set_weight":
      return lb.lb_as_set_weight(operation.body);
  }
}

Deno.test("after any requests it answers and lists what the plain plugin does", () => {
  const refused = new Map<number, number>();
  fc.assert(
    fc.property(
      fc.array(operation(wholeWorld), { minLength: 1, maxLength: 150, size: "max" }),
      (operations) => {
        const { lb, routes } = plugin();
        const plain = new PlainLb();
        for (const one of operations) {
          const before = plain.now;
          const want = plain.apply(one);
          for (let now = before + 1; now <= plain.now; now++) if (now % 60 === 0) lb.collect(now);
          assert.equal(apply(lb, one, plain.now), want, JSON.stringify(one));
          refused.set(want, (refused.get(want) ?? 0) + 1);
        }
        const rows = [...lb.lb_as_v2_dump(EVERYTHING)];
        assert.deepEqual(
          rows.map((r) =>
            `${r.vip.pfx} ${r.vip.protocol} ${r.vip.port} ${r.app_srv} ${r.flags} ${r.weight} ${r.num_buckets}`
          ).sort(),
          plain.serverLines(),
        );
        const vips = [...lb.lb_vip_dump()];
        assert.deepEqual(
          vips.map((v) => `${v.vip.pfx} ${v.vip.protocol} ${v.vip.port} ${v.encap} ${v.flow_table_length}`)
            .sort(),
          plain.vipLines(),
        );
        assert.equal(lb.conf.sticky_buckets_per_core, plain.conf.buckets);
        assert.equal(lb.conf.flow_timeout, plain.conf.timeout);
        // Routes exist exactly for the prefixes of VIPs and for every row of a server, deleted ones too.
        for (const { address } of plain.vips.flatMap(({ servers }) => servers)) {
          const found = routes.lookup({
            table_id: 0,
            exact: 1,
            prefix: `${address}/${address.includes(":") ? 128 : 32}`,
          });
          assert.equal(found.retval, 0, address);
        }
        for (const address of wholeWorld.servers.map(plainAddress)) {
          const held = plain.vips.some(({ servers }) => servers.some((one) => one.address === address));
          const found = routes.lookup({
            table_id: 0,
            exact: 1,
            prefix: `${address}/${address.includes(":") ? 128 : 32}`,
          });
          assert.equal(found.retval, held ? 0 : -6, address);
        }
      },
    ),
    { numRuns: 120 },
  );
  // The sequences meet every error that the plugin has.
  for (const retval of [0, -6, -70, -73, -81, -97]) {
    assert.ok((refused.get(retval) ?? 0) > 5, `retval ${retval} came ${refused.get(retval)} times`);
  }
});

Deno.test("the server dump's filter compares sixteen octets, protocol and port, and nothing else", () => {
  const { lb } = plugin();
  assert.equal(lb.lb_add_del_vip_v2(addVip, 1), 0);
  assert.equal(lb.lb_add_del_vip_v2({ ...addVip, port: 443 }, 1), 0);
  assert.equal(lb.lb_add_del_as_v2(server("10.0.0.1"), 1), 0);
  const found = (octets: Uint8Array<ArrayBuffer>, rest: object = {}) =>
    [...lb.lb_as_v2_dump({ pfx: { af: 0, octets, len: 32 }, protocol: 6, port: 80, ...rest })].length;
  const last = octets16(ip("198.51.100.1"));
  const first = Uint8Array.from([198, 51, 100, 1, ...new Uint8Array(12)]);
  assert.equal(found(last), 1);
  assert.equal(found(first), 0, "IPv4 in the usual place finds nothing");
  assert.equal(found(last, { pfx: { af: 1, octets: last, len: 7 } }), 1, "af octet and length do not matter");
  assert.equal(found(last, { port: 81 }), 0);
  assert.equal(found(last, { protocol: 17 }), 0);
  assert.equal(found(new Uint8Array(16), { protocol: 17, port: 9 }), 1, "zero octets list everything");
});

Deno.test("a deleted server keeps its row until it is collected, and is revived in it", () => {
  const { lb } = plugin();
  lb.lb_add_del_vip_v2(addVip, 100);
  lb.lb_add_del_as_v2(server("10.0.0.1"), 100);
  lb.lb_add_del_as_v2(server("10.0.0.2"), 100);
  const rows = () =>
    [...lb.lb_as_v2_dump(EVERYTHING)].map((
      r,
    ) => [r.app_srv, r.flags, r.weight, r.num_buckets, r.in_use_since]);
  assert.equal(lb.lb_add_del_as_v2({ ...server("10.0.0.1"), is_del: true }, 120), 0);
  assert.deepEqual(rows(), [["10.0.0.1", 0, 100, 0, 120], ["10.0.0.2", 1, 100, 1024, 0]]);
  assert.equal(
    lb.lb_add_del_as_v2({ ...server("10.0.0.1"), is_del: true }, 121),
    0,
    "deleting it again is no error",
  );
  assert.equal(lb.lb_as_set_weight({ ...server("10.0.0.1"), weight: 5 }), -6);
  assert.equal(lb.lb_add_del_as_v2(server("10.0.0.1", 7), 122), 0);
  assert.deepEqual(rows()[0], ["10.0.0.1", 1, 7, 70, 121], "the time stamp stays");
  lb.lb_add_del_as_v2({ ...server("10.0.0.1"), is_del: true }, 151);
  // 60 s after the VIP was made it is due, but the delete is too fresh; then the next turn comes 60 s later.
  lb.lb_add_del_as_v2(server("10.0.0.3"), 160);
  assert.equal(rows().length, 3);
  lb.lb_add_del_as_v2(server("10.0.0.4"), 219);
  assert.equal(rows().length, 4);
  lb.lb_add_del_as_v2(server("10.0.0.5"), 220);
  assert.deepEqual(rows().map(([address]) => address), ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"]);
  // Its place in the VIP and in the pool is the next to be given away, with the time stamp that it left.
  lb.lb_add_del_as_v2(server("10.0.0.6"), 221);
  assert.deepEqual(rows()[0], ["10.0.0.6", 1, 100, 204, 151]);
});

Deno.test("a row that a flow refers to is not collected; a flush lets it go", () => {
  const { lb } = plugin();
  lb.lb_add_del_vip_v2(addVip, 0);
  lb.lb_add_del_as_v2(server("10.0.0.1"), 0);
  lb.sticky.pin(1, 77, 1, 0, 40);
  lb.lb_add_del_as_v2({ ...server("10.0.0.1"), is_del: true }, 1);
  lb.lb_add_del_as_v2(server("10.0.0.2"), 100);
  assert.equal([...lb.lb_as_v2_dump(EVERYTHING)].length, 2);
  assert.equal(lb.lb_flush_vip(vip), 0);
  lb.lb_add_del_as_v2(server("10.0.0.3"), 200);
  assert.deepEqual(
    [...lb.lb_as_v2_dump(EVERYTHING)].map((r) => r.app_srv),
    ["10.0.0.3", "10.0.0.2"].toReversed(),
  );
});

Deno.test("a deleted VIP keeps its index until VPP collects and finds no row left in it", () => {
  const { lb, added } = plugin();
  lb.lb_add_del_vip_v2(addVip, 0);
  lb.lb_add_del_as_v2(server("10.0.0.1"), 0);
  lb.lb_add_del_vip_v2({ ...addVip, is_del: true }, 5);
  assert.equal([...lb.lb_vip_dump()].length, 0);
  assert.equal([...lb.lb_as_v2_dump(EVERYTHING)].length, 1, "its servers are still listed, without the flag");
  lb.lb_add_del_vip_v2(addVip, 1000);
  assert.deepEqual(added, [1, 2]);
  assert.equal(lb.vipCount, 3);
  lb.collect(30);
  assert.equal(lb.vipCount, 3, "its server's row is too young");
  lb.collect(1000);
  assert.equal(lb.vipCount, 2);
  lb.lb_add_del_vip_v2({ ...addVip, port: 443 }, 1001);
  assert.deepEqual(added, [1, 2, 1], "a freed index is given again");
});

Deno.test("a flush of a VIP that is not there answers 0 and is reported", () => {
  const { lb, hazards } = plugin();
  assert.equal(lb.lb_flush_vip(vip), 0);
  assert.equal(hazards.length, 1);
  assert.match(hazards[0] ?? "", /198\.51\.100\.1\/32/);
});

Deno.test("a table length of 0, or beyond VPP's memory, ends VPP, unless an error comes first", () => {
  for (const new_flows_table_length of [0, 2 ** 28, 2 ** 31]) {
    const { lb } = plugin();
    assert.throws(() => lb.lb_add_del_vip_v2({ ...addVip, new_flows_table_length }, 0), VppCrash);
    assert.equal(lb.lb_add_del_vip_v2({ ...addVip, new_flows_table_length, is_del: true }, 0), -6, "ignored");
    lb.lb_add_del_vip_v2(addVip, 0);
    assert.equal(lb.lb_add_del_vip_v2({ ...addVip, new_flows_table_length }, 0), -81);
  }
});

Deno.test("a server of a NAT VIP for all ports ends VPP, unless an error comes first", () => {
  for (
    const [pfx, encap, own, other] of [
      ["198.51.100.1/32", 3, "10.0.0.1", "2001:db8::1"],
      ["2001:db8:1::1/128", 4, "2001:db8::1", "10.0.0.1"],
    ] as const
  ) {
    const { lb } = plugin();
    const any = { pfx, protocol: 255, port: 0 };
    assert.equal(lb.lb_add_del_vip_v2({ ...addVip, ...any, encap }, 0), 0);
    assert.equal(lb.lb_add_del_as_v2({ ...server(other), ...any }, 0), -97);
    assert.throws(() => lb.lb_add_del_as_v2({ ...server(own), ...any }, 0), VppCrash);
    assert.equal(lb.lb_add_del_vip_v2({ ...addVip, ...any, encap, is_del: true }, 0), 0);
    assert.equal(lb.lb_add_del_vip_v2({ ...addVip, pfx, encap }, 0), 0);
    assert.equal(lb.lb_add_del_as_v2({ ...server(own), pfx }, 0), 0, "with a port it is fine");
  }
});
