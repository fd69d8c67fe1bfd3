import assert from "node:assert/strict";
import type { ProbeCode, VoidCause } from "../../src/model.ts";
import type { HealthCheck } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";
import { inNamespace, namespaceId } from "../../ffi/netns.ts";
import { httpCheck, icmpCheck, noTls, target, tcpCheck } from "./helpers.ts";
import { LocalProber } from "./local.ts";
import { Namespace, Network } from "./namespaces.ts";
import { noNamespaces, testWith } from "./needs.ts";

/** A web server in a namespace, for one address and port; made inside, serves from this process. */
function serveIn(netns: string, hostname: string): { port: number; seen: string[] } & AsyncDisposable {
  const seen: string[] = [];
  // Deno binds a listener within the call, so it belongs to the namespace of that moment.
  const listener = inNamespace(`/var/run/netns/${netns}`, () => Deno.listen({ hostname, port: 0 }));
  const loop = (async () => {
    try {
      for await (const connection of listener) {
        seen.push(connection.remoteAddr.hostname);
        await connection.read(new Uint8Array(4096)).catch(() => null);
        await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n")).catch(() => 0);
        connection.close();
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotConnected)) throw error;
    }
  })();
  return {
    port: listener.addr.port,
    seen,
    async [Symbol.asyncDispose]() {
      listener.close();
      await loop;
    },
  };
}

