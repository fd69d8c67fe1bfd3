import assert from "node:assert/strict";
import { encodeFrame, Splitter } from "../../src/vpp/frame.ts";
import { type Message, messages, readMessage } from "../../src/vpp/messages.ts";

type Line =
  | { dir: "tx" | "rx"; msg: string; id: number; frame: string }
  | { dir: "label"; label: string; call: string; args: Record<string, unknown> }
  | { dir: "decoded"; label: string; reply: unknown };

const lines = Deno.readTextFileSync(new URL("../fixtures/recordings/api.jsonl", import.meta.url))
  .trimEnd().split("\n").map((line) => JSON.parse(line) as Line);

const byTableName = new Map<string, Message<unknown>>(
  Object.values(messages).map((message) => [message.tableName, message]),
);

function row(tableName: string): Message<unknown> {
  const message = byTableName.get(tableName);
  assert.ok(message, `${tableName} is no message of ours`);
  return message;
}

function payloadOf(frame: string): Uint8Array<ArrayBuffer> {
  const payloads: Uint8Array<ArrayBuffer>[] = [];
  const splitter = new Splitter();
  splitter.push(Uint8Array.fromHex(frame), (payload) => payloads.push(payload));
  assert.equal(splitter.pending, 0);
  assert.equal(payloads.length, 1);
  return payloads[0] ?? new Uint8Array(0);
}

Deno.test("messages: every recorded frame decodes, and encodes to the same octets again", () => {
  let frames = 0;
  for (const line of lines) {
    if (line.dir !== "tx" && line.dir !== "rx") continue;
    const message = row(line.msg);
    const { head, body } = readMessage(message, payloadOf(line.frame));
    assert.equal(head.id, line.id, line.msg);
    const again = encodeFrame(message, head, body);
    // The header's first and last words are junk in VPP's frames.
    assert.equal(again.toHex().slice(16, 24), line.frame.slice(16, 24), line.msg);
    assert.equal(again.toHex().slice(32), line.frame.slice(32), line.msg);
    frames++;
  }
  assert.equal(frames, 188);
});
