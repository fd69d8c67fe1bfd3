import assert from "node:assert/strict";
import { plainTable } from "../../routes/dashboard.ts";
import { makeWorld } from "./world.ts";

Deno.test("the dashboard has a strict policy, and files of its own only", async () => {
  const { ask } = makeWorld();
  const page = await ask("/");
  const policy = page.headers.get("content-security-policy") ?? "";
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
  const html = await page.text();
  assert.doesNotMatch(html, /<script>|style=| on[a-z]+=/);
  const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? "");
  assert.deepEqual(files.sort(), ["dashboard.css", "dashboard.js", "data:,"]);
  for (
    const [path, type] of [["/dashboard.css", /^text\/css/], ["/dashboard.js", /^text\/javascript/]] as const
  ) {
    const answer = await ask(path);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("content-type") ?? "", type);
    assert.match(answer.headers.get("x-content-type-options") ?? "", /nosniff/);
  }
});

Deno.test("without JavaScript the page has a table, where the caller may read", async () => {
  const { ask } = makeWorld();
  const html = await (await ask("/")).text();
  assert.match(html, /<noscript><meta http-equiv="refresh"/);
  assert.match(html, /<noscript><table>.*<td>b1<\/td>/);
});

Deno.test("names and descriptions are text in the table, whatever they hold", () => {
  const hostile = `<img src=x onerror=alert(1)>"'&\u202e\u0007`;
  const html = plainTable([{
    name: hostile,
    description: hostile,
    address: "192.0.2.1",
    protocol: "tcp",
    port: 80,
    state: "up",
    since: "2026-01-01T00:00:00.000Z",
    src_ip_sticky: false,
    flush_on_down: true,
    new_flows_table_length: 1024,
    vpp: "in-sync",
    vpp_detail: "",
    transitions: [],
    pools: [{ name: hostile, active: true, backends: [] }, {
      name: hostile,
      active: false,
      backends: [{
        name: hostile,
        address: hostile,
        state: "up",
        enabled: true,
        weight: 100,
        effective_weight: 100,
        num_buckets: null,
        share: null,
        file_weight: 100,
        override: null,
      }],
    }],
  }]);
  assert.doesNotMatch(html, /<img|"|'|\p{Cc}|\p{Cf}/u);
});
