/**
 * Internet socket addresses as the octets that the kernel reads (`struct sockaddr_in`, `sockaddr_in6`;
 * the same on x86_64 and aarch64).
 *
 * @module
 */
import { linux } from "./constants.ts";

/**
 * Makes a socket address.
 *
 * @param octets the address, 4 or 16 octets in network order
 * @param port 0…65535
 * @returns 16 or 28 octets
 * @throws RangeError for another number of octets
 */
export function sockaddr(octets: Uint8Array, port: number): Uint8Array<ArrayBuffer> {
  if (octets.length !== 4 && octets.length !== 16) {
    throw new RangeError(`Cannot make a socket address of ${octets.length} octets`);
  }
  const short = octets.length === 4;
  const bytes = new Uint8Array(short ? 16 : 28);
  const view = new DataView(bytes.buffer);
  // The family is in the machine's order, the port in the network's; both machines are little-endian.
  view.setUint16(0, short ? linux.AF_INET : linux.AF_INET6, true);
  view.setUint16(2, port);
  bytes.set(octets, short ? 4 : 8);
  return bytes;
}

/** Port of a socket address made by `sockaddr` or filled in by the kernel, 0…65535. */
export function sockaddrPort(bytes: Uint8Array): number {
  return ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
}

/** The 4 or 16 octets of a socket address filled in by the kernel; empty for another family. */
export function sockaddrOctets(bytes: Uint8Array): Uint8Array {
  const family = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8);
  if (family === linux.AF_INET) return bytes.slice(4, 8);
  if (family === linux.AF_INET6) return bytes.slice(8, 24);
  return new Uint8Array();
}
