import assert from "node:assert/strict";
import type { FrontendList } from "../../src/api/mod.ts";
import { pack, packHeader } from "../../src/tasks/pack.ts";
import { startDaemon } from "../cli/daemon.ts";
import { cleanEnv, type Ended, has, start } from "../cli/process.ts";

const withXz = await has("xz", "--version");

/** A folder that holds some of the system's tools and nothing else, for a PATH. */
async function toolFolder(folder: string, ...tools: string[]): Promise<string> {
  const path = await Deno.makeTempDir({ dir: folder });
  for (const tool of tools) await Deno.symlink(`/usr/bin/${tool}`, `${path}/${tool}`);
  return path;
}

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
      const tools = await toolFolder(folder, "id", "ls");
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
      const tools = await toolFolder(folder, "id", "ls", "uname", "mkdir");
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

/** A packed file whose Deno is a script that says what it was started with. */
async function smallPacked(folder: string): Promise<{ file: string; id: string }> {
  const id = "0123456789abcdef";
  const code = "the code";
  const { out } = await start(["-sm"], { command: ["uname"] });
  const header = packHeader({ system: out.trim(), id, codeSize: code.length, permissions: ["--allow-net"] });
  await Deno.writeTextFile(`${folder}/deno`, '#!/bin/sh\necho "ran $*"\n');
  const { success, stdout } = await new Deno.Command("xz", {
    args: ["-c", `${folder}/deno`],
    stdout: "piped",
  }).output();
  assert.ok(success);
  const file = `${folder}/maglevc`;
  await Deno.writeFile(file, new Uint8Array([...new TextEncoder().encode(header + code), ...stdout]));
  return { file, id };
}

const asRoot = Deno.uid() === 0;
const withPriv = asRoot && await has("setpriv", "--version");

