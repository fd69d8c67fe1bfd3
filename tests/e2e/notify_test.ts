import assert from "node:assert/strict";
import { NotifySocket } from "../ffi/notify_socket.ts";
import { TestDaemon } from "./harness.ts";
import { wwwConfig } from "./world.ts";

Deno.test("the service manager hears of the start, the state, both threads' life and the end", async () => {
  using manager = new NotifySocket(`@maglev-${crypto.randomUUID()}`);
  const heard: string[] = [];
  /** Asks until a line was heard; the harness bounds every other wait, and this one ends with its daemon. */
  const hears = async (line: RegExp) => {
    for (const end = performance.now() + 30_000;;) {
      heard.push(...manager.all().flatMap((message) => message.split("\n")));
      if (heard.some((one) => line.test(one))) return;
      assert.ok(performance.now() < end, `not heard: ${line}; but ${heard.join(", ")}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  await using daemon = await TestDaemon.start({
    config: wwwConfig("77.9", 80),
    vpp: { api: "/nowhere/api.sock", stats: "/nowhere/stats.sock" },
    env: { NOTIFY_SOCKET: manager.name, WATCHDOG_USEC: "400000" },
  });
  await hears(/^READY=1$/);
  await hears(/^STATUS=not ready: probes \w+, VPP disconnected$/);
  // The second sign of life needs a probe thread that has run since the first.
  heard.length = 0;
  await hears(/^WATCHDOG=1$/);
  heard.length = 0;
  await hears(/^WATCHDOG=1$/);
  daemon.kill("SIGTERM");
  assert.equal((await daemon.status()).code, 0);
  await hears(/^STOPPING=1$/);
});

Deno.test("--check tells the service manager nothing: a reload is no start", async () => {
  using manager = new NotifySocket(`@maglev-${crypto.randomUUID()}`);
  const path = await Deno.makeTempFile({ prefix: "maglev-test-" });
  try {
    await Deno.writeTextFile(path, wwwConfig("77.9", 80));
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", new URL("../../main.ts", import.meta.url).pathname, "--check", "--config", path],
      env: { NOTIFY_SOCKET: manager.name },
      stdin: "null",
      stdout: "null",
    }).output();
    assert.equal(code, 0);
    assert.deepEqual(manager.all(), []);
  } finally {
    await Deno.remove(path);
  }
});
