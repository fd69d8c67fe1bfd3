import assert from "node:assert/strict";
import type { FrontendList } from "../../src/api.ts";
import { pack, packHeader } from "../../src/tasks/pack.ts";
import { startDaemon } from "../cli/daemon.ts";
import { cleanEnv, type Ended, has, start } from "../cli/process.ts";

const withXz = await has("xz", "--version");

/** Runs a packed file in a cache and with a PATH of its own. */
function packed(file: string, cache: string, args: readonly string[], path?: string): Promise<Ended> {
  const PATH = path ?? cleanEnv().PATH ?? "/usr/bin:/bin";
  return start(args, { command: ["/bin/sh", file], env: { XDG_CACHE_HOME: cache, PATH } });
}

/** maglevd itself with the example configuration and without VPP, until it is disposed. */
async function startMaglevd(socket: string): Promise<{ readonly url: string } & AsyncDisposable> {
  const path = (name: string) => new URL(`../../${name}`, import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", path("main.ts"), "--config", path("docs/examples/maglev.yaml")],
      ...["--listen", `unix:${socket}`, "--vpp-api-addr=", "--vpp-stats-addr="],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
    clearEnv: true,
    env: cleanEnv(),
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let log = "";
  while (!log.includes('"msg":"listening"')) {
    const { value, done } = await lines.read();
    if (done) throw new Error(`maglevd ended: ${log}`);
    log += value;
  }
  return {
    url: `unix:${socket}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      while (!(await lines.read()).done) { /* it must not block on a full pipe while it ends */ }
      await child.status;
    },
  };
}

Deno.test({
  name: `pack: one file holds Deno and the client, and runs against an API${
    withXz ? "" : " (skipped: no xz)"
  }`,
  ignore: !withXz,
  async fn(t) {
    const folder = await Deno.makeTempDir();
    const file = `${folder}/maglevc`;
    const cache = `${folder}/cache`;
    await t.step("it is made", async () => {
      const size = await pack(file, 0);
      assert.equal((await Deno.stat(file)).size, size);
      assert.equal(((await Deno.stat(file)).mode ?? 0) & 0o111, 0o111);
    });
    await t.step("two first runs at once unpack it and both succeed", async () => {
      await using daemon = startDaemon();
      const args = ["--server", daemon.url, "show", "version"];
      const [one, two] = await Promise.all([packed(file, cache, args), packed(file, cache, args)]);
      assert.deepEqual([one.code, one.err, two.code, two.err], [0, "", 0, ""]);
      assert.match(one.out, /^maglevc +0\.1\.0\nmaglevd +0\.1\.0/);
      assert.equal(two.out, one.out);
      const entries = (await Array.fromAsync(Deno.readDir(`${cache}/maglevc`))).map((entry) => entry.name);
      assert.deepEqual(
        entries.map((name) => /^[0-9a-f]{16}$/.test(name)),
        [true],
        "nothing is left lying about",
      );
    });
    await t.step("later runs need no xz, and give flags and exit codes through", async () => {
      const tools = `${folder}/bin`;
      await Deno.mkdir(tools);
      const none = await packed(file, cache, ["--version"], tools);
      assert.deepEqual(none, { code: 0, out: "maglevc 0.1.0\n", err: "" });
      const unreachable = await packed(
        file,
        cache,
        ["--server", "unix:/nonexistent", "show", "version"],
        tools,
      );
      assert.equal(unreachable.code, 3);
      assert.equal((await packed(file, cache, ["show", "x y"], tools)).err.includes('"x y"'), true);
    });
    await t.step("it talks to maglevd over a unix socket", async () => {
      await using daemon = await startMaglevd(`${folder}/api.sock`);
      const args = ["--server", daemon.url];
      const { code, out, err } = await packed(file, cache, [...args, "show", "frontends", "--json"]);
      assert.deepEqual([code, err], [0, ""]);
      const { frontends } = JSON.parse(out) as FrontendList;
      assert.deepEqual(frontends.map((frontend) => [frontend.name, frontend.vpp]), [["www", "off"], [
        "api",
        "off",
      ]]);
      const away = await packed(file, cache, [...args, "show", "vpp", "info"]);
      assert.equal(away.code, 1);
      assert.match(away.err, /^maglevc: .*VPP/);
    });
    await t.step("a file that was cut off says so and leaves nothing", async () => {
      const bytes = await Deno.readFile(file);
      const broken = `${folder}/broken`;
      await Deno.writeFile(broken, bytes.subarray(0, bytes.length - 1000));
      const { code, err } = await packed(broken, `${folder}/other`, ["--version"]);
      assert.equal(code, 1);
      assert.match(err, /maglevc: .*broken is damaged/);
      assert.deepEqual(await Array.fromAsync(Deno.readDir(`${folder}/other/maglevc`)), []);
    });
    await t.step("without xz or a cache it says what is missing", async () => {
      const tools = `${folder}/few`;
      await Deno.mkdir(tools);
      for (const tool of ["uname", "mkdir"]) await Deno.symlink(`/usr/bin/${tool}`, `${tools}/${tool}`);
      const noXz = await packed(file, `${folder}/none`, ["--version"], tools);
      assert.deepEqual([noXz.code, noXz.err], [1, "maglevc: unpacking needs xz (Debian: xz-utils)\n"]);
      await Deno.writeTextFile(`${folder}/plain`, "");
      const noCache = await packed(file, `${folder}/plain`, ["--version"]);
      assert.equal(noCache.code, 1);
      assert.match(noCache.err, /cannot write .*plain\/maglevc; XDG_CACHE_HOME names another place/);
    });
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("the head of a packed file points at what follows it, and refuses another machine", async () => {
  const code = "the code";
  const header = packHeader({
    system: "Plan9 vax",
    id: "0123456789abcdef",
    codeSize: code.length,
    permissions: [],
  });
  const at = /tail -c \+0*([0-9]+) "\$0" \| head/.exec(header)?.[1];
  assert.equal(`${header}${code}`.slice(Number(at) - 1), code);
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, header + code);
  const { code: exitCode, err } = await packed(file, "/nonexistent", []);
  assert.equal(exitCode, 1);
  assert.match(err, /this file is for Plan9 vax, not for /);
  await Deno.remove(file);
});

const denort = Deno.env.get("DENORT_BIN") === undefined && !(await canCompile())
  ? "no denort: it is neither in DENO_DIR nor to be had"
  : "";

/** Whether the base binary of `deno compile` was placed in DENO_DIR; it is never fetched for a test. */
async function canCompile(): Promise<boolean> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { denoDir } = JSON.parse(new TextDecoder().decode(stdout)) as { denoDir: string };
  try {
    const folder = `${denoDir}/dl/release/v${Deno.version.deno}`;
    return (await Array.fromAsync(Deno.readDir(folder))).some(({ name }) =>
      name.startsWith("denort-") && name.endsWith(".zip")
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test({
  name: `compile: Deno's own compiler makes a maglevc that runs${
    denort === "" ? "" : ` (skipped: ${denort})`
  }`,
  ignore: denort !== "",
  async fn() {
    await using daemon = startDaemon();
    const folder = await Deno.makeTempDir();
    const entry = new URL("../../src/cli/main.ts", import.meta.url).pathname;
    const made = await start(["compile", "-A", "--output", `${folder}/maglevc`, entry], {
      command: [Deno.execPath()],
    });
    assert.equal(made.code, 0, made.err);
    const { code, out } = await start(["--server", daemon.url, "show", "version"], {
      command: [`${folder}/maglevc`],
    });
    assert.equal(code, 0);
    assert.match(out, /^maglevc +0\.1\.0/);
    await Deno.remove(folder, { recursive: true });
  },
});
