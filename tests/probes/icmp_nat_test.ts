import assert from "node:assert/strict";
import type { EchoKind } from "../../ffi/icmp.ts";
import type { Family } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import { RawSocket } from "../raw_socket.ts";
import { icmpCheck, target } from "./helpers.ts";
import { LocalProber } from "./local.ts";
import { Namespace, Network } from "./namespaces.ts";
import { noConntrack, noNamespaces, noNft, run, testWith } from "./needs.ts";

/** Addresses behind the router. */
const behind = {
  4: { router: "198.18.81.1", other: "198.18.81.9", server: "198.18.81.2", length: 24 },
  6: { router: "fd81::1", other: "fd81::9", server: "fd81::2", length: 64 },
} as const;

/** A prober, a router that translates the prober's address, and a server behind it. */
class Translated implements Disposable {
  readonly network = new Network();
  readonly server = new Namespace();

  constructor() {
    const { router } = this.network;
    router.ip("link", "add", "inside", "type", "veth", "peer", "name", "inside", "netns", this.server.name);
    for (const family of [4, 6] as const) {
      const { router: routers, other, server, length } = behind[family];
      const more = family === 6 ? ["nodad"] : [];
      for (const address of [routers, other]) {
        router.ip("addr", "add", `${address}/${length}`, "dev", "inside", ...more);
      }
      this.server.ip("addr", "add", `${server}/${length}`, "dev", "inside", ...more);
    }
    router.ip("link", "set", "inside", "up");
    // Else the kernel takes all addresses of a network away with the first one.
    router.sysctl("net.ipv4.conf.all.promote_secondaries", "1");
    this.server.ip("link", "set", "inside", "up");
    const network = { 4: "198.18.81.0/24", 6: "fd81::/64" };
    this.network.prober.ip("route", "add", network[4], "via", "198.18.77.2");
    this.network.prober.ip("-6", "route", "add", network[6], "via", "fd77::2");
    this.network.prober.sysctl("net.ipv4.ping_group_range", "0 2147483647");
  }

  /** Has the router translate from now on to another of its own addresses. Entries that there are stay. */
  translate(family: Family, address: string): void {
    const name = family === 4 ? "ip" : "ip6";
    this.#nft("add", "table", name, "nat");
    this.#nft("flush", "table", name, "nat");
    this.#nft("add", "chain", name, "nat", "out", "{ type nat hook postrouting priority 100 ; }");
    this.#nft("add", "rule", name, "nat", "out", "oifname", "inside", "snat", "to", address);
  }

  /** Takes an address of the router away, so that what is still translated to it gets no answer. */
  remove(family: Family, address: string): void {
    this.network.router.ip("addr", "del", `${address}/${behind[family].length}`, "dev", "inside");
    // The server would go on sending to the place where it was, for some seconds.
    this.server.ip("neigh", "flush", "to", address);
  }

  /** Entries of the router's connection tracking for echoes to the server. */
  entries(family: Family): string[] {
    const { router } = this.network;
    const args = ["-L", "-f", family === 4 ? "ipv4" : "ipv6", "-p", family === 4 ? "icmp" : "icmpv6"];
    return run("ip", "netns", "exec", router.name, "conntrack", ...args).split("\n").filter((line) =>
      line.includes(`dst=${behind[family].server}`)
    );
  }

  /** Drops all entries. */
  forget(): void {
    run("ip", "netns", "exec", this.network.router.name, "conntrack", "-F");
  }

  [Symbol.dispose](): void {
    this.server[Symbol.dispose]();
    this.network[Symbol.dispose]();
  }

  #nft(...args: string[]): void {
    run("ip", "netns", "exec", this.network.router.name, "nft", ...args);
  }
}

async function stale(site: Translated, family: Family, kind: EchoKind): Promise<void> {
  const { router, other, server } = behind[family];
  site.translate(family, router);
  await using prober = new LocalProber(1000, { kinds: [kind] });
  const check = icmpCheck({ timeoutMs: 300 });
  const one = target("b", check, { netns: site.network.prober.name, address: ip(server), intervalMs: 50 });
  const codes = () => prober.reports.all.map(({ result }) => result.code);
  // IPv6 needs a moment before a new link carries anything.
  for (let tries = 0; (await prober.once({ ...one, backend: "a" })).code !== "L7OK" && tries < 30;) tries++;
  prober.reports.all.length = 0;
  site.forget();
  prober.engine.start([one]);
  await prober.reports.until(() => codes().length >= 5);
  assert.deepEqual(new Set(codes()), new Set(["L7OK"]));
  assert.equal(site.entries(family).length, 1, "one identifier, one entry");
  site.translate(family, other);
  site.remove(family, router);
  await prober.reports.until(() => codes().includes("L4TOUT"));
  const failedAt = codes().indexOf("L4TOUT");
  await prober.reports.until((all) => all.length > failedAt + 1);
  assert.equal(codes()[failedAt + 1], "L7OK", "the next probe finds its way");
  assert.ok(
    site.entries(family).some((entry) => entry.includes(`dst=${router}`)),
    "the stale entry is still there",
  );
  prober.engine.stop(["b"]);
}

