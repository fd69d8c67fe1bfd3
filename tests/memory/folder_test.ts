import assert from "node:assert/strict";
import { DiskFolder } from "../../src/memory/folder.ts";
import { loadState, stateBefore, stateName } from "../../src/memory/load.ts";
import { optionalTool } from "../tool.ts";

async function temporary() {
  const path = await Deno.makeTempDir({ prefix: "maglev-test-" });
  return {
    path,
    folder: new DiskFolder(path),
    names: () => [...Deno.readDirSync(path)].map(({ name }) => name).sort(),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

Deno.test("a file is replaced whole, the one before is kept, and both are the owner's alone", async () => {
  await using here = await temporary();
  const { folder, path } = here;
  await folder.replace("a", "1", "a.1");
  assert.deepEqual([await folder.read("a"), await folder.read("a.1")], ["1", null]);
  await folder.replace("a", "2", "a.1");
  await folder.replace("a", "3", "a.1");
  assert.deepEqual([await folder.read("a"), await folder.read("a.1")], ["3", "2"]);
  await folder.replace("a", "4", null);
  assert.deepEqual([await folder.read("a"), await folder.read("a.1")], ["4", "2"]);
  assert.deepEqual(here.names(), ["a", "a.1"]);
  for (const name of here.names()) {
    assert.equal(((await Deno.stat(`${path}/${name}`)).mode ?? 0) & 0o777, 0o600);
  }
});

Deno.test("what an earlier write left unfinished, or somebody put in its place, is no obstacle", async () => {
  await using here = await temporary();
  const { folder, path } = here;
  await Deno.writeTextFile(`${path}/other`, "other");
  await Deno.symlink(`${path}/other`, `${path}/a.new`);
  await Deno.writeTextFile(`${path}/a.1.new`, "half");
  await folder.replace("a", "1", "a.1");
  await folder.replace("a", "2", "a.1");
  assert.deepEqual([await folder.read("a"), await folder.read("a.1"), await folder.read("other")], [
    "2",
    "1",
    "other",
  ]);
  assert.equal((await Deno.lstat(`${path}/a`)).isSymlink, false);
});

Deno.test("a file gets another name; one that is not there is nothing", async () => {
  await using here = await temporary();
  await here.folder.replace("a", "1", null);
  await here.folder.rename("a", "b");
  await here.folder.rename("a", "c");
  assert.deepEqual(here.names(), ["b"]);
});

Deno.test("what is no ordinary file is refused, and not waited for", async () => {
  await using here = await temporary();
  await new Deno.Command("mkfifo", { args: [`${here.path}/pipe`] }).output();
  await Deno.symlink("/dev/zero", `${here.path}/endless`);
  await Deno.mkdir(`${here.path}/folder`);
  for (const name of ["pipe", "endless", "folder"]) {
    await assert.rejects(here.folder.read(name), /no ordinary file/);
  }
});

/** Writes states as fast as it can, and says of each when the disk has it. */
const writerScript = (path: string) =>
  `import { DiskFolder } from ${JSON.stringify(import.meta.resolve("../../src/memory/folder.ts"))};
   import { emptyState, encodeState } from ${
    JSON.stringify(import.meta.resolve("../../src/memory/state.ts"))
  };
   const folder = new DiskFolder(${JSON.stringify(path)});
   for (let n = Number(Deno.args[0]);; n++) {
     const filler = "x".repeat(n % 7 * 10000);
     await folder.replace("state.json", encodeState({ ...emptyState, others: { n, filler } }), "state.json.1");
     Deno.stdout.writeSync(new TextEncoder().encode(n + "\\n"));
   }`;

Deno.test("a writer that is killed at any moment loses nothing that the disk had", async () => {
  await using here = await temporary();
  const script = `${here.path}/writer.ts`;
  await Deno.writeTextFile(script, writerScript(here.path));
  const kills = Deno.env.get("MAGLEV_TEST_RUNS") === "full" ? 200 : 12;
  let told = 0;
  for (let kill = 0; kill < kills; kill++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        "--config",
        new URL("../../deno.json", import.meta.url).pathname,
        script,
        `${told + 1}`,
      ],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    let text = "";
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    // It has begun to write; then some writes more, and death in the midst of one.
    while (!text.includes("\n")) text += (await reader.read()).value ?? assert.fail("the writer ended");
    const end = setTimeout(() => child.kill("SIGKILL"), Math.random() * 25);
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    await child.status;
    clearTimeout(end);
    told = Number(text.trimEnd().split("\n").filter((line) => /^\d+$/.test(line)).at(-1));
    const loaded = await loadState(here.folder, true);
    assert.ok(loaded.kind === "known", JSON.stringify(loaded));
    assert.equal(loaded.detail, null, "the file itself is good, never only the one before");
    assert.ok(Number(loaded.state.others.n) >= told, `${loaded.state.others.n} of ${told}`);
  }
});

const unshare = optionalTool("unshare");
const mountable = !unshare.missing && Deno.uid() === 0;

Deno.test({
  name: `a full disk and a read-only one reject, and leave what is there${
    mountable ? "" : " (skipped: needs root)"
  }`,
  ignore: !mountable,
  async fn() {
    await using here = await temporary();
    const script = `${here.path}/disk.ts`;
    await Deno.writeTextFile(
      script,
      `
      import { DiskFolder } from ${JSON.stringify(import.meta.resolve("../../src/memory/folder.ts"))};
      const folder = new DiskFolder(Deno.args[0]);
      const run = (...args) => new Deno.Command(args[0], { args: args.slice(1) }).output();
      const answers = [];
      const tried = async (text) => {
        try { await folder.replace("${stateName}", text, "${stateBefore}"); answers.push("written"); }
        catch (error) { answers.push(error.message.replace(/ \\(os error.*/, "")); }
        answers.push((await folder.read("${stateName}"))?.length ?? null);
      };
      await tried("a".repeat(1000));
      await tried("b".repeat(200000));
      await run("mount", "-o", "remount,ro", Deno.args[0]);
      await tried("c");
      console.log(JSON.stringify(answers));
    `,
    );
    const disk = `${here.path}/disk`;
    await Deno.mkdir(disk);
    const { stdout, stderr, success } = await new Deno.Command("unshare", {
      args: [
        "-m",
        "sh",
        "-c",
        `mount -t tmpfs -o size=64k none "$1" && exec "$2" run -A --no-check "$3" "$1"`,
        "sh",
        disk,
        Deno.execPath(),
        script,
      ],
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), [
      "written",
      1000,
      "No space left on device",
      1000,
      "Read-only file system",
      1000,
    ]);
  },
});
