import assert from "node:assert/strict";
import { ErrnoError } from "../../ffi/libc.ts";
import { notify } from "../../ffi/notify.ts";
import { NotifySocket } from "./notify_socket.ts";

async function withFolder(use: (folder: string) => void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "maglev-notify-" });
  try {
    use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("notify() sends a datagram to a path, and to a name without a file", async () => {
  await withFolder((folder) => {
    for (const name of [`${folder}/notify`, `@maglev-${crypto.randomUUID()}`]) {
      using socket = new NotifySocket(name);
      notify(name, "READY=1\nSTATUS=fine");
      notify(name, "WATCHDOG=1");
      assert.deepEqual(socket.all(), ["READY=1\nSTATUS=fine", "WATCHDOG=1"], name);
    }
  });
});

Deno.test("notify() says what is wrong: nobody listens, another kind of socket, a queue that is full", async () => {
  await withFolder((folder) => {
    const failure = (code: string) => (error: unknown) => error instanceof ErrnoError && error.code === code;
    assert.throws(() => notify(`${folder}/nobody`, "READY=1"), failure("ENOENT"));
    assert.throws(() => notify(`@maglev-${crypto.randomUUID()}`, "READY=1"), failure("ECONNREFUSED"));
    for (const wrong of ["vsock:2:1234", "relative", "/", "@", `/${"x".repeat(107)}`]) {
      assert.throws(() => notify(wrong, "READY=1"), RangeError, wrong);
    }
    using socket = new NotifySocket(`${folder}/full`);
    const fill = () => {
      for (let i = 0; i < 100_000; i++) notify(socket.name, "WATCHDOG=1");
    };
    assert.throws(fill, failure("EAGAIN"));
    assert.ok(socket.all().length > 0);
  });
});
