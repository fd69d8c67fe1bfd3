/**
 * Identity and order of VIPs.
 *
 * @module
 */
import type { Encap, Family, IpAddress, Protocol, VipKey } from "../model.ts";
import type { Frontend } from "../configuration.ts";
import { hostPrefix, octets } from "../net/ip.ts";

const protocolNumbers = { tcp: 6, udp: 17, any: 255 } as const;

/** IP protocol number of a protocol; 255 for an all-port VIP (VPP's "any"). */
export function protocolNumber(protocol: Protocol): number {
  return protocolNumbers[protocol];
}

/** Name of an IP protocol number; everything but TCP and UDP reads as `any`. */
export function protocolName(protocol: number): Protocol {
  return protocol === 6 ? "tcp" : protocol === 17 ? "udp" : "any";
}

/** Identity of a frontend's VIP in VPP. */
export function frontendVip(frontend: Frontend): VipKey {
  return {
    prefix: hostPrefix(frontend.address),
    protocol: protocolNumber(frontend.protocol),
    port: frontend.port,
  };
}

/** One text per VIP, to use as a map's key. */
export function vipId(vip: VipKey): string {
  return `${vip.prefix} ${vip.protocol} ${vip.port}`;
}

/** A VIP for people: `192.0.2.1/32 tcp 80`. */
export function vipText(vip: VipKey): string {
  const name = vip.protocol === 6 || vip.protocol === 17 || vip.protocol === 255
    ? protocolName(vip.protocol)
    : String(vip.protocol);
  return `${vip.prefix} ${name} ${vip.port}`;
}

/** Whether VPP treats it as an all-port VIP, which cannot share a prefix with per-port ones (VPP: -81). */
export function isAllPort(vip: VipKey): boolean {
  return vip.port === 0;
}

/** Family of the application servers that an encapsulation can carry (others: VPP's -97). */
export function encapFamily(encap: Encap): Family {
  return encap === "gre6" || encap === "nat6" ? 6 : 4;
}

/**
 * Text whose plain order is the numeric order of addresses, every IPv4 address before every IPv6 address.
 * Making it once per address is what keeps sorting thousands of servers cheap.
 */
export function addressOrder(address: IpAddress): string {
  let text = address.includes(":") ? "6" : "4";
  for (const octet of octets(address)) text += octet < 16 ? `0${octet.toString(16)}` : octet.toString(16);
  return text;
}

/** Orders of prefixes, since the same VIPs are sorted again and again. Forgotten when there are too many. */
const prefixOrders = new Map<string, string>();
const MOST_PREFIXES = 16_384;

function prefixOrder(prefix: string): string {
  const known = prefixOrders.get(prefix);
  if (known !== undefined) return known;
  const [address = "", length = ""] = prefix.split("/");
  const order = `${addressOrder(address as IpAddress)} ${length.padStart(3, "0")}`;
  if (prefixOrders.size >= MOST_PREFIXES) prefixOrders.clear();
  prefixOrders.set(prefix, order);
  return order;
}

function compareVips(a: VipKey, b: VipKey): number {
  const left = prefixOrder(a.prefix);
  const right = prefixOrder(b.prefix);
  return left < right ? -1 : left > right ? 1 : a.protocol - b.protocol || a.port - b.port;
}

/** A copy in numeric order of address, then protocol, then port. */
export function sortedByVip<T>(items: readonly T[], vip: (item: T) => VipKey): T[] {
  return [...items].sort((a, b) => compareVips(vip(a), vip(b)));
}

/** The same in numeric order of address, IPv4 first. */
export function sortedByAddress<T extends { readonly address: IpAddress }>(
  items: readonly T[],
): readonly T[] {
  if (items.length < 2) return items;
  return items
    .map((item) => ({ item, key: addressOrder(item.address) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ item }) => item);
}
