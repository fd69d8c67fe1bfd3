import assert from "node:assert/strict";
import { type Asked, decide, tcpPeer } from "../../routes/access.ts";

const operations = Deno.readTextFileSync(new URL("../../docs/operations.md", import.meta.url));

const change: Asked = {
  method: "POST",
  path: "/v1/backends/b1/pause",
  peer: tcpPeer("127.0.0.1", 40_000),
  host: "localhost",
  authority: "localhost",
  origin: null,
  token: null,
};

Deno.test("the table of troubles says of each refusal what the rules say", () => {
  const viewer = { name: "v", role: "viewer" } as const;
  const cases: [string, Asked, RegExp][] = [
    ["401 on a change", change, /no token came/],
    ["403 on a change", { ...change, token: viewer }, /role is too low/],
    ["403 on a read", { ...change, method: "GET", host: "lb.example" }, /Host/],
  ];
  for (const [seen, asked, cause] of cases) {
    const { kind } = decide(asked, false);
    assert.equal(kind, seen.startsWith("401") ? "token-needed" : "forbidden", seen);
    const rows = operations.split("\n").filter((line) => line.startsWith(`| ${seen} `));
    assert.equal(rows.length, 1, seen);
    assert.match(rows[0] ?? "", cause);
  }
});
