import assert from "node:assert/strict";
import { parseWords } from "../../src/demo/words.ts";
import { helpText, introduction } from "../../src/demo/text.ts";

const servers = ["b1", "b2", "b3"];

Deno.test("the demo's words, and one sentence for each wrong one", () => {
  const good: [string, unknown][] = [
    ["kill b1", { kind: "kill", backend: "b1" }],
    ["  start   b3 ", { kind: "start", backend: "b3" }],
    ["slow b2 700ms", { kind: "slow", backend: "b2", delayMs: 700 }],
    ["slow b2 0s", { kind: "slow", backend: "b2", delayMs: 0 }],
    ["drift", { kind: "drift" }],
    ["vpp restart", { kind: "vpp-restart" }],
    ["help", { kind: "help" }],
    ["?", { kind: "help" }],
    ["", null],
  ];
  for (const [line, value] of good) assert.deepEqual(parseWords(line, servers), { ok: true, value }, line);
  const wrong: [string, RegExp][] = [
    ["kill", /kill wants one of b1, b2, b3/],
    ["kill b9", /kill wants one of b1, b2, b3/],
    ["kill b1 b2", /kill b1 takes no further word/],
    ["slow b1", /slow b1 wants a duration/],
    ["slow b1 soon", /slow b1 wants a duration/],
    ["slow b1 1s 2s", /slow b1 wants a duration/],
    ["slow b1 61s", /at most 60s/],
    ["drift b1", /no further word/],
    ["vpp", /say: vpp restart/],
    ["vpp stop", /say: vpp restart/],
    ["dance", /unknown word "dance"; help/],
  ];
  for (const [line, error] of wrong) {
    const answer = parseWords(line, servers);
    assert.ok(!answer.ok, line);
    assert.match(answer.error, error);
  }
});

Deno.test("what the demo prints fits 80 columns", () => {
  const text = introduction({
    nodes: 9,
    api: "http://127.0.0.1:65535",
    folder: `/tmp/maglev-demo-${"0".repeat(16)}`,
  });
  for (const line of `${text}\n${helpText()}`.split("\n")) assert.ok(line.length <= 80, line);
});
