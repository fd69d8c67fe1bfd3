/** Reloads that come in swarms, while VPP is slow, or at the wrong moment. */
import assert from "node:assert/strict";
import type { Backend, BackendList } from "../../src/api/mod.ts";
import { lines } from "../../src/lines.ts";
import { project, TestDaemon } from "./harness.ts";
import { optionalTool } from "../tool.ts";
import { LocalDaemon } from "./local_daemon.ts";
import { lbSettings, Vpp } from "./world.ts";

/** Backends without health checks, b1 in a frontend. */
function text(...names: string[]): string {
  const backends = names.map((name, i) => `    ${name}: { address: 10.77.${i >> 7}.${1 + (i & 127)} }\n`);
  return `maglev:
${lbSettings}  backends:
${backends.join("")}  frontends:
    www: { address: 198.51.100.10, protocol: tcp, port: 80, pools: [{ name: p, backends: { b1: {} } }] }
`;
}

const reloads = (daemon: { log: readonly { msg: string; ok?: unknown }[] }) =>
  daemon.log.filter(({ msg, ok }) => msg === "config-reload" && ok === true).length;

Deno.test("signals that come before the file is read are one reload, and the last of a swarm is never lost", async () => {
  await using daemon = await LocalDaemon.start({ config: text("b1"), vpp: null });
  const swarm = Array.from({ length: 50 }, () => daemon.hangUp());
  await daemon.write(text("b1", "b2"));
  // The first reload may have read the file by now, so these come for the second.
  const late = Array.from({ length: 50 }, () => daemon.hangUp());
  assert.ok((await Promise.all([...swarm, ...late])).every((ok) => ok));
  assert.equal(reloads(daemon), 2);
  assert.notEqual(daemon.control.backend("b2"), null);
});

Deno.test("50 SIGHUPs to the process, with the file changing beneath them: the last file runs", async () => {
  await using daemon = await TestDaemon.start({ config: text("b1"), vpp: null });
  for (let i = 0; i < 50; i++) {
    if (i % 10 === 9) await Deno.writeTextFile(daemon.config, text("b1", `c${i}`));
    daemon.kill("SIGHUP");
  }
  await daemon.logged(({ changes, msg }) =>
    msg === "config-reload" && JSON.stringify(changes).includes("c49 added")
  );
  const { backends } = await daemon.get<BackendList>("/v1/backends");
  assert.deepEqual(backends.map(({ name, state }) => `${name} ${state}`), ["b1 up", "c49 up"]);
  assert.deepEqual(daemon.log.filter(({ level }) => level === "ERROR"), []);
});

Deno.test("a VPP that does not answer delays no reload, only its answer", async () => {
  await using vpp = await Vpp.start();
  await using daemon = await LocalDaemon.start({ config: text("b1"), vpp: vpp.paths });
  await daemon.logged(({ msg }) => msg === "ready");
  const stuck = vpp.simulator.faults.hold();
  const first = daemon.reload(text("b1", "b2"));
  await daemon.until(() => reloads(daemon) === 1 || undefined, () => "the first reload");
  const second = daemon.reload(text("b1", "b2", "b3"));
  await daemon.until(() => reloads(daemon) === 2 || undefined, () => "the second reload");
  assert.equal(daemon.control.backend("b3")?.state, "up");
  stuck[Symbol.dispose]();
  for (const { sync } of await Promise.all([first, second])) assert.equal(sync?.scope, "all");
});

Deno.test("SIGTERM in the middle of a reload ends the daemon as at any other time", async () => {
  await using daemon = await TestDaemon.start({ config: text("b1"), vpp: null });
  const names = Array.from({ length: 2000 }, (_, i) => `b${i + 1}`);
  await Deno.writeTextFile(daemon.config, text(...names));
  daemon.kill("SIGHUP");
  await daemon.get<Backend>("/v1/backends/b1");
  daemon.kill("SIGTERM");
  assert.equal((await daemon.status()).code, 0);
  assert.deepEqual(daemon.log.filter(({ level }) => level === "ERROR"), []);
  assert.equal(daemon.errors, "");
});

Deno.test("a SIGHUP that comes while the file is being read ends nothing, and reloads when the daemon has started", async () => {
  const folder = await Deno.makeTempDir({ prefix: "maglev-test-" });
  await using _ = { [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
  // A pipe tells when its reader is there, and keeps it waiting.
  const pipe = `${folder}/maglev.yaml`;
  assert.ok((await new Deno.Command("mkfifo", { args: [pipe] }).output()).success);
  const write = async (text: string, meanwhile: () => void) => {
    using file = await Deno.open(pipe, { write: true });
    meanwhile();
    await file.write(new TextEncoder().encode(text));
  };
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", project("main.ts"), "--config", pipe, "--listen", "127.0.0.1:0", "--vpp-api-addr="],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const log = lines(child.stdout);
  const next = async () => JSON.parse((await log.next()).value ?? "null")?.msg;
  await write(text("b1"), () => child.kill("SIGHUP"));
  for (let msg = await next(); msg !== "listening"; msg = await next()) assert.notEqual(msg, undefined);
  await write(text("b1", "b2"), () => {});
  for (let msg = await next(); msg !== "config-reload"; msg = await next()) assert.notEqual(msg, undefined);
  child.kill("SIGTERM");
  for await (const _ of log) { /* until its end */ }
  assert.equal((await child.status).code, 0);
});

const prlimit = optionalTool("prlimit");

Deno.test({
  name: `a reload without descriptors for its thread is refused, and the daemon lives on${prlimit.suffix}`,
  ignore: prlimit.missing,
  async fn() {
    await using daemon = await TestDaemon.start({ config: text("b1"), vpp: null });
    const limit = async (files: string) => {
      const args = ["--pid", String(daemon.pid), `--nofile=${files}`];
      assert.ok((await new Deno.Command("prlimit", { args }).output()).success);
    };
    await Deno.writeTextFile(daemon.config, text("b1", "b2"));
    await limit("8:4096");
    daemon.kill("SIGHUP");
    const refused = await daemon.logged(({ msg }) => msg === "config-reload");
    assert.deepEqual([refused.level, refused.ok], ["ERROR", false]);
    assert.match(String(refused.error), /no file descriptors are left.*LimitNOFILE/);
    await limit("4096:4096");
    daemon.kill("SIGHUP");
    await daemon.logged(({ msg, ok }) => msg === "config-reload" && ok === true);
    assert.equal((await daemon.get<Backend>("/v1/backends/b2")).state, "up");
  },
});
