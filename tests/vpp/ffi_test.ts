import assert from "node:assert/strict";
import { Fd } from "../../ffi/fd.ts";
import { ErrnoError } from "../../ffi/libc.ts";
import { createMemfd, fileSize, Mapping } from "../../ffi/mapping.ts";
import { FdReceiver, sendFd, SeqpacketListener } from "../../ffi/passfd.ts";
import { countDescriptors, countMappings } from "./support.ts";

async function withListener(run: (listener: SeqpacketListener, path: string) => void): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "maglev-passfd-" });
  try {
    using listener = new SeqpacketListener(`${dir}/s`);
    run(listener, `${dir}/s`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("passfd: a descriptor that is handed over maps the same memory", async () => {
  await withListener((listener, path) => {
    using memory = createMemfd("maglev-test", 8192);
    assert.equal(fileSize(memory), 8192);
    using written = new Mapping(memory, 8192, "write");
    using receiver = new FdReceiver(path);
    assert.equal(receiver.receive(), null, "nothing was sent yet");
    using connection = listener.accept();
    assert.ok(connection);
    sendFd(connection, memory);
    using received = receiver.receive();
    assert.ok(received);
    assert.notEqual(received.number, memory.number);
    assert.equal(fileSize(received), 8192);
    using read = new Mapping(received, 8192);
    const words = new Uint32Array(read.buffer);
    assert.equal(words[7], 0);
    new Uint32Array(written.buffer)[7] = 4711;
    assert.equal(Atomics.load(words, 7), 4711);
  });
});

Deno.test("passfd: no server, a server that hangs up and a path that is too long are errors with a name", async () => {
  assert.throws(() => new FdReceiver("/nonexistent/stats.sock"), (error) => {
    assert.ok(error instanceof ErrnoError);
    assert.equal(error.code, "ENOENT");
    assert.match(error.message, /stats\.sock/);
    return true;
  });
  assert.throws(() => new FdReceiver("/".repeat(200)), /1…107 octets/);
  await withListener((listener, path) => {
    using receiver = new FdReceiver(path);
    listener.accept()?.[Symbol.dispose]();
    assert.throws(() => receiver.receive(), /no descriptor in the message/);
  });
});

Deno.test("mapping: disposal detaches every view, and reading one then is harmless", () => {
  using memory = createMemfd("maglev-test", 4096);
  const mapping = new Mapping(memory, 4096);
  const words = new Uint32Array(mapping.buffer);
  assert.equal(words.length, 1024);
  mapping[Symbol.dispose]();
  mapping[Symbol.dispose]();
  assert.equal(mapping.buffer.byteLength, 0);
  assert.equal(words.length, 0);
  assert.equal(words[0], undefined);
});

Deno.test("mapping: a size that cannot be mapped is refused", () => {
  using memory = createMemfd("maglev-test", 4096);
  assert.throws(() => new Mapping(memory, 0), RangeError);
  const closed = new Fd(2 ** 30);
  assert.throws(() => new Mapping(closed, 4096), /mmap 4096 octets: EBADF/);
  closed.release();
});

Deno.test("ffi: passing and mapping leave no descriptor and no mapping behind", async () => {
  await withListener((listener, path) => {
    const round = () => {
      using memory = createMemfd("maglev-leak", 4096);
      using receiver = new FdReceiver(path);
      using connection = listener.accept();
      assert.ok(connection);
      sendFd(connection, memory);
      using received = receiver.receive();
      assert.ok(received);
      using _mapping = new Mapping(received, 4096);
      assert.equal(countMappings("maglev-leak"), 1, "the test can see a mapping");
    };
    round();
    const before = countDescriptors();
    for (let i = 0; i < 100; i++) round();
    assert.equal(countDescriptors(), before);
    assert.equal(countMappings("maglev-leak"), 0);
  });
});
