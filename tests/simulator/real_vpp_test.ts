/**
 * The simulator against a real VPP: the same requests to both, and every answer, dump and text compared. Runs
 * when MAGLEV_TEST_VPP_API names the API socket of a VPP with the lb plugin that nobody else uses at the time;
 * what the test made there it deletes, and what it changed it puts back.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { systemClock } from "../../src/clock.ts";
import { ip, octets, octets16 } from "../../src/net/ip.ts";
import { type BodyOf, messages as m } from "../../src/vpp/messages.ts";
import { compare, deleteAll, pair, perform, REAL } from "./comparison.ts";
import { operation, type World } from "./operations.ts";
import type { Named, RawClient } from "./raw_client.ts";
import { addVip as addOther } from "./vip.ts";

const ignore = REAL === "";
const SLOW = Deno.env.get("MAGLEV_TEST_VPP_SLOW") === "1";
const suffix = ignore ? " (skipped: MAGLEV_TEST_VPP_API is not set)" : "";

/** NAT is left out: deleting its servers can end a real VPP. So is a flush of what is not there. */
const world: World = {
  prefixes: [
    "198.18.1.1/32",
    "198.18.1.1/32",
    "198.18.1.1/32",
    "198.18.1.2/32",
    "198.18.2.0/28",
    "198.18.2.9/28",
    "198.18.2.0/29",
    "2001:db8:f::1/128",
    "2001:db8:f:1::/64",
    "2001:db8:f:1::7/64",
    "::198.18.3.1/128",
  ],
  encaps: [0, 0, 0, 1, 1, 2, 9],
  ports: [[6, 80], [6, 80], [6, 80], [6, 443], [17, 53], [17, 80], [255, 0], [6, 0], [255, 80], [1, 7]],
  lengths: [256, 1024, 1024, 4096, 65536, 1, 1000],
  servers: ["10.99.0.1", "10.99.0.2", "10.99.0.3", "2001:db8:f:2::1", "2001:db8:f:2::2", "::7"].map(ip),
  waits: [],
};

Deno.test({
  name: `random requests have the same outcome on a real VPP${suffix}`,
  ignore,
  async fn() {
    await using both = await pair();
    await compare(both, "at the start");
    const sequences = fc.sample(fc.array(operation(world), { minLength: 60, maxLength: 60 }), 20);
    const retvals = new Map<number, number>();
    for (const [number, operations] of sequences.entries()) {
      for (const [step, one] of operations.entries()) {
        await both.follow();
        const want = await perform(both.real, one);
        assert.equal(
          await perform(both.simulated, one),
          want,
          `sequence ${number}, step ${step}: ${JSON.stringify(one)}`,
        );
        retvals.set(want, (retvals.get(want) ?? 0) + 1);
        if (step % 20 === 19) {
          await compare(
            both,
            `sequence ${number}, after step ${step}: ${JSON.stringify(operations.slice(0, step + 1))}`,
          );
        }
      }
      await both.follow();
      await deleteAll(both.real);
      await deleteAll(both.simulated);
      await compare(both, `after sequence ${number}`);
    }
    for (const retval of [0, -6, -70, -73, -81, -97]) {
      assert.ok((retvals.get(retval) ?? 0) > 0, `retval ${retval}`);
    }
  },
});

/**
 * Text without numbers and without what earlier tests left: removed VIPs, and the flow tables of a VPP that carried
 * traffic; a list of VIPs in no particular order.
 */
function neutral(reply: string): string {
  const left = / removed|^core \d+$|^ {2}(timeout|usage): /;
  const lines = reply.split("\n").filter((line) => !left.test(line));
  return (reply.startsWith("ip") ? lines.sort() : lines).join("\n").replaceAll(/ *\d+/g, " N");
}

