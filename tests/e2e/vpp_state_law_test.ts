/** What the API shows of VPP is what VPP has, whatever was shown before: a client that never read before sees the same. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Hono } from "hono";
import { sharedJson } from "../../routes/shared_text.ts";
import { loadConfig } from "../../src/config/load.ts";
import { ip } from "../../src/net/ip.ts";
import { lbStateView, Names } from "../../src/snapshot/vpp.ts";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { type Operation, operation } from "../simulator/operations.ts";
import { LocalDaemon } from "./local_daemon.ts";
import { HandSession } from "./netns_vpp.ts";
import { lbSettings, Vpp } from "./world.ts";

const hand = operation({
  prefixes: ["198.51.100.1/32", "198.51.100.2/32", "198.51.100.3/32", "203.0.113.0/28", "2001:db8::1/128"],
  encaps: [0, 0, 0, 1],
  ports: [[6, 80], [6, 80], [17, 53]],
  lengths: [256, 1024, 65536],
  servers: ["10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8:2::1"].map(ip),
  waits: [],
});

interface Reload {
  readonly name: "reload";
  /** Name of the first frontend, which may hand its VIP to another. */
  readonly frontend: string;
  /** Which of the addresses the backends have, in a circle. */
  readonly shift: number;
  readonly weight: number;
}

const reload: fc.Arbitrary<Reload> = fc.record({
  name: fc.constant("reload"),
  frontend: fc.constantFrom("web", "www"),
  shift: fc.nat(2),
  weight: fc.constantFrom(0, 50, 100),
});

/** Backends without checks are up at once, also at another address. */
function configOf({ frontend, shift, weight }: Omit<Reload, "name">): string {
  const backends = [0, 1, 2].map((i) => `    b${i}: { address: 10.0.0.${(i + shift) % 3 + 1} }\n`).join("");
  return `maglev:
${lbSettings}      foreign-vips: keep
  backends:
${backends}  frontends:
    ${frontend}:
      address: 198.51.100.1
      protocol: tcp
      port: 80
      pools: [{ name: p, backends: { b0: { weight: ${weight} }, b1: {} } }]
    mail:
      address: 198.51.100.2
      protocol: tcp
      port: 80
      pools: [{ name: p, backends: { b1: {}, b2: {} } }]
`;
}

/** As somebody else would, whatever VPP answers. */
function byHand({ vpp: { lb } }: Simulator, one: Operation): void {
  if (one.name === "lb_add_del_vip_v2") lb.lb_add_del_vip_v2(one.body, 0);
  if (one.name === "lb_add_del_as_v2") lb.lb_add_del_as_v2(one.body, 0);
  if (one.name === "lb_as_set_weight") lb.lb_as_set_weight(one.body);
  if (one.name === "lb_conf") lb.lb_conf(one.body);
}

/** What a client sees that asks for the first time. VPP tells stickiness and index in a text that is read seldom. */
async function fresh(vpp: Vpp, config: string): Promise<string> {
  await using session = await HandSession.open(vpp.paths.api);
  const [conf, vips] = [await session.conf(), await session.vips()];
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(file, config);
  const loaded = loadConfig(file).config;
  await Deno.remove(file);
  assert.ok(loaded);
  return comparable(JSON.stringify(lbStateView(0, conf, vips, new Names(loaded, new Map()))));
}

function comparable(text: string): string {
  return text.replace(/"read_at":"[^"]*"/, "").replaceAll(/"(src_ip_sticky|index)":[a-z0-9]+,/g, "");
}

Deno.test("what the API shows of VPP is what somebody sees who never read it before", async () => {
  const steps = fc.array(
    fc.oneof({ weight: 12, arbitrary: hand }, { weight: 1, arbitrary: reload }),
    { minLength: 30, maxLength: 60 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      await using vpp = await Vpp.start();
      let config = configOf({ frontend: "web", shift: 0, weight: 100 });
      await using daemon = await LocalDaemon.start({ config, vpp: vpp.paths });
      await daemon.logged(({ msg }) => msg === "vpp-lbsync-done");
      const shown = async () => {
        const state = await daemon.control.lbState(null);
        assert.ok(state.ok);
        const app = new Hono().get("/", (c) => sharedJson(c, state.value));
        return comparable(await (await app.request("/")).text());
      };
      for (const one of list) {
        if (one.name === "reload") await daemon.reload(config = configOf(one));
        else byHand(vpp.simulator, one);
        for (;;) {
          const before = await fresh(vpp, config);
          const text = await shown();
          // The daemon may repair what was changed by hand between two of them.
          if (before !== await fresh(vpp, config)) continue;
          assert.equal(text, before);
          break;
        }
      }
    }),
    { numRuns: 5 },
  );
});
