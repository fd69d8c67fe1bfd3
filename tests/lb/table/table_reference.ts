/** The new-flow table and the flow hash once more: slow, plain, in BigInt, as the description reads. */
import type { Flow } from "../../../src/lb/table/flow.ts";
import type { TableServer } from "../../../src/lb/table/table.ts";
import { octets, octets16 } from "../../../src/net/ip.ts";

const MASK = 2n ** 64n - 1n;
const P1 = 11400714785074694791n;
const P2 = 14029467366897019727n;
const P3 = 1609587929392839161n;
const P4 = 9650029242287828579n;
const P5 = 2870177450012600261n;

const rotl = (x: bigint, n: bigint): bigint => ((x << n) | (x >> (64n - n))) & MASK;

/** xxHash64 of one word, with VPP's start value. */
export function slowHash(word: bigint): bigint {
  const k = (rotl((word * P2) & MASK, 31n) * P1) & MASK;
  let h = ((0x9e3779b97f4a7c13n + P5 + 8n) & MASK) ^ k;
  h = (rotl(h, 27n) * P1 + P4) & MASK;
  h ^= h >> 33n;
  h = (h * P2) & MASK;
  h ^= h >> 29n;
  h = (h * P3) & MASK;
  return h ^ (h >> 32n);
}

const littleEndian = (octets: Uint8Array): bigint =>
  octets.reduceRight((sum, octet) => (sum << 8n) | BigInt(octet), 0n);

const hex = (octets: Uint8Array): string =>
  [...octets].map((octet) => octet.toString(16).padStart(2, "0")).join("");

/** The table as a list of server indexes, −1 for none. */
export function slowTable(length: number, servers: readonly TableServer[]): number[] {
  const replicas = servers.flatMap(({ address, weight }, index) => {
    const octets = octets16(address);
    const key = littleEndian(octets.subarray(0, 8)) ^ littleEndian(octets.subarray(8));
    return Array.from({ length: weight }, (_, r) => {
      const seed = slowHash(key ^ BigInt(r));
      const mask = BigInt(length - 1);
      return {
        index,
        sort: `${String(r).padStart(3, "0")} ${hex(octets)}`,
        at: Number((seed >> 32n) & mask),
        skip: Number(((seed & 0xffffffffn) | 1n) & mask),
      };
    });
  }).sort((a, b) => a.sort < b.sort ? -1 : 1);
  const table = new Array<number>(length).fill(-1);
  let free = replicas.length === 0 ? 0 : length;
  while (free > 0) {
    for (const replica of replicas) {
      if (free === 0) break;
      for (let claimed = false; !claimed; replica.at = (replica.at + replica.skip) % length) {
        claimed = table[replica.at] === -1;
        if (claimed) table[replica.at] = replica.index;
      }
      free--;
    }
  }
  return table;
}

/** CRC-32C bit by bit over the five words, each built as a number first. */
export function slowCrc32c({ client, clientPort, vip, vipPort, srcIpSticky }: Flow): number {
  const swap = (port: number) => BigInt(((port & 255) << 8) | (port >> 8));
  const ports = srcIpSticky ? 0n : (swap(clientPort) << 16n) | swap(vipPort);
  const addresses = Uint8Array.from([...octets(client), ...octets(vip)]);
  const words: bigint[] = [];
  for (let at = 0; at < addresses.length; at += 8) words.push(littleEndian(addresses.subarray(at, at + 8)));
  words.push(ports);
  while (words.length < 5) words.push(0n);
  let crc = 0n;
  for (const word of words) {
    for (let bit = 0n; bit < 64n; bit++) {
      const low = (crc ^ (word >> bit)) & 1n;
      crc = (crc >> 1n) ^ (low * 0x82f63b78n);
    }
  }
  return Number(crc);
}
