import assert from "node:assert/strict";
import { ip } from "../../src/net/ip.ts";
import { requestBytes } from "../../src/probes/request.ts";
import { noParams } from "./helpers.ts";

const decode = (octets: Uint8Array) => new TextDecoder().decode(octets);

const request = (params = {}, type: "http" | "https" = "http", port = 80, address = "192.0.2.1") =>
  decode(requestBytes(type, ip(address), port, { ...noParams, ...params }, "1.2.3"));

Deno.test("requestBytes() writes one HTTP/1.1 request that asks for a close", () => {
  assert.equal(
    request(),
    "GET / HTTP/1.1\r\nHost: 192.0.2.1\r\nUser-Agent: maglevd/1.2.3\r\nAccept: */*\r\nConnection: close\r\n\r\n",
  );
  assert.match(request({ method: "HEAD", path: "/a b?c=%20ü" }), /^HEAD \/a%20b\?c=%20%C3%BC HTTP\/1\.1\r\n/);
});

Deno.test("requestBytes(): configured headers replace defaults, never Connection, and cannot start another line", () => {
  const text = request({
    headers: {
      "user-agent": "x",
      Connection: "keep-alive",
      "X-Token": "a\r\nEvil: b",
      Host: "other.example",
    },
  });
  assert.match(text, /\r\nuser-agent: x\r\n/);
  assert.doesNotMatch(text, /maglevd|keep-alive|\r\nEvil/);
  assert.match(text, /\r\nX-Token: a Evil: b\r\n/);
  assert.match(text, /\r\nHost: other\.example\r\n/);
  assert.match(text, /\r\nConnection: close\r\n\r\n$/);
  const own = request({ host: "web.example", headers: { host: "other.example" } });
  assert.match(own, /\r\nHost: web\.example\r\n/);
  assert.doesNotMatch(own, /other/);
});
