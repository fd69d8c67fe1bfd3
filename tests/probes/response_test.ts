import assert from "node:assert/strict";
import fc from "fast-check";
import { BODY_LIMIT, HEAD_LIMIT } from "../../src/probes/budget.ts";
import { ResponseReader } from "../../src/probes/response.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (octets: Uint8Array) => new TextDecoder().decode(octets);

interface Outcome {
  readonly status: number | null;
  readonly malformed: string | null;
  readonly complete: boolean;
  readonly body: string;
}

/** Reads pieces, and the end of the connection if `closed`. */
function read(pieces: Uint8Array[], method: "GET" | "HEAD" = "GET", closed = false): Outcome {
  const reader = new ResponseReader(method);
  for (const piece of pieces) reader.feed(piece);
  if (closed) reader.end();
  const { status, complete, body } = reader;
  // How much of another protocol is quoted depends on what had arrived.
  const malformed = reader.malformed?.replace(/^(not an HTTP\/1 response): .*$/, "$1") ?? null;
  return { status, malformed, complete, body: decode(body) };
}

const good = (status: number, body = "", complete = true): Outcome => ({
  status,
  malformed: null,
  complete,
  body,
});
const bad = (why: string, status: number | null = null, body = ""): Outcome => ({
  status,
  malformed: why,
  complete: false,
  body,
});

type Row = [name: string, response: string, outcome: Outcome, method?: "GET" | "HEAD", closed?: boolean];

