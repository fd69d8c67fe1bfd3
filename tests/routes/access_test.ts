import assert from "node:assert/strict";
import { listenerKind, type Peer, tcpPeer, unixPeer } from "../../routes/access.ts";
import { claimedActor } from "../../routes/actor.ts";
import { createMetricsApp } from "../../routes/app.ts";
import { tokenHint, type TokenSources } from "../../routes/token_hint.ts";
import type { CurrentProblem } from "../../src/api/mod.ts";
import { silentLog } from "../../src/log/mod.ts";
import { isLoopbackHost } from "../../src/net/loopback.ts";
import { FakeClock } from "../fake_clock.ts";
import { auth, tokens } from "./calls.ts";
import { local, localToken, makeWorld, type World } from "./world.ts";

Deno.test("a host is this one only by a loopback literal or localhost, with any port", () => {
  const good = [
    "localhost",
    "LOCALHOST:9090",
    "127.0.0.1",
    "127.0.0.1:9090",
    "127.9.8.7:1",
    "[::1]",
    "[::1]:9090",
  ];
  const bad = [
    "",
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "localhost:9090:1",
    "localhost:x",
    "128.0.0.1",
    "0.0.0.0",
    "127.1",
    "2130706433",
    "[::2]",
    "[::ffff:127.0.0.1]",
    "::1",
    "[::1",
    "localhost@evil.example",
    "evil@localhost",
  ];
  for (const host of good) assert.equal(isLoopbackHost(host), true, host);
  for (const host of bad) assert.equal(isLoopbackHost(host), false, host);
});

Deno.test("peers: loopback addresses and unix sockets are this host", () => {
  assert.equal(tcpPeer("127.0.0.1", 1).loopback, true);
  assert.equal(tcpPeer("127.200.0.1", 1).loopback, true);
  assert.equal(tcpPeer("::1", 1).loopback, true);
  assert.equal(tcpPeer("::ffff:127.0.0.1", 1).loopback, true);
  assert.equal(tcpPeer("192.0.2.1", 1).loopback, false);
  assert.equal(tcpPeer("::", 1).loopback, false);
  assert.equal(tcpPeer("2001:db8::1", 7).address, "[2001:db8::1]:7");
  assert.equal(unixPeer("/run/x").loopback, true);
});

Deno.test("listeners: loopback only if bound to a loopback address", () => {
  for (const hostname of ["127.0.0.1", "127.0.0.77", "::1"]) assert.equal(listenerKind(hostname), "loopback");
  for (const hostname of ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1"]) {
    assert.equal(listenerKind(hostname), "open");
  }
});

/** Requests as they arrive over loopback: from this host, through proxies as they come, from pages of other sites. */
const shapes: [name: string, headers: Record<string, string>, read: number][] = [
  ["nothing special", {}, 200],
  ["the name localhost", { host: "localhost:9090" }, 200],
  ["a tunnel of ssh -L to another port", { host: "localhost:8080" }, 200],
  ["HAProxy as it comes, and a client that says so", { host: "localhost" }, 200],
  ["a page of this host", { origin: "http://localhost:3000" }, 200],
  ["a page of this host, IPv6", { origin: "http://[::1]:3000" }, 200],
  ["a reverse proxy that tells", { "x-forwarded-for": "192.0.2.9" }, 200],
  ["a reverse proxy, standard", { forwarded: "for=192.0.2.9" }, 200],
  ["DNS rebinding", { host: "evil.example" }, 403],
  ["DNS rebinding with the port", { host: "evil.example:9090" }, 403],
  ["a proxy that passes the client's host on", { host: "lb.example.com" }, 403],
  ["a page of another site", { origin: "https://evil.example" }, 403],
  ["a sandboxed page", { origin: "null" }, 403],
  ["a page that hides behind a name", { origin: "http://localhost.evil.example" }, 403],
  ["a page with userinfo", { origin: "http://localhost@evil.example" }, 403],
];

