/**
 * The flow hash of VPP's lb plugin: CRC-32C (Castagnoli, reflected, start value 0, no final XOR) over five
 * 64-bit little-endian words of addresses and ports. It holds for TCP and UDP on processors with a CRC
 * instruction, for which the usual packages are built; ICMP errors and other protocols are not modelled.
 *
 * @module
 */
import type { IpAddress } from "../../model.ts";
import { octets } from "../../net/ip.ts";

/** A new flow as its first packet arrives at VPP. */
export interface Flow {
  /** Source address. */
  readonly client: IpAddress;
  /** Source port 0...65535; ignored with `srcIpSticky`. */
  readonly clientPort: number;
  /** Destination address: of the VIP's family, which must be the client's. */
  readonly vip: IpAddress;
  /** Destination port of the packet, also for an all-port VIP; ignored with `srcIpSticky`. */
  readonly vipPort: number;
  /** Whether the VIP hashes on the addresses alone. */
  readonly srcIpSticky: boolean;
}

const CASTAGNOLI_REFLECTED = 0x82f63b78;

const table = Uint32Array.from({ length: 256 }, (_, octet) => {
  let crc = octet;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? CASTAGNOLI_REFLECTED : 0);
  return crc;
});

function crc32c(data: Uint8Array): number {
  let crc = 0;
  for (const octet of data) crc = (crc >>> 8) ^ (table[(crc ^ octet) & 255] ?? 0);
  return crc >>> 0;
}

/**
 * Hash of a flow, an unsigned 32-bit number. Its low bits choose the bucket of the new-flow table.
 *
 * @throws {RangeError} When client and VIP are of different families.
 */
export function flowHash({ client, clientPort, vip, vipPort, srcIpSticky }: Flow): number {
  const source = octets(client);
  const destination = octets(vip);
  if (source.length !== destination.length) {
    throw new RangeError(`Cannot hash a flow from ${client} to ${vip}: different families`);
  }
  const words = new Uint8Array(40);
  words.set(source, 0);
  words.set(destination, source.length);
  if (!srcIpSticky) {
    // VPP makes the word as source << 16 | destination of 16-bit values that it reads without swapping, so the
    // octets stand in the order destination, source, each in network order.
    const at = source.length === 4 ? 8 : 32;
    words.set([vipPort >> 8, vipPort & 255, clientPort >> 8, clientPort & 255], at);
  }
  return crc32c(words);
}