Deno.test({
  name: `deleted servers and VIPs are collected as on a real VPP${
    SLOW ? suffix : " (skipped: takes 3 minutes, MAGLEV_TEST_VPP_SLOW is not set)"
  }`,
  ignore: ignore || !SLOW,
  async fn() {
    await using both = await pair();
    assert.equal(both.before.size, 0, "this test needs a VPP that was just started");
    const waits = [61, 12, 62, 5, 40];
    for (
      const [round, operations] of fc.sample(fc.array(operation(world), { minLength: 80, maxLength: 80 }), 6)
        .entries()
    ) {
      for (const [step, one] of operations.entries()) {
        await both.follow();
        const want = await perform(both.real, one);
        assert.equal(
          await perform(both.simulated, one),
          want,
          `round ${round}, step ${step}: ${JSON.stringify(one)}`,
        );
      }
      await compare(both, `round ${round}`);
      if (round % 2 === 1) {
        await both.follow();
        for (const client of [both.real, both.simulated]) {
          assert.equal((await client.cli("lb conf timeout 40")).retval, 0);
        }
        await compare(both, `round ${round}, collected`);
      }
      // The collection goes by VPP's own clock, so real time must pass.
      const seconds = waits[round];
      if (seconds !== undefined) await systemClock.sleep(seconds * 1000);
    }
  },
});

const vip = { pfx: "198.18.1.1/32", protocol: 6, port: 80 };
const addVip: BodyOf<Named<"lb_add_del_vip_v2">> = { ...addOther, ...vip };

