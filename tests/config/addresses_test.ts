import assert from "node:assert/strict";
import { stringify } from "yaml";
import { refusedAddress } from "../../src/config/addresses.ts";
import { checkText } from "../../src/config/load.ts";
import { ip, ipFromOctets, octets } from "../../src/net/ip.ts";

/** What the documentation refuses, as first and last address. */
const REFUSED: readonly (readonly [first: string, last: string])[] = [
  ["0.0.0.0", "0.255.255.255"],
  ["224.0.0.0", "239.255.255.255"],
  ["240.0.0.0", "255.255.255.255"],
  ["::", "::"],
  ["::2", "::ffff:ffff"],
  ["::ffff:0:0", "::ffff:ffff:ffff"],
  ["fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
];

/** Addresses that look like refused ones and can be used. */
const ALLOWED = [
  "1.0.0.0",
  "10.0.0.1",
  "127.0.0.1",
  "127.0.2.10",
  "169.254.0.1",
  "192.0.2.255",
  "223.255.255.255",
  "::1",
  "::1:0:0",
  "::fffe:ffff:ffff",
  "::1:0:0:0",
  "64:ff9b::192.0.2.1",
  "fc00::1",
  "fe7f:ffff::1",
  "fec0::",
  "feff:ffff::1",
];

/** The next address in numeric order, or null after the last. */
function next(address: string): string | null {
  const list = octets(ip(address));
  for (let i = list.length - 1; i >= 0; i--) {
    list[i] = ((list[i] ?? 0) + 1) & 255;
    if (list[i] !== 0) return ipFromOctets(list);
  }
  return null;
}

Deno.test("refused are exactly the blocks that the documentation names, to their edges", () => {
  for (const [first, last] of REFUSED) {
    for (const address of [first, last]) assert.notEqual(refusedAddress(ip(address)), null, address);
  }
  for (const address of ALLOWED) assert.equal(refusedAddress(ip(address)), null, address);
  const firsts = new Set(REFUSED.map(([first]) => ip(first)));
  for (const [, last] of REFUSED) {
    const after = next(last);
    if (after === null || firsts.has(ip(after))) continue;
    assert.equal(refusedAddress(ip(after)), null, after);
  }
});

/** A file with one address at each key that takes one. */
function file(v4: string, v6: string): Record<string, unknown> {
  return {
    maglev: {
      healthchecks: { web: { type: "icmp", "probe-ipv4-src": v4, "probe-ipv6-src": v6 } },
      backends: {
        b4: { address: v4, healthcheck: "web" },
        b6: { address: v6, healthcheck: "web" },
      },
      frontends: {
        f4: { address: v4, pools: [{ name: "p", backends: { b4: {} } }] },
        f6: { address: v6, pools: [{ name: "p", backends: { b6: {} } }] },
      },
      vpp: { lb: { "ipv4-src-address": v4, "ipv6-src-address": v6 } },
    },
  };
}

Deno.test("every address of the file is judged alike, whatever its key", () => {
  const keys = [
    "healthchecks.web.probe-ipv4-src",
    "healthchecks.web.probe-ipv6-src",
    "backends.b4.address",
    "backends.b6.address",
    "frontends.f4.address",
    "frontends.f6.address",
    "vpp.lb.ipv4-src-address",
    "vpp.lb.ipv6-src-address",
  ];
  const v4 = ["0.0.0.0", "0.9.9.9", "224.0.0.5", "250.1.2.3", "255.255.255.255"];
  const v6 = ["::", "::c000:201", "::ffff:192.0.2.1", "fe80::1", "ff02::1"];
  v4.forEach((address, index) => {
    const text = stringify(file(address, v6[index] ?? ""));
    const errors = checkText(text, "f", { fileRules: false }).findings.filter(({ severity }) =>
      severity === "error"
    );
    assert.deepEqual(errors.map(({ path }) => path), keys.map((key) => `maglev.${key}`), address);
    for (const { pass, message } of errors) assert.match(`${pass} ${message}`, /^semantic cannot be /);
  });
});
