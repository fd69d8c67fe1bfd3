/** The running daemon on each VPP: what it makes there, and what it does about the hands of others. */
import assert from "node:assert/strict";
import type { LbState } from "../../src/api/mod.ts";
import { vipId } from "../../src/lb/vips.ts";
import { ip } from "../../src/net/ip.ts";
import { byHand, onEachVpp, otherConf, vipLine, vipLines } from "./each_vpp.ts";
import { frontend, key, Running, text } from "./each_vpp_world.ts";

const web = "203.0.113.1/32";

onEachVpp(
  "daemon: all that a configuration can ask for is made, read back, and needs nothing more",
  async (vpp) => {
    const lengths = [256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536];
    const tables = lengths.map((length, n) =>
      frontend(`t${n}`, `203.0.113.${100 + n}`, `new-flows-table-length: ${length},`)
    );
    await using running = await Running.start(
      vpp,
      text([
        ...tables,
        frontend("auto", "203.0.113.1"),
        frontend("sticky", "2001:db8:77::1", "src-ip-sticky: true,"),
        frontend("six", "203.0.113.2", "", "c1: {}, c2: { weight: 1 }"),
        frontend("both", "2001:db8:77::2", "", "c1: { weight: 0 }"),
        "    udp: { address: 203.0.113.1, protocol: udp, port: 53, pools: [{ name: p, backends: { b1: {} } }, { name: q, backends: { b2: {} } }] }\n",
        "    any: { address: 203.0.113.3, pools: [{ name: p, backends: { b1: {} } }] }\n",
      ].join("")),
    );
    const two = "10.77.0.1 100, 10.77.0.2 50";
    const wanted = [
      ...lengths.map((length, n) => `203.0.113.${100 + n}/32 6 80 gre4 ${length}: ${two}`),
      `${web} 6 80 gre4 2048: ${two}`,
      `${web} 17 53 gre4 2048: 10.77.0.1 100, 10.77.0.2 0`,
      `2001:db8:77::1/128 6 80 gre4 2048 sticky: ${two}`,
      "203.0.113.2/32 6 80 gre6 2048: 2001:db8:78::1 100, 2001:db8:78::2 1",
      "2001:db8:77::2/128 6 80 gre6 1024: 2001:db8:78::1 0",
      "203.0.113.3/32 255 0 gre4 1024: 10.77.0.1 100",
    ].sort();
    assert.deepEqual(await vipLines(vpp.hand), wanted);
    assert.deepEqual((await running.plan()).changes, []);
    // As the daemon shows it: names, true lengths, indexes of its own.
    const answer = await running.daemon.control.lbState(null);
    assert.ok(answer.ok);
    const { vips }: LbState = answer.value;
    const shown = new Map(vips.map((vip) => [vip.frontend, vip]));
    lengths.forEach((length, n) => assert.equal(shown.get(`t${n}`)?.flow_table_length, length));
    assert.equal(shown.get("sticky")?.src_ip_sticky, true);
    assert.deepEqual(shown.get("six")?.application_servers.map(({ backend }) => backend).sort(), [
      "c1",
      "c2",
    ]);
    assert.equal(new Set(vips.map(({ index }) => index)).size, wanted.length);
    for (const vip of vips.filter(({ frontend }) => frontend !== "both")) {
      const buckets = vip.application_servers.reduce((sum, server) => sum + server.num_buckets, 0);
      assert.equal(buckets, vip.flow_table_length, vip.prefix);
    }
    assert.deepEqual(await running.interval(), [], "a periodic sync finds nothing to do");
  },
);

