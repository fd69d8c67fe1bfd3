/** VIPs of others on each VPP, and what is deleted when: foreign, stale, in the way, and too many at once. */
import assert from "node:assert/strict";
import type { Op } from "../../src/lb/balancer.ts";
import { ip } from "../../src/net/ip.ts";
import { byHand, onEachVpp, type OwnVpp, vipLines } from "./each_vpp.ts";
import { frontend, key, Running, text } from "./each_vpp_world.ts";
import { project, TestDaemon } from "./harness.ts";

const web = "203.0.113.1/32";
const keep = "      foreign-vips: keep\n";
const two = "10.77.0.1 100, 10.77.0.2 50";
const added = (vip: string, reason: string) => [
  `vip-add ${vip} 80 ${reason}`,
  `as-add ${vip} 80 10.77.0.1 100 ${reason}`,
  `as-add ${vip} 80 10.77.0.2 50 ${reason}`,
];
const vipAdd = (prefix: string, port: number, protocol = 6, encap: "gre4" | "gre6" = "gre4"): Op => ({
  kind: "vip-add",
  vip: key(prefix, port, protocol),
  encap,
  tableLength: 512,
  srcIpSticky: false,
});

/** Three frontends, so that one VIP of somebody else is no mass. */
const three = frontend("web", "203.0.113.1") + frontend("dns", "203.0.113.2") +
  frontend("ntp", "203.0.113.3");

onEachVpp(
  "daemon: a VIP of others goes or stays as configured; one that a configuration named always goes",
  async (vpp) => {
    const { hand } = vpp;
    const foreign = "203.0.113.77/32";
    const make = () =>
      byHand(hand, vipAdd(foreign, 53, 17), {
        kind: "as-add",
        vip: key(foreign, 53, 17),
        address: ip("10.77.0.9"),
        weight: 9,
      });
    await make();
    await using running = await Running.start(vpp, text(three, keep));
    const own = ["203.0.113.1", "203.0.113.2", "203.0.113.3"].map((a) => `${a}/32 6 80 gre4 2048: ${two}`);
    const foreignLine = `${foreign} 17 53 gre4 512: 10.77.0.9 9`;
    assert.deepEqual(await vipLines(hand), [...own, foreignLine]);
    assert.deepEqual(await running.interval(), []);
    // Stale ones go all the same.
    const fewer = frontend("web", "203.0.113.1") + frontend("dns", "203.0.113.2");
    assert.deepEqual(await running.reload(text(fewer, keep)), {
      told: ["vip-del 203.0.113.3/32 80 not in the configuration"],
      held: [],
    });
    assert.deepEqual(await running.reload(text(fewer)), {
      told: [`vip-del ${foreign} 53 not in the configuration`],
      held: [],
    });
    assert.deepEqual(await vipLines(hand), own.slice(0, 2));
    await make();
    assert.deepEqual(await running.interval(), [`vip-del ${foreign} 53 not in the configuration`]);
  },
);

onEachVpp(
  "daemon: a VIP of others for all ports of a prefix makes way, or stays and is told of",
  async (vpp) => {
    const { hand } = vpp;
    await using running = await Running.start(vpp, text(three, keep));
    const { daemon } = running;
    const before = await vipLines(hand);
    await byHand(hand, { kind: "vip-delete", vip: key(web), encap: "gre4" }, vipAdd(web, 0, 255));
    assert.deepEqual(await running.interval(), []);
    const [held] = (await running.plan()).changes;
    assert.deepEqual([held?.kind, held?.held], ["vip_added", `foreign VIP ${web} any 0 in the way`]);
    assert.deepEqual([daemon.control.ready().vpp, daemon.control.frontend("web")?.vpp], [
      "out-of-sync",
      "held",
    ]);
    // Not even the digest sends what VPP would refuse.
    const released = await daemon.release();
    assert.deepEqual([released.done, released.failed, released.skipped], [0, 0, 3]);
    // The deletion goes first: VPP refuses one beside the other.
    assert.deepEqual(await running.reload(text(three)), {
      told: [`vip-del ${web} 0 not in the configuration`, ...added(web, "drift")],
      held: [],
    });
    assert.equal(daemon.control.ready().vpp, "in-sync");
    assert.deepEqual(await vipLines(hand), before);
  },
);

