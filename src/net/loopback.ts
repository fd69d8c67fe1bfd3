/**
 * Loopback addresses and names. Pure.
 *
 * @module
 */
import { parseIp } from "./ip.ts";

/** Whether an IP literal is in 127.0.0.0/8, is ::1, or is an IPv4 loopback address mapped into IPv6. */
export function isLoopbackAddress(text: string): boolean {
  const address = parseIp(text);
  if (address === null) return false;
  return address === "::1" || /^(::ffff:)?127\./.test(address);
}

/** Whether `host[:port]` (IPv6 in brackets) names this host by a loopback address or `localhost`. */
export function isLoopbackHost(host: string): boolean {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::[0-9]{1,5})?$/.exec(host);
  if (match === null) return false;
  const [, v6, name] = match;
  if (v6 !== undefined) return parseIp(v6) === "::1";
  if (name === undefined) return false;
  return name.toLowerCase() === "localhost" || (parseIp(name)?.startsWith("127.") ?? false);
}
