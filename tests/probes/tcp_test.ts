import assert from "node:assert/strict";
import { unusedPort } from "../../src/demo/port.ts";
import { ip } from "../../src/net/ip.ts";
import { target, tcpCheck } from "./helpers.ts";
import { probeOnce } from "./local.ts";
import { ScriptedServer } from "./servers.ts";

/** Connections of this host to a port that were closed in order and wait for their last packets. */
function timeWaits(port: number): number {
  const lines = ["tcp", "tcp6"].flatMap((name) => Deno.readTextFileSync(`/proc/net/${name}`).split("\n"));
  const remote = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return lines.map((line) => line.trim().split(/\s+/)).filter(([, , to, state]) =>
    to?.endsWith(remote) && state === "06"
  ).length;
}

Deno.test("tcp probe: a connection is enough, and its reset leaves no port in TIME_WAIT", async () => {
  for (const address of ["127.0.0.1", "::1"]) {
    await using server = new ScriptedServer((peer) => void peer.closing(), address);
    const result = await probeOnce(target("b", tcpCheck(server.port), { address: ip(address) }));
    assert.deepEqual([result.code, result.layer, result.detail], ["L4OK", "L4", "connected"]);
    assert.ok(result.connectMs !== null);
    assert.equal(result.firstByteMs, null);
    assert.equal(timeWaits(server.port), 0);
  }
});

Deno.test("tcp probe: refused", async () => {
  for (const address of ["127.0.0.1", "::1"]) {
    const result = await probeOnce(target("b", tcpCheck(unusedPort(address)), { address: ip(address) }));
    assert.deepEqual([result.code, result.detail, result.void], ["L4CON", "connection refused", null]);
  }
});

Deno.test("tcp probe: a source address that this host does not have is its own failure", async () => {
  const check = tcpCheck(unusedPort(), { probeIpv4Src: ip("192.0.2.99"), probeIpv6Src: ip("2001:db8::99") });
  const v4 = await probeOnce(target("b", check));
  assert.deepEqual([v4.void, v4.detail], [
    "source-address",
    "bind to source 192.0.2.99: this host does not have the address (EADDRNOTAVAIL)",
  ]);
  const v6 = await probeOnce(target("b", check, { address: ip("::1") }));
  assert.equal(v6.void, "source-address");
});

Deno.test("tcp probe: a network namespace that is not there is this host's failure", async () => {
  const result = await probeOnce(target("b", tcpCheck(1), { netns: "mgp-nowhere" }));
  assert.deepEqual([result.void, result.detail], ["netns", "network namespace mgp-nowhere: does not exist"]);
});
