import assert from "node:assert/strict";
import { unusedPort } from "../../src/demo/port.ts";
import type { ProbeCode } from "../../src/model.ts";
import type { HttpParams } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";
import { httpCheck, target } from "./helpers.ts";
import { LocalProber, probeOnce } from "./local.ts";
import { mute, type Peer, ResettingServer, type Script, ScriptedServer } from "./servers.ts";

/** Reads the request and answers with the pieces, then closes in order. */
const answers = (...pieces: string[]): Script => async (peer) => {
  await peer.request();
  for (const piece of pieces) await peer.send(piece);
};
/** The same, but says nothing more and waits for the probe to close. */
const answersThenStalls = (...pieces: string[]): Script => async (peer) => {
  await peer.request();
  for (const piece of pieces) await peer.send(piece);
  await peer.closing();
};

/** Sends `first`, then `block` for ever: until the probe closes the connection. */
const floods = (block: string, first = ""): Script => async (peer) => {
  await peer.request();
  await peer.send(first);
  while (true) await peer.send(block);
};

const OK = "HTTP/1.1 200 OK\r\n";
const long = "x".repeat(5000);
/** What is quoted of a long body. */
const X = `${"x".repeat(60)}…`;

interface Row {
  readonly name: string;
  readonly script: Script;
  readonly params?: Partial<HttpParams>;
  readonly code: ProbeCode;
  readonly detail: string;
  /** Only for what must run into it. */
  readonly timeoutMs?: number;
}