const rows: Row[] = [
  ["length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", good(200, "hello")],
  ["length, more follows", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello", good(200, "he")],
  ["length, open", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", good(200, "hello", false)],
  [
    "length, closed early",
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel",
    good(200, "hel", false),
    "GET",
    true,
  ],
  ["length 0", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", good(200)],
  [
    "same length twice",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    good(200, "ok"),
  ],
  ["until close, open", "HTTP/1.1 200 OK\r\n\r\nhello", good(200, "hello", false)],
  ["until close, closed", "HTTP/1.1 200 OK\r\n\r\nhello", good(200, "hello"), "GET", true],
  ["HTTP/1.0", "HTTP/1.0 404 Not Found\r\n\r\n", good(404), "GET", true],
  ["no reason", "HTTP/1.1 204\r\n\r\n", good(204)],
  ["bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", good(200, "ok")],
  ["no body: 204, 304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", good(304)],
  ["no body: HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", good(200), "HEAD"],
  [
    "interim",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    good(200),
  ],
  ["interim only", "HTTP/1.1 100 Continue\r\n\r\n", { ...good(200), status: null, complete: false }],
  ["unasked upgrade is final", "HTTP/1.1 101 Switching Protocols\r\n\r\n", good(101)],
  [
    "chunked",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n",
    good(200, "hello!"),
  ],
  [
    "chunked, no trailer read",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n1\r\na\r\n0\r\n",
    good(200, "a"),
  ],
  [
    "chunked before length",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    good(200, "ok"),
  ],
  ["folded line", "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n", good(200)],
  [
    "odd but legal header",
    "HTTP/1.1 200 OK\r\nX-A:\r\n!#$%&'*+-.^_`|~09: \xff\r\nContent-Length: 0\r\n\r\n",
    good(200),
  ],
  [
    "bad chunk size",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    bad("malformed response: bad chunk size: x", 200),
  ],
  [
    "huge chunk size",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
    bad("malformed response: bad chunk size: fffffffff", 200),
  ],
  [
    "bad chunk end",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
    bad("malformed response: bad end of a chunk: b", 200, "a"),
  ],
  ["no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", bad("not an HTTP/1 response")],
  ["HTTP/2", "HTTP/2 200\r\n\r\n", bad("not an HTTP/1 response")],
  ["no status", "HTTP/1.1 OK\r\n\r\n", bad("malformed response: bad status line: HTTP/1.1 OK")],
  [
    "status of two digits",
    "HTTP/1.1 20 OK\r\n\r\n",
    bad("malformed response: bad status line: HTTP/1.1 20 OK"),
  ],
  [
    "status of four digits",
    "HTTP/1.1 2000 OK\r\n\r\n",
    bad("malformed response: bad status line: HTTP/1.1 2000 OK"),
  ],
  [
    "header without colon",
    "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
    bad("malformed response: bad header line: nonsense"),
  ],
  [
    "space before colon",
    "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
    bad("malformed response: bad header line: A : b"),
  ],
  [
    "NUL",
    "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n",
    bad("malformed response: control character in the head: A: \\x00"),
  ],
  [
    "bare CR",
    "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
    bad("malformed response: control character in the head: A: b\\rc"),
  ],
  [
    "bad length",
    "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n",
    bad("malformed response: bad Content-Length: 5x"),
  ],
  [
    "negative length",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    bad("malformed response: bad Content-Length: -1"),
  ],
  [
    "two lengths",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    bad("malformed response: bad Content-Length: 1,2"),
  ],
];

Deno.test("ResponseReader reads each response as it should, cut anywhere", () => {
  for (const [name, response, outcome, method = "GET", closed = false] of rows) {
    const octets = Uint8Array.from(response, (c) => c.charCodeAt(0));
    assert.deepEqual(read([octets], method, closed), outcome, name);
    for (let at = 1; at < octets.length; at++) {
      const pieces = [octets.slice(0, at), octets.slice(at)];
      assert.deepEqual(read(pieces, method, closed), outcome, `${name}, cut at ${at}`);
    }
    assert.deepEqual(
      read([...octets].map((o) => Uint8Array.of(o)), method, closed),
      outcome,
      `${name}, one by one`,
    );
  }
});

Deno.test("ResponseReader: a head of 16 KiB is accepted, one octet more is not", () => {
  const head = (size: number) => {
    const start = "HTTP/1.1 200 OK\r\nX: ";
    return encode(`${start}${"a".repeat(size - start.length - 4)}\r\n\r\n`);
  };
  assert.equal(head(HEAD_LIMIT).length, HEAD_LIMIT);
  assert.equal(read([head(HEAD_LIMIT)]).status, 200);
  assert.equal(read([head(HEAD_LIMIT + 1)]).malformed, "malformed response: head over 16 KiB");
  const endless = new ResponseReader("GET");
  endless.feed(encode("HTTP/1.1 200 OK\r\n"));
  for (let i = 0; i < 100; i++) endless.feed(encode("X: y\r\n".repeat(1000)));
  assert.equal(endless.malformed, "malformed response: head over 16 KiB");
});

Deno.test("ResponseReader: five interim responses are accepted, and all heads together have 16 KiB", () => {
  const interim = encode("HTTP/1.1 100 Continue\r\n\r\n");
  const final = encode("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const after = (count: number) => read([...new Array<Uint8Array>(count).fill(interim), final]);
  assert.deepEqual(after(5), good(200));
  assert.deepEqual(after(6), bad("malformed response: more than 5 interim responses"));
  const hints = (size: number) => encode(`HTTP/1.1 103 Early Hints\r\nX: ${"a".repeat(size - 33)}\r\n\r\n`);
  assert.equal(hints(5000).length, 5000);
  assert.deepEqual(read([hints(5000), hints(5000), hints(5000), final]), good(200));
  assert.deepEqual(
    read([hints(5000), hints(5000), hints(5000), hints(5000), final]),
    bad("malformed response: head over 16 KiB"),
  );
  assert.deepEqual(read([hints(HEAD_LIMIT), final]), bad("malformed response: head over 16 KiB"));
});

Deno.test("ResponseReader keeps 64 KiB of a body and is complete with them", () => {
  const reader = new ResponseReader("GET");
  reader.feed(encode("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"));
  for (let i = 0; i < 64; i++) {
    assert.equal(reader.complete, false);
    reader.feed(new Uint8Array(1024).fill(97));
  }
  assert.equal(reader.complete, true);
  reader.feed(new Uint8Array(5000));
  assert.equal(reader.body.length, BODY_LIMIT);
  assert.ok(reader.body.every((octet) => octet === 97));
});

Deno.test("ResponseReader refuses an endless chunk-size line", () => {
  const reader = new ResponseReader("GET");
  reader.feed(encode("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"));
  for (let i = 0; i < 100; i++) reader.feed(encode("a".repeat(100)));
  assert.equal(reader.malformed, "malformed response: chunk-size line over 1 KiB");
});

/** Text near to HTTP, so that mutations reach every branch. */
const fragments = fc.array(
  fc.oneof(
    fc.constantFrom(
      "HTTP/1.1 200 OK\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n",
      "HTTP/1.0 404\r\n",
      "Content-Length: 3\r\n",
      "Transfer-Encoding: chunked\r\n",
      "\r\n",
      "\n",
      "\r",
      "3\r\nabc\r\n",
      "0\r\n\r\n",
      "X: y\r\n",
      " ",
      "\0",
      ":",
    ),
    fc.string({ maxLength: 20, unit: "binary" }),
  ),
  { maxLength: 30 },
);
const octets = fc.oneof(
  fragments.map((parts) => encode(parts.join(""))),
  fc.uint8Array({ maxLength: 300 }),
);

/** Cuts octets at the given places. */
function cut(whole: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [0, ...places.map((place) => place % (whole.length + 1)), whole.length].sort((a, b) =>
    a - b
  );
  return sorted.slice(1).map((end, i) => whole.slice(sorted[i], end));
}

Deno.test("ResponseReader: hostile octets never throw, and where they are cut never matters", () => {
  fc.assert(
    fc.property(
      octets,
      fc.array(fc.nat(), { maxLength: 8 }),
      fc.boolean(),
      fc.boolean(),
      (all, places, head, closed) => {
        const method = head ? "HEAD" : "GET";
        const whole = read([all], method, closed);
        assert.deepEqual(read(cut(all, places), method, closed), whole);
        assert.ok(whole.malformed === null || !whole.complete);
        assert.ok(whole.body === "" || whole.status !== null);
      },
    ),
    { numRuns: 5000 },
  );
});
