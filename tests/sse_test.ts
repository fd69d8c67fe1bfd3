import assert from "node:assert/strict";
import fc from "fast-check";
import { type SseFrame, sseFrames } from "../src/sse.ts";

async function read(chunks: Uint8Array<ArrayBuffer>[]): Promise<SseFrame[]> {
  const frames: SseFrame[] = [];
  for await (const frame of sseFrames(ReadableStream.from(chunks))) frames.push(frame);
  return frames;
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("sseFrames() reads names, ids and lines of data, and skips comments", async () => {
  const text =
    ': hello\n\nevent: backend\nid: e-1\ndata: {"a":\ndata: 1}\n\ndata:x\n\nid: e-2\n\nevent: lost\n\n';
  assert.deepEqual(await read([bytes(text)]), [
    { event: "backend", id: "e-1", data: '{"a":\n1}' },
    { event: "message", id: "e-1", data: "x" },
  ]);
});

Deno.test("sseFrames() gives the same frames however the octets are split and whatever ends a line", async () => {
  const line = fc.constantFrom("event: é", "data: 1", "data: zwei", "id: 7", ": c", "", "");
  await fc.assert(
    fc.asyncProperty(
      fc.array(line),
      fc.constantFrom("\n", "\r\n"),
      fc.array(fc.nat(200)),
      async (lines, end, cuts) => {
        const all = bytes(lines.map((l) => l + end).join(""));
        const edges = [0, ...cuts.filter((c) => c < all.length).sort((a, b) => a - b), all.length];
        const chunks = edges.slice(1).map((to, i) => all.slice(edges[i], to));
        assert.deepEqual(await read(chunks), await read([all]));
      },
    ),
    { numRuns: 300 },
  );
});
