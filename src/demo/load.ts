/**
 * A small load generator: HTTP requests to a VIP at a steady pace, a new connection each time, so that counters of VPP move and every
 * request is a new flow.
 *
 * @module
 */

/** Requests a second. */
export const requestsPerSecond = 20;

/** What the load generator saw so far. */
export interface LoadCount {
  /** Requests with an answer. */
  answered: number;
  /** Requests without. */
  failed: number;
}

/**
 * Sends requests until `signal` aborts; a failed one is counted and not repeated.
 *
 * @param vip address and port, e.g. `127.0.2.10:8081`
 */
export function startLoad(
  vip: { readonly hostname: string; readonly port: number },
  signal: AbortSignal,
): LoadCount {
  const count: LoadCount = { answered: 0, failed: 0 };
  const timer = setInterval(() => {
    request(vip).then((ok) => ok ? count.answered++ : count.failed++);
  }, 1000 / requestsPerSecond);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  if (signal.aborted) clearInterval(timer);
  return count;
}

async function request(
  { hostname, port }: { readonly hostname: string; readonly port: number },
): Promise<boolean> {
  try {
    using connection = await Deno.connect({ hostname, port });
    const text = `GET / HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: close\r\n\r\n`;
    await connection.write(new TextEncoder().encode(text));
    const buffer = new Uint8Array(4096);
    let octets = 0;
    for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) octets += n;
    return octets > 0;
  } catch (error) {
    if (isRefused(error)) return false;
    throw error;
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.NotConnected;
}
