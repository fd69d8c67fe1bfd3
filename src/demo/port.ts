/** Ports for programs that cannot take port 0 and tell which one they got. */

const given = new Set<number>();

/** Ports that the kernel gives to outgoing connections, and to who asks for any (ip(7), ip_local_port_range). */
function ephemeral(): readonly [number, number] {
  const [low = 32768, high = 60999] = Deno.readTextFileSync("/proc/sys/net/ipv4/ip_local_port_range").trim()
    .split(/\s+/).map(Number);
  return [low, high];
}

/**
 * A TCP port on which nobody listens, and which this process was not given before. It is none that the kernel would give
 * to an outgoing connection: such a one may have the port before the program that is to listen on it has started.
 *
 * @param hostname address that is to be free
 * @throws {Deno.errors.AddrInUse} none was found
 */
export function unusedPort(hostname = "127.0.0.1"): number {
  const [low, high] = ephemeral();
  const [first, count] = low > 12_000 ? [10_000, low - 10_000] : [high + 1, 65_535 - high];
  for (let tries = 0; tries < 200; tries++) {
    const port = first + Math.floor(Math.random() * count);
    if (given.has(port)) continue;
    try {
      using _listener = Deno.listen({ hostname, port });
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      continue;
    }
    given.add(port);
    return port;
  }
  throw new Deno.errors.AddrInUse(`no port is free on ${hostname} between ${first} and ${first + count - 1}`);
}
