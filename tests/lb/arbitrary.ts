import fc from "fast-check";
import { encapFamily } from "../../src/lb/vips.ts";
import type { Encap, Family, IpAddress, Protocol, State } from "../../src/model.ts";
import type { Config, Frontend } from "../../src/configuration.ts";
import { family, hostPrefix, ip } from "../../src/net/ip.ts";
import type { MemberStatus } from "../../src/health/frontend.ts";
import type { PlacedVip } from "./fake_balancer.ts";
import { backend, config, frontend } from "./setup.ts";

/**
 * The VIP addresses of all random worlds: few, so that configuration and VPP often meet, and in the range that
 * tests may use on a real VPP.
 */
const addresses = ["203.0.113.1", "203.0.113.2", "203.0.113.10", "2001:db8:77::1", "2001:db8:77::2"].map(ip);
const numbers = [1, 2, 3, 9, 10, 200];

const backendNames = (family: Family) => numbers.map((n) => `${family === 4 ? "b" : "c"}${n}`);
const weight = fc.oneof(fc.constantFrom(0, 1, 100), fc.integer({ min: 0, max: 100 }));
const length = fc.constantFrom(256, 1024, 65_536);
const perPort: readonly { readonly protocol: Protocol; readonly port: number }[] = [
  { protocol: "tcp", port: 80 },
  { protocol: "tcp", port: 443 },
  { protocol: "udp", port: 53 },
];
const keys = fc.oneof(
  fc.subarray([...perPort], { minLength: 1 }),
  fc.constant([{ protocol: "any" as const, port: 0 }]),
);

const pools = (family: Family) =>
  fc.record({
    members: fc.shuffledSubarray(backendNames(family), { minLength: 1 }),
    weights: fc.array(weight, { minLength: numbers.length, maxLength: numbers.length }),
    split: fc.nat({ max: 3 }),
  }).map(({ members, weights, split }) => {
    const pairs = members.map((name, index) => [name, weights[index] ?? 0] as const);
    const first = pairs.slice(split);
    const second = pairs.slice(0, split);
    return first.length === 0 || second.length === 0
      ? { primary: Object.fromEntries(pairs) }
      : { primary: Object.fromEntries(first), spare: Object.fromEntries(second) };
  });

const frontendsOn = (address: IpAddress): fc.Arbitrary<Frontend[]> =>
  fc.constantFrom<Family>(4, 6).chain((family) =>
    keys.chain((list) =>
      fc.tuple(
        ...list.map(({ protocol, port }) =>
          fc.record({
            pools: pools(family),
            sticky: fc.boolean(),
            flush: fc.boolean(),
            length,
            auto: fc.boolean(),
          })
            .map((f) =>
              frontend(`${address}-${protocol}-${port}`, f.pools, {
                address,
                protocol,
                port,
                srcIpSticky: f.sticky,
                flushOnDown: f.flush,
                newFlowsTableLength: f.length,
                newFlowsTableLengthAuto: f.auto,
              })
            )
        ),
      )
    )
  );

/** A configuration that the checker would take: one family and one kind of VIP per address. */
export const anyConfig: fc.Arbitrary<Config> = fc.tuple(
  ...addresses.map((address) => fc.option(frontendsOn(address), { nil: [], freq: 4 })),
).map((lists) => config(lists.flat()));

const protocols = { tcp: 6, udp: 17, any: 255 } as const;

/** VPP makes a GRE6 VIP of an encapsulation that does not fit the VIP's family. */
const encapsOf = (vip: Family): Encap[] => vip === 4 ? ["gre4", "gre6", "l3dsr", "nat4"] : ["nat6"];

/**
 * NAT VIPs stay without servers: VPP survives neither a server of one for all ports, nor collecting a server that
 * two of them had.
 */
const serversOf = (encap: Encap) =>
  encap.startsWith("nat") ? [] : backendNames(encapFamily(encap)).map((name) => backend(name).address);

const vipsOn = (address: IpAddress): fc.Arbitrary<PlacedVip[]> =>
  fc.constantFrom<Encap>("gre4", "gre6", ...encapsOf(family(address))).chain((encap) =>
    keys.chain((list) =>
      fc.tuple(...list.map(({ protocol, port }) =>
        fc.record({
          sticky: fc.constantFrom(true, false, null),
          length,
          servers: fc.subarray(serversOf(encap)),
          weights: fc.array(weight, { minLength: numbers.length, maxLength: numbers.length }),
        }).map(({ sticky, length: tableLength, servers, weights }): PlacedVip => ({
          prefix: hostPrefix(address),
          protocol: protocols[protocol],
          port,
          encap,
          srcIpSticky: sticky,
          tableLength,
          index: null,
          servers: servers.map((address, index) => ({ address, weight: weights[index] ?? 0 })),
        }))
      ))
    )
  );

/** VIPs that a VPP can have: one encapsulation and one kind of VIP per prefix. */
export const anyVips: fc.Arbitrary<PlacedVip[]> = fc.tuple(
  ...addresses.map((address) => fc.option(vipsOn(address), { nil: [], freq: 3 })),
).map((lists) => lists.flat());

/** States of all backends of all random worlds. */
export const anyStates: fc.Arbitrary<Map<string, MemberStatus>> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<State>("up", "up", "down", "paused", "disabled", "unknown") },
    { weight: 1, arbitrary: fc.constant("not known" as const) },
  ),
  { minLength: 2 * numbers.length, maxLength: 2 * numbers.length },
).map((states) =>
  new Map([...backendNames(4), ...backendNames(6)].map((name, index): [string, MemberStatus] => {
    const state = states[index] ?? "up";
    return [name, state === "not known" ? { state: "unknown", known: false } : { state, known: true }];
  }))
);
