import assert from "node:assert/strict";
import { readNamed, systemDisk } from "../../src/files/disk.ts";

Deno.test("both ways of reading a named file say the same, and a change of any kind shows in its sign", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/file`;
    const said = async () => {
      const later = await systemDisk.read(path);
      assert.deepEqual(later, readNamed(path));
      assert.equal((await systemDisk.sign(path)).signature, later.signature);
      return later;
    };
    let last = "";
    assert.deepEqual(await said(), { signature: "", text: { ok: false, error: "no such file" } });
    const change = async (how: () => Promise<unknown>, text: string) => {
      await how();
      const now = await said();
      assert.deepEqual(now.text, { ok: true, value: text });
      assert.notEqual(now.signature, last);
      last = now.signature;
    };
    await change(() => Deno.writeTextFile(path, "one"), "one");
    await change(() => Deno.writeTextFile(path, "longer"), "longer");
    await Deno.writeTextFile(`${folder}/new`, "moved!");
    await change(() => Deno.rename(`${folder}/new`, path), "moved!");
    await Deno.writeTextFile(`${folder}/target`, "linked");
    await Deno.remove(path);
    await change(() => Deno.symlink(`${folder}/target`, path), "linked");
    await Deno.remove(path);
    await Deno.mkdir(path);
    const directory = await said();
    assert.deepEqual(directory.text, { ok: false, error: "it is a directory" });
    await Deno.remove(path);
    await Deno.symlink("/dev/zero", path);
    assert.deepEqual((await said()).text, { ok: false, error: "it is not a regular file" });
    await Deno.remove(path);
    await Deno.writeFile(path, new Uint8Array(4 * 1024 * 1024 + 1));
    assert.deepEqual((await said()).text, { ok: false, error: "it is larger than 4194304 octets" });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