Deno.test({
  name: `filters, routes, the command line and odd frames have the same outcome on a real VPP${suffix}`,
  ignore,
  async fn() {
    await using both = await pair();
    const same = async (what: string, ask: (client: RawClient) => Promise<unknown>) => {
      const want = await ask(both.real);
      assert.deepEqual(await ask(both.simulated), want, what);
    };
    const server = { ...vip, as_address: ip("10.99.0.1"), weight: 100, is_del: false, is_flush: false };
    for (
      const extra of [{}, { port: 443 }, { pfx: "2001:db8:f::1/128", encap: 1 }, {
        pfx: "198.18.2.0/28",
        port: 0,
      }]
    ) {
      await same(
        "add a VIP",
        (client) => client.ask(m.lb_add_del_vip_v2, m.lb_add_del_vip_v2_reply, { ...addVip, ...extra }),
      );
    }
    await same("add a server", (client) => client.ask(m.lb_add_del_as_v2, m.lb_add_del_as_v2_reply, server));
    await same("add a v6 server", (client) =>
      client.ask(m.lb_add_del_as_v2, m.lb_add_del_as_v2_reply, {
        ...server,
        pfx: "2001:db8:f::1/128",
        as_address: ip("2001:db8:f:2::1"),
      }));
    await same("flush", (client) => client.ask(m.lb_flush_vip, m.lb_flush_vip_reply, vip));
    await same(
      "weight 255",
      (client) =>
        client.ask(m.lb_as_set_weight, m.lb_as_set_weight_reply, { ...server, weight: 255, is_flush: true }),
    );

    const first = Uint8Array.from([...octets(ip("198.18.1.1")), ...new Uint8Array(12)]);
    const filters = [
      { pfx: { af: 0, octets: first, len: 32 }, protocol: 6, port: 80 },
      { pfx: { af: 0, octets: octets16(ip("198.18.1.1")), len: 32 }, protocol: 6, port: 80 },
      { pfx: { af: 1, octets: octets16(ip("198.18.1.1")), len: 9 }, protocol: 6, port: 80 },
      { pfx: { af: 9, octets: octets16(ip("198.18.1.1")), len: 9 }, protocol: 6, port: 80 },
      { pfx: { af: 0, octets: octets16(ip("198.18.1.1")), len: 32 }, protocol: 17, port: 80 },
      { pfx: { af: 0, octets: octets16(ip("198.18.1.1")), len: 32 }, protocol: 6, port: 81 },
      { pfx: { af: 1, octets: octets16(ip("2001:db8:f::1")), len: 128 }, protocol: 6, port: 80 },
      { pfx: { af: 0, octets: octets16(ip("198.18.2.0")), len: 28 }, protocol: 255, port: 0 },
      { pfx: { af: 0, octets: octets16(ip("198.18.2.0")), len: 28 }, protocol: 0, port: 0 },
    ];
    for (const filter of filters) {
      // A row in the place of a collected one shows when that one was deleted.
      await same(
        "filtered dump",
        async (client) =>
          (await client.dump(m.lb_as_v2_dump, m.lb_as_v2_details, filter))
            .filter(({ flags }) => flags === 1).map((row) => ({ ...row, in_use_since: 0 })),
      );
    }

    const prefixes = [
      "198.18.1.1/32",
      "198.18.2.7/32",
      "198.18.2.0/28",
      "10.99.0.1/32",
      "10.99.0.9/32",
      "0.0.0.0/0",
      "2001:db8:f::1/128",
      "2001:db8:f:2::1/128",
      "2001:db8:f::9/128",
      "::/0",
      "224.0.0.1/32",
      "fe80::1/128",
    ];
    for (const prefix of prefixes) {
      for (const exact of [0, 1]) {
        await same(`route ${prefix} exact ${exact}`, async (client) => {
          const { retval, body } = await client.ask(m.ip_route_lookup, m.ip_route_lookup_reply, {
            table_id: 0,
            exact,
            prefix,
          });
          return { retval, body: { ...body, stats_index: 0 } };
        });
      }
    }
    await same(
      "another routing table",
      (client) =>
        client.ask(m.ip_route_lookup, m.ip_route_lookup_reply, {
          table_id: 77,
          exact: 1,
          prefix: "10.99.0.1/32",
        }),
    );
    for (const client of [both.real, both.simulated]) {
      const { body } = await client.ask(m.ip_route_lookup, m.ip_route_lookup_reply, {
        table_id: 0,
        exact: 1,
        prefix: "10.99.0.1/32",
      });
      assert.ok((await client.cli("show lb vips verbose")).reply.includes(` dpo:${body.stats_index} used`));
    }

    for (
      const command of [
        "no such command",
        "show nonsense",
        "a command that is longer than thirty characters",
        "show lb x",
        "show lb x y z",
        "show lb vips nonsense",
        "show api clients x",
        "  show   lb  ",
        "show api x",
        "show api",
        "show",
        "",
        "lb conf",
        "lb conf nonsense 7",
        "lb conf timeout 41 nonsense",
        "lb conf buckets 1000",
        "lb conf timeout 41",
      ]
    ) {
      await same(command, async (client) => {
        const { retval, reply } = await client.cli(command);
        return { retval, reply: neutral(reply) };
      });
    }
    await same("clients", async (client) => {
      const listed = (await client.cli("show api clients")).reply.split("\n");
      return [
        listed.slice(0, 2),
        listed.filter((line) => /^ {10}comparison +\d+$/.test(line)).map((line) => line.length),
      ];
    });
    await same(
      "an unknown farewell",
      (client) => client.ask(m.sockclnt_delete, m.sockclnt_delete_reply, { index: 0x80000777 }),
    );
    await same("sticky buckets 0", (client) =>
      client.ask(m.lb_conf, m.lb_conf_reply, {
        ip4_src_address: ip("192.0.2.254"),
        ip6_src_address: ip("2001:db8::254"),
        sticky_buckets_per_core: 1024,
        flow_timeout: 0,
      }));

    // Too short and of an unknown client: no answer, so the next one is that of the ping behind it.
    for (const client of [both.real, both.simulated]) {
      const id = client.ids.get(m.control_ping.tableName) ?? 0;
      const frame = (length: number, index: number, context: number) => {
        const octets = new Uint8Array(16 + length);
        const view = new DataView(octets.buffer);
        view.setUint32(8, length);
        view.setUint16(16, id);
        view.setUint32(18, index);
        if (length >= 10) view.setUint32(22, context);
        return octets;
      };
      await client.send(frame(9, client.clientIndex, 1));
      await client.send(frame(10, client.clientIndex + 100, 2));
      await client.send(frame(13, client.clientIndex, 3));
      const payload = await client.read();
      assert.ok(payload !== null);
      assert.equal(new DataView(payload.buffer).getUint32(2), 3);
    }
  },
});