Deno.test("without an auth file a change over TCP needs a token, however the request looks", async () => {
  for (const [name, headers, read] of shapes) {
    const world = makeWorld();
    const change = (init: HeadersInit, peer: Peer = local) =>
      world.bare("/v1/backends/b1/pause", { method: "POST", headers: init }, peer);
    assert.equal((await change(headers)).status, 401, name);
    assert.equal((await change({ ...headers, authorization: "Bearer wrong" })).status, 401, name);
    assert.deepEqual(world.control.commands, [], name);
    assert.equal((await world.bare("/v1/backends/b1", { headers })).status, read, name);
    for (const path of ["/healthz", "/readyz"]) {
      assert.equal((await world.bare(path, { headers })).status, 200, `${path} is open: ${name}`);
    }
    // A token counts whatever else the request says.
    const authorization = `Bearer ${localToken}`;
    assert.equal((await change({ ...headers, authorization })).status, 200, name);
    assert.equal(
      (await world.bare("/v1/backends/b1", { headers: { ...headers, authorization } })).status,
      200,
    );
    assert.equal(world.control.commands.length, 1);
  }
});

Deno.test("the local token is for loopback and unix peers, and an open listener has no say about hosts", async () => {
  const { bare } = makeWorld();
  const far = tcpPeer("192.0.2.9", 40000, "open");
  const authorization = `Bearer ${localToken}`;
  const change = async (peer: Peer) =>
    (await bare("/v1/backends/b1/pause", { method: "POST", headers: { authorization } }, peer)).status;
  assert.equal(await change(far), 401);
  assert.equal(await change(tcpPeer("127.0.0.1", 40000, "open")), 200);
  assert.equal(await change(unixPeer("/run/x")), 200);
  const headers = { host: "lb.example.com", origin: "https://dashboard.example" };
  assert.equal((await bare("/v1/backends", { headers }, far)).status, 200);
  assert.equal((await bare("/v1/backends", { headers: { ...headers, authorization } }, far)).status, 200);
});

Deno.test("a unix listener without an auth file is guarded by its mode alone; with one it asks for a token", async () => {
  const unix = unixPeer("/run/maglevd.sock");
  for (const [name, headers] of shapes) {
    const world = makeWorld();
    const change = await world.bare("/v1/config/reload", { method: "POST", headers }, unix);
    assert.equal(change.status, 200, name);
    assert.equal((await world.bare("/v1/backends", { headers }, unix)).status, 200, name);
    const guarded = makeWorld({ auth });
    assert.equal((await guarded.bare("/v1/backends", { headers }, unix)).status, 401, name);
  }
});

Deno.test("a request whose peer is not known has no local token and no open listener", async () => {
  const { app } = makeWorld();
  const authorization = `Bearer ${localToken}`;
  const change = async (headers: HeadersInit) =>
    (await app.request("http://localhost/v1/backends/b1/pause", { method: "POST", headers })).status;
  assert.equal(await change({}), 401);
  assert.equal(await change({ authorization }), 401);
  assert.equal((await app.request("http://evil.example/v1/backends/b1")).status, 403);
});

Deno.test("with an auth file, what holds no data needs no token: health, readiness, the documentation", async () => {
  const { bare } = makeWorld({ auth });
  const status = async (path: string, headers: HeadersInit = {}) => (await bare(path, { headers })).status;
  const proxied = { host: "lb.example.com" };
  for (const path of ["/healthz", "/readyz", "/docs", "/openapi.json"]) {
    assert.equal(await status(path), 200, path);
    assert.equal(await status(path, proxied), 200, `through a proxy: ${path}`);
    assert.equal((await bare(path, { method: "POST" })).status, 401, path);
  }
  for (const path of ["/metrics", "/v1/info", "/v1/events", "/docsx"]) {
    assert.equal(await status(path), 401, path);
  }
});

const wrong: CurrentProblem = {
  severity: "warning",
  kind: "file-kept",
  object: "/etc/vpp-maglev/auth.yaml",
  since: "2026-01-31T12:00:00.000Z",
  text: "wrong",
  show: null,
  fix: null,
};

