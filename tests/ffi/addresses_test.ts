import assert from "node:assert/strict";
import { hasAddress, usableIpv6 } from "../../ffi/addresses.ts";
import { inNamespace } from "../../ffi/netns.ts";
import { Namespace } from "../probes/namespaces.ts";
import { noNamespaces, testWith } from "../probes/needs.ts";

Deno.test("usableIpv6() tells which lines of /proc/net/if_inet6 can be sent from", () => {
  const lines = {
    loopback: "00000000000000000000000000000001 01 80 10 80       lo\n",
    link: "fe80000000000000b8ff69fffe209f14 02 40 20 80     eth0\n",
    global: "20010db8000000000000000000000001 02 40 00 80     eth0\n",
    unique: "fd770000000000000000000000000001 02 40 00 82     eth0\n",
    tentative: "20010db8000000000000000000000002 02 40 00 c0     eth0\n",
    optimistic: "20010db8000000000000000000000003 02 40 00 c4     eth0\n",
    duplicate: "20010db8000000000000000000000004 02 40 00 c8     eth0\n",
    deprecated: "20010db8000000000000000000000005 02 40 00 a0     eth0\n",
  };
  const usable = Object.entries(lines).filter(([, line]) => usableIpv6(line, false)).map(([name]) => name);
  assert.deepEqual(usable, ["global", "unique", "optimistic", "deprecated"]);
  const toItself = Object.entries(lines).filter(([, line]) => usableIpv6(line, true)).map(([name]) => name);
  assert.deepEqual(toItself, ["loopback", "link", "global", "unique", "optimistic", "deprecated"]);
  assert.equal(usableIpv6("", true), false);
  assert.equal(usableIpv6(Object.values(lines).join(""), false), true);
});

testWith([noNamespaces], "hasAddress() knows the addresses of the namespace that the thread is in", () => {
  using namespace = new Namespace();
  const inside = () =>
    inNamespace(`/var/run/netns/${namespace.name}`, () => ({
      v4: [hasAddress(4, true), hasAddress(4, false)],
      v6: [hasAddress(6, true), hasAddress(6, false)],
    }));
  assert.deepEqual(inside(), { v4: [true, false], v6: [true, false] });
  namespace.ip("addr", "add", "198.51.100.1/32", "dev", "lo");
  namespace.ip("-6", "addr", "add", "2001:db8::1/128", "dev", "lo", "nodad");
  assert.deepEqual(inside(), { v4: [true, true], v6: [true, true] });
  namespace.sysctl("net.ipv6.conf.all.disable_ipv6", "1");
  namespace.ip("addr", "flush", "dev", "lo");
  assert.deepEqual(inside(), { v4: [false, false], v6: [false, false] });
});

testWith([noNamespaces], "hasAddress() reads a list of any length", () => {
  using namespace = new Namespace();
  // Some 90,000 octets of addresses of which none can be sent from: these of the link, and then one that can.
  const batch = Array.from(
    { length: 1500 },
    (_, i) => `addr add fe80::1:${i.toString(16)}/64 dev lo nodad`,
  );
  const file = Deno.makeTempFileSync();
  try {
    const run = (lines: string[]) => {
      Deno.writeTextFileSync(file, lines.join("\n") + "\n");
      namespace.ip("-batch", file);
    };
    run(batch);
    const has = () => inNamespace(`/var/run/netns/${namespace.name}`, () => hasAddress(6, false));
    assert.equal(has(), false);
    run(["addr add 2001:db8::1/128 dev lo nodad"]);
    assert.equal(has(), true);
  } finally {
    Deno.removeSync(file);
  }
});
