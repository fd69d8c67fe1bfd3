import assert from "node:assert/strict";
import { tcpPeer, unixPeer, whyNoChange } from "../../routes/access.ts";
import { isLoopbackHost } from "../../src/net/loopback.ts";
import { makeWorld } from "./world.ts";

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

Deno.test("without an auth file a change is refused from afar, through proxies, and from other sites' pages", async () => {
  const local = tcpPeer("127.0.0.1", 40000);
  const cases: [string, Record<string, string>, typeof local, number][] = [
    ["nothing special", {}, local, 200],
    ["a page of this host", { origin: "http://localhost:3000" }, local, 200],
    ["a page of this host, IPv6", { origin: "http://[::1]:3000" }, local, 200],
    ["a unix socket", {}, unixPeer("/run/maglevd.sock"), 200],
    ["another host", {}, tcpPeer("192.0.2.9", 40000), 403],
    ["DNS rebinding", { host: "evil.example" }, local, 403],
    ["DNS rebinding with the port", { host: "evil.example:9090" }, local, 403],
    ["DNS rebinding on a unix socket", { host: "evil.example" }, unixPeer("/run/maglevd.sock"), 403],
    ["a page of another site", { origin: "https://evil.example" }, local, 403],
    ["a sandboxed page", { origin: "null" }, local, 403],
    ["a page that hides behind a name", { origin: "http://localhost.evil.example" }, local, 403],
    ["a page with userinfo", { origin: "http://localhost@evil.example" }, local, 403],
    ["a reverse proxy", { "x-forwarded-for": "192.0.2.9" }, local, 403],
    ["a reverse proxy, host", { "x-forwarded-host": "localhost" }, local, 403],
    ["a reverse proxy, standard", { forwarded: "for=192.0.2.9" }, local, 403],
    ["a proxy", { via: "1.1 proxy" }, local, 403],
  ];
  for (const [name, headers, peer, status] of cases) {
    const world = makeWorld();
    const answer = await world.ask("/v1/backends/b1/pause", { method: "POST", headers }, peer);
    assert.equal(answer.status, status, name);
    assert.equal(world.control.commands.length, status === 200 ? 1 : 0, name);
    const read = await world.ask("/v1/backends/b1", { headers }, peer);
    assert.equal(read.status, 200, `reads are open: ${name}`);
  }
});

Deno.test("a request whose peer is not known counts as remote", async () => {
  assert.match(whyNoChange(null, new Headers(), "localhost") ?? "", /loopback only/);
  const { app } = makeWorld();
  assert.equal((await app.request("http://localhost/v1/backends/b1/pause", { method: "POST" })).status, 403);
});