const rows: Row[] = [
  { name: "length", script: answers(`${OK}Content-Length: 2\r\n\r\nok`), code: "L7OK", detail: "HTTP 200" },
  {
    name: "status out of range",
    script: answers("HTTP/1.1 503 Busy\r\n\r\n"),
    code: "L7STS",
    detail: "HTTP 503",
  },
  {
    name: "redirects are not followed",
    script: answers("HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n\r\n"),
    code: "L7OK",
    detail: "HTTP 302",
  },
  {
    name: "interim responses are skipped",
    script: answers("HTTP/1.1 100 Continue\r\n\r\n", `${OK}\r\n`),
    code: "L7OK",
    detail: "HTTP 200",
  },
  {
    name: "the verdict is known with the head; the body is not waited for",
    script: answersThenStalls(`${OK}Content-Length: 1000\r\n\r\n`),
    code: "L7OK",
    detail: "HTTP 200",
  },
  {
    name: "the verdict is known with the match; the rest of the body is not waited for",
    script: answersThenStalls(`${OK}Content-Length: 1000\r\n\r\nall is w`, "ell"),
    params: { responseRegexp: "is w.ll" },
    code: "L7OK",
    detail: "HTTP 200",
  },
  {
    name: "the same after more than 4 KiB of it",
    script: answersThenStalls(`${OK}Content-Length: 99999\r\n\r\n${long}`, "well"),
    params: { responseRegexp: "w.ll" },
    code: "L7OK",
    detail: "HTTP 200",
  },
  {
    name: "a pattern that looks at the end waits for it",
    script: answers(`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n`, "1\r\n!\r\n0\r\n\r\n"),
    params: { responseRegexp: "^ok$" },
    code: "L7RSP",
    detail: "body does not match /^ok$/: ok!",
  },
  {
    name: "body mismatch",
    script: answers(`${OK}Content-Length: 4\r\n\r\nfine`),
    params: { responseRegexp: "ok" },
    code: "L7RSP",
    detail: "body does not match /ok/: fine",
  },
  {
    name: "body mismatch in a long body",
    script: answers(`${OK}Content-Length: 5000\r\n\r\n${long}`),
    params: { responseRegexp: "ok" },
    code: "L7RSP",
    detail: `body does not match /ok/: ${X}`,
  },
  {
    name: "only the first 64 KiB of a body are looked at",
    script: answersThenStalls(`${OK}Content-Length: 999999\r\n\r\n${"x".repeat(65_534)}`, "ok", "well"),
    params: { responseRegexp: "well" },
    code: "L7RSP",
    detail: `body does not match /well/: ${X}`,
  },
  {
    name: "what stands at their end is seen",
    script: answersThenStalls(`${OK}Content-Length: 999999\r\n\r\n${"x".repeat(65_532)}`, "well"),
    params: { responseRegexp: "well" },
    code: "L7OK",
    detail: "HTTP 200",
  },
  {
    name: "an empty body matches an empty pattern",
    script: answers("HTTP/1.1 204 No Content\r\n\r\n"),
    params: { responseRegexp: "^$" },
    code: "L7OK",
    detail: "HTTP 204",
  },
  {
    name: "closed without a response",
    script: async (peer) => void await peer.request(),
    code: "L7RSP",
    detail: "connection closed without a response",
  },
  {
    name: "closed in the head",
    script: answers("HTTP/1.1 200 OK\r\nContent-"),
    code: "L7RSP",
    detail: "connection closed before the end of the response head",
  },
  {
    name: "closed in the body",
    script: answers(`${OK}Content-Length: 9\r\n\r\nfine`),
    params: { responseRegexp: "ok" },
    code: "L7RSP",
    detail: "connection closed before the end of the response body",
  },
  {
    name: "malformed",
    script: answersThenStalls(`${OK}nonsense\x1b[2J\r\n\r\n`),
    code: "L7RSP",
    detail: "malformed response: bad header line: nonsense\\x1b[2J",
  },
  {
    name: "malformed in the body",
    script: answersThenStalls(`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\nnonsense\r\n`),
    params: { responseRegexp: "needle" },
    code: "L7RSP",
    detail: "malformed response: bad chunk size: n",
  },
  // What speaks something else is known by what it says first: it may not close, and never sends an empty line.
  ...([
    ["SSH", "SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"],
    ["SMTP", "220 mail.example.net ESMTP Postfix\r\n", "220 mail.example.net ESMTP Postfix"],
    ["IMAP", "* OK IMAP4 ready\r\n", "* OK IMAP4 ready"],
    [
      "Redis",
      "-ERR wrong number of arguments for 'get' command\r\n",
      "-ERR wrong number of arguments for 'get' command",
    ],
    ["MySQL", "\x4a\0\0\0\x0a8.0.36\0\x08\0\0\0", "J\\x00\\x00\\x00\\n8.0.36\\x00\\x08\\x00\\x00\\x00"],
    ["PostgreSQL", "E", "E"],
    ["a status line of HTTP/2", "HTTP/2 200\r\n", "HTTP/2 200"],
    [
      "HTTP/2",
      "\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\xff\xff\xff",
      "the peer speaks HTTP/2, and a check speaks HTTP/1.1",
    ],
    ["TLS", "\x15\x03\x01\0\x02\x02\x46", "the peer speaks TLS (use type https)"],
  ] as const).map(([name, first, what]): Row => ({
    name: `the peer speaks ${name}`,
    script: answersThenStalls(first),
    code: "L7RSP",
    detail: `not an HTTP/1 response: ${what}`,
  })),
  {
    name: "the peer speaks before it is asked",
    script: async (peer) => {
      await peer.send("SSH-2.0-OpenSSH_9.2\r\n");
      await peer.closing();
    },
    code: "L7RSP",
    detail: "not an HTTP/1 response: SSH-2.0-OpenSSH_9.2",
  },
  {
    name: "it becomes another protocol after some octets",
    script: async (peer) => {
      await peer.request();
      await peer.send("HTT");
      await new Promise((resolve) => setTimeout(resolve, 20));
      await peer.send("Q!\r\n");
      await peer.closing();
    },
    code: "L7RSP",
    detail: "not an HTTP/1 response: HTTQ!",
  },
  {
    name: "an unaccepted status with a body",
    script: answers("HTTP/1.1 503 Busy\r\nContent-Length: 16\r\n\r\nno backend left\n"),
    code: "L7STS",
    detail: "HTTP 503: no backend left\\n",
  },
  {
    name: "an unaccepted status whose body is not waited for",
    script: answersThenStalls("HTTP/1.1 503 Busy\r\nContent-Length: 16\r\n\r\n"),
    code: "L7STS",
    detail: "HTTP 503",
  },
  {
    name: "a body mismatch that a coding explains",
    script: answers(`${OK}Content-Encoding: gzip\r\nContent-Length: 8\r\n\r\n\x1f\x8b\x08\0\0\0\0\0`),
    params: { responseRegexp: "ok" },
    code: "L7RSP",
    detail: "body does not match /ok/, Content-Encoding gzip: \\x1f\\x8b\\x08\\x00\\x00\\x00\\x00\\x00",
  },
  {
    name: "a body mismatch that UTF-16 explains",
    script: answers(`${OK}Content-Length: 6\r\n\r\n\xff\xfeo\0k\0`),
    params: { responseRegexp: "ok" },
    code: "L7RSP",
    detail: "body does not match /ok/: \\xff\\xfeo\\x00k\\x00",
  },
  {
    name: "a body mismatch that a byte order mark explains",
    script: answers(`${OK}Content-Length: 5\r\n\r\n\xef\xbb\xbfok`),
    params: { responseRegexp: "^ok" },
    code: "L7RSP",
    detail: "body does not match /^ok/: \\xef\\xbb\\xbfok",
  },
  {
    name: "an empty body that matches nothing",
    script: answers(`${OK}Content-Length: 0\r\n\r\n`),
    params: { responseRegexp: "ok" },
    code: "L7RSP",
    detail: "body does not match /ok/: it is empty",
  },
  {
    name: "head over 16 KiB",
    script: answers(`${OK}${"X-Padding: 0123456789\r\n".repeat(1000)}\r\n`),
    code: "L7RSP",
    detail: "malformed response: head over 16 KiB",
  },
  {
    name: "interim responses without end",
    script: floods("HTTP/1.1 100 Continue\r\n\r\n".repeat(400)),
    code: "L7RSP",
    detail: "malformed response: more than 5 interim responses",
  },
  {
    name: "chunk extensions without end",
    script: floods(`1;${"x".repeat(1000)}\r\na\r\n`.repeat(10), `${OK}Transfer-Encoding: chunked\r\n\r\n`),
    params: { responseRegexp: "needle" },
    code: "L7RSP",
    detail: "response over 128 KiB on the wire",
  },
  {
    name: "a body without end",
    script: floods("x".repeat(10_000), `${OK}\r\n`),
    params: { responseRegexp: "needle" },
    code: "L7RSP",
    detail: `body does not match /needle/: ${X}`,
  },
  { name: "no response", script: mute, timeoutMs: 150, code: "L7TOUT", detail: "no response within 150ms" },
  {
    name: "stalled in the head",
    script: answersThenStalls("HTTP/1.1 200 OK\r\nContent-"),
    timeoutMs: 150,
    code: "L7TOUT",
    detail: "no whole response within 150ms",
  },
  {
    name: "stalled in the body",
    script: answersThenStalls(`${OK}Content-Length: 9\r\n\r\nfine`),
    params: { responseRegexp: "ok" },
    timeoutMs: 150,
    code: "L7TOUT",
    detail: "no whole response within 150ms",
  },
  {
    name: "an answer before the request was read counts",
    script: async (peer) => {
      await peer.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    },
    code: "L7STS",
    detail: "HTTP 503",
  },
];

