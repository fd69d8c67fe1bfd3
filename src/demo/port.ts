/** Chooses ports for programs that cannot listen on port 0 and tell which one they got. */

const given = new Set<number>();

/**
 * Ports that the kernel gives to outgoing connections, and to programs that bind port 0 (ip(7), ip_local_port_range). Deno
 * reads that file only with all rights, which the demo does not have; then the kernel's default is assumed.
 */
function ephemeral(): readonly [number, number] {
  try {
    const text = Deno.readTextFileSync("/proc/sys/net/ipv4/ip_local_port_range");
    const [low = 32768, high = 60999] = text.trim().split(/\s+/).map(Number);
    return [low, high];
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    return [32768, 60999];
  }
}

/**
 * The first port to choose from, and how many there are. On a machine that leaves none to choose from, the risk is taken.
 *
 * @param low first port that the kernel gives away
 * @param high last of them
 */
export function portsBeside(low: number, high: number): readonly [first: number, count: number] {
  if (low >= 11_000) return [10_000, low - 10_000];
  const first = high <= 64_535 ? Math.max(high + 1, 10_000) : 10_000;
  return [first, 65_536 - first];
}

/**
 * A TCP port on which nobody listens, and which this process was not given before. It is none that the kernel gives away:
 * the kernel could give it to a connection before the program listens.
 *
 * @param hostname address that is to be free
 * @throws {Deno.errors.AddrInUse} none was found
 */
export function unusedPort(hostname = "127.0.0.1"): number {
  const [first, count] = portsBeside(...ephemeral());
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
