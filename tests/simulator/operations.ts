/**
 * Random requests to the lb plugin, drawn from a world so small that they meet: the same few prefixes, ports and
 * servers again and again.
 */
import fc from "fast-check";
import type { IpAddress } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import type { BodyOf } from "../../src/vpp/messages.ts";
import type { Named } from "./raw_client.ts";

/** One request, or the passing of time. */
export type Operation =
  | { readonly name: "lb_add_del_vip_v2"; readonly body: BodyOf<Named<"lb_add_del_vip_v2">> }
  | { readonly name: "lb_add_del_as_v2"; readonly body: BodyOf<Named<"lb_add_del_as_v2">> }
  | { readonly name: "lb_as_set_weight"; readonly body: BodyOf<Named<"lb_as_set_weight">> }
  | { readonly name: "lb_conf"; readonly body: BodyOf<Named<"lb_conf">> }
  | { readonly name: "wait"; readonly seconds: number };

/** What the world holds. */
export interface World {
  readonly prefixes: readonly string[];
  readonly encaps: readonly number[];
  readonly ports: readonly (readonly [protocol: number, port: number])[];
  readonly lengths: readonly number[];
  readonly servers: readonly IpAddress[];
  readonly waits: readonly number[];
}

/** All that the plugin tells apart, odd values too. */
export const wholeWorld: World = {
  prefixes: [
    "198.51.100.1/32",
    "198.51.100.1/32",
    "198.51.100.1/32",
    "198.51.100.2/32",
    "203.0.113.0/28",
    "203.0.113.9/28",
    "203.0.113.0/29",
    "2001:db8::1/128",
    "2001:db8:0:1::/64",
    "2001:db8:0:1::7/64",
    "::192.0.2.1/128",
  ],
  encaps: [0, 0, 0, 1, 1, 2, 3, 4, 9],
  ports: [[6, 80], [6, 80], [6, 80], [6, 443], [17, 53], [17, 80], [255, 0], [6, 0], [255, 80], [1, 7]],
  lengths: [256, 512, 1024, 2048, 4096, 65536, 1, 1000],
  servers: ["10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8:2::1", "2001:db8:2::2", "::1"].map(ip),
  waits: [1, 9, 10, 30, 60, 61],
};

const tableOf = (world: World) => {
  const vip = fc.record({
    pfx: fc.constantFrom(...world.prefixes),
    service: fc.constantFrom(...world.ports),
  }).map(({ pfx, service: [protocol, port] }) => ({ pfx, protocol, port }));
  const isDel = (often: number) => fc.nat(often).map((n) => n === 0);
  const weight = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.constantFrom(0, 1, 100, 255));
  const as = fc.constantFrom(...world.servers);
  return { vip, isDel, weight, as };
};

/** One operation in a world. */
export function operation(world: World): fc.Arbitrary<Operation> {
  const { vip, isDel, weight, as } = tableOf(world);
  const vips = fc.record({
    vip,
    encap: fc.constantFrom(...world.encaps),
    dscp: fc.nat(255),
    type: fc.constantFrom(0, 0, 1),
    target_port: fc.constantFrom(0, 3000),
    new_flows_table_length: fc.constantFrom(...world.lengths),
    src_ip_sticky: fc.boolean(),
    is_del: isDel(3),
  }).map(({ vip, encap, ...rest }): Operation => ({
    name: "lb_add_del_vip_v2",
    // Of NAT with all ports a server would end VPP.
    body: {
      ...vip,
      node_port: 0,
      ...rest,
      encap: vip.port === 0 && (encap === 3 || encap === 4) ? 2 : encap,
    },
  }));
  const servers = fc.record({ vip, as_address: as, weight, is_del: isDel(2), is_flush: fc.boolean() })
    .map(({ vip, ...rest }): Operation => ({ name: "lb_add_del_as_v2", body: { ...vip, ...rest } }));
  const weights = fc.record({ vip, as_address: as, weight, is_flush: fc.boolean() })
    .map(({ vip, ...rest }): Operation => ({ name: "lb_as_set_weight", body: { ...vip, ...rest } }));
  const confs = fc.record({
    ip4_src_address: fc.constantFrom(ip("192.0.2.254"), ip("255.255.255.255")),
    ip6_src_address: fc.constantFrom(ip("2001:db8::254"), ip("::ffff:192.0.2.1")),
    sticky_buckets_per_core: fc.constantFrom(1024, 65536, 1000, 0xffffffff),
    flow_timeout: fc.constantFrom(1, 40, 120, 0xffffffff),
  }).map((body): Operation => ({ name: "lb_conf", body }));
  const all = [
    { weight: 6, arbitrary: vips },
    { weight: 12, arbitrary: servers },
    { weight: 4, arbitrary: weights },
    { weight: 1, arbitrary: confs },
  ];
  if (world.waits.length === 0) return fc.oneof(...all);
  const waits = fc.constantFrom(...world.waits).map((seconds): Operation => ({ name: "wait", seconds }));
  return fc.oneof(...all, { weight: 3, arbitrary: waits });
}