for (const { name, script, params = {}, timeoutMs = 5000, code, detail } of rows) {
  Deno.test(`http probe: ${name}`, async () => {
    await using server = new ScriptedServer(script);
    const result = await probeOnce(target("b", httpCheck(server.port, params, { timeoutMs })));
    assert.equal(result.detail, detail);
    assert.equal(result.code, code);
    assert.equal(result.void, null);
    assert.equal(result.ok, code === "L7OK");
    assert.ok(result.connectMs !== null);
    assert.equal(result.tlsMs, null);
  });
}

Deno.test("http probe: reset before, in and after the head", async () => {
  const table = [
    ["", "L7RSP", "connection reset without a response"],
    ["HTTP/1.1 200 OK\r\n", "L7RSP", "connection reset before the end of the response head"],
    [
      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfine",
      "L7RSP",
      "connection reset before the end of the response body",
    ],
    ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "L7OK", "HTTP 200"],
  ] as const;
  for (const [first, code, detail] of table) {
    await using server = await ResettingServer.listen(first);
    const result = await probeOnce(target("b", httpCheck(server.port, { responseRegexp: "ok" })));
    assert.equal(result.code, code);
    assert.equal(result.detail, detail);
  }
});

Deno.test("http probe: HEAD is asked and nothing waits for a body", async () => {
  let request = "";
  await using server = new ScriptedServer(async (peer: Peer) => {
    request = await peer.request();
    await peer.send(`${OK}Content-Length: 1000\r\n\r\n`);
    await peer.closing();
  });
  const params = { method: "HEAD", path: "/health?x=1", host: "web.example" } as const;
  const result = await probeOnce(target("b", httpCheck(server.port, params)));
  assert.equal(result.code, "L7OK");
  assert.match(request, /^HEAD \/health\?x=1 HTTP\/1\.1\r\nHost: web\.example\r\n/);
});

