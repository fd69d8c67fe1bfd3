/** A dry run over the API, then the action: the same consequences, and VPP has what they said. */
import assert from "node:assert/strict";
import type {
  Backend,
  ConfigReload,
  Consequences,
  Frontend,
  Journal,
  LbState,
  OverrideList,
} from "../../src/api/mod.ts";
import { Backends, Vpp, wwwConfig } from "../e2e/world.ts";
import { fasterClock, Inside } from "./inside.ts";

type Answer = { readonly consequences?: Consequences };

const facts = ({ consequences }: Answer) => {
  const { changes, dry_run: dryRun, frontends } = consequences ?? assert.fail("no consequences");
  return { dryRun, told: { changes, frontends } };
};

/** Does it dry, then wet; both must say the same. */
async function both<T extends Answer>(
  inside: Inside,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const dry = facts(await inside.send<T>(method, `${path}?dry_run=true`, body));
  assert.equal(dry.dryRun, true);
  const wet = await inside.send<T>(method, path, body);
  assert.equal(facts(wet).dryRun, false);
  assert.deepEqual(facts(wet).told, dry.told);
  return wet;
}

Deno.test("what a dry run tells of pause, weight, clear and reload is what they then do", async () => {
  const net = "77.85";
  await using vpp = await Vpp.start();
  await using servers = new Backends(net);
  await using inside = await Inside.start({
    config: wwwConfig(net, servers.port),
    vpp: vpp.paths,
    clock: fasterClock(2),
  });
  for (const name of ["b1", "b2", "b3"]) {
    await inside.logged((l) => l.msg === "backend-transition" && l.backend === name && l.to === "up");
  }
  await inside.send("POST", "/v1/vpp/lb/sync", {});
  await inside.synced();
  const weights = async () => {
    const { vips } = await inside.json<LbState>("/v1/vpp/lb/state?frontend=www");
    return Object.fromEntries(vips[0]?.application_servers.map((s) => [s.backend, s.weight]) ?? []);
  };
  const before = await weights();

  const disabled = await both<Backend>(inside, "POST", "/v1/backends/b1/disable", {
    reason: "kernel update",
  });
  const { changes, frontends } = disabled.consequences ?? assert.fail();
  assert.deepEqual(frontends?.map((one) => [one.frontend, one.flushed]), [["www", ["b1"]]]);
  assert.ok((frontends?.[0]?.moved_share ?? 0) > 0);
  const now = await weights();
  for (const change of changes ?? []) {
    assert.equal(before[change.backend ?? ""], change.weight_before);
    assert.equal(now[change.backend ?? ""], change.weight_after);
  }
  assert.notDeepEqual(now, before);

  const path = "/v1/frontends/www/pools/primary/backends/b2/weight";
  await both<Frontend>(inside, "PUT", path, { weight: 9, flush: true });
  assert.equal((await weights()).b2, 9);

  const { overrides } = await inside.json<OverrideList>("/v1/overrides");
  for (const { id } of overrides) await both<OverrideList>(inside, "DELETE", `/v1/overrides/${id}`);

  await Deno.writeTextFile(inside.config, wwwConfig(net, servers.port).replace(/(www:)/, "shop:"));
  const reloaded = await both<ConfigReload>(inside, "POST", "/v1/config/reload");
  assert.deepEqual(reloaded.consequences?.frontends, [], "a frontend that only gets another name goes on");

  const { entries } = await inside.json<Journal>("/v1/journal?kinds=change");
  // The sync at the begin, the disable, the weight, two ends of overrides and the reload.
  assert.equal(entries.length, 6, "a dry run is in no journal");
});
