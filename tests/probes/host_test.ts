import assert from "node:assert/strict";
import { E } from "../../ffi/constants.ts";
import { ErrnoError } from "../../ffi/libc.ts";
import type { ProbeCode, VoidCause } from "../../src/model.ts";
import type { HealthCheck } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";
import { probePlan } from "../../src/probes/plan.ts";
import { hostFailure } from "../../src/probes/socket.ts";
import { optionalTool } from "../tool.ts";
import { httpCheck, icmpCheck, target, tcpCheck } from "./helpers.ts";
import { LocalProber } from "./local.ts";
import { Network } from "./namespaces.ts";
import { noNamespaces, noNft, noRawSockets, run, testWith } from "./needs.ts";

type Outcome = [ProbeCode, string, VoidCause | null];

/** Probes of the types that differ in how they reach a server. */
const checks = (timeoutMs = 300): HealthCheck[] => [
  tcpCheck(80, { timeoutMs }),
  httpCheck(80, {}, { timeoutMs }),
  icmpCheck({ timeoutMs }),
];

async function eachCheck(network: Network, address: string, timeoutMs?: number): Promise<Outcome[]> {
  await using prober = new LocalProber();
  const outcomes: Outcome[] = [];
  for (const check of checks(timeoutMs)) {
    const one = target("b", check, { netns: network.prober.name, address: ip(address) });
    const { code, detail, void: cause } = await prober.once(one);
    outcomes.push([code, detail, cause]);
  }
  return outcomes;
}

testWith(
  [noNamespaces],
  "a host without usable IPv6 voids every type of probe with the cause family",
  async (t) => {
    using network = new Network();
    const { prober } = network;
    const detail = `network namespace ${prober.name} has no usable IPv6 address`;
    const family: Outcome = ["L4CON", detail, "family"];

    await t.step("before that the network's word counts", async () => {
      for (const [code, , cause] of await eachCheck(network, "fd99::1")) {
        assert.deepEqual([code, cause], ["L4CON", null]);
      }
    });
    await t.step("IPv6 is switched off on the device", async () => {
      prober.sysctl("net.ipv6.conf.wire.disable_ipv6", "1");
      assert.deepEqual(await eachCheck(network, "fd77::2"), [family, family, family]);
    });
    await t.step("a route without an address to send from is silent, and void all the same", async () => {
      prober.sysctl("net.ipv6.conf.wire.disable_ipv6", "0");
      prober.ip("-6", "route", "add", "fd78::/64", "dev", "wire");
      assert.deepEqual(await eachCheck(network, "fd78::1"), [family, family, family]);
    });
    await t.step("IPv6 is switched off altogether", async () => {
      prober.sysctl("net.ipv6.conf.all.disable_ipv6", "1");
      assert.deepEqual(await eachCheck(network, "fd77::2"), [family, family, family]);
      assert.deepEqual(await eachCheck(network, "::1"), [family, family, family]);
    });
    await t.step("IPv4 is probed meanwhile", async () => {
      const [tcp, , icmp] = await eachCheck(network, "198.18.77.2");
      assert.deepEqual(tcp, ["L4CON", "connection refused", null]);
      assert.deepEqual(icmp, ["L7OK", "echo reply", null]);
    });
    await t.step("it passes again when there is an address", async () => {
      prober.sysctl("net.ipv6.conf.all.disable_ipv6", "0");
      prober.ip("-6", "addr", "replace", "fd77::1/64", "dev", "wire", "nodad");
      await using local = new LocalProber();
      const echo = target("b", icmpCheck(), { netns: prober.name, address: ip("fd77::2") });
      // A link that IPv6 comes back to takes a moment.
      for (let tries = 0; (await local.once(echo)).code !== "L7OK"; tries++) assert.ok(tries < 30);
    });
  },
);

testWith(
  [noNamespaces],
  "a host without an IPv4 address voids IPv4 probes, not those to itself",
  async () => {
    using network = new Network();
    const { prober } = network;
    prober.ip("addr", "flush", "dev", "wire");
    const detail = `network namespace ${prober.name} has no usable IPv4 address`;
    const outcomes = await eachCheck(network, "198.18.77.2");
    assert.deepEqual(outcomes.map(([, ...rest]) => rest), Array(3).fill([detail, "family"]));
    const [tcp, , icmp] = await eachCheck(network, "127.0.0.1");
    assert.deepEqual(tcp, ["L4CON", "connection refused", null]);
    assert.deepEqual(icmp, ["L7OK", "echo reply", null]);
  },
);

