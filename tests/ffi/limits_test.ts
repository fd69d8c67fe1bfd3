import assert from "node:assert/strict";
import { descriptorLimit, openDescriptors } from "../../ffi/limits.ts";
import { optionalTool } from "../tool.ts";

Deno.test("descriptorLimit() is what the kernel says of this process", () => {
  const line = /Max open files\s+(\S+)/.exec(Deno.readTextFileSync("/proc/self/limits"))?.[1];
  assert.equal(descriptorLimit(), line === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(line));
});

Deno.test("openDescriptors() sees a descriptor come and go", () => {
  const before = openDescriptors();
  {
    using _file = Deno.openSync(new URL(import.meta.url));
    assert.equal(openDescriptors(), before + 1);
  }
  assert.equal(openDescriptors(), before);
  assert.ok(before < descriptorLimit());
});

Deno.test("openDescriptors() counts more than one read of the folder holds", () => {
  const before = openDescriptors();
  const files = Array.from({ length: 900 }, () => Deno.openSync(new URL(import.meta.url)));
  try {
    assert.equal(openDescriptors(), before + 900);
  } finally {
    for (const file of files) file.close();
  }
});

const prlimit = await optionalTool("prlimit");

Deno.test({
  name: `roomForThread() is false before the last descriptors are taken${prlimit.suffix}`,
  ignore: prlimit.missing,
  async fn() {
    const script = `import { descriptorUse, roomForThread } from ${
      JSON.stringify(import.meta.resolve("../../ffi/limits.ts"))
    };
      const files = [];
      let asked = 0;
      try {
        for (;; asked++) {
          if (!roomForThread() || asked > 1000) break;
          files.push(Deno.openSync("/proc/self/status"));
        }
        while (true) files.push(Deno.openSync("/proc/self/status"));
      } catch (error) {
        const none = roomForThread();
        const { open, max } = descriptorUse();
        for (const file of files) file.close();
        console.log(JSON.stringify([
          error.code ?? error.name, none, [open, max], roomForThread(), asked > 20 && asked < 1000,
        ]));
      }`;
    const { stdout, success } = await new Deno.Command("prlimit", {
      args: ["--nofile=128:128", Deno.execPath(), "eval", script],
      stdin: "null",
    }).output();
    assert.ok(success);
    assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), ["EMFILE", false, [128, 128], true, true]);
  },
});
