/** A client of the API socket that knows frames and nothing else. */
import assert from "node:assert/strict";
import { HEADER_SIZE, Splitter, writeFrame } from "../../src/vpp/frame.ts";
import { type BodyOf, type Message, messages, readMessage } from "../../src/vpp/messages.ts";
import { Writer } from "../../src/vpp/wire.ts";

/** Any message of a name. */
export type Named<N extends keyof typeof messages> = (typeof messages)[N];

/** Sends octets and reads payloads, in order. */
export class RawClient implements Disposable {
  readonly #conn: Deno.Conn;
  readonly #splitter = new Splitter();
  #payloads: Uint8Array<ArrayBuffer>[] = [];
  /** Ids of the message table by table name, once `hello` was called. */
  readonly ids: Map<string, number> = new Map();
  /** Number that requests carry. */
  clientIndex = 0;
  #context = 1000;

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Connects to a socket. */
  static async connect(path: string): Promise<RawClient> {
    return new RawClient(await Deno.connect({ transport: "unix", path }));
  }

  /** Connects and introduces itself. */
  static async greet(path: string, name = "raw"): Promise<RawClient> {
    const client = await RawClient.connect(path);
    await client.hello(name);
    return client;
  }

  /** Introduces itself and learns the message table. */
  async hello(name: string): Promise<void> {
    const to = new Writer();
    writeFrame(to, messages.sockclnt_create, { id: 15, context: 7 }, { name });
    await this.send(to.finish());
    const payload = await this.read();
    assert.ok(payload !== null, "the server closed the connection");
    const { body } = readMessage(messages.sockclnt_create_reply, payload);
    assert.equal(body.response, 0);
    this.clientIndex = body.index;
    for (const { index, name } of body.message_table) this.ids.set(name, index);
  }

  /** Sends octets as they stand. */
  async send(octets: Uint8Array): Promise<void> {
    for (let at = 0; at < octets.length;) at += await this.#conn.write(octets.subarray(at));
  }

  /** Appends a request to `to`; returns its context. */
  write<T>(to: Writer, message: Message<T>, body: T): number {
    const context = this.#context++;
    const id = this.ids.get(message.tableName);
    assert.ok(id !== undefined, `no ${message.tableName} in the table`);
    writeFrame(to, message, { id, clientIndex: this.clientIndex, context }, body);
    return context;
  }

  /** Sends one request. */
  async request<T>(message: Message<T>, body: T): Promise<void> {
    const to = new Writer();
    this.write(to, message, body);
    await this.send(to.finish());
  }

  /** Sends one request and reads its reply. */
  async ask<Q, R>(request: Message<Q>, reply: Message<R>, body: Q): Promise<{ retval: number; body: R }> {
    await this.request(request, body);
    const payload = await this.read();
    assert.ok(payload !== null, `no reply to ${request.name}`);
    const read = readMessage(reply, payload);
    assert.equal(read.head.id, this.ids.get(reply.tableName));
    return { retval: read.head.retval, body: read.body };
  }

  /** Runs a dump to its end. */
  async dump<Q, R>(request: Message<Q>, details: Message<R>, body: Q): Promise<R[]> {
    const to = new Writer();
    const context = this.write(to, request, body);
    this.write(to, messages.control_ping, {});
    await this.send(to.finish());
    const rows: R[] = [];
    for (;;) {
      const payload = await this.read();
      assert.ok(payload !== null, `the connection ended in ${request.name}`);
      if (new DataView(payload.buffer).getUint16(0) === this.ids.get(messages.control_ping_reply.tableName)) {
        return rows;
      }
      const read = readMessage(details, payload);
      assert.equal(read.head.context, context);
      rows.push(read.body);
    }
  }

  /** Runs a command. */
  async cli(cmd: string): Promise<BodyOf<Named<"cli_inband_reply">> & { retval: number }> {
    const { retval, body } = await this.ask(messages.cli_inband, messages.cli_inband_reply, { cmd });
    return { ...body, retval };
  }

  /** The next payload, or null at the end of the connection. */
  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    const chunk = new Uint8Array(65536);
    while (this.#payloads.length === 0) {
      const n = await this.#conn.read(chunk).catch((error) => {
        if (error instanceof Deno.errors.ConnectionReset) return null;
        throw error;
      });
      if (n === null) return null;
      this.#splitter.push(chunk.subarray(0, n), (payload) => this.#payloads.push(payload.slice()));
    }
    return this.#payloads.shift() ?? null;
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

/** Octets of the header, for those who cut frames themselves. */
export { HEADER_SIZE };

/** A directory of its own for the sockets of one test, removed afterwards. */
export async function socketDirectory(): Promise<AsyncDisposable & { api: string; stats: string }> {
  const directory = await Deno.makeTempDir();
  return {
    api: `${directory}/api.sock`,
    stats: `${directory}/stats.sock`,
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}
