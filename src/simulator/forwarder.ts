/**
 * Real TCP connections through a simulated VPP: a listener on a VIP's address and port takes a connection, the new-flow
 * table chooses the server as VPP would, and the octets go to that server's address on the VIP's port. So a
 * client on this machine sees what a client of the real load balancer would see, and the counters move.
 *
 *   client --connect--> listener --no server--> closed
 *                          |------server------> connection to server:port, both ways until one side ends
 *
 * It differs from VPP in one point: servers see this process as their client, not the real one.
 *
 * @module
 */
import type { IpAddress } from "../model.ts";
import { parseIp } from "../net/ip.ts";
import type { Packets } from "./traffic.ts";

/** Chooses a server for packets and counts them; null: VPP drops them. */
export type Forward = (packets: Packets) => IpAddress | null;

/** Packets of a TCP connection's client before its first octets: SYN and ACK. */
const handshakePackets = 2;
const tcpProtocol = 6;
const pieceSize = 16_384;

/** One VIP that takes connections. Owns the listener and every connection through it. */
export class Forwarder implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #forward: Forward;
  readonly #vip: IpAddress;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #running: Promise<void>;

  private constructor(listener: Deno.TcpListener, vip: IpAddress, forward: Forward) {
    this.#listener = listener;
    this.#vip = vip;
    this.#forward = forward;
    this.#running = this.#accept();
  }

  /** Listens on the VIP `vip`, an address of this machine. Throws Deno.errors.AddrInUse and its like. */
  static open(vip: IpAddress, port: number, forward: Forward): Forwarder {
    return new Forwarder(Deno.listen({ hostname: vip, port }), vip, forward);
  }

  /** The port that it listens on. */
  get port(): number {
    return this.#listener.addr.port;
  }

  async #accept(): Promise<void> {
    const connections = new Set<Promise<void>>();
    for await (const client of this.#listener) {
      const connection = this.#serve(client).finally(() => connections.delete(connection));
      connections.add(connection);
    }
    await Promise.all(connections);
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    using _client = this.#held(client);
    const address = parseIp(client.remoteAddr.hostname);
    if (address === null) return;
    const flow = {
      client: address,
      clientPort: client.remoteAddr.port,
      vip: this.#vip,
      port: this.port,
      protocol: tcpProtocol,
    };
    const server = this.#forward({ ...flow, packets: handshakePackets });
    if (server === null) return;
    let upstream: Deno.TcpConn;
    try {
      upstream = await Deno.connect({ hostname: server, port: this.port });
    } catch (error) {
      // The server is dead, as it may be: its client sees a closed connection.
      if (!isNetworkError(error)) throw error;
      return;
    }
    using _upstream = this.#held(upstream);
    const count = (octets: number) => void this.#forward({ ...flow, octets });
    await Promise.all([copy(client, upstream, count), copy(upstream, client, () => {})]);
  }

  #held(connection: Deno.TcpConn): Disposable {
    this.#open.add(connection);
    return {
      [Symbol.dispose]: () => {
        if (this.#open.delete(connection)) close(connection);
      },
    };
  }

  /** Closes the listener and all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) close(connection);
    this.#open.clear();
    await this.#running;
  }
}

/** Passes octets on until the source ends or either side breaks; `seen` gets the length of each piece. */
async function copy(from: Deno.TcpConn, to: Deno.TcpConn, seen: (octets: number) => void): Promise<void> {
  const buffer = new Uint8Array(pieceSize);
  try {
    for (;;) {
      const length = await from.read(buffer);
      if (length === null) break;
      seen(length);
      for (let at = 0; at < length;) at += await to.write(buffer.subarray(at, length));
    }
    await to.closeWrite();
  } catch (error) {
    if (!isNetworkError(error)) throw error;
    // A broken half ends the other one: neither client nor server waits for octets that cannot come.
    close(from);
    close(to);
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch (error) {
    // Its stream closed it already.
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

function isNetworkError(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.ConnectionAborted || error instanceof Deno.errors.TimedOut;
}
