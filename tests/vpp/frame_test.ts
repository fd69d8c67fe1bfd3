import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeFrame, MAX_PAYLOAD, Splitter } from "../../src/vpp/frame.ts";
import { messages } from "../../src/vpp/messages.ts";
import { Outbox } from "../../src/vpp/outbox.ts";

Deno.test("frames: a stream splits into the same payloads wherever it was cut or merged", () => {
  fc.assert(fc.property(
    fc.array(fc.uint8Array({ minLength: 2, maxLength: 200 }), { maxLength: 20 }),
    fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 50 }),
    (payloads, sizes) => {
      const stream: number[] = [];
      for (const payload of payloads) {
        const header = new Uint8Array(16).fill(0xee);
        new DataView(header.buffer).setUint32(8, payload.length);
        stream.push(...header, ...payload);
      }
      const splitter = new Splitter();
      const found: number[][] = [];
      let turn = 0;
      for (let at = 0; at < stream.length;) {
        const size = sizes[turn++ % sizes.length] ?? 1;
        // The reader's buffer is reused, as the socket's is.
        const chunk = Uint8Array.from(stream.slice(at, at + size));
        splitter.push(chunk, (payload) => found.push([...payload]));
        chunk.fill(0xff);
        at += size;
      }
      assert.deepEqual(found, payloads.map((payload) => [...payload]));
      assert.equal(splitter.pending, 0);
    },
  ));
});

Deno.test("frames: the largest payload passes, one octet more does not, and nothing of it is kept", () => {
  const header = new Uint8Array(16);
  new DataView(header.buffer).setUint32(8, MAX_PAYLOAD);
  const splitter = new Splitter();
  let got = 0;
  splitter.push(header, () => got++);
  const chunk = new Uint8Array(1024 * 1024);
  for (let i = 0; i < 16; i++) splitter.push(chunk, (payload) => got += payload.length);
  assert.equal(got, MAX_PAYLOAD);
  new DataView(header.buffer).setUint32(8, MAX_PAYLOAD + 1);
  assert.throws(() => splitter.push(header, () => {}), /at most 16777216/);
  assert.equal(splitter.pending, 0);
});

Deno.test("outbox: what is pushed while a write is under way goes out together in the next one", async () => {
  const ping = (context: number) => encodeFrame(messages.control_ping, { context }, {});
  const written: Uint8Array[] = [];
  const sent: string[] = [];
  const gate = Promise.withResolvers<void>();
  const outbox = new Outbox({
    async write(bytes) {
      // Takes at most 40 octets at a time, as a full socket would.
      const part = bytes.slice(0, 40);
      written.push(part);
      if (written.length === 1) await gate.promise;
      return part.length;
    },
  }, { sent: (name, result, count) => sent.push(`${count} ${name} ${result}`), failed: assert.fail });
  outbox.push(messages.control_ping, { context: 1 }, {});
  await Promise.resolve();
  outbox.push(messages.control_ping, { context: 2 }, {});
  outbox.push(messages.control_ping, { context: 3 }, {});
  assert.deepEqual(sent, []);
  gate.resolve();
  await outbox.idle();
  assert.deepEqual(written.map((part) => part.length), [26, 40, 12]);
  assert.deepEqual(
    written.flatMap((part) => [...part]),
    [1, 2, 3].flatMap((context) => [...ping(context)]),
  );
  assert.deepEqual(sent, ["1 control_ping success", "2 control_ping success"]);
});

Deno.test("outbox: a flush writes what is queued before it returns, and nothing twice", async () => {
  const written: number[] = [];
  const outbox = new Outbox({
    write(bytes) {
      written.push(bytes.length);
      return Promise.resolve(bytes.length);
    },
  }, { sent: () => {}, failed: assert.fail });
  outbox.push(messages.control_ping, { context: 1 }, {});
  outbox.push(messages.control_ping, { context: 2 }, {});
  assert.deepEqual(written, []);
  outbox.flush();
  assert.deepEqual(written, [52]);
  // The first write is under way: this waits for it.
  outbox.push(messages.control_ping, { context: 3 }, {});
  outbox.flush();
  assert.deepEqual(written, [52]);
  await outbox.idle();
  assert.deepEqual(written, [52, 26]);
  outbox.push(messages.control_ping, { context: 4 }, {});
  outbox.clear();
  await outbox.idle();
  assert.deepEqual(written, [52, 26]);
});

Deno.test("outbox: a peer that does not read makes it fail, not grow", async () => {
  const gate = Promise.withResolvers<void>();
  const failures: string[] = [];
  const outbox = new Outbox({
    async write(bytes) {
      await gate.promise;
      return bytes.length;
    },
  }, { sent: () => {}, failed: (error) => failures.push(String(error)) });
  const body = { cmd: "x".repeat(4096) };
  for (let i = 0; i < 20_000; i++) outbox.push(messages.cli_inband, {}, body);
  assert.deepEqual(failures, ["RangeError: more than 67108864 octets wait for VPP to read them"]);
  gate.resolve();
  await outbox.idle();
});