onEachVpp(
  "daemon: what others do to its VIPs and settings is undone by the next periodic sync",
  async (vpp) => {
    const { hand } = vpp;
    await using running = await Running.start(
      vpp,
      text(frontend("web", "203.0.113.1") + frontend("dns", "203.0.113.2")),
    );
    const before = await vipLines(hand);
    const server = (n: number) => ip(`10.77.0.${n}`);

    await byHand(hand, { kind: "as-delete", vip: key(web), address: server(1) });
    assert.deepEqual(await running.interval(), [`as-add ${web} 80 10.77.0.1 100 drift`]);

    await byHand(
      hand,
      { kind: "as-weight", vip: key(web), address: server(1), weight: 3, flush: false },
      { kind: "as-weight", vip: key(web), address: server(2), weight: 77, flush: false },
      { kind: "as-add", vip: key(web), address: server(9), weight: 10 },
    );
    assert.deepEqual(await running.interval(), [
      `as-weight ${web} 80 10.77.0.1 3 100 drift`,
      `as-weight ${web} 80 10.77.0.2 77 50 drift`,
      `as-del ${web} 80 10.77.0.9 10 not in the configuration`,
    ]);

    await byHand(hand, { kind: "vip-delete", vip: key(web), encap: "gre4" });
    assert.deepEqual(await running.interval(), [
      `vip-add ${web} 80 drift`,
      `as-add ${web} 80 10.77.0.1 100 drift`,
      `as-add ${web} 80 10.77.0.2 50 drift`,
    ]);

    const conf = await hand.conf();
    await byHand(hand, { kind: "conf-set", conf: otherConf(conf) });
    assert.deepEqual(await running.interval(), ["conf-set drift"]);
    assert.deepEqual(await hand.conf(), conf);

    assert.deepEqual(await vipLines(hand), before);
    assert.deepEqual(await running.interval(), []);
  },
);

onEachVpp(
  "daemon: a VIP that was made anew with another encapsulation is recreated with its servers",
  async (vpp) => {
    const { hand } = vpp;
    await using running = await Running.start(
      vpp,
      text(frontend("web", "203.0.113.1") + frontend("dns", "203.0.113.2")),
    );
    const before = await vipLines(hand);
    await byHand(
      hand,
      { kind: "vip-delete", vip: key(web), encap: "gre4" },
      { kind: "vip-add", vip: key(web), encap: "gre6", tableLength: 512, srcIpSticky: false },
      { kind: "as-add", vip: key(web), address: ip("2001:db8:78::9"), weight: 1 },
    );
    const reason = "encap is gre6, not gre4";
    assert.deepEqual(await running.interval(), [
      `vip-recreate ${web} 80 ${reason}`,
      `as-add ${web} 80 10.77.0.1 100 ${reason}`,
      `as-add ${web} 80 10.77.0.2 50 ${reason}`,
    ]);
    assert.deepEqual(await vipLines(hand), before);
  },
);

onEachVpp(
  "daemon: stickiness and a given length recreate on reload, a length left to auto is only shown",
  async (vpp) => {
    const more = frontend("dns", "203.0.113.2");
    await using running = await Running.start(vpp, text(frontend("web", "203.0.113.1") + more));
    const { daemon } = running;
    const reload = (web: string) => running.reload(text(web + more));
    const anew = (reason: string) => [
      `vip-recreate ${web} 80 ${reason}`,
      `as-add ${web} 80 10.77.0.1 100 ${reason}`,
      `as-add ${web} 80 10.77.0.2 50 ${reason}`,
    ];
    const sticky = await reload(frontend("web", "203.0.113.1", "src-ip-sticky: true,"));
    assert.deepEqual(sticky, { told: anew("src-ip-sticky is false, not true"), held: [] });
    const given = await reload(
      frontend("web", "203.0.113.1", "src-ip-sticky: true, new-flows-table-length: 4096,"),
    );
    assert.deepEqual(given, { told: anew("table length is 2048, not 4096"), held: [] });
    const auto = await reload(frontend("web", "203.0.113.1", "src-ip-sticky: true,"));
    assert.deepEqual(auto, {
      told: [],
      held: [`vip_recreated ${web}`, `as_added ${web}`, `as_added ${web}`],
    });
    const live = async () =>
      (await vpp.hand.vips()).filter((vip) => vipId(vip) === vipId(key(web))).map(vipLine);
    assert.deepEqual(await live(), [`${web} 6 80 gre4 4096 sticky: 10.77.0.1 100, 10.77.0.2 50`]);
    assert.deepEqual(await running.interval(), []);
    // Weights go on in the table that is there, and the digest of the plan sends what is held.
    await daemon.weigh("web", "p", "b1", 7);
    assert.deepEqual(await live(), [`${web} 6 80 gre4 4096 sticky: 10.77.0.1 7, 10.77.0.2 50`]);
    const plan = await running.plan();
    assert.deepEqual(new Set(plan.changes.map(({ held }) => held)), new Set(["table length"]));
    assert.match(plan.predictions[0]?.lints.at(-1)?.message ?? "", /keeps table length 4096; with 2048/);
    const sent = await daemon.release();
    assert.deepEqual([sent.done, sent.failed, sent.skipped], [3, 0, 0]);
    assert.deepEqual(await live(), [`${web} 6 80 gre4 2048 sticky: 10.77.0.1 7, 10.77.0.2 50`]);
  },
);
