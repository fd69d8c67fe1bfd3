/** The local token's files: two daemons on one host, and one that is dead. */
import assert from "node:assert/strict";
import { start as run } from "../cli/process.ts";
import { config, inFolder } from "./access.ts";
import { TestDaemon } from "./harness.ts";

async function pause(daemon: TestDaemon, token: string): Promise<[status: number, detail: string]> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${daemon.api}/v1/backends/b1/pause`, { method: "POST", headers });
  return [answer.status, (await answer.json()).detail ?? ""];
}

const read = async (path: string): Promise<string> => (await Deno.readTextFile(path)).trim();

Deno.test("two daemons with default places: the second has no local token, says so, and leaves the first's alone", async () => {
  await inFolder(async (folder) => {
    // Where /run/vpp-maglev can be written it is used; elsewhere the user's own folder.
    const options = {
      config,
      vpp: null,
      args: ["--local-token="],
      env: { XDG_RUNTIME_DIR: folder },
    } as const;
    await using one = await TestDaemon.start(options);
    const { file } = await one.logged((line) => line.msg === "local-token");
    assert.ok(file === "/run/vpp-maglev/token" || file === `${folder}/vpp-maglev/token`, String(file));
    const token = await read(String(file));
    await using two = await TestDaemon.start(options);
    const warning = await two.logged((line) => line.msg === "local-token");
    assert.equal(warning.level, "WARN");
    assert.equal(warning.detail, `there is none: ${file}: process ${one.pid} holds it`);
    assert.equal(await read(String(file)), token);
    assert.equal((await pause(one, token))[0], 200);
    const [status, detail] = await pause(two, token);
    assert.equal(status, 401);
    assert.match(detail, new RegExp(`there is no local token: ${file}: process ${one.pid} holds it`));
    two.kill("SIGTERM");
    assert.equal((await two.status()).code, 0);
    assert.equal(await read(String(file)), token, "it removes nothing that is not its own");
    one.kill("SIGTERM");
    assert.equal((await one.status()).code, 0);
    for (const path of [file, `${file}.json`]) {
      await assert.rejects(Deno.stat(String(path)), Deno.errors.NotFound);
    }
  });
});

Deno.test("two daemons with files of their own: each takes its own token only", async () => {
  await inFolder(async (folder) => {
    await using one = await TestDaemon.start({ config, vpp: null, args: ["--local-token", `${folder}/one`] });
    await using two = await TestDaemon.start({ config, vpp: null, args: ["--local-token", `${folder}/two`] });
    const [first, second] = [await read(`${folder}/one`), await read(`${folder}/two`)];
    assert.deepEqual([(await pause(one, first))[0], (await pause(one, second))[0]], [200, 401]);
    assert.deepEqual([(await pause(two, second))[0], (await pause(two, first))[0]], [200, 401]);
    const [, detail] = await pause(two, first);
    assert.ok(detail.includes(`(maglevc takes it with --token-file ${folder}/two,`), detail);
    assert.deepEqual(JSON.parse(await read(`${folder}/two.json`)), {
      pid: two.pid,
      listen: [new URL(two.api).host],
    });
    const held = new TestDaemon({ config, vpp: null, args: ["--local-token", `${folder}/two`] });
    assert.equal((await held.status()).code, 2);
    assert.match(
      held.errors,
      new RegExp(`--local-token ${folder}/two cannot be used: process ${two.pid} holds it`),
    );
    await held[Symbol.asyncDispose]();
    assert.equal(await read(`${folder}/two`), second);
  });
});

Deno.test("a daemon that was killed leaves its files, and the next one takes them over with another token", async () => {
  await inFolder(async (folder) => {
    const options = { config, vpp: null, args: ["--local-token", `${folder}/token`] } as const;
    let old = "";
    {
      await using killed = await TestDaemon.start(options);
      old = await read(`${folder}/token`);
      killed.kill("SIGKILL");
      await killed.status();
    }
    assert.equal(await read(`${folder}/token`), old);
    await using heir = await TestDaemon.start(options);
    const token = await read(`${folder}/token`);
    assert.notEqual(token, old);
    assert.equal((await pause(heir, old))[0], 401);
    assert.equal((await pause(heir, token))[0], 200);
    assert.equal(JSON.parse(await read(`${folder}/token.json`)).pid, heir.pid);
    heir.kill("SIGTERM");
    await heir.status();
    await assert.rejects(Deno.stat(`${folder}/token`), Deno.errors.NotFound);
  });
});

Deno.test("maglevc finds the token of the daemon that it asks without a flag", async () => {
  await inFolder(async (folder) => {
    const env = { XDG_RUNTIME_DIR: folder };
    await using daemon = await TestDaemon.start({ config, vpp: null, args: ["--local-token="], env });
    const { file } = await daemon.logged((line) => line.msg === "local-token");
    const paused = await run(["--server", daemon.api, "set", "backend", "b1", "pause"], { env });
    assert.equal(paused.code, 0, `${file}: ${paused.err}`);
    const change = await daemon.logged((line) => line.msg === "api-change");
    assert.equal(change.principal, "local");
  });
});
