/** What node:http would answer by itself, without a body. */
import assert from "node:assert/strict";
import type { Problem } from "../../src/api/mod.ts";
import { dial, exchange, request, writeAll } from "./raw.ts";
import { first, start } from "./serving.ts";
import { makeWorld } from "./world.ts";

Deno.test("a request without a Host, with two, with a bad Expect or CONNECT gets a problem document", async () => {
  const world = makeWorld();
  await using serving = await start(world);
  const ask = async (text: string): Promise<[status: string, problem: Problem]> => {
    const answer = await exchange(first(serving), text);
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    assert.match(head, /^content-type: application\/problem\+json$/im, answer);
    return [head.split(" ")[1] ?? "", JSON.parse(body)];
  };
  const [none, noHost] = await ask("GET /v1/info HTTP/1.1\r\nConnection: close\r\n\r\n");
  assert.deepEqual([none, noHost.detail, noHost.instance], ["400", "There is no Host header", "/v1/info"]);
  assert.equal(noHost.errors?.[0]?.path, "host");
  for (const [one, two] of [["localhost", "evil.example"], ["evil.example", "localhost"], ["a", "a"]]) {
    const [status, { type, detail }] = await ask(request("GET /v1/info", [`Host: ${one}`, `host: ${two}`]));
    assert.deepEqual([status, type, detail], [
      "400",
      "urn:maglev:problem:bad-request",
      "There are 2 Host headers",
    ]);
  }
  const [expected, expectation] = await ask(request("GET /v1/info?token=abc", ["Expect: the-unexpected"]));
  assert.deepEqual([expected, expectation.status, expectation.instance], ["417", 417, "/v1/info"]);
  const [connected, connect] = await ask(request("CONNECT localhost:22"));
  assert.deepEqual([connected, connect.type], ["405", "urn:maglev:problem:method-not-allowed"]);
  assert.deepEqual(world.control.commands, []);
  // HTTP/1.0 has no Host, and what expects 100-continue is served.
  assert.match(await exchange(first(serving), "GET /healthz HTTP/1.0\r\n\r\n"), /^HTTP\/1\.1 200 /);
  const expecting = request("GET /healthz", ["Expect: 100-continue"]);
  assert.match(await exchange(first(serving), expecting), /HTTP\/1\.1 200 /);
});

Deno.test("a client that goes away while it is refused does not harm the server", async () => {
  const world = makeWorld();
  await using serving = await start(world);
  for (let i = 0; i < 50; i++) {
    const conn = await dial(first(serving));
    await writeAll(conn, request("CONNECT localhost:22"));
    conn.close();
  }
  assert.match(await exchange(first(serving), request("GET /healthz")), /^HTTP\/1\.1 200 /);
});