Deno.test("readiness tells what is wrong to those who may read, and to others only whether", async () => {
  const told = async (world: World, headers: HeadersInit = {}, peer: Peer = local): Promise<number[]> => {
    const counts: number[] = [];
    for (const ready of [true, false]) {
      world.control.readiness = { ...world.control.readiness, ready, problems: [wrong] };
      const answer = await world.bare("/readyz", { headers }, peer);
      assert.equal(answer.status, ready ? 200 : 503);
      const body = await answer.json();
      counts.push((ready ? body : body.readiness).problems.length);
    }
    return counts;
  };
  assert.deepEqual(await told(makeWorld()), [1, 1]);
  assert.deepEqual(await told(makeWorld(), { host: "evil.example" }), [0, 0]);
  assert.deepEqual(await told(makeWorld({ auth })), [0, 0]);
  assert.deepEqual(await told(makeWorld({ auth }), { authorization: `Bearer ${tokens.viewer}` }), [1, 1]);
  assert.deepEqual(await told(makeWorld({ auth }), {}, unixPeer("/run/x")), [0, 0]);
});

Deno.test("on the metrics listener readiness never tells what is wrong, and nothing can be changed", async () => {
  const { control, bus } = makeWorld();
  const app = createMetricsApp({ control, bus, log: silentLog, clock: new FakeClock() });
  control.readiness = { ...control.readiness, problems: [wrong] };
  const ask = async (path: string, init: RequestInit = {}, host = "lb1.example.net:9091") =>
    await app.fetch(new Request(`http://${host}${path}`, init), { peer: tcpPeer("192.0.2.9", 1, "open") });
  for (const headers of [{}, { authorization: `Bearer ${localToken}` }]) {
    const ready = await ask("/readyz", { headers });
    assert.deepEqual((await ready.json()).problems, []);
  }
  for (const path of ["/metrics", "/healthz", "/readyz"]) {
    const answer = await ask(path);
    assert.equal(answer.status, 200, path);
    await answer.body?.cancel();
    assert.equal((await ask(path, { method: "POST" })).status, 405, path);
  }
});

Deno.test("a method that no path takes is 405 with what it takes, where reads are open", async () => {
  const { bare } = makeWorld();
  const answer = await bare("/v1/backends", { method: "OPTIONS" });
  assert.deepEqual([answer.status, answer.headers.get("allow")], [405, "GET, HEAD"]);
  for (const method of ["PATCH", "DELETE", "PUT", "POST"]) {
    assert.equal((await bare("/v1/backends", { method })).status, 401, method);
  }
});

Deno.test("info tells who asks", async () => {
  const you = async (world: World, headers: HeadersInit = {}, peer: Peer = local) =>
    (await (await world.bare("/v1/info", { headers }, peer)).json()).you;
  assert.equal(await you(makeWorld()), null);
  const admin = { name: "local", role: "admin" };
  assert.deepEqual(await you(makeWorld(), { authorization: `Bearer ${localToken}` }), admin);
  assert.deepEqual(await you(makeWorld(), {}, unixPeer("/run/x")), admin);
  assert.deepEqual(await you(makeWorld({ auth }), { authorization: `Bearer ${tokens.operator}` }), {
    name: "some-operator",
    role: "operator",
  });
});

Deno.test("a change says who is behind the token, as a claim", async () => {
  const world = makeWorld();
  const claimed = async (headers: HeadersInit) => {
    world.lines.length = 0;
    await world.ask("/v1/backends/b1/disable", { method: "POST", headers });
    await world.ask("/v1/backends/b1/enable", { method: "POST" });
    return world.lines.find((line) => line.msg === "api-change");
  };
  assert.equal((await claimed({ "x-maglev-actor": "pim" }))?.claimed, "pim");
  assert.ok(!Object.hasOwn(await claimed({}) ?? {}, "claimed"));
});

Deno.test("a claim has no control characters and at most 64 characters", () => {
  assert.equal(claimedActor("  pim  van\tPelt "), "pim van Pelt");
  assert.equal(claimedActor("a\x1b[31mb"), "a [31mb");
  assert.equal(claimedActor("a\u202eb\u2028c\ud800"), "a b c");
  assert.equal(claimedActor("x".repeat(100)), "x".repeat(64));
  assert.equal(claimedActor("𝕏".repeat(70)), "𝕏".repeat(64));
  assert.equal(claimedActor("J\u00c3\u00b6rg"), "Jörg", "UTF-8 arrives as single octets");
  assert.equal(claimedActor("J\u00f6rg"), "Jörg");
  for (const nothing of [null, "", "   ", "\x07"]) assert.equal(claimedActor(nothing), null);
});

