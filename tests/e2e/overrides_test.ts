/** Overrides of a daemon in a process of its own: what lasts, what ends, and what VPP is sent. */
import assert from "node:assert/strict";
import type { Backend, Consequences, Frontend, Override, OverrideList, Problem } from "../../src/api/mod.ts";
import { TestDaemon } from "./harness.ts";
import { lbSettings, Vpp } from "./world.ts";

const config = `maglev:
${lbSettings}
  backends:
    b1: { address: 192.0.2.1 }
    b2: { address: 192.0.2.2 }
    b3: { address: 192.0.2.3, enabled: false }
  frontends:
    www: { address: 198.51.100.1, protocol: tcp, port: 80, pools: [{ name: p, backends: { b1: {}, b2: {}, b3: {} } }] }
`;
const weightOf = (backend: string) => `/v1/frontends/www/pools/p/backends/${backend}/weight`;

async function folder() {
  const path = await Deno.makeTempDir({ prefix: "maglev-state-" });
  return { path: `${path}/state`, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

function start(state: string, vpp: Vpp | null, text = config) {
  const options = { config: text, vpp: vpp?.paths ?? null, args: ["--state-dir", state] };
  return TestDaemon.start({ ...options, until: vpp === null ? "listening" : "ready" });
}

const list = async (daemon: TestDaemon) => (await daemon.get<OverrideList>("/v1/overrides")).overrides;
const short = (overrides: readonly Override[]) =>
  overrides.map(({ backend, by, kind, reason, weight }) => [kind, backend, weight, by, reason]);

Deno.test("what was answered as durable is there after kill -9, and VPP is sent nothing by the restart", async () => {
  await using state = await folder();
  await using vpp = await Vpp.start();
  const done: string[] = [];
  const steps = [
    ["POST", "/v1/backends/b1/pause", { reason: "disk" }],
    ["PUT", weightOf("b2"), { weight: 7, for_ns: "3600000000000" }],
    ["POST", "/v1/backends/b3/enable", {}],
    ["POST", "/v1/backends/b2/disable", { until: new Date(Date.now() + 3_600_000).toISOString() }],
    ["POST", "/v1/backends/b1/resume", {}],
  ] as const;
  const expected = [
    ["pause b1"],
    ["pause b1", "weight b2"],
    ["pause b1", "weight b2", "enable b3"],
    ["pause b1", "weight b2", "enable b3", "disable b2"],
    ["weight b2", "enable b3", "disable b2"],
  ];
  for (const [index, [method, path, body]] of steps.entries()) {
    const mark = vpp.simulator.recorder.requests.length;
    await using daemon = await start(state.path, vpp);
    // The first one finds nothing there.
    if (index > 0) assert.deepEqual(vpp.changes(mark), [], `before ${path}`);
    assert.deepEqual((await list(daemon)).map(({ backend, kind }) => `${kind} ${backend}`), done);
    const answer = await daemon.send<{ consequences: Consequences }>(method, path, body);
    assert.deepEqual([answer.consequences.durable, answer.consequences.durable_detail], [true, ""]);
    daemon.kill("SIGKILL");
    await daemon.status();
    done.splice(0, done.length, ...expected[index] ?? []);
  }
  await using daemon = await start(state.path, vpp);
  assert.deepEqual(short(await list(daemon)), [
    ["weight", "b2", 7, "local", null],
    ["enable", "b3", null, "local", null],
    ["disable", "b2", null, "local", null],
  ]);
  const b2 = await daemon.get<Backend>("/v1/backends/b2");
  assert.deepEqual([b2.state, b2.override?.kind, b2.transitions[0]?.by], ["disabled", "disable", "local"]);
  const www = await daemon.get<Frontend>("/v1/frontends/www");
  const members = www.pools[0]?.backends.map((
    one,
  ) => [one.name, one.weight, one.file_weight, one.override?.weight]);
  assert.deepEqual(members, [["b1", 100, 100, undefined], ["b2", 7, 100, 7], ["b3", 100, 100, undefined]]);
});

Deno.test("a dry run changes nothing, wrong ends are told with their place, and an hour ends what it should", async () => {
  await using state = await folder();
  await using daemon = await start(state.path, null);
  const ask = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${daemon.api}${path}`, {
      method,
      headers: { authorization: `Bearer ${daemon.token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return await response.json() as Backend & OverrideList & Problem;
  };
  const dry = await ask("POST", "/v1/backends/b1/pause?dry_run=true", { reason: "try" });
  assert.deepEqual([dry.state, dry.consequences?.dry_run, dry.consequences?.durable], ["up", true, false]);
  assert.deepEqual(await list(daemon), []);
  for (
    const [body, path] of [
      [{ until: "2001-01-01T00:00:00Z" }, "until"],
      [{ until: "soon" }, "until"],
      [{ until: "2030-02-30T00:00:00Z" }, "until"],
      [{ for_ns: "0" }, "for_ns"],
      [{ for_ns: "1000000", until: "2126-01-01T00:00:00Z" }, "until"],
      [{ for_ns: "9".repeat(30) }, "for_ns"],
      [{ force: true }, "force"],
      [{ reason: "x".repeat(501) }, "reason"],
      [{ reason: "a\u0007b" }, "reason"],
    ] as const
  ) {
    const wrong = await ask("POST", "/v1/backends/b1/pause", body);
    assert.deepEqual([wrong.status, wrong.errors?.[0]?.path], [422, path], JSON.stringify(body));
  }
  assert.equal((await ask("POST", "/v1/backends/b1/resume", { for_ns: "1000000000" })).status, 422);
  assert.equal((await ask("POST", "/v1/backends/b1/pause", { everywhere: true })).status, 409);
  assert.equal((await ask("DELETE", "/v1/overrides/none")).status, 404);
  await ask("POST", "/v1/backends/b1/pause", { for_ns: "300000000" });
  const ended = await daemon.logged(({ msg }) => msg === "override-end");
  assert.deepEqual([ended.level, ended.backend, ended.cause], ["INFO", "b1", "hour"]);
  const [newest] = (await daemon.get<Backend>("/v1/backends/b1")).transitions;
  assert.deepEqual([newest?.from, newest?.to, newest?.by], ["paused", "up", null]);
  await ask("POST", "/v1/backends/b2/pause");
  const [override] = await list(daemon);
  const cleared = await ask("DELETE", `/v1/overrides/${override?.id}`);
  assert.deepEqual([cleared.overrides, cleared.consequences?.durable], [[], true]);
  assert.equal((await daemon.get<Backend>("/v1/backends/b2")).state, "up");
});

Deno.test("a file that changed while no daemon ran: the later edit wins, with a WARN", async () => {
  await using state = await folder();
  {
    await using daemon = await start(state.path, null);
    await daemon.send("PUT", weightOf("b1"), { weight: 5 });
    await daemon.send("POST", "/v1/backends/b2/disable");
  }
  await using daemon = await start(state.path, null, config.replace("b1: {},", "b1: { weight: 60 },"));
  const ended = await daemon.logged(({ msg }) => msg === "override-end");
  assert.deepEqual([ended.level, ended.cause, ended.detail], [
    "WARN",
    "file",
    "weight of b1 in the file was 100 and is 60",
  ]);
  assert.deepEqual(short(await list(daemon)), [["disable", "b2", null, "local", null]]);
});
