import assert from "node:assert/strict";
import { compile, compileSources, programs } from "../../src/tasks/compile.ts";
import { openedBeside } from "../../src/tasks/deb_bundle.ts";
import { memoryFlags, permissionFlags } from "../../src/deno_flags.ts";
import { buildInfo, version } from "../../src/version.ts";
import manifest from "../../deno.json" with { type: "json" };

/** Any program will do as base: what is read back is the list of files behind it. */
const anyProgram = "/bin/true";

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "maglev-compile-test-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The names in the tree that Deno prints of what it has taken in. */
function embedded(said: string): string[] {
  const [, tree = ""] = /Embedded Files\n\n([^]*?)\n\nFiles:/.exec(said) ?? [];
  return [...tree.matchAll(/^[├└]── (\S+)/gm)].map(([, name = ""]) => name).sort();
}

Deno.test("compile: each program holds its own code and every thread, and nothing else", () =>
  inFolder(async (folder) => {
    const before = Deno.env.get("DENORT_BIN");
    Deno.env.set("DENORT_BIN", anyProgram);
    try {
      const said = await compile(`${folder}/out`);
      const daemon = embedded(said.get("maglevd") ?? "");
      assert.deepEqual(embedded(said.get("maglevc") ?? ""), ["maglevc.js"]);
      for (const thread of ["worker", "matcher_worker", "checker_worker"]) {
        assert.ok(daemon.includes(`${thread}.ts`) && daemon.includes(`${thread}.js`), thread);
      }
      const code = new Set(daemon.map((name) => name.replace(/\.ts$/, ".js")));
      assert.equal(daemon.length, 2 * code.size - 1, "maglevd.js, and two files a thread");
      for (const program of ["maglevd", "maglevc"]) {
        const { mode, size } = await Deno.stat(`${folder}/out/${program}`);
        assert.equal((mode ?? 0) & 0o777, 0o755);
        assert.ok(size < 20_000_000, `${program} has ${size} octets: it holds more than its code`);
      }
    } finally {
      if (before === undefined) Deno.env.delete("DENORT_BIN");
      else Deno.env.set("DENORT_BIN", before);
    }
  }));

Deno.test("compile: rights and heap are written out, every thread that the code names is included, and the commit is told", () =>
  inFolder(async (folder) => {
    const sources = await compileSources(folder, `${folder}/out`);
    assert.deepEqual(sources.map(({ program }) => program), Object.keys(programs));
    for (const { args, program } of sources) {
      const daemon = program === "maglevd";
      const rights = permissionFlags(manifest.permissions[daemon ? "daemon" : "client"]);
      assert.deepEqual(args.filter((arg) => arg.startsWith("--allow-")), rights);
      for (const flag of memoryFlags) assert.equal(args.includes(flag), daemon);
      assert.ok(!args.includes("-A") && !args.some((arg) => arg.startsWith("-P")));
      const included = args.filter((_, at) => args[at - 1] === "--include");
      for (const file of [args.at(-1) ?? "", ...included]) {
        for (const name of openedBeside(await Deno.readTextFile(file))) {
          assert.ok(included.includes(`${folder}/${name.slice(2)}`), `${file} starts ${name}`);
        }
      }
      const { stdout } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--no-config",
          "--no-lock",
          ...rights,
          args.at(-1) ?? "",
          daemon ? "--version" : "help",
        ],
        clearEnv: true,
        env: { NO_COLOR: "1", HOME: folder },
      }).output();
      const { commit } = buildInfo(() => undefined);
      const told = new TextDecoder().decode(stdout);
      if (daemon) assert.ok(told.startsWith(`maglevd ${version} (commit ${commit}, `), told);
      else assert.match(told, /maglevc/);
    }
  }));

Deno.test("compile: without a base it is one sentence, and nothing half made is left", () =>
  inFolder(async (folder) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        new URL("../../src/tasks/compile.ts", import.meta.url).pathname,
        "--out",
        `${folder}/out`,
      ],
      // The bundler of Deno is in its cache already; nothing else may be fetched.
      env: { HTTPS_PROXY: "http://127.0.0.1:1", DENORT_BIN: "/nowhere/denort", NO_COLOR: "1" },
    }).output();
    const said = new TextDecoder().decode(stderr);
    assert.equal(code, 1, said);
    assert.equal(new TextDecoder().decode(stdout), "");
    assert.match(
      said,
      /^deno compile needs denort.*denort-\w+-unknown-linux-gnu\.zip.*DENORT_BIN.*deno task pack.*\n$/,
    );
    await assert.rejects(Deno.stat(`${folder}/out`), Deno.errors.NotFound);
  }));

/** Where the base of compiled programs is: named, or placed in DENO_DIR. It is never fetched for a test. */
async function base(): Promise<boolean> {
  if (Deno.env.get("DENORT_BIN") !== undefined) return true;
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { denoDir } = JSON.parse(new TextDecoder().decode(stdout)) as { denoDir: string };
  try {
    const folder = `${denoDir}/dl/release/v${Deno.version.deno}`;
    return (await Array.fromAsync(Deno.readDir(folder))).some(({ name }) => /^denort-.*\.zip$/.test(name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const missing = await base() ? "" : " (skipped: no denort, neither in DENO_DIR nor in DENORT_BIN)";

Deno.test({
  name: `compile: with a base both programs run${missing}`,
  ignore: missing !== "",
  fn: () =>
    inFolder(async (folder) => {
      await compile(`${folder}/out`);
      for (const [program, argument] of [["maglevd", "--version"], ["maglevc", "help"]] as const) {
        const { code, stdout } = await new Deno.Command(`${folder}/out/${program}`, { args: [argument] })
          .output();
        assert.equal(code, 0);
        assert.match(new TextDecoder().decode(stdout), new RegExp(program));
      }
      const config = `${folder}/maglev.yaml`;
      await Deno.copyFile(new URL("../../docs/examples/maglev.yaml", import.meta.url), config);
      const { code, stderr } = await new Deno.Command(`${folder}/out/maglevd`, {
        args: ["--check", "--config", config],
      }).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
    }),
});
