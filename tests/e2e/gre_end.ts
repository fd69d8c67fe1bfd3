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
import { E, linux } from "../../ffi/constants.ts";
import { Fd } from "../../ffi/fd.ts";
import { check, errno, ErrnoError, libc } from "../../ffi/libc.ts";
import { inNamespace } from "../../ffi/netns.ts";
import { sockaddr } from "../../ffi/sockaddr.ts";

const IPPROTO_TCP = 6;
const IPPROTO_GRE = 47;
/** A raw socket of this protocol sends packets with the header that they have. */
const IPPROTO_RAW = 255;
const POLLIN = 1;
const STDIN = 0;
const SNAPLEN = 65_536;

/** One address family of one namespace. */
interface Tunnel {
  readonly arrivals: Fd;
  readonly deliveries: Fd;
  readonly family: 4 | 6;
}

function open(namespace: string): Tunnel[] {
  return inNamespace(`/var/run/netns/${namespace}`, () =>
    ([4, 6] as const).map((family) => {
      const raw = (protocol: number) =>
        new Fd(check(
          libc.socket(
            family === 4 ? linux.AF_INET : linux.AF_INET6,
            linux.SOCK_RAW | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC,
            protocol,
          ),
          "socket",
        ));
      return { arrivals: raw(IPPROTO_GRE), deliveries: raw(IPPROTO_RAW), family };
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

function destination(packet: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return sockaddr((packet[0] ?? 0) >> 4 === 4 ? packet.subarray(16, 20) : packet.subarray(24, 40), 0);
}

function main(namespaces: readonly string[]): void {
  const tunnels = namespaces.flatMap(open);
  const wanted = new DataView(new ArrayBuffer(8 * (tunnels.length + 1)));
  for (const [i, fd] of [STDIN, ...tunnels.map(({ arrivals }) => arrivals.number)].entries()) {
    wanted.setInt32(8 * i, fd, true);
    wanted.setInt16(8 * i + 4, POLLIN, true);
  }
  const polled = new Uint8Array(wanted.buffer);
  const buffer = new Uint8Array(SNAPLEN);
  Deno.stdout.writeSync(new TextEncoder().encode("ready\n"));
  for (;;) {
    if (libc.poll(polled, tunnels.length + 1, -1) < 0) {
      if (errno() === E.EINTR) continue;
      throw new ErrnoError("poll", errno());
    }
    if (wanted.getInt16(6, true) !== 0) return;
    for (const { arrivals, deliveries, family } of tunnels) {
      const length = libc.recv(arrivals.number, buffer, BigInt(SNAPLEN), 0);
      if (length < 0) continue;
      const packet = inner(family, buffer.subarray(0, length));
      if (packet === null) continue;
      complete(packet);
      const address = destination(packet);
      const sent = libc.sendto(deliveries.number, packet, BigInt(packet.length), 0, address, address.length);
      if (sent < 0) throw new ErrnoError("sendto", errno());
    }
  }
}

if (import.meta.main) main(Deno.args);
