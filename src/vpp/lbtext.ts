/**
 * Reads `show lb vips verbose`, the only place where VPP tells a VIP's index, `src_ip_sticky` and true table
 * length. A block for each VIP starts with its head line and ends with an empty line:
 *
 *   ` ip4-gre4 [1] 198.51.100.1/32`            head; ` src_ip_sticky` and ` removed` may follow
 *   `  new_size:1024`                          table length
 *   `  protocol:6 port:80`                     absent for an all-port VIP
 *   `  dscp:7`                                 L3DSR only
 *   `  type:clusterip port:36895 target_port:3000  counters:`   NAT only: no line end before `counters:`,
 *                                              and this port has its octets swapped
 *   `  counters:` and four lines of them
 *   `  #as:1` and a line for each server, which ends in ` used` or `  removed`
 *
 * Every line must be known as a whole. One that is not may change the meaning of its block, so nothing of that
 * block is believed; all others stand.
 *
 * @module
 */
import type { VipKey } from "../model.ts";
import { family, parseIp } from "../net/ip.ts";

/** What only the text tells of a VIP. */
export interface VipText {
  /** Column of the per-VIP counters. */
  readonly index: number;
  /** Whether flows are hashed on their source address only. */
  readonly srcIpSticky: boolean;
  /** Entries of the new-flow table. */
  readonly tableLength: number;
  /** Servers that are in use, removed ones not counted. */
  readonly servers: number;
}

/** The text, read. VIPs that are removed are left out. */
export interface LbText {
  /** By `vipId`. */
  readonly vips: ReadonlyMap<string, VipText>;
  /** Lines that are not known, as they stand. */
  readonly unknownLines: readonly string[];
}

/** Protocol number that the plugin gives to all-port VIPs. */
const ANY = 255;

const head = /^ ip([46])-(gre4|gre6|l3dsr|nat4|nat6) \[(\d+)\] (\S+)( src_ip_sticky)?( removed)?$/;
const newSize = /^ {2}new_size:(\d+)$/;
const service = /^ {2}protocol:(\d+) port:(\d+)$/;
const server = /^ {4}\S+ weight:\d+ buckets:\d+ flows:\d+ dpo:\d+ (used| removed)$/;
const serverCount = /^ {2}#as:\d+$/;
/** Lines that are there but tell nothing that is needed. */
const others: readonly RegExp[] = [
  /^ {2}dscp:\d+$/,
  /^ {2}type:(clusterip|nodeport) port:\d+ target_port:\d+ {2}counters:$/,
  /^ {2}counters:$/,
  /^ {4}(packet from existing sessions|first session packet|untracked packet|no server configured): \d+$/,
];

/** One text for one VIP, to be used as a key. */
export function vipId(vip: VipKey): string {
  return `${vip.prefix} ${vip.protocol} ${vip.port}`;
}

/** The canonical form of a prefix as VPP prints it; null if it is none. */
function canonicalPrefix(text: string): string | null {
  const slash = text.lastIndexOf("/");
  const address = parseIp(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (slash < 0 || address === null || !/^\d{1,3}$/.test(length)) return null;
  return Number(length) > (family(address) === 4 ? 32 : 128) ? null : `${address}/${Number(length)}`;
}

function parseBlock(lines: readonly string[], unknownLines: string[]): [string, VipText] | null {
  let first: RegExpExecArray | null = null;
  let prefix: string | null = null;
  let tableLength: number | null = null;
  let port: RegExpExecArray | null = null;
  let servers = 0;
  let whole = false;
  let known = true;
  for (const line of lines) {
    const match = head.exec(line);
    if (match !== null && first === null) {
      first = match;
      prefix = canonicalPrefix(match[4] ?? "");
      if (prefix !== null) continue;
    } else if (newSize.test(line) && tableLength === null) {
      tableLength = Number(newSize.exec(line)?.[1]);
      continue;
    } else if (service.test(line) && port === null) {
      port = service.exec(line);
      continue;
    } else if (server.test(line)) {
      if (line.endsWith(" used")) servers++;
      continue;
    } else if (serverCount.test(line)) {
      whole = true;
      continue;
    } else if (others.some((other) => other.test(line))) continue;
    unknownLines.push(line);
    known = false;
  }
  // A block that was cut off could lack its service line, and would pass for an all-port VIP.
  if (!known || !whole || first === null || prefix === null || tableLength === null) return null;
  if (first[6] !== undefined) return null;
  const key = { prefix, protocol: Number(port?.[1] ?? ANY), port: Number(port?.[2] ?? 0) };
  return [vipId(key), { index: Number(first[3]), srcIpSticky: first[5] !== undefined, tableLength, servers }];
}

/** Reads the whole text. Never throws: what is not known is in `unknownLines`. */
export function parseLbText(text: string): LbText {
  const vips = new Map<string, VipText>();
  const unknownLines: string[] = [];
  for (const block of text.split("\n\n")) {
    const lines = block.split("\n").filter((line) => line !== "");
    if (lines.length === 0) continue;
    const vip = parseBlock(lines, unknownLines);
    if (vip !== null) vips.set(...vip);
  }
  return { vips, unknownLines };
}