testWith(
  [noNamespaces],
  "a host without a free source port is told apart from one without an address",
  async () => {
    using network = new Network();
    await using prober = new LocalProber();
    network.prober.sysctl("net.ipv4.ip_local_port_range", "50000 50000");
    const blackhole = (name: string) =>
      prober.once(
        target(name, tcpCheck(80, { timeoutMs: 300 }), {
          netns: network.prober.name,
          address: ip("198.18.78.1"),
        }),
      );
    const outcomes = await Promise.all([blackhole("a"), blackhole("b")]);
    const ports = outcomes.find((outcome) => outcome.void !== null);
    assert.deepEqual([ports?.void, ports?.detail], ["ports", "connect: EADDRNOTAVAIL"]);
  },
);

testWith([noNamespaces, noNft], "what a local firewall says counts, for every type of probe", async (t) => {
  using network = new Network();
  const { prober } = network;
  const nft = (...args: string[]) => run("ip", "netns", "exec", prober.name, "nft", ...args);
  nft("add", "table", "inet", "t");
  nft("add", "chain", "inet", "t", "out", "{ type filter hook output priority 0 ; }");
  for (const address of ["198.18.77.2", "fd77::2"]) {
    const name = address.includes(":") ? "ip6" : "ip";
    await t.step(address, async () => {
      nft("add", "rule", "inet", "t", "out", name, "daddr", address, "drop");
      const [tcp, http, icmp] = await eachCheck(network, address);
      // TCP tries again and says nothing to the program.
      for (const silent of [tcp, http]) assert.deepEqual([silent?.[0], silent?.[2]], ["L4TOUT", null]);
      assert.deepEqual(icmp, ["L4CON", "forbidden by a local firewall (EPERM)", null]);
    });
  }
});

const prlimit = optionalTool("prlimit");

testWith(
  [prlimit.missing ? "no prlimit" : null, noRawSockets],
  "a probe for which no descriptor is left is void",
  async () => {
    const module = (path: string) => JSON.stringify(import.meta.resolve(path));
    const script = `
    import { icmpCheck, target, tcpCheck } from ${module("./helpers.ts")};
    import { LocalProber } from ${module("./local.ts")};
    const files = [];
    const prober = new LocalProber();
    const outcomes = [];
    try {
      for (;;) files.push(Deno.openSync("/dev/null"));
    } catch {
      for (const check of [tcpCheck(80), icmpCheck()]) {
        const { code, detail, void: cause } = await prober.once(target("b", check));
        outcomes.push([code, detail, cause]);
      }
    }
    console.log(JSON.stringify(outcomes));
    Deno.exit();`;
    const { stdout, stderr } = await new Deno.Command("prlimit", {
      args: ["--nofile=200:200", Deno.execPath(), "eval", script],
      stdin: "null",
    }).output();
    const said = new TextDecoder().decode(stdout);
    assert.notEqual(said, "", new TextDecoder().decode(stderr));
    assert.deepEqual(JSON.parse(said), [
      ["L4CON", "socket: EMFILE", "descriptors"],
      ["L4CON", "socket: EMFILE", "descriptors"],
    ]);
  },
);

Deno.test("a kernel that gives no sockets of a family has no address of it", () => {
  for (const check of [tcpCheck(80), icmpCheck()]) {
    const plan = probePlan(target("b", check, { address: ip("2001:db8::1") }), "test");
    const { code, detail, void: cause } = hostFailure(new ErrnoError("socket", E.EAFNOSUPPORT), plan);
    assert.deepEqual([code, detail, cause], [
      "L4CON",
      "this host has no usable IPv6 address (socket: EAFNOSUPPORT)",
      "family",
    ]);
  }
});

testWith([noNamespaces], "a connection of the probe to itself is no server", async (t) => {
  using network = new Network();
  const { prober } = network;
  // The kernel chooses the source from one port only, and that is the one that is asked.
  prober.sysctl("net.ipv4.ip_local_port_range", "50000 50000");
  const refused = "connection refused (nobody listens: the probe was connected to itself)";
  await using local = new LocalProber();
  for (const address of ["127.0.0.1", "::1", "198.18.77.1", "fd77::1"]) {
    await t.step(address, async () => {
      for (const check of [tcpCheck(50_000), httpCheck(50_000), tcpCheck(50_000, { tls: null })]) {
        const one = target("b", check, { netns: prober.name, address: ip(address) });
        const { code, detail, void: cause } = await local.once(one);
        assert.deepEqual([code, detail, cause], ["L4CON", refused, null]);
      }
    });
  }
});
