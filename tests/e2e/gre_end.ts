/**
 * The far end of VPP's GRE tunnels, for network namespaces of a kernel without ip_gre: takes what arrives with
 * protocol 47, drops the outer headers, and hands the packet inside to its own namespace, where the VIP is an
 * address of the loopback device. Answers need no tunnel: the servers send them to the client themselves.
 *
 *   deno run -A tests/e2e/gre_end.ts NAMESPACE...
 *
 * Prints `ready`, and ends when its standard input does.
 *
 * @module
 */
import { pollReadable, RawSocket } from "../raw_socket.ts";

const IPPROTO_TCP = 6;
const IPPROTO_GRE = 47;
/** A raw socket of this protocol sends packets with the header that they have. */
const IPPROTO_RAW = 255;
const STDIN = 0;

/** One address family of one namespace. */
interface Tunnel {
  readonly arrivals: RawSocket;
  readonly deliveries: RawSocket;
  readonly family: 4 | 6;
}

function open(namespace: string): Tunnel[] {
  return ([4, 6] as const).map((family) => ({
    arrivals: new RawSocket(namespace, family, IPPROTO_GRE),
    deliveries: new RawSocket(namespace, family, IPPROTO_RAW),
    family,
  }));
}

/** The packet in a GRE packet without options (RFC 2784), as a raw socket of `family` gives it; null for others. */
export function inner(family: 4 | 6, packet: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | null {
  // A raw socket shows the outer header of IPv4 and leaves out that of IPv6.
  const outer = family === 4 ? ((packet[0] ?? 0) & 15) * 4 : 0;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  if (packet.length < outer + 24 || view.getUint16(outer) !== 0) return null;
  return packet.subarray(outer + 4);
}

function sumOf(octets: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at += 2) {
    sum += ((octets[at] ?? 0) << 8) | (at + 1 < to ? octets[at + 1] ?? 0 : 0);
  }
  return sum;
}

/**
 * Puts the checksum of a TCP segment right: the kernel leaves it to the sender's network card, and a veth pair
 * has none. Packets of other protocols stay as they are.
 */
export function complete(packet: Uint8Array<ArrayBuffer>): void {
  const v4 = (packet[0] ?? 0) >> 4 === 4;
  const start = v4 ? ((packet[0] ?? 0) & 15) * 4 : 40;
  if (packet[v4 ? 9 : 6] !== IPPROTO_TCP || packet.length < start + 20) return;
  packet.set([0, 0], start + 16);
  let sum = sumOf(packet, v4 ? 12 : 8, v4 ? 20 : 40) + IPPROTO_TCP + packet.length - start +
    sumOf(packet, start, packet.length);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  packet.set([(~sum >> 8) & 0xff, ~sum & 0xff], start + 16);
}

function destination(packet: Uint8Array): Uint8Array {
  return (packet[0] ?? 0) >> 4 === 4 ? packet.subarray(16, 20) : packet.subarray(24, 40);
}

function main(namespaces: readonly string[]): void {
  const tunnels = namespaces.flatMap(open);
  const watched = [STDIN, ...tunnels.map(({ arrivals }) => arrivals.number)];
  Deno.stdout.writeSync(new TextEncoder().encode("ready\n"));
  for (;;) {
    const [ended] = pollReadable(watched, -1);
    if (ended) return;
    for (const { arrivals, deliveries, family } of tunnels) {
      const arrived = arrivals.receive();
      const packet = arrived === null ? null : inner(family, arrived);
      if (packet === null) continue;
      complete(packet);
      deliveries.send(packet, destination(packet));
    }
  }
}

if (import.meta.main) main(Deno.args);
