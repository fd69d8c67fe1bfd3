import assert from "node:assert/strict";
import { headEnd, hostHeader, parseHead } from "../../src/net/http1.ts";
import { ip } from "../../src/net/ip.ts";

const encode = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const decode = (octets: Uint8Array) => new TextDecoder("latin1").decode(octets);

Deno.test("hostHeader() is the host, else the address, with the port unless it is the scheme's own", () => {
  const v4 = ip("192.0.2.1");
  const v6 = ip("2001:db8::1");
  assert.equal(hostHeader(false, v4, 80, null), "192.0.2.1");
  assert.equal(hostHeader(false, v4, 8080, null), "192.0.2.1:8080");
  assert.equal(hostHeader(true, v4, 443, null), "192.0.2.1");
  assert.equal(hostHeader(true, v6, 80, null), "[2001:db8::1]:80");
  assert.equal(hostHeader(false, v6, 80, null), "[2001:db8::1]");
  assert.equal(hostHeader(false, v4, 8080, "web.example"), "web.example");
});

Deno.test("headEnd() is behind the empty line, whatever the line ends are, and never behind the limit", () => {
  assert.equal(headEnd(encode("a\r\n\r\nrest"), 0), 5);
  assert.equal(headEnd(encode("a\n\nrest"), 0), 3);
  assert.equal(headEnd(encode("a\n\r\nrest"), 0), 4);
  assert.equal(headEnd(encode("a\r\n\r"), 0), -1);
  assert.equal(headEnd(encode("a\r\nb\r\n"), 0), -1);
  // What was looked at already may hold the beginning of the empty line.
  for (let from = 0; from <= 5; from++) assert.equal(headEnd(encode("a\r\n\r\n"), from), 5);
  for (let end = 0; end < 5; end++) assert.equal(headEnd(encode("a\r\n\r\n"), 0, end), -1);
});

Deno.test("parseHead() reads the status and the fields that are asked for", () => {
  const head = encode("HTTP/1.1 200 OK\r\nX-Two: a\r\nSERVER:\t nginx \r\nx-two:b\r\nX-None:\r\n\r\n");
  assert.deepEqual(parseHead(head, ["server", "x-two", "x-none", "x-other"]), {
    status: 200,
    fields: ["nginx", "a,b", "", null],
  });
  for (
    const [first, status] of [["HTTP/1.0 404 Not Found", 404], ["HTTP/1.1 999", 999], ["HTTP/1.9 100 ", 100]]
  ) {
    assert.deepEqual(parseHead(encode(`${first}\n\n`), []), { status, fields: [] });
  }
});

Deno.test("parseHead() tells what is wrong, and in which line", () => {
  const rows: [head: string, malformed: string, line: string][] = [
    ["SSH-2.0-OpenSSH_9.2\r\n\r\n", "no HTTP/1 status line", "SSH-2.0-OpenSSH_9.2"],
    ["\r\n\r\n", "no HTTP/1 status line", ""],
    ["", "no HTTP/1 status line", ""],
    ["HTTP/1.1 20 OK\r\n\r\n", "no HTTP/1 status line", "HTTP/1.1 20 OK"],
    ["HTTP/1.1 099 OK\r\n\r\n", "no HTTP/1 status line", "HTTP/1.1 099 OK"],
    ["HTTP/1.1 2000\r\n\r\n", "no HTTP/1 status line", "HTTP/1.1 2000"],
    ["HTTP/1.x 200\r\n\r\n", "no HTTP/1 status line", "HTTP/1.x 200"],
    ["HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "bad header line", "nonsense"],
    ["HTTP/1.1 200 OK\r\n: x\r\n\r\n", "bad header line", ": x"],
    ["HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "bad header line", "A : b"],
    ["HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", "control character in the head", "A: \0"],
    ["HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", "control character in the head", "A: b\rc"],
  ];
  for (const [head, malformed, line] of rows) {
    const read = parseHead(encode(head), ["a"]);
    assert.ok("malformed" in read, head);
    assert.deepEqual([read.malformed, decode(read.line)], [malformed, line]);
  }
});
