import assert from "node:assert/strict";
import { FileLock } from "../../ffi/lock.ts";
import { ErrnoError } from "../../ffi/libc.ts";

const temporary = async () => {
  const folder = await Deno.makeTempDir({ prefix: "maglev-test-" });
  return { path: `${folder}/lock`, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
};

/** Takes the lock in another process, says so, and holds it until its standard input closes. */
function holder(path: string): Deno.ChildProcess {
  const script = `import { FileLock } from ${JSON.stringify(import.meta.resolve("../../ffi/lock.ts"))};
    const lock = FileLock.take(${JSON.stringify(path)});
    console.log(lock === null ? "refused" : "taken");
    if (lock !== null) await Deno.stdin.readable.pipeTo(new WritableStream());`;
  return new Deno.Command(Deno.execPath(), { args: ["eval", script], stdin: "piped", stdout: "piped" })
    .spawn();
}

async function firstLine(child: Deno.ChildProcess): Promise<string> {
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  await reader.cancel();
  return value.trim();
}

Deno.test("a lock excludes every other one until it is given back; its file is the owner's alone", async () => {
  await using folder = await temporary();
  {
    using lock = FileLock.take(folder.path);
    assert.ok(lock !== null);
    assert.equal(FileLock.take(folder.path), null);
    assert.equal(((await Deno.stat(folder.path)).mode ?? 0) & 0o777, 0o600);
    const child = holder(folder.path);
    assert.equal(await firstLine(child), "refused");
    await child.stdin.close();
    await child.status;
  }
  using again = FileLock.take(folder.path);
  assert.ok(again !== null);
});

Deno.test("a process that is killed gives its lock back", async () => {
  await using folder = await temporary();
  const child = holder(folder.path);
  assert.equal(await firstLine(child), "taken");
  assert.equal(FileLock.take(folder.path), null);
  child.kill("SIGKILL");
  await child.status;
  await child.stdin.abort().catch(() => {});
  using lock = FileLock.take(folder.path);
  assert.ok(lock !== null);
});

Deno.test("a folder that is not there is an error with the path", () => {
  assert.throws(
    () => FileLock.take("/nonexistent/lock"),
    (error: unknown) =>
      error instanceof ErrnoError && error.code === "ENOENT" && error.message.includes("/nonexistent/lock"),
  );
});
