/** The folder of --state-dir: what a daemon keeps there for the next one, and who may have it. */
import assert from "node:assert/strict";
import type { Info, Plan } from "../../src/api/mod.ts";
import { decodeState } from "../../src/memory/state.ts";
import { type DaemonOptions, TestDaemon } from "./harness.ts";
import { lbSettings, Vpp } from "./world.ts";

/** A configuration of frontends without probes. */
function config(count: number): string {
  const frontend = (n: number) =>
    `    f${n}: { address: 198.51.100.${n}, protocol: tcp, port: 80, pools: [{ name: p, backends: { b1: {} } }] }`;
  return `maglev:
${lbSettings}
  backends:
    b1: { address: 192.0.2.1 }
  frontends:
${Array.from({ length: count }, (_, n) => frontend(n + 1)).join("\n")}
`;
}

/** A folder that is gone afterwards. */
async function folder() {
  const path = await Deno.makeTempDir({ prefix: "maglev-state-" });
  return { path: `${path}/state`, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

function start(state: string, vpp: Vpp | null, count = 11, more: Partial<DaemonOptions> = {}) {
  const options = { config: config(count), vpp: vpp?.paths ?? null, args: ["--state-dir", state], ...more };
  return TestDaemon.start({ ...options, until: vpp === null ? "listening" : "ready" });
}

const heldLine = (daemon: TestDaemon) => daemon.logged(({ msg }) => msg === "vpp-lbsync-held");
const vipCount = (vpp: Vpp) => [...vpp.simulator.vpp.lb.vips()].length;

async function kept(path: string) {
  const decoded = decodeState(await Deno.readTextFile(`${path}/state.json`));
  assert.ok(decoded.ok, JSON.stringify(decoded));
  return decoded.value.vips;
}

Deno.test("10 VIPs of others are held over restarts, also over kill -9, until a sync with the digest", async () => {
  await using state = await folder();
  await using vpp = await Vpp.start();
  for (let n = 100; n < 110; n++) vpp.place(`198.51.100.${n}/32`, 80, { "192.0.2.9": 100 });
  {
    await using daemon = await start(state.path, vpp);
    const held = await heldLine(daemon);
    assert.deepEqual([held.level, held.held, held.changes], ["ERROR", "mass deletion", 10]);
    assert.equal(vipCount(vpp), 21);
    assert.equal((await daemon.get<Info>("/v1/info")).state_dir, state.path);
  }
  assert.deepEqual((await kept(state.path)).held.length, 10);
  assert.deepEqual((await kept(state.path)).named.map(({ frontend }) => frontend).slice(0, 2), ["f1", "f2"]);
  for (const name of ["state.json", "lock"]) {
    assert.equal(((await Deno.stat(`${state.path}/${name}`)).mode ?? 0) & 0o777, 0o600, name);
  }
  const mark = vpp.simulator.recorder.requests.length;
  {
    await using daemon = await start(state.path, vpp);
    await heldLine(daemon);
    daemon.kill("SIGKILL");
    await daemon.status();
  }
  {
    await using daemon = await start(state.path, vpp);
    await heldLine(daemon);
    assert.deepEqual(vpp.changes(mark), []);
    const { digest } = await daemon.get<Plan>("/v1/vpp/lb/plan");
    await daemon.send("POST", "/v1/vpp/lb/sync", { plan_digest: digest });
    assert.equal(vipCount(vpp), 11);
  }
  assert.deepEqual((await kept(state.path)).held, []);
});

Deno.test("a VIP that the file lost while the daemon was down is stale, and goes even where foreign ones are kept", async () => {
  await using state = await folder();
  await using vpp = await Vpp.start();
  vpp.place("198.51.100.100/32", 80, { "192.0.2.9": 100 });
  const keeping = (count: number) =>
    config(count).replace("    lb:\n", "    lb:\n      foreign-vips: keep\n");
  {
    await using _ = await start(state.path, vpp, 4, { config: keeping(4) });
    assert.equal(vipCount(vpp), 5);
  }
  await using _ = await start(state.path, vpp, 3, { config: keeping(3) });
  assert.equal(vipCount(vpp), 4);
});

Deno.test("a damaged state.json falls back to the one before with a WARN; the brake still holds", async () => {
  await using state = await folder();
  await using vpp = await Vpp.start();
  for (const n of [100, 101, 102]) vpp.place(`198.51.100.${n}/32`, 80, { "192.0.2.9": 100 });
  // Two processes, so that there is one before.
  for (const count of [4, 5]) {
    await using _ = await start(state.path, vpp, count);
  }
  await Deno.writeTextFile(`${state.path}/state.json`, "{}");
  const mark = vpp.simulator.recorder.requests.length;
  await using daemon = await start(state.path, vpp, 5);
  const line = await daemon.logged(({ msg }) => msg === "memory-error");
  assert.deepEqual([line.level, /state\.json\.1 is used/.test(String(line.detail))], ["WARN", true]);
  assert.deepEqual(vpp.changes(mark), []);
});

Deno.test("a second daemon on one folder waits 6 s and exits 1; one that starts while the first ends gets it", async () => {
  await using state = await folder();
  const first = await start(state.path, null);
  {
    await using _ = first;
    const began = performance.now();
    await using second = new TestDaemon({ config: config(1), vpp: null, args: ["--state-dir", state.path] });
    assert.equal((await second.status()).code, 1);
    assert.match(second.errors, /another maglevd has had --state-dir .* for 6 s/);
    assert.ok(performance.now() - began >= 6_000);
    assert.deepEqual(second.log, [], "it has begun nothing");
    await using third = new TestDaemon({ config: config(1), vpp: null, args: ["--state-dir", state.path] });
    first.kill("SIGTERM");
    await first.status();
    await third.logged(({ msg }) => msg === "listening");
  }
});

Deno.test("a --state-dir that is a file exits 2; one that cannot be made is an ERROR, and the daemon goes on", async () => {
  await using state = await folder();
  await Deno.writeTextFile(state.path, "");
  await using wrong = new TestDaemon({ config: config(1), vpp: null, args: ["--state-dir", state.path] });
  assert.equal((await wrong.status()).code, 2);
  assert.match(wrong.errors, /is no folder/);
  await using daemon = await start("/proc/no/such/place", null);
  const line = await daemon.logged(({ msg }) => msg === "memory-error");
  assert.deepEqual([line.level, /nothing is kept/.test(String(line.detail))], ["ERROR", true]);
});
