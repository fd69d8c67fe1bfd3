/**
 * The addresses of this host, of the network namespace that the thread is in. Asked of IPv4 by ioctl and of IPv6 by
 * /proc, because netlink is an address family that a hardened service may not use.
 *
 * @module
 */
import { linux } from "./constants.ts";
import { Fd } from "./fd.ts";
import { cString, libc } from "./libc.ts";

/** Octets of `struct ifreq`; the socket address begins at 16, and the IPv4 address in it 4 octets later. */
const IFREQ_SIZE = 40;
const IFREQ_ADDRESS = 20;
const IFREQS = 256;

/** Scopes and flags of /proc/net/if_inet6, from linux/if_addr.h and net/ipv6.h. */
const SCOPE_GLOBAL = 0x00;
const SCOPE_SITE = 0x40;
const FLAG_OPTIMISTIC = 0x04;
const FLAG_DAD_FAILED = 0x08;
const FLAG_TENTATIVE = 0x40;

/**
 * Whether this host has an address of `family` to send from.
 *
 * @param loopback whether it is to send to itself; else only addresses count that other hosts can answer to
 * @returns null if that cannot be found out
 */
export function hasAddress(family: 4 | 6, loopback: boolean): boolean | null {
  return family === 4 ? hasIpv4(loopback) : hasIpv6(loopback);
}

function hasIpv4(loopback: boolean): boolean | null {
  const number = libc.socket(linux.AF_INET, linux.SOCK_DGRAM | linux.SOCK_CLOEXEC, 0);
  if (number < 0) return null;
  using fd = new Fd(number);
  const rows = new Uint8Array(IFREQS * IFREQ_SIZE);
  const pointer = Deno.UnsafePointer.of(rows);
  if (pointer === null) return null;
  // struct ifconf: the length of the buffer, 4 octets unused, the buffer's address.
  const request = new DataView(new ArrayBuffer(16));
  request.setInt32(0, rows.length, true);
  request.setBigUint64(8, Deno.UnsafePointer.value(pointer), true);
  if (libc.ioctl(fd.number, BigInt(linux.SIOCGIFCONF), new Uint8Array(request.buffer)) < 0) return null;
  const length = request.getInt32(0, true);
  for (let at = 0; at + IFREQ_SIZE <= length; at += IFREQ_SIZE) {
    if (loopback || rows[at + IFREQ_ADDRESS] !== 127) return true;
  }
  return false;
}

function hasIpv6(loopback: boolean): boolean | null {
  const number = libc.open(cString("/proc/thread-self/net/if_inet6"), linux.O_RDONLY | linux.O_CLOEXEC, 0);
  // A kernel without IPv6 has no such file, and gives no IPv6 socket either.
  if (number < 0) return null;
  using fd = new Fd(number);
  const buffer = new Uint8Array(65_536);
  let rest = "";
  for (;;) {
    const got = libc.read(fd.number, buffer, BigInt(buffer.length));
    if (got < 0) return null;
    if (got === 0) return usableIpv6(rest, loopback);
    const text = rest + new TextDecoder().decode(buffer.subarray(0, got));
    const end = text.lastIndexOf("\n") + 1;
    if (usableIpv6(text.slice(0, end), loopback)) return true;
    rest = text.slice(end);
  }
}

/**
 * Whether one of the lines of /proc/net/if_inet6 has an address to send from: address, index of the interface,
 * length of the prefix, scope, flags, name of the interface; hexadecimal numbers but for the name.
 *
 * @param loopback see `hasAddress`
 */
export function usableIpv6(lines: string, loopback: boolean): boolean {
  return lines.split("\n").some((line) => {
    const [address, , , scope = "", flags = ""] = line.split(/ +/);
    if (address === undefined || flags === "") return false;
    const kind = parseInt(scope, 16);
    const flag = parseInt(flags, 16);
    if ((flag & FLAG_DAD_FAILED) !== 0) return false;
    if ((flag & FLAG_TENTATIVE) !== 0 && (flag & FLAG_OPTIMISTIC) === 0) return false;
    return loopback || kind === SCOPE_GLOBAL || kind === SCOPE_SITE;
  });
}
