/** A simulated VPP beside a real one, and what both show. */
import assert from "node:assert/strict";
import { systemClock } from "../../src/clock.ts";
import { Simulator } from "../../src/simulator/simulator.ts";
import { type BodyOf, messages as m } from "../../src/vpp/messages.ts";
import { FakeClock } from "../fake_clock.ts";
import type { Operation } from "./operations.ts";
import { type Named, RawClient, socketDirectory } from "./raw_client.ts";

/** API socket of the real VPP, or "". */
export const REAL = Deno.env.get("MAGLEV_TEST_VPP_API") ?? "";

const EVERY_VIP = { pfx: "0.0.0.0/0", le: 0, ge: 0, protocol: 0, port: 0 };
const EVERY_SERVER = { pfx: { af: 0, octets: new Uint8Array(16), len: 0 }, protocol: 0, port: 0 };

/** Both sides, and what the real one had before. */
export interface Pair extends AsyncDisposable {
  readonly real: RawClient;
  readonly simulated: RawClient;
  /** Text blocks that were there before; empty for a VPP that is fresh. */
  readonly before: ReadonlySet<string>;
  /** Moves the simulator's clock to where the real VPP's stands, away from the moments at which it matters. */
  follow(): Promise<void>;
}

/** Connects both sides; what the real one had is put back at the end. */
export async function pair(): Promise<Pair> {
  await using owned = new AsyncDisposableStack();
  const sockets = owned.use(await socketDirectory());
  const clock = new FakeClock(0);
  owned.use(await Simulator.start({ api: sockets.api, clock }));
  const simulated = owned.use(await RawClient.greet(sockets.api, "comparison"));
  const real = owned.use(await RawClient.greet(REAL, "comparison"));
  const { body: conf } = await real.ask(m.lb_conf_get, m.lb_conf_get_reply, {});
  // Settings of an earlier day are no difference.
  await simulated.ask(m.lb_conf, m.lb_conf_reply, conf);
  owned.defer(async () => {
    await deleteAll(real);
    await real.ask(m.lb_conf, m.lb_conf_reply, conf);
    await real.ask(m.sockclnt_delete, m.sockclnt_delete_reply, { index: real.clientIndex });
  });
  const before = new Set(blocks((await real.cli("show lb vips verbose")).reply).map(headOf));
  const kept = owned.move();
  return {
    real,
    simulated,
    before,
    async follow() {
      for (;;) {
        const uptime = Number(/Time now ([0-9.]+)/.exec((await real.cli("show clock")).reply)?.[1]);
        assert.ok(uptime > 0);
        // Around each full minute VPP collects, and near the end of a second the two could disagree on which it is.
        const minute = uptime % 60;
        if (uptime % 1 < 0.9 && minute > 1 && minute < 59) {
          // The simulator starts at its second 1.
          return await clock.advance(1000 * (uptime - 1) - clock.now());
        }
        await systemClock.sleep(120);
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(kept.disposeAsync()),
  };
}

/** Deletes the VIPs of the test's own prefixes. */
export async function deleteAll(client: RawClient): Promise<void> {
  const own = /^(198\.18\.[123]\.|2001:db8:f:)/;
  for (const { vip, encap } of await client.dump(m.lb_vip_dump, m.lb_vip_details, EVERY_VIP)) {
    if (!own.test(vip.pfx)) continue;
    const { retval } = await client.ask(m.lb_add_del_vip_v2, m.lb_add_del_vip_v2_reply, {
      ...vip,
      encap,
      dscp: 0,
      type: 0,
      target_port: 0,
      node_port: 0,
      new_flows_table_length: 1024,
      src_ip_sticky: false,
      is_del: true,
    });
    assert.equal(retval, 0);
  }
}

/** Sends one request; returns its retval. */
export async function perform(client: RawClient, one: Operation): Promise<number> {
  switch (one.name) {
    case "wait":
      return 0;
    case "lb_conf":
      return (await client.ask(m.lb_conf, m.lb_conf_reply, one.body)).retval;
    case "lb_add_del_vip_v2":
      return (await client.ask(m.lb_add_del_vip_v2, m.lb_add_del_vip_v2_reply, one.body)).retval;
    case "lb_add_del_as_v2":
      return (await client.ask(m.lb_add_del_as_v2, m.lb_add_del_as_v2_reply, one.body)).retval;
    case "lb_as_set_weight":
      return (await client.ask(m.lb_as_set_weight, m.lb_as_set_weight_reply, one.body)).retval;
  }
}

function blocks(text: string): string[] {
  return text.split("\n\n").filter((block) => block.trim() !== "");
}

function headOf(block: string): string {
  return block.split("\n")[0]?.replace(/ removed$/, "") ?? "";
}

/** What both sides show, as far as it can be the same. */
async function shown(client: RawClient, fresh: boolean, before: ReadonlySet<string>): Promise<object> {
  const text = (await client.cli("show lb vips verbose")).reply.replaceAll(/dpo:\d+/g, "dpo:0");
  const own = blocks(text).filter((block) => !before.has(headOf(block)));
  const unnumbered = own.map((block) => block.replace(/\[\d+\]/, "[]")).sort();
  const ownPrefix = /^(198\.18\.[123]\.|2001:db8:f:)/;
  const vips = (await client.dump(m.lb_vip_dump, m.lb_vip_details, EVERY_VIP))
    .filter(({ vip }) => ownPrefix.test(vip.pfx));
  const servers = (await client.dump(m.lb_as_v2_dump, m.lb_as_v2_details, EVERY_SERVER))
    .map(({ in_use_since, ...row }) => ({ ...row, stamped: in_use_since !== 0 }))
    .filter(({ vip }) => ownPrefix.test(vip.pfx));
  const old = (await client.dump(m.lb_as_dump, m.lb_as_details, EVERY_SERVER))
    .map(({ in_use_since: _, ...row }) => row).filter(({ vip }) => ownPrefix.test(vip.pfx));
  const conf = (await client.ask(m.lb_conf_get, m.lb_conf_get_reply, {})).body;
  // A VPP that was used before has other numbers and rows that are not ours; a fresh one must agree in all.
  return fresh
    ? {
      text,
      brief: (await client.cli("show lb vips")).reply,
      lb: (await client.cli("show lb")).reply,
      vips,
      servers,
      old,
      conf,
    }
    : { unnumbered, vips: vips.map((row) => JSON.stringify(withoutRemains(row))).sort(), conf };
}

/** A VIP in the place of a collected one shows for GRE what that one had in fields that GRE does not use. */
function withoutRemains(row: BodyOf<Named<"lb_vip_details">>): BodyOf<Named<"lb_vip_details">> {
  return row.encap > 1 ? row : { ...row, dscp: 0, srv_type: 0, target_port: 0 };
}

/** Fails unless both show the same. */
export async function compare({ real, simulated, before, follow }: Pair, what: string): Promise<void> {
  await follow();
  const fresh = before.size === 0;
  const [want, got] = [await shown(real, fresh, before), await shown(simulated, fresh, new Set())];
  assert.deepEqual(got, want, what);
}
