import assert from "node:assert/strict";
import { silentLog } from "../../src/log/mod.ts";
import { type ClientOptions, VppClient } from "../../src/vpp/client.ts";
import { encodeFrame, Splitter } from "../../src/vpp/frame.ts";
import {
  type BodyOf,
  type Head,
  type Message,
  messages,
  readMessage,
  SOCKCLNT_CREATE_ID,
} from "../../src/vpp/messages.ts";
import { FakeClock } from "../fake_clock.ts";

/** Id that a scripted VPP gives to a message: far from the order of the table, and not the request's plus one. */
export function idOf(message: Message<unknown>): number {
  return message.name === "sockclnt_create"
    ? SOCKCLNT_CREATE_ID
    : 1000 - 7 * Object.keys(messages).indexOf(message.name);
}

/** The reply to `sockclnt_create` of a VPP with every message but those in `without`. */
export function welcome(context: number, without: readonly string[] = []): Uint8Array<ArrayBuffer> {
  const all: readonly Message<unknown>[] = Object.values(messages);
  return encodeFrame(messages.sockclnt_create_reply, { id: 16, context }, {
    response: 0,
    index: 0x80000001,
    message_table: all.filter((one) => !without.includes(one.name)).map((one) => ({
      index: idOf(one),
      name: one.tableName,
    })),
  });
}

/** A request as the scripted VPP saw it. */
export interface Seen {
  readonly name: string;
  readonly head: Head;
  readonly body: unknown;
}

/** One client of a scripted VPP. */
export class Connection {
  readonly #conn: Deno.Conn;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Sends octets as they stand. */
  async send(...frames: Uint8Array[]): Promise<void> {
    for (const frame of frames) {
      for (let at = 0; at < frame.length;) at += await this.#conn.write(frame.subarray(at));
    }
  }

  /** Sends one message. */
  answer<T>(message: Message<T>, head: Partial<Head>, body: T): Promise<void> {
    return this.send(encodeFrame(message, { id: idOf(message), ...head }, body));
  }

  /** Answers a ping. */
  pong(context: number): Promise<void> {
    return this.answer(messages.control_ping_reply, { context }, { client_index: 1, vpe_pid: 4711 });
  }

  /** Hangs up. */
  close(): void {
    this.#conn.close();
  }
}

function closeOnce(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** What a scripted VPP does with each request after the handshake. */
export type Script = (seen: Seen, connection: Connection) => void | Promise<void>;

const byId = new Map<number, Message<unknown>>(Object.values(messages).map((one) => [idOf(one), one]));

/** A server on a unix socket that speaks VPP's frames and does what a test says. */
export class ScriptedVpp implements AsyncDisposable {
  /** Path of the socket. */
  readonly path: string;
  /** Every request, the handshake included. */
  readonly seen: Seen[] = [];
  /** Number of reads that brought octets: how often this side was woken up. */
  reads = 0;
  readonly #dir: string;
  readonly #listener: Deno.UnixListener;
  readonly #script: Script;
  readonly #without: readonly string[];
  readonly #deaf: boolean;
  readonly #connections = new Set<Deno.Conn>();
  readonly #running: Promise<void>[] = [];

  /** Listens at once. */
  constructor(script: Script, without: readonly string[] = [], farewell: "answered" | "deaf" = "answered") {
    this.#dir = Deno.makeTempDirSync({ prefix: "maglev-vpp-" });
    this.path = `${this.#dir}/api.sock`;
    this.#script = script;
    this.#without = without;
    this.#deaf = farewell === "deaf";
    this.#listener = Deno.listen({ transport: "unix", path: this.path });
    this.#running.push(this.#accept());
  }

  /** Number of clients connected now. */
  get clients(): number {
    return this.#connections.size;
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      this.#connections.add(conn);
      this.#running.push(this.#serve(conn));
    }
  }

  async #serve(conn: Deno.Conn): Promise<void> {
    const connection = new Connection(conn);
    const splitter = new Splitter();
    const buffer = new Uint8Array(65536);
    try {
      for (let length = await conn.read(buffer); length !== null; length = await conn.read(buffer)) {
        this.reads++;
        const payloads: Uint8Array<ArrayBuffer>[] = [];
        splitter.push(buffer.subarray(0, length), (payload) => payloads.push(payload.slice()));
        for (const payload of payloads) await this.#handle(payload, connection);
      }
    } catch (error) {
      const gone = error instanceof Deno.errors.BadResource || error instanceof Deno.errors.BrokenPipe ||
        error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.Interrupted;
      if (!gone) throw error;
    } finally {
      this.#connections.delete(conn);
      closeOnce(conn);
    }
  }

  async #handle(payload: Uint8Array<ArrayBuffer>, connection: Connection): Promise<void> {
    const id = new DataView(payload.buffer, payload.byteOffset, 2).getUint16(0);
    const message = byId.get(id);
    assert.ok(message, `request with unknown id ${id}`);
    const { head, body } = readMessage(message, payload);
    this.seen.push({ name: message.name, head, body });
    if (message.name === "sockclnt_create") return connection.send(welcome(head.context, this.#without));
    if (message.name === "sockclnt_delete") return this.#deaf ? undefined : connection.close();
    await this.#script({ name: message.name, head, body }, connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#connections) closeOnce(conn);
    await Promise.all(this.#running);
    await Deno.remove(this.#dir, { recursive: true });
  }
}

/** Options of a client with time that stands still and nobody listening. */
export function clientOptions(changes: Partial<ClientOptions> = {}): ClientOptions {
  return {
    clock: new FakeClock(),
    log: silentLog,
    name: "vpp-maglev",
    deadlineMs: 5000,
    onMessage: () => {},
    ...changes,
  };
}

/** Opens a client on a scripted VPP. */
export async function openClient(vpp: ScriptedVpp, changes: Partial<ClientOptions> = {}): Promise<VppClient> {
  return await VppClient.open(
    await Deno.connect({ transport: "unix", path: vpp.path }),
    clientOptions(changes),
  );
}

/** A row of `lb_as_v2_dump`. */
export function serverRow(
  pfx: string,
  address: BodyOf<typeof messages.lb_as_v2_details>["app_srv"],
  weight: number,
): BodyOf<typeof messages.lb_as_v2_details> {
  return {
    vip: { pfx, protocol: 6, port: 80 },
    app_srv: address,
    flags: 1,
    in_use_since: 0,
    weight,
    num_buckets: weight,
  };
}