testWith([noNamespaces], "probes in a network namespace", async (t) => {
  using network = new Network();
  const netns = network.prober.name;
  await using prober = new LocalProber();
  const probe = async (
    check: HealthCheck,
    address: string,
    rest = {},
  ): Promise<[ProbeCode, string, VoidCause | null]> => {
    const result = await prober.once(target("b", check, { netns, address: ip(address), ...rest }));
    return [result.code, result.detail, result.void];
  };

  await t.step("http leaves from the namespace and its source address, IPv4 and IPv6", async () => {
    network.prober.ip("addr", "add", "198.18.77.10/32", "dev", "wire");
    network.prober.ip("-6", "addr", "add", "fd77::10/128", "dev", "wire", "nodad");
    const sources = { probeIpv4Src: ip("198.18.77.10"), probeIpv6Src: ip("fd77::10") };
    for (const [address, source] of [["198.18.77.2", "198.18.77.10"], ["fd77::2", "fd77::10"]] as const) {
      await using server = serveIn(network.router.name, address);
      assert.deepEqual(await probe(httpCheck(server.port, {}, sources), address), ["L7OK", "HTTP 200", null]);
      assert.deepEqual(server.seen, [source]);
    }
  });
  await t.step("the namespace may be an absolute path", async () => {
    const byPath = { netns: `/var/run/netns/${netns}` };
    assert.equal((await probe(icmpCheck(), "198.18.77.2", byPath))[0], "L7OK");
  });
  await t.step("icmp is answered, with and without a source address", async () => {
    const sources = { probeIpv4Src: ip("198.18.77.10"), probeIpv6Src: ip("fd77::10") };
    for (const address of ["198.18.77.2", "fd77::2"]) {
      assert.deepEqual(await probe(icmpCheck(), address), ["L7OK", "echo reply", null]);
      assert.deepEqual(await probe(icmpCheck(sources), address), ["L7OK", "echo reply", null]);
    }
  });
  await t.step("a black hole is silent to every type", async () => {
    const timeoutMs = 150;
    for (const address of ["198.18.78.1", "fd78::1"]) {
      const connect = ["L4TOUT", "no connection within 150ms", null];
      assert.deepEqual(await probe(tcpCheck(80, { timeoutMs }), address), connect);
      assert.deepEqual(await probe(httpCheck(80, {}, { timeoutMs }), address), connect);
      assert.deepEqual(await probe(httpCheck(443, { tls: noTls }, { timeoutMs }), address), connect);
      assert.deepEqual(await probe(icmpCheck({ timeoutMs }), address), [
        "L4TOUT",
        "no echo reply within 150ms",
        null,
      ]);
    }
  });
  await t.step("unreachable, as a router says", async () => {
    assert.deepEqual(await probe(icmpCheck(), "198.18.79.1"), ["L4CON", "host is unreachable", null]);
    assert.deepEqual(await probe(icmpCheck(), "fd79::1"), ["L4CON", "no route to destination", null]);
    assert.deepEqual(await probe(tcpCheck(80), "198.18.79.1"), ["L4CON", "no route to host", null]);
    assert.deepEqual(await probe(tcpCheck(80), "fd79::1"), ["L4CON", "network is unreachable", null]);
  });
  await t.step("no route, and refused", async () => {
    for (const check of [tcpCheck(80), icmpCheck()]) {
      assert.deepEqual(await probe(check, "203.0.113.1"), ["L4CON", "network is unreachable", null]);
    }
    assert.deepEqual(await probe(tcpCheck(80), "198.18.77.2"), ["L4CON", "connection refused", null]);
  });
  await t.step("a local firewall's word counts", async () => {
    network.prober.ip("route", "add", "prohibit", "198.18.80.0/24");
    for (const check of [tcpCheck(80), icmpCheck()]) {
      const [code, detail, cause] = await probe(check, "198.18.80.1");
      assert.deepEqual([code, cause], ["L4CON", null], detail);
    }
  });
  await t.step("a source address that is taken away makes results void, not failures", async () => {
    const source = { probeIpv4Src: ip("198.18.77.10"), timeoutMs: 300 };
    const icmp = icmpCheck(source);
    assert.equal((await probe(icmp, "198.18.77.2"))[2], null);
    network.prober.ip("addr", "del", "198.18.77.10/32", "dev", "wire");
    const detail = "bind to source 198.18.77.10: this host does not have the address (EADDRNOTAVAIL)";
    for (const check of [icmp, tcpCheck(80, source), httpCheck(80, {}, source)]) {
      assert.deepEqual(await probe(check, "198.18.77.2"), ["L4CON", detail, "source-address"]);
    }
    network.prober.ip("addr", "add", "198.18.77.10/32", "dev", "wire");
    assert.equal((await probe(icmp, "198.18.77.2"))[2], null);
  });
  await t.step("one taken away while a probe waits does so too", async () => {
    const check = tcpCheck(80, { probeIpv4Src: ip("198.18.77.10"), timeoutMs: 300 });
    const begun = prober.begun();
    const waiting = probe(check, "198.18.78.1");
    await begun;
    network.prober.ip("addr", "del", "198.18.77.10/32", "dev", "wire");
    assert.equal((await waiting)[2], "source-address");
  });
  await t.step(
    "an echo begun without its source address is void, also if the address is back at its end",
    async () => {
      const icmp = icmpCheck({ probeIpv6Src: ip("fd77::10"), timeoutMs: 300 });
      assert.equal((await probe(icmp, "fd77::2"))[2], null);
      network.prober.ip("-6", "addr", "del", "fd77::10/128", "dev", "wire");
      assert.equal((await probe(icmp, "fd77::2"))[2], "source-address");
      const begun = prober.begun();
      const waiting = probe(icmp, "fd77::2");
      await begun;
      network.prober.ip("-6", "addr", "add", "fd77::10/128", "dev", "wire", "nodad");
      assert.equal((await waiting)[2], "source-address");
    },
  );
  await t.step("source ports that run out are this host's failure", async () => {
    network.prober.sysctl("net.ipv4.ip_local_port_range", "50000 50001");
    await using server = serveIn(network.router.name, "198.18.77.2");
    const check = (rest = {}) => tcpCheck(80, { timeoutMs: 400, ...rest });
    const names = ["p1", "p2", "p3", "p4"];
    const results = await Promise.all(
      names.map((name) => prober.once(target(name, check(), { netns, address: ip("198.18.78.1") }))),
    );
    // Two ports for one peer: two probes wait in the black hole, the others have no port to start from.
    assert.deepEqual(results.map((result) => result.void).sort(), ["ports", "ports", null, null].sort());
    assert.equal(server.seen.length, 0);
    network.prober.sysctl("net.ipv4.ip_local_port_range", "32768 60999");
  });
  await t.step("a deleted namespace makes every type void, also where a socket holds it alive", async () => {
    assert.equal((await probe(icmpCheck(), "198.18.77.2"))[0], "L7OK");
    const begun = prober.begun();
    const waiting = probe(tcpCheck(80, { timeoutMs: 300 }), "198.18.78.1");
    await begun;
    network.prober[Symbol.dispose]();
    assert.deepEqual((await waiting).slice(1), [`network namespace ${netns}: does not exist`, "netns"]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    for (const check of [icmpCheck(), tcpCheck(80), httpCheck(80)]) {
      assert.deepEqual(await probe(check, "198.18.77.2"), [
        "L4CON",
        `network namespace ${netns}: does not exist`,
        "netns",
      ]);
    }
  });
});

testWith(
  [noNamespaces],
  "inNamespace() comes back, also when what it ran throws, and leaks no descriptor",
  async () => {
    using namespace = new Namespace();
    const path = `/var/run/netns/${namespace.name}`;
    const here = () => Deno.readLinkSync("/proc/thread-self/ns/net");
    const home = here();
    const inside = inNamespace(path, here);
    assert.notEqual(inside, home);
    assert.equal(`net:[${namespaceId(path)?.split(":")[1]}]`, inside);
    const open = () => [...Deno.readDirSync("/proc/self/fd")].length;
    const before = open();
    for (let i = 0; i < 100; i++) {
      assert.throws(() =>
        inNamespace(path, () => {
          throw new Error("inside");
        }), /inside/);
      assert.throws(() => inNamespace("/var/run/netns/mgp-nowhere", () => {}), {
        code: "ENOENT",
        call: "netns",
      });
    }
    assert.equal(open(), before);
    assert.equal(here(), home);
    await Promise.resolve();
  },
);

Deno.test("a namespace that is a FIFO does not hold the thread", async () => {
  const folder = await Deno.makeTempDir();
  const [fifo, opened] = [`${folder}/fifo`, `${folder}/opened`];
  await new Deno.Command("mkfifo", { args: [fifo] }).output();
  // Whoever waits for a writer gets one, but finds that it came.
  const script = 'sleep 3; : > "$1"; exec 3<> "$0"; sleep 1';
  const writer = new Deno.Command("sh", { args: ["-c", script, fifo, opened] }).spawn();
  try {
    assert.notEqual(namespaceId(fifo), null);
    assert.throws(() => inNamespace(fifo, () => {}), { call: "netns", code: "EINVAL" });
    await assert.rejects(Deno.stat(opened), Deno.errors.NotFound);
  } finally {
    writer.kill("SIGKILL");
    await writer.status;
    await Deno.remove(folder, { recursive: true });
  }
});