onEachVpp("daemon: a VIP of others with another encapsulation on a prefix makes way", async (vpp) => {
  const { hand } = vpp;
  await using running = await Running.start(vpp, text(three));
  await byHand(hand, { kind: "vip-delete", vip: key(web), encap: "gre4" }, vipAdd(web, 443, 6, "gre6"));
  assert.deepEqual(await running.interval(), [
    `vip-del ${web} 443 not in the configuration`,
    ...added(web, "drift"),
  ]);
});

onEachVpp(
  "daemon: servers of another family recreate all frontends of the prefix, a sync of one of them too",
  async (vpp) => {
    const tls =
      "    tls: { address: 203.0.113.1, protocol: tcp, port: 443, pools: [{ name: p, backends: { b1: {} } }] }\n";
    const six = tls.replace("b1: {}", "c1: {}") + frontend("web", "203.0.113.1", "", "c1: {}") +
      frontend("dns", "203.0.113.2");
    await using running = await Running.start(
      vpp,
      text(tls + frontend("web", "203.0.113.1") + frontend("dns", "203.0.113.2")),
    );
    const reason = "encap is gre4, not gre6";
    // Both are deleted before one is made again: VPP has one encapsulation a prefix.
    const recreated = [
      `vip-recreate ${web} 80 ${reason}`,
      `vip-recreate ${web} 443 ${reason}`,
      `as-add ${web} 80 2001:db8:78::1 100 ${reason}`,
      `as-add ${web} 443 2001:db8:78::1 100 ${reason}`,
    ];
    assert.deepEqual(await running.reload(text(six)), { told: recreated, held: [] });
    assert.equal((await vipLines(vpp.hand)).filter((line) => line.includes("gre6")).length, 2);
    // By hand both are put back to GRE4; the sync of one mends both.
    await byHand(
      vpp.hand,
      ...[80, 443].map((port): Op => ({ kind: "vip-delete", vip: key(web, port), encap: "gre6" })),
      ...[80, 443].map((port) => vipAdd(web, port)),
    );
    const from = running.daemon.log.length;
    await running.daemon.sync("web");
    assert.deepEqual(running.told(from), recreated);
  },
);

/** Runs maglevc; its exit code and what it printed. */
async function maglevc(
  daemon: TestDaemon,
  ...words: string[]
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", project("src/cli/main.ts")],
      ...["--server", daemon.api, "--token-file", daemon.tokenFile, ...words],
    ],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

async function braked(vpp: OwnVpp): Promise<TestDaemon> {
  const many = [1, 2, 3, 4, 5].map((n) => frontend(`f${n}`, `203.0.113.${n}`)).join("");
  const daemon = await TestDaemon.start({ config: text(many), vpp: vpp.paths, until: "ready" });
  await Deno.writeTextFile(
    daemon.config,
    text(frontend("f1", "203.0.113.1") + frontend("new", "203.0.113.9")),
  );
  daemon.kill("SIGHUP");
  return daemon;
}

onEachVpp(
  "daemon: a reload to a much smaller file sends the rest; maglevc sends the deletions by digest only",
  async (vpp) => {
    await using daemon = await braked(vpp);
    const brake = await daemon.logged(({ msg }) => msg === "vpp-lbsync-held");
    assert.deepEqual([brake.level, brake.held, brake.changes], ["ERROR", "mass deletion", 4]);
    const line = (n: number) => `203.0.113.${n}/32 6 80 gre4 2048: ${two}`;
    const all = [1, 2, 3, 4, 5, 9].map(line);
    assert.deepEqual(await vipLines(vpp.hand), all, "what is new is there");

    const plan = await maglevc(daemon, "show", "vpp", "lb", "plan");
    const digest = /sync vpp lb state plan ([0-9a-f]{16})/.exec(plan.out)?.[1] ?? "";
    assert.equal(digest, brake.digest);
    const plain = await maglevc(daemon, "sync", "vpp", "lb", "state");
    assert.equal(plain.code, 0);
    assert.match(plain.out, /4 skipped/);
    const wrong = await maglevc(daemon, "sync", "vpp", "lb", "state", "plan", "0123456789abcdef");
    assert.equal(wrong.code, 1);
    assert.ok(wrong.err.includes(digest), wrong.err);
    assert.deepEqual(await vipLines(vpp.hand), all);

    const sent = await maglevc(daemon, "sync", "vpp", "lb", "state", "plan", digest);
    assert.equal(sent.code, 0, sent.err);
    assert.match(sent.out, /4 done/);
    assert.deepEqual(await vipLines(vpp.hand), [1, 9].map(line));
    assert.match((await maglevc(daemon, "show", "vpp", "lb", "plan")).out, /no changes|0 changes|nothing/i);
  },
);
