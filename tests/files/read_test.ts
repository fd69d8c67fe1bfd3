import assert from "node:assert/strict";
import { readWhole } from "../../ffi/file.ts";
import { FILE_LIMIT, readFileWhole } from "../../src/files/read.ts";

async function run(program: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(program, { args }).output();
  assert.ok(success, `${program} ${args.join(" ")}`);
}

/** Runs `test` in a folder of its own. */
async function inFolder(test: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Text of a file, or why it cannot be read. */
function text(path: string): string {
  const read = readFileWhole(path);
  return read.ok ? new TextDecoder().decode(read.value) : `refused: ${read.error}`;
}

Deno.test("an ordinary file, an empty one and a long one are read to their end", () =>
  inFolder(async (folder) => {
    const long = "0123456789".repeat(30_000);
    for (const content of ["", "maglev:\n", long]) {
      await Deno.writeTextFile(`${folder}/file`, content);
      assert.equal(text(`${folder}/file`), content);
    }
  }));

Deno.test("what is not there, not readable or no file says so", () =>
  inFolder(async (folder) => {
    await Deno.symlink(`${folder}/loop`, `${folder}/loop`);
    using _socket = Deno.listen({ transport: "unix", path: `${folder}/socket` });
    assert.equal(text(`${folder}/none`), "refused: no such file");
    assert.equal(text(`${folder}/a\0b`), "refused: no such file");
    assert.equal(text(folder), "refused: it is a directory");
    assert.equal(text(`${folder}/loop`), "refused: too many symbolic links");
    assert.equal(text(`${folder}/socket`), "refused: it is a socket, or a device that is not there");
  }));

Deno.test("a device without end is given up at the size that a file may have", () => {
  assert.equal(text("/dev/zero"), `refused: it is larger than ${FILE_LIMIT} octets`);
  assert.equal(text("/dev/null"), "");
});

Deno.test("octets are counted while they are read: one more than the limit is too many", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "x".repeat(100_000));
    const read = (limit: number) => readWhole(`${folder}/file`, limit, 5000, () => 0).kind;
    assert.equal(read(100_000), "whole");
    assert.equal(read(99_999), "too-large");
  }));

Deno.test("a pipe is read until its writer ends, however many pieces that takes", () =>
  inFolder(async (folder) => {
    await run("mkfifo", `${folder}/fifo`);
    await using writer = new Deno.Command("sh", {
      args: ["-c", 'for i in 1 2 3; do printf "part $i\\n"; sleep 0.02; done > "$0"', `${folder}/fifo`],
    }).spawn();
    assert.equal(text(`${folder}/fifo`), "part 1\npart 2\npart 3\n");
    await writer.status;
  }));

Deno.test("a pipe without a writer, or whose writer does not end, is given up after its time", () =>
  inFolder(async (folder) => {
    await run("mkfifo", `${folder}/fifo`);
    const fifo = `${folder}/fifo`;
    // Each look at the clock takes a step, so no real time passes but that of the waits in the kernel.
    let ms = 0;
    const clock = () => ms += 20;
    assert.equal(readWhole(fifo, 1000, 100, clock).kind, "late");
    await using writer = new Deno.Command("sh", {
      args: ["-c", 'exec 3>"$0"; while printf "x" >&3; do sleep 0.01; done', fifo],
      stderr: "null",
    }).spawn();
    assert.equal(readWhole(fifo, 1_000_000, 300, () => performance.now()).kind, "late");
    // Its pipe is broken now.
    await writer.status;
  }));
