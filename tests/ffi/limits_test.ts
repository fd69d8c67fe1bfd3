import assert from "node:assert/strict";
import { descriptorLimit, openDescriptors } from "../../ffi/limits.ts";
import { noChildren, noNamespaces, testWith } from "../probes/needs.ts";
import { optionalTool } from "../tool.ts";

Deno.test("descriptorLimit() is what the kernel says of this process", () => {
  const line = /Max open files\s+(\S+)/.exec(Deno.readTextFileSync("/proc/self/limits"))?.[1];
  assert.equal(descriptorLimit(), line === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(line));
});

function counted(): number {
  const count = openDescriptors();
  assert.ok(count !== null);
  return count;
}

Deno.test("openDescriptors() sees a descriptor come and go", () => {
  const before = counted();
  {
    using _file = Deno.openSync(new URL(import.meta.url));
    assert.equal(counted(), before + 1);
  }
  assert.equal(counted(), before);
  assert.ok(before < descriptorLimit());
});

Deno.test("openDescriptors() counts more than one read of the folder holds", () => {
  const before = counted();
  const files = Array.from({ length: 900 }, () => Deno.openSync(new URL(import.meta.url)));
  try {
    assert.equal(counted(), before + 900);
  } finally {
    for (const file of files) file.close();
  }
});

testWith(
  [noNamespaces, noChildren],
  "openDescriptors() says that it does not know where there is no /proc, and threads start all the same",
  async () => {
    const script = `
    import { descriptorUse, lackForThread } from ${
      JSON.stringify(import.meta.resolve("../../ffi/limits.ts"))
    };
    console.log(JSON.stringify([descriptorUse().open, lackForThread()]));`;
    const hidden = 'mount -t tmpfs none /proc && exec "$@"';
    const { stdout, success } = await new Deno.Command("unshare", {
      args: ["--mount", "sh", "-c", hidden, "sh", Deno.execPath(), "eval", script],
    }).output();
    assert.ok(success);
    assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), [null, null]);
  },
);

const prlimit = optionalTool("prlimit");

Deno.test({
  name: `lackForThread() names descriptors before the last descriptors are taken${prlimit.suffix}`,
  ignore: prlimit.missing || noChildren !== null,
  async fn() {
    const script = `import { descriptorUse, lackForThread } from ${
      JSON.stringify(import.meta.resolve("../../ffi/limits.ts"))
    };
      const files = [];
      let asked = 0;
      try {
        for (;; asked++) {
          if (lackForThread() !== null || asked > 1000) break;
          files.push(Deno.openSync("/proc/self/status"));
        }
        while (true) files.push(Deno.openSync("/proc/self/status"));
      } catch (error) {
        const none = lackForThread();
        const { open, max } = descriptorUse();
        for (const file of files) file.close();
        console.log(JSON.stringify([
          error.code ?? error.name, none, [open, max], lackForThread(), asked > 20 && asked < 1000,
        ]));
      }`;
    const { stdout, success } = await new Deno.Command("prlimit", {
      args: ["--nofile=128:128", Deno.execPath(), "eval", script],
      stdin: "null",
    }).output();
    assert.ok(success);
    assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), [
      "EMFILE",
      "descriptors",
      [128, 128],
      null,
      true,
    ]);
  },
});

const setpriv = optionalTool("setpriv");
// A limit of processes binds no process of root's.
const canDrop = !prlimit.missing && !setpriv.missing && Deno.uid() === 0 && noChildren === null;

Deno.test({
  name: `lackForThread() names threads where the system starts no more${
    canDrop ? "" : " (skipped: needs root, prlimit and setpriv)"
  }`,
  ignore: !canDrop,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "maglev-test-" });
    try {
      await Deno.chmod(folder, 0o777);
      // Deno may be installed where only root may look.
      const deno = `${folder}/deno`;
      await Deno.copyFile(Deno.execPath(), deno);
      await Deno.chmod(deno, 0o755);
      const script = `import { canStartThreads, lackForThread } from ${
        JSON.stringify(import.meta.resolve("../../ffi/limits.ts"))
      };
        let free = 0;
        while (free < 100 && canStartThreads(free + 1)) free++;
        console.log(JSON.stringify([free, lackForThread()]));`;
      const run = async (limit: number): Promise<[number, string | null]> => {
        // A user that has no other process, not even of another run of this test: the limit counts all of them.
        const user = String(1_000_000 + Deno.pid);
        const args = ["--reuid", user, "--regid", user, "--clear-groups"];
        const { stdout, stderr, success } = await new Deno.Command("setpriv", {
          args: [...args, "prlimit", `--nproc=${limit}:${limit}`, deno, "eval", script],
          env: { HOME: folder, DENO_DIR: folder },
          stdin: "null",
        }).output();
        assert.ok(success, new TextDecoder().decode(stderr));
        return JSON.parse(new TextDecoder().decode(stdout));
      };
      const [free, lack] = await run(60);
      assert.ok(free > 4 && free < 60, `${free} threads`);
      assert.equal(lack, null);
      // How many threads the runtime itself has started by then differs by one or two from run to run.
      const outcomes = [];
      for (let left = 1; left <= 7; left++) outcomes.push(await run(60 - free + left));
      for (const [count, missing] of outcomes) {
        assert.equal(missing, count < 4 ? "threads" : null, `${count} threads`);
      }
      assert.deepEqual(new Set(outcomes.map(([, missing]) => missing)), new Set(["threads", null]));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