Deno.test({
  name: `pack: what others could have changed is not run${withXz ? "" : " (skipped: no xz)"}`,
  ignore: !withXz,
  async fn(t) {
    const folder = await Deno.makeTempDir();
    const { file, id } = await smallPacked(folder);
    const cache = `${folder}/cache`;
    const here = `${cache}/maglevc/${id}`;
    const refused = async (what: string, path: string) => {
      const { code, out, err } = await packed(file, cache, ["--version"]);
      assert.deepEqual([code, out], [1, ""], what);
      assert.ok(err.startsWith("maglevc: others can change ") && err.includes(path), `${what}: ${err}`);
    };
    const good = async () => {
      const { code, out, err } = await packed(file, cache, ["--version"]);
      assert.deepEqual([code, err], [0, ""]);
      assert.match(out, /^ran run .*--no-prompt --allow-net .*maglevc\.js --version\n$/);
    };
    await good();
    await t.step("its own is", good);
    for (
      const [path, mode, restored] of [
        [`${here}/deno`, 0o770, 0o700],
        [`${here}/deno`, 0o702, 0o700],
        [`${here}/maglevc.js`, 0o620, 0o600],
        [here, 0o770, 0o700],
        [`${cache}/maglevc`, 0o777, 0o700],
        [`${cache}/maglevc`, 0o1777, 0o700],
        [cache, 0o777, 0o700],
      ] as const
    ) {
      await t.step(`mode ${mode.toString(8)} of ${path.slice(folder.length)}`, async () => {
        await Deno.chmod(path, mode);
        await refused(`mode ${mode.toString(8)}`, path);
        await Deno.chmod(path, restored);
        await good();
      });
    }
    await t.step("a folder for all with the sticky bit may be above it", async () => {
      await Deno.chmod(cache, 0o1777);
      await good();
      await Deno.chmod(cache, 0o700);
    });
    await t.step("a link in place of a file", async () => {
      await Deno.rename(`${here}/deno`, `${folder}/real`);
      await Deno.symlink(`${folder}/real`, `${here}/deno`);
      await refused("link", `${here}/deno`);
      await Deno.remove(`${here}/deno`);
      await Deno.rename(`${folder}/real`, `${here}/deno`);
    });
    await t.step("without ls nothing was looked at, so nothing is run", async () => {
      const tools = await toolFolder(folder, "id");
      const { code, out } = await packed(file, cache, ["--version"], tools);
      assert.deepEqual([code, out], [1, ""]);
    });
    await t.step({
      name: `another user's${asRoot ? "" : " (skipped: not root)"}`,
      ignore: !asRoot,
      async fn() {
        for (const path of [`${here}/deno`, `${here}/maglevc.js`, here, `${cache}/maglevc`, cache]) {
          await Deno.chown(path, 65534, 65534);
          await refused("owner", path);
          await Deno.chown(path, 0, 0);
        }
        await good();
      },
    });
    await t.step({
      name: `a file that another user planted before the first run${
        withPriv ? "" : " (skipped: not root, or no setpriv)"
      }`,
      ignore: !withPriv,
      async fn() {
        const open = `${folder}/open`;
        await Deno.mkdir(open);
        await Deno.chmod(open, 0o1777);
        await Deno.chmod(folder, 0o755);
        const plant =
          `mkdir -p ${open}/maglevc/${id} && printf '#!/bin/sh\necho planted\n' >${open}/maglevc/${id}/deno &&
          chmod 755 ${open}/maglevc/${id}/deno && : >${open}/maglevc/${id}/maglevc.js`;
        const planted = await start(["--reuid=65534", "--clear-groups", "sh", "-c", plant], {
          command: ["setpriv"],
        });
        assert.equal(planted.code, 0, planted.err);
        const { code, out, err } = await packed(file, open, ["--version"]);
        assert.deepEqual([code, out], [1, ""]);
        assert.match(err, /^maglevc: others can change .*\/open\/maglevc, and so what is run from there/);
      },
    });
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  name: `pack: without a home it makes no folder, and it removes nothing that is not its own${
    withXz ? "" : " (skipped: no xz)"
  }`,
  ignore: !withXz,
  async fn() {
    const folder = await Deno.makeTempDir();
    const { file, id } = await smallPacked(folder);
    const PATH = cleanEnv().PATH ?? "/usr/bin:/bin";
    const run = async (env: Record<string, string>) => {
      const { code, stdout, stderr } = await new Deno.Command("/bin/sh", {
        args: [file, "--version"],
        clearEnv: true,
        env: { PATH, ...env },
      }).output();
      return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
    };
    const nowhere = `${folder}/no/home`;
    const cases: [Record<string, string>, string][] = [
      [
        {},
        "maglevc: HOME is not set, and there is nowhere to unpack into; XDG_CACHE_HOME names another place\n",
      ],
      [
        { HOME: "" },
        "maglevc: HOME is not set, and there is nowhere to unpack into; XDG_CACHE_HOME names another place\n",
      ],
      [
        { HOME: nowhere },
        `maglevc: there is no ${nowhere} to unpack into; XDG_CACHE_HOME names another place\n`,
      ],
      [
        { XDG_CACHE_HOME: "relative" },
        "maglevc: HOME is not set, and there is nowhere to unpack into; XDG_CACHE_HOME names another place\n",
      ],
    ];
    for (const [env, err] of cases) {
      assert.deepEqual(await run(env), { code: 1, out: "", err }, JSON.stringify(env));
    }
    assert.deepEqual((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort(), [
      "deno",
      "maglevc",
    ]);

    const home = `${folder}/home`;
    const cache = `${home}/.cache/maglevc`;
    await Deno.mkdir(cache, { recursive: true, mode: 0o700 });
    const older = `${cache}/fedcba9876543210`;
    const withMore = `${cache}/aaaaaaaaaaaaaaaa`;
    for (const path of [older, withMore]) {
      await Deno.mkdir(`${path}/cache`, { recursive: true });
      for (const name of ["deno", "maglevc.js"]) await Deno.writeTextFile(`${path}/${name}`, "");
    }
    await Deno.writeTextFile(`${withMore}/notes`, "mine");
    // Sixteen characters, as the name of a version has.
    for (const name of ["my-own-16-chars1", "0000000000000000"]) {
      await Deno.mkdir(`${cache}/${name}`);
      await Deno.writeTextFile(`${cache}/${name}/notes`, "mine");
    }
    await Deno.symlink(home, `${cache}/bbbbbbbbbbbbbbbb`);
    assert.equal((await run({ HOME: home })).code, 0);
    assert.deepEqual(
      (await Array.fromAsync(Deno.readDir(cache))).map(({ name }) => name).sort(),
      ["0000000000000000", id, "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "my-own-16-chars1"],
    );
    assert.deepEqual((await Array.fromAsync(Deno.readDir(withMore))).map(({ name }) => name), ["notes"]);
    assert.deepEqual((await Array.fromAsync(Deno.readDir(home))).map(({ name }) => name), [".cache"]);
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
  const cache = await Deno.makeTempDir();
  const { code: exitCode, err } = await packed(file, cache, []);
  assert.equal(exitCode, 1);
  assert.match(err, /this file is for Plan9 vax, not for /);
  await Deno.remove(file);
  await Deno.remove(cache, { recursive: true });
});
