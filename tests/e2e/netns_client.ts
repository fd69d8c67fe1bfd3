/**
 * A client on a host of its own: reads one request a line from standard input, sends it on a new connection, and
 * prints what came of it, one JSON line each. Ends when its standard input does.
 *
 * @module
 */
import { lines } from "../../src/lines.ts";

/** A request to be sent. */
export interface Order {
  readonly id: number;
  /** IP address to connect to, port 80. */
  readonly address: string;
}

/** What came of it. */
export interface Outcome {
  readonly id: number;
  /** Server that named itself in the answer; null: there was no good answer. */
  readonly server: string | null;
  /** What went wrong, "" if nothing. */
  readonly error: string;
}

/** Longest wait for an answer, in ms: a lost SYN is sent again after 1 s and after 3 s. */
const patienceMs = 5000;

async function send(address: string): Promise<string> {
  const signal = AbortSignal.timeout(patienceMs);
  using connection = await Deno.connect({ hostname: address, port: 80, signal });
  const close = () => connection.close();
  signal.addEventListener("abort", close);
  try {
    const request = `GET / HTTP/1.1\r\nHost: vip\r\nUser-Agent: client\r\nConnection: close\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    const answer = await new Response(connection.readable).text();
    const server = /^HTTP\/1\.1 200 [^]*\r\nX-Backend: (\S+)\r\n/.exec(answer)?.[1];
    if (server === undefined) throw new Error(`the answer was ${JSON.stringify(answer.slice(0, 80))}`);
    return server;
  } finally {
    signal.removeEventListener("abort", close);
  }
}

if (import.meta.main) {
  const encoder = new TextEncoder();
  for await (const line of lines(Deno.stdin.readable)) {
    const { id, address } = JSON.parse(line) as Order;
    const outcome: Outcome = await send(address).then(
      (server) => ({ id, server, error: "" }),
      (error) => ({ id, server: null, error: error instanceof Error ? error.message : String(error) }),
    );
    Deno.stdout.writeSync(encoder.encode(`${JSON.stringify(outcome)}\n`));
  }
}
