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
 * @param port 0...65535
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
