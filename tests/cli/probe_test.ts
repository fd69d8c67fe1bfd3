import assert from "node:assert/strict";
import fc from "fast-check";
import { attempt, type Target } from "../../src/cli/probe/attempt.ts";
import { Tally } from "../../src/cli/probe/tally.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { has, selfSigned } from "./process.ts";
import { run } from "./session.ts";

const target: Target = {
  address: "127.0.0.1",
  port: 1,
  path: "/",
  host: null,
  header: "X-Backend",
  tls: "off",
  caCerts: [],
  timeoutMs: 5_000,
  userAgent: "maglevc/test",
};
const never = new AbortController().signal;
const ticks = () => performance.now();

/** Sends each connection the next answer and closes it; returns what was asked. */
function rawServer(
  answers: readonly string[],
): Disposable & { readonly port: number; readonly asked: string[] } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const asked: string[] = [];
  (async () => {
    for (const answer of answers) {
      using connection = await listener.accept();
      const buffer = new Uint8Array(4096);
      const count = await connection.read(buffer);
      asked.push(new TextDecoder().decode(buffer.subarray(0, count ?? 0)));
      await connection.write(new TextEncoder().encode(answer));
    }
  })().catch((error) => {
    if (!(error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted)) throw error;
  });
  return { port: listener.addr.port, asked, [Symbol.dispose]: () => listener.close() };
}

/** Points frontend www of the daemon at a port of this machine. */
function pointAt(daemon: Daemon, port: number): void {
  const [www] = daemon.control.frontends();
  assert.ok(www !== undefined);
  www.address = "127.0.0.1";
  www.port = port;
}