Deno.test("http probe: the connection ends with a reset once the verdict is known", async () => {
  let how = "";
  await using server = new ScriptedServer(async (peer) => {
    await peer.request();
    await peer.send(`${OK}Content-Length: 1000\r\n\r\n`);
    how = await peer.closing();
  });
  await probeOnce(target("b", httpCheck(server.port)));
  await Promise.all(server.ended);
  assert.equal(how, "reset");
});

Deno.test("http probe: refused, and over IPv6", async () => {
  const refused = await probeOnce(target("b", httpCheck(unusedPort())));
  assert.deepEqual([refused.code, refused.detail, refused.connectMs], ["L4CON", "connection refused", null]);
  await using server = new ScriptedServer(answers(`${OK}\r\n`), "::1");
  const result = await probeOnce(target("b", httpCheck(server.port), { address: ip("::1") }));
  assert.equal(result.code, "L7OK");
});

Deno.test("http probe: a request longer than the socket buffers is sent in whole", async () => {
  let request = "";
  await using server = new ScriptedServer(async (peer) => {
    // Nothing is read for a while, so that the probe has to wait for room.
    await new Promise((resolve) => setTimeout(resolve, 50));
    request = await peer.request();
    await peer.send(`${OK}\r\n`);
  });
  const headers = { "X-Long": "v".repeat(8_000_000) };
  const result = await probeOnce(target("b", httpCheck(server.port, { headers })));
  assert.equal(result.code, "L7OK");
  assert.ok(request.length > 8_000_000);
});

Deno.test("http probe: a source address is the peer's view of the probe", async () => {
  let seen = "";
  await using server = new ScriptedServer(async (peer) => {
    seen = peer.connection.remoteAddr.hostname;
    await peer.request();
    await peer.send(`${OK}\r\n`);
  }, "0.0.0.0");
  const check = httpCheck(server.port, {}, { probeIpv4Src: ip("127.0.0.77") });
  assert.equal((await probeOnce(target("b", check))).code, "L7OK");
  assert.equal(seen, "127.0.0.77");
});

Deno.test("http probe: many at once over one engine keep their answers apart", async () => {
  await using server = new ScriptedServer(async (peer) => {
    const [, path = ""] = (await peer.request()).split(" ");
    await peer.send(`${OK}Content-Length: ${path.length}\r\n\r\n${path}`);
  });
  await using prober = new LocalProber();
  const names = Array.from({ length: 200 }, (_, i) => `b${i}`);
  const results = await Promise.all(names.map((name) => {
    const params = { path: `/${name}/`, responseRegexp: `^/${name}/$` };
    return prober.once(target(name, httpCheck(server.port, params)));
  }));
  assert.deepEqual(results.map(({ code }) => code), names.map(() => "L7OK"));
});