Deno.test("a 401 and a 403 leave one line a second for each peer, and are counted", async () => {
  const clock = new FakeClock();
  const counted: number[] = [];
  const { bare, lines } = makeWorld({
    clock,
    auth,
    recorder: { httpRequest() {}, unauthorized: (code) => counted.push(code) },
  });
  const viewer = { authorization: `Bearer ${tokens.viewer}` };
  const pause = (headers: HeadersInit, peer: Peer) =>
    bare("/v1/backends/b1/pause?x=secret-value", { method: "POST", headers }, peer);
  const port = (n: number) => tcpPeer("192.0.2.9", n, "open");
  await pause({}, port(1));
  await pause({ authorization: "Bearer stolen-token" }, port(2));
  await pause(viewer, port(3));
  await pause(viewer, tcpPeer("192.0.2.10", 1, "open"));
  await clock.advance(1_000);
  await pause({ authorization: "Bearer stolen-token" }, port(4));
  const line = { level: "WARN", msg: "unauthorized", method: "POST", path: "/v1/backends/b1/pause" };
  assert.deepEqual(lines.map(({ time: _time, ...rest }) => rest), [
    { ...line, code: 401, peer: "192.0.2.9:1", detail: "no token" },
    {
      ...line,
      code: 403,
      peer: "192.0.2.10:1",
      principal: "some-viewer",
      detail: "The token of some-viewer has role viewer; this needs operator",
    },
    { ...line, code: 401, peer: "192.0.2.9:4", detail: "nobody has this token", unlogged: 2 },
  ]);
  assert.deepEqual(counted, [401, 401, 403, 403, 401]);
});

Deno.test("a swarm of peers fills neither the log nor the memory", async () => {
  const clock = new FakeClock();
  const { bare, lines } = makeWorld({ clock, auth });
  const from = (n: number) => bare("/v1/info", {}, tcpPeer(`2001:db8::${n.toString(16)}`, 1, "open"));
  for (let n = 1; n <= 1_500; n++) await from(n);
  assert.equal(lines.length, 1_001);
  await clock.advance(1_000);
  lines.length = 0;
  for (let n = 2_000; n < 2_010; n++) await from(n);
  assert.equal(lines.length, 10);
});

Deno.test("a 401 says how to get a token, in one sentence", () => {
  const file = "/run/vpp-maglev/token";
  const hint = (changed: Partial<TokenSources> = {}) =>
    tokenHint({ authFile: false, localFile: file, whyNoLocal: "", found: true, ...changed });
  assert.equal(
    hint(),
    "on this host the one in /run/vpp-maglev/token (maglevc reads it by itself, " +
      'curl sends it with -H "Authorization: Bearer $(cat /run/vpp-maglev/token)"); ' +
      "for other hosts give maglevd an --auth-file",
  );
  assert.match(hint({ authFile: true }), /^one of the auth file, or on this host the one in \/run/);
  assert.match(hint({ found: false }), /maglevc takes it with --token-file \/run\/vpp-maglev\/token/);
  assert.equal(
    hint({ found: false, localFile: "/srv/it's here" }),
    "on this host the one in /srv/it's here (maglevc takes it with --token-file '/srv/it'\\''s here', " +
      `curl sends it with -H "Authorization: Bearer $(cat '/srv/it'\\''s here')"); ` +
      "for other hosts give maglevd an --auth-file",
  );
  assert.equal(
    hint({ localFile: null, whyNoLocal: "/run/vpp-maglev/token: process 7 holds it" }),
    "there is no local token: /run/vpp-maglev/token: process 7 holds it; give maglevd a --local-token file or an --auth-file",
  );
  assert.match(hint({ authFile: true, localFile: null, whyNoLocal: "x" }), /^one of the auth file; .*: x$/);
});