Deno.test("a probe reads the head of an answer and judges the status", async () => {
  const cases: [string, boolean, string | null, string][] = [
    ["HTTP/1.1 200 OK\r\nX-Backend: b1\r\nContent-Length: 99\r\n\r\n", true, "b1", ""],
    ["HTTP/1.0 302 Found\r\nx-backend:b2\r\n\r\nbody", true, "b2", ""],
    ["HTTP/1.1 204 No Content\r\n\r\n", true, null, ""],
    ["HTTP/1.1 503 Service Unavailable\r\nX-Backend: b1\r\n\r\n", false, "b1", "HTTP 503"],
    ["SSH-2.0-x\r\n\r\n", false, null, "the answer is no HTTP/1 response"],
    ["HTTP/1.1 200 OK\r\nno colon\r\n\r\n", false, null, "the answer is no HTTP/1 response: bad header line"],
    ["HTTP/1.1 200 OK\r\n", false, null, "closed without an answer"],
    ["", false, null, "closed without an answer"],
    [`HTTP/1.1 200 OK\r\nx: ${"y".repeat(20_000)}`, false, null, "the response's head is over 16 KiB"],
  ];
  using server = rawServer(cases.map(([answer]) => answer));
  for (const [answer, ok, header, detail] of cases) {
    const result = await attempt({ ...target, port: server.port }, ticks, never);
    assert.deepEqual([result.ok, result.header, result.detail], [ok, header, detail], answer.slice(0, 40));
    assert.ok(result.ms >= 0);
  }
  assert.equal(
    server.asked[0],
    `GET / HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nUser-Agent: maglevc/test\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
  );
});

Deno.test("a probe that is refused, late or interrupted says so", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const late = await attempt({ ...target, port, timeoutMs: 20 }, ticks, never);
  assert.deepEqual([late.ok, late.detail], [false, "no answer within 0.02 s"]);
  const connected = await attempt({ ...target, port, path: null }, ticks, never);
  assert.deepEqual([connected.ok, connected.detail], [true, ""]);
  const stop = new AbortController();
  const stopped = attempt({ ...target, port }, ticks, stop.signal);
  stop.abort();
  assert.equal((await stopped).detail, "interrupted");
  listener.close();
  const refused = await attempt({ ...target, port }, ticks, never);
  assert.deepEqual([refused.ok, refused.detail], [false, "connection refused"]);
});

const withOpenssl = await has("openssl", "version");

Deno.test({
  name: `a probe over TLS checks the certificate unless told not to${
    withOpenssl ? "" : " (skipped: no openssl)"
  }`,
  ignore: !withOpenssl,
  async fn() {
    const tls = await selfSigned();
    await using daemon = startDaemon({ tls });
    const { port } = new URL(daemon.url);
    const over = { ...target, port: Number(port), path: "/healthz" };
    const verified = await attempt({ ...over, tls: "verify" }, ticks, never);
    assert.equal(verified.ok, false);
    assert.match(verified.detail, /certificate/);
    // With a CA of the user's own it is verified by that, and so is the name.
    const own = { ...over, tls: "verify", caCerts: [tls.cert] } as const;
    assert.deepEqual((await attempt(own, ticks, never)).detail, "");
    assert.equal((await attempt({ ...own, host: "localhost" }, ticks, never)).ok, true);
    assert.match(
      (await attempt({ ...own, host: "shop.example" }, ticks, never)).detail,
      /^its certificate is for 127\.0\.0\.1, localhost, not for shop\.example$/,
    );
    const any = await attempt({ ...over, tls: "insecure", header: "content-type" }, ticks, never);
    assert.deepEqual([any.ok, any.header], [true, "application/json"]);
    const handshake = await attempt({ ...over, path: null, tls: "insecure" }, ticks, never);
    assert.equal(handshake.ok, true);
    const plain = await attempt({ ...over, tls: "off" }, ticks, never);
    assert.equal(plain.ok, false);
  },
});

Deno.test("probe counts by header, shows a failover as it happens, and fails if any probe failed", async () => {
  await using daemon = startDaemon();
  const answer = (backend: string) => `HTTP/1.1 200 OK\r\nX-Backend: ${backend}\r\n\r\n`;
  const answers = [
    ..."b1 b2 b1 b2 b2 b2 b2".split(" ").map(answer),
    "HTTP/1.1 502 Bad\r\nX-Backend: b1\r\n\r\n",
  ];
  using server = rawServer(answers);
  pointAt(daemon, server.port);
  const { code, out, drawings } = await run(daemon, "probe www path / count 8", { width: 80 });
  assert.equal(code, 1);
  assert.equal(drawings.length, 9, "one a probe, and the end");
  const rows = (drawing: string | undefined) =>
    (drawing ?? "").split("\n").flatMap((row) => /^(b[12]) +([0-9]+) /.exec(row)?.slice(1).join("=") ?? []);
  assert.deepEqual(rows(drawings[0]), ["b1=1"]);
  assert.deepEqual(rows(drawings[3]), ["b1=2", "b2=2"]);
  assert.deepEqual(rows(drawings[8]), ["b2=5", "b1=2"]);
  const shape = out.replace(/p(50|95|99) [0-9.]+ [a-zµ]+/g, "p$1 T").split("\n");
  assert.deepEqual(shape, [
    `www  127.0.0.1 port ${server.port}, GET / every 100ms`.replace("GET / every", "GET /, every"),
    "8 probes, 1 failed (12.5%), p50 T, p95 T, p99 T",
    "X-BACKEND  COUNT  SHARE  LAST 8    SEEN",
    "b2             5  71.4%       5  0s ago",
    "b1             2  28.6%       2  0s ago",
    "FAILURE           COUNT   SHARE  LAST 8    SEEN",
    "HTTP 502 from b1      1  100.0%       1  0s ago",
    "",
  ]);
});

Deno.test("probe without a terminal ends after 10 and prints a summary; --json prints an object", async () => {
  await using daemon = startDaemon();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  pointAt(daemon, listener.addr.port);
  const { code, out, drawings } = await run(daemon, "probe www");
  assert.deepEqual([code, drawings.length], [0, 0]);
  assert.match(out, /^www .*, connect, every 100ms\n10 probes, 0 failed \(0\.0%\), p50 .*\n$/);
  const json = await run(daemon, "probe www count 2 --json");
  const { p50_ns, p95_ns, p99_ns, ...rest } = JSON.parse(json.out);
  for (const ns of [p50_ns, p95_ns, p99_ns]) assert.match(ns, /^[0-9]+$/);
  assert.deepEqual(rest, {
    frontend: "www",
    address: "127.0.0.1",
    port: listener.addr.port,
    sent: 2,
    failed: 0,
    header: null,
    answers: [],
    failures: [],
  });
  listener.close();
  const refused = await run(daemon, "probe www count 2 --json");
  assert.equal(refused.code, 1);
  assert.deepEqual(JSON.parse(refused.out).failures, [{ value: "connection refused", count: 2 }]);
});

Deno.test("probe on a terminal goes on until Ctrl-C", async () => {
  await using daemon = startDaemon();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  pointAt(daemon, listener.addr.port);
  const stop = new AbortController();
  const probing = run(daemon, "probe www", { width: 80, signal: stop.signal });
  for (let i = 0; i < 25; i++) (await listener.accept()).close();
  stop.abort();
  const { code, out } = await probing;
  listener.close();
  assert.equal(code, 0);
  assert.ok(Number(/^([0-9]+) probes/m.exec(out)?.[1]) >= 24, out);
});

Deno.test("what cannot be probed is a usage error", async () => {
  await using daemon = startDaemon();
  for (
    const [line, code, message] of [
      ["probe dns", 2, "frontend dns speaks udp"],
      ["probe legacy", 2, "frontend legacy serves all ports"],
      ["probe nobody", 1, "nobody"],
      ["probe www insecure", 2, 'unknown "insecure"'],
      ["probe www interval 0", 2, "<duration> is a duration from 1ms to 1h"],
      ["probe www interval soon", 2, "<duration> is a duration such as"],
      ["probe www path healthz", 2, "<path> begins with a slash"],
    ] as const
  ) {
    const outcome = await run(daemon, line);
    assert.equal(outcome.code, code, line);
    assert.equal(outcome.out, "");
    assert.ok(outcome.err.includes(message), outcome.err);
  }
});

Deno.test("a tally's quantiles are nearest ranks, its counts add up, its memory is bounded", () => {
  fc.assert(fc.property(fc.array(fc.double({ min: 0, max: 1e4, noNaN: true }), { minLength: 1 }), (times) => {
    const tally = new Tally(true);
    for (const ms of times) tally.add({ ok: true, ms, header: String(Math.floor(ms)), detail: "" }, 0);
    const sorted = times.toSorted((a, b) => a - b);
    for (const share of [0.5, 0.95, 0.99, 1]) {
      const value = tally.quantile(share);
      assert.ok(value !== null && sorted.includes(value));
      assert.ok(sorted.filter((ms) => ms <= value).length >= share * sorted.length);
      assert.ok(sorted.filter((ms) => ms < value).length < share * sorted.length);
    }
    assert.equal(tally.answers.reduce((sum, { count }) => sum + count, 0), times.length);
  }));
  const failover = new Tally(true);
  for (let i = 0; i < 120; i++) {
    failover.add({ ok: true, ms: 1, header: i < 90 ? "old" : "new", detail: "" }, i);
  }
  assert.equal(failover.recent, 50);
  assert.deepEqual(failover.answers.map(({ value, count, recent }) => [value, count, recent]), [
    ["old", 90, 20],
    ["new", 30, 30],
  ]);
  const tally = new Tally(true);
  assert.equal(tally.quantile(0.5), null);
  for (let i = 0; i < 25_000; i++) tally.add({ ok: true, ms: i, header: `v${i}`, detail: "" }, i);
  assert.ok(tally.answers.length <= 101);
  assert.equal(tally.answers[0]?.value, "(others)");
  assert.equal(tally.quantile(1), 24_999);
  assert.ok((tally.quantile(0.01) ?? 0) >= 15_000, "only the last 10,000 count");
});
