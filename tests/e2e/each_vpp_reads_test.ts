/** What the running daemon asks of each VPP and when: reads hold VPP's workers, so none may be needless. */
import assert from "node:assert/strict";
import { onEachVpp, type OwnVpp } from "./each_vpp.ts";
import { frontend, Running, text } from "./each_vpp_world.ts";

const frontends = 12;
const world = text(
  Array.from({ length: frontends }, (_, n) => frontend(`f${n}`, `203.0.113.${n}`)).join(""),
);
const wholeRead = [
  "lb_conf_get",
  "lb_vip_dump",
  ...Array.from({ length: frontends }, () => "lb_as_v2_dump"),
];
const theText = "cli_inband";

/** A daemon whose VIPs VPP has had for a while. Without stats: time that is jumped over moves no heartbeat of VPP. */
async function settled(vpp: OwnVpp): Promise<Running> {
  const running = await Running.start({ ...vpp, paths: { ...vpp.paths, stats: "" } }, world, "debug");
  // New VIPs are read once more, a second after they were made.
  running.jump(1100);
  await running.daemon.planned();
  return running;
}

/** Names of the messages of the next periodic sync; pings and the lookups for counters are no part of it. */
async function sync(running: Running): Promise<string[]> {
  const from = running.daemon.log.length;
  running.jump(30_000);
  await running.daemon.logged(({ msg }) => msg === "vpp-lbsync-done", from);
  return running.asked(from).filter((name) => !/^(control_ping|ip_route_lookup)$/.test(name)).sort();
}

onEachVpp(
  "daemon: a periodic sync asks for the VIPs and the servers of each, for the text every 10 minutes",
  async (vpp) => {
    await using running = await settled(vpp);
    let texts = 0;
    for (let n = 0; n < 41; n++) {
      const asked = await sync(running);
      const rest = asked.filter((name) => name !== theText);
      texts += asked.length - rest.length;
      assert.deepEqual(rest, wholeRead.toSorted(), `sync ${n}`);
    }
    // 20 minutes and a half have passed.
    assert.equal(texts, 2);
  },
);

onEachVpp(
  "daemon: the text is asked for after VIPs came or went, by the daemon's hand and by another's",
  async (vpp) => {
    await using running = await settled(vpp);
    assert.ok(!(await sync(running)).includes(theText));
    const foreign = { prefix: "203.0.113.99/32", protocol: 6, port: 80 };
    await vpp.hand.apply({
      kind: "vip-add",
      vip: foreign,
      encap: "gre4",
      tableLength: 512,
      srcIpSticky: false,
    });
    assert.ok((await sync(running)).includes(theText), "another's hand");
    assert.equal((await vpp.hand.vips()).length, frontends, "it was deleted");
    assert.ok((await sync(running)).includes(theText), "its own hand");
    assert.ok(!(await sync(running)).includes(theText));
  },
);

onEachVpp(
  "daemon: a weight is sent without a read, and read back is that VIP's servers and nothing else",
  async (vpp) => {
    await using running = await settled(vpp);
    const { daemon } = running;
    let from = daemon.log.length;
    await daemon.weigh("f3", "p", "b1", 7);
    assert.deepEqual(running.asked(from), ["lb_as_set_weight"]);
    const sent = daemon.log.slice(from).find(({ message }) => message === "lb_as_set_weight");
    assert.deepEqual([sent?.pfx, sent?.as_address, sent?.weight, sent?.is_flush], [
      "203.0.113.3/32",
      "10.77.0.1",
      7,
      false,
    ]);
    await daemon.logged(
      ({ msg, message }) => msg === "vpp-api-recv-multi" && message === "lb_as_v2_details",
      from,
    );
    assert.deepEqual(running.asked(from), ["lb_as_set_weight", "lb_as_v2_dump"]);
    // An operator's sync believes nothing that is remembered: the list of VIPs is read as well.
    from = daemon.log.length;
    await daemon.sync("f3");
    assert.deepEqual(running.asked(from), ["lb_vip_dump", "lb_as_v2_dump"]);
    // A backend is a member of every frontend here: all are told in one job.
    from = daemon.log.length;
    await daemon.act("b2", "disable");
    await daemon.logged(({ msg }) => msg === "vpp-lbsync-done", from);
    assert.deepEqual(running.asked(from), Array.from({ length: frontends }, () => "lb_as_set_weight"));
  },
);