for (const kind of ["raw", "datagram"] as const) {
  for (const family of [4, 6] as const) {
    testWith(
      [noNamespaces, noNft, noConntrack],
      `a stale entry of address translation costs one probe, IPv${family}, ${kind} socket`,
      async () => {
        using site = new Translated();
        await stale(site, family, kind);
      },
    );
  }
}

/** Reads the identifiers of echoes that reach the router, in their order. */
function identifiers(arrived: RawSocket): number[] {
  const all: number[] = [];
  for (let packet = arrived.receive(); packet !== null; packet = arrived.receive()) {
    if (packet[20] === 8) all.push(((packet[24] ?? 0) << 8) | (packet[25] ?? 0));
  }
  return all;
}

for (const kind of ["raw", "datagram"] as const) {
  testWith(
    [noNamespaces],
    `an identifier stays while probes pass, and changes with each that does not, ${kind} socket`,
    async () => {
      using network = new Network();
      network.prober.sysctl("net.ipv4.ping_group_range", "0 2147483647");
      using arrived = new RawSocket(network.router.name, 4, 1);
      await using prober = new LocalProber(1000, { kinds: [kind] });
      const netns = network.prober.name;
      const check = icmpCheck({ timeoutMs: 50 });
      const a = target("a", check, { netns, address: ip("198.18.77.2"), intervalMs: 10 });
      prober.engine.start([a]);
      const passes = () => prober.reports.of("a").filter(({ result }) => result.ok).length;
      await prober.reports.until(() => passes() >= 10);
      // On a busy machine one may come late, and that counts as one that did not pass.
      const failures = prober.reports.of("a").length - passes();
      const seen = identifiers(arrived);
      assert.ok(seen.length >= 10);
      assert.ok(new Set(seen).size <= 1 + failures, seen.join());

      network.router.sysctl("net.ipv4.icmp_echo_ignore_all", "1");
      identifiers(arrived);
      const before = prober.reports.of("a").length;
      await prober.reports.next("a", before + 6);
      prober.engine.stop(["a"]);
      // The probe that was under way, and the first after it, may have passed or been sent with the old one.
      const failed = identifiers(arrived).slice(2);
      assert.ok(failed.length >= 3);
      assert.equal(new Set(failed).size, failed.length, failed.join());
    },
  );
}

testWith([noNamespaces], "two backends do not share an identifier", async () => {
  using network = new Network();
  network.router.ip("addr", "add", "198.18.77.3/24", "dev", "wire");
  using arrived = new RawSocket(network.router.name, 4, 1);
  await using prober = new LocalProber();
  for (const [i, address] of ["198.18.77.2", "198.18.77.3"].entries()) {
    await prober.once(target(`b${i}`, icmpCheck(), { netns: network.prober.name, address: ip(address) }));
  }
  assert.equal(new Set(identifiers(arrived)).size, 2);
});

testWith(
  [noNamespaces],
  "datagram sockets that were replaced are closed when nothing waits on them",
  async () => {
    using network = new Network();
    network.prober.sysctl("net.ipv4.ping_group_range", "0 2147483647");
    const sockets = () => {
      let count = 0;
      for (const { name } of Deno.readDirSync("/proc/self/fd")) {
        try {
          if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith("socket:")) count++;
        } catch { /* the one that lists the folder */ }
      }
      return count;
    };
    await using prober = new LocalProber(1000, { kinds: ["datagram"] });
    const before = sockets();
    const netns = network.prober.name;
    const silent = icmpCheck({ timeoutMs: 20 });
    const names = Array.from({ length: 20 }, (_, i) => `b${i}`);
    prober.engine.start(
      names.map((name, i) =>
        target(name, silent, { netns, address: ip(`198.18.78.${i + 1}`), intervalMs: 10 })
      ),
    );
    await prober.reports.until((all) => all.length > 500);
    assert.ok(sockets() - before <= 5, `${sockets() - before} sockets for 20 backends that keep silent`);
    prober.engine.stop(names);
  },
);
