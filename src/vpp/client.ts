/**
 * One session on VPP's API socket.
 *
 * Requests are pipelined: everything asked for in one turn of the event loop goes out in one write, and one
 * reader hands each answer to its request by context. VPP answers a connection's requests strictly in order, so
 * a ping sent behind a dump marks its end, and the oldest request is always the first to run into its deadline.
 *
 *   opening --sockclnt_create_reply--> open --any failure, or disposal--> ended
 *
 * A stream that cannot be understood ends the session: after one wrong octet nothing that follows can be trusted.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log/mod.ts";
import type { Millis } from "../model.ts";
import { VppRetvalError, VppSessionError } from "./errors.ts";
import { FrameError, Splitter } from "./frame.ts";
import {
  type Call,
  calls,
  type Dump,
  type Head,
  type Message,
  messages,
  readBody,
  readHead,
  requiredMessages,
  SOCKCLNT_CREATE_ID,
  SOCKCLNT_CREATE_REPLY_ID,
} from "./messages.ts";
import { type ByteStream, Outbox } from "./outbox.ts";
import { Pending, type Waiting } from "./pending.ts";
import { AnyReply, GoodReply, type Reply } from "./reply.ts";
import { type MessageHook, Trace } from "./trace.ts";
import { type Cursor, DecodeError, EncodeError } from "./wire.ts";

export type { ByteStream, Reply };

/** What a session needs from its surroundings. */
export interface ClientOptions {
  /** Source of time for deadlines. */
  readonly clock: Clock;
  /** Takes one debug record a message. */
  readonly log: Log;
  /** Name under which VPP lists this client, at most 63 octets. */
  readonly name: string;
  /** Time for each request from sending to answer, in ms. */
  readonly deadlineMs: Millis;
  /** Told of every message. */
  readonly onMessage: MessageHook;
  /** Ends the session when it aborts. */
  readonly signal?: AbortSignal;
}

const READ_SIZE = 64 * 1024;
/** Rows of one dump; far above any VPP that works, and below what could exhaust memory. */
const MAX_ROWS = 1_000_000;
/** Time for VPP to take leave, in ms. */
const FAREWELL_MS = 250;

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function closed(splitter: Splitter): VppSessionError {
  const where = splitter.pending > 0 ? " in the middle of a frame" : "";
  return new VppSessionError("closed", `VPP closed the connection${where}`);
}

/** A session with VPP. Owns the stream. */
export class VppClient implements AsyncDisposable {
  readonly #stream: ByteStream;
  readonly #options: ClientOptions;
  readonly #trace: Trace;
  readonly #outbox: Outbox;
  readonly #end = new AbortController();
  readonly #pending: Pending;
  /** VPP's message table: name with CRC -> id. */
  readonly #table = new Map<string, number>();
  /** Id -> message, for those that VPP may send us. */
  readonly #incoming = new Map<number, Message<unknown>>();
  readonly #reader: Promise<void>;
  readonly #stop = (): void => this.end(new VppSessionError("stopped", "this side ended the session"));
  /** Null until VPP has accepted us. */
  #clientIndex: number | null = null;
  /** Whether the session is over; asking its signal for every message would cost more than all the rest. */
  #ended = false;
  #closed = false;
  /** False once the stream is out of step. */
  #understood = true;
  #left: Promise<void> = Promise.resolve();

  private constructor(stream: ByteStream, options: ClientOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#trace = new Trace(options.log, options.onMessage);
    this.#outbox = new Outbox(stream, {
      sent: (message, result, count) => this.#trace.sent(message, result, count),
      failed: (error) =>
        this.end(new VppSessionError("io", `cannot write to VPP: ${describe(error)}`, { cause: error })),
    });
    this.#pending = new Pending(options.clock, options.deadlineMs, (msg) => {
      const seconds = options.deadlineMs / 1000;
      this.end(new VppSessionError("deadline", `${msg} was not answered within ${seconds} s`));
    });
    this.#reader = this.#readAll();
    options.signal?.addEventListener("abort", this.#stop, { once: true });
    if (options.signal?.aborted) this.#stop();
  }

  /**
   * Introduces itself to VPP and learns its messages. Takes ownership of the stream. Throws VppSessionError; the
   * stream is closed then.
   */
  static async open(stream: ByteStream, options: ClientOptions): Promise<VppClient> {
    const client = new VppClient(stream, options);
    try {
      await client.#introduce();
      return client;
    } catch (error) {
      await client[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Aborted with the VppSessionError that ended the session. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** Table names of required messages that this VPP does not have. */
  missingMessages(): string[] {
    return requiredMessages.map((one) => one.tableName).filter((name) => !this.#table.has(name));
  }

  /**
   * Sends a request and waits for its reply. Rejects with VppSessionError when the session ends first, with
   * EncodeError (nothing was sent) for values that the message cannot carry.
   */
  request<Q, R>(call: Call<Q, R>, body: Q): Promise<Reply<R>> {
    return new Promise((resolve, reject) => this.ask(call, body, resolve, reject));
  }

  /** Like `request`, for those who send thousands: calls one of the functions, once, before this returns or later. */
  ask<Q, R>(
    call: Call<Q, R>,
    body: Q,
    answered: (reply: Reply<R>) => void,
    failed: (error: unknown) => void,
  ): void {
    this.#ask(call, body, new AnyReply(this.#trace, call, this.#pending.deadline(), answered, failed));
  }

  /** Like `request`, where an error of VPP is an exception: rejects with VppRetvalError as well. */
  demand<Q, R>(call: Call<Q, R>, body: Q): Promise<R> {
    return new Promise((resolve, reject) =>
      this.#ask(call, body, new GoodReply(this.#trace, call, this.#pending.deadline(), resolve, reject))
    );
  }

  /** Sends a dump and the ping that ends it, and waits for all rows. Rejects like `demand`. */
  dump<Q, R>(dump: Dump<Q, R>, body: Q): Promise<R[]>;
  /** The same with a reader of rows in place of the usual one, for a caller that does not want all of each. */
  dump<Q, R, T>(dump: Dump<Q, R>, body: Q, read: (fields: Cursor) => T): Promise<T[]>;
  async dump<Q, R>(dump: Dump<Q, R>, body: Q, read?: (fields: Cursor) => R): Promise<R[]> {
    const [rows = []] =
      await (read === undefined ? this.dumps(dump, [body]) : this.dumps(dump, [body], read));
    return rows;
  }

  /** Sends several dumps of a kind in one write, and one ping that ends them all. Rejects like `demand`. */
  dumps<Q, R>(dump: Dump<Q, R>, bodies: readonly Q[]): Promise<R[][]>;
  /** The same with a reader of rows, which are handed to it in the order of the dumps. */
  dumps<Q, R, T>(dump: Dump<Q, R>, bodies: readonly Q[], read: (fields: Cursor) => T): Promise<T[][]>;
  dumps<Q, R>(
    dump: Dump<Q, R>,
    bodies: readonly Q[],
    read = (fields: Cursor): R => readBody(dump.details, fields),
  ): Promise<R[][]> {
    return new Promise((resolve, reject) => {
      const msg = dump.request.name;
      const ping = calls.controlPing;
      const deadlineAt = this.#pending.deadline();
      const contexts: number[] = [];
      const all: R[][] = [];
      const forget = (): void => contexts.forEach((context) => this.#pending.delete(context));
      for (const body of bodies) {
        const rows: R[] = [];
        const context = this.#pending.nextContext();
        const take = (_head: Head, fields: Cursor): boolean => {
          rows.push(read(fields));
          if (rows.length > MAX_ROWS) throw new DecodeError(dump.details.name, `more than ${MAX_ROWS} rows`);
          return false;
        };
        if (
          !this.#send(dump.request, context, body, { msg, deadlineAt, expects: dump.details, take, reject })
        ) {
          // Those sent before still bring rows; the ping behind them takes them off.
          break;
        }
        this.#trace.sendingDump(msg, context, body);
        contexts.push(context);
        all.push(rows);
      }
      if (contexts.length === 0) return;
      const take = ({ retval }: Head, fields: Cursor): boolean => {
        readBody(ping.reply, fields);
        forget();
        const counts = all.map((rows) => rows.length);
        this.#trace.receivedDumps(dump.details.name, contexts, counts, ping.reply.name, retval);
        if (retval === 0) resolve(all);
        else reject(new VppRetvalError(ping.request.name, retval));
        return true;
      };
      const context = this.#pending.nextContext();
      this.#send(ping.request, context, {}, { msg, deadlineAt, expects: ping.reply, take, reject });
    });
  }

  /** Writes at once what was asked for in this turn, not at its end. Resolves when all is written, or cannot be. */
  flush(): Promise<void> {
    return this.#outbox.idle();
  }

  /** Ends the session for `reason`; every request without an answer is rejected with it. */
  end(reason: VppSessionError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.signal?.removeEventListener("abort", this.#stop);
    this.#outbox.clear();
    this.#end.abort(reason);
    this.#pending.close(reason);
    this.#left = this.#leave(reason.end === "closed" || reason.end === "io");
  }

  /** Ends the session and waits until nothing of it runs any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
    await this.#left;
    await this.#outbox.idle();
  }

  /**
   * Takes leave of VPP and closes the socket. The farewell matters: a VPP that finds the end of the stream instead
   * takes the errno of some earlier call for the reason, and where that was EAGAIN it keeps the dead client and
   * looks at it again without pause; sixteen of them stop its main thread for good.
   */
  async #leave(broken: boolean): Promise<void> {
    const { sockclnt_delete: farewell } = messages;
    const id = this.#table.get(farewell.tableName);
    const index = this.#clientIndex;
    if (broken || id === undefined || index === null) {
      this.#close();
      return this.#reader;
    }
    // Real time, not the session's: this waits for a socket, and nothing else depends on it.
    const giveUp = setTimeout(() => this.#close(), FAREWELL_MS);
    this.#outbox.push(farewell, { id, context: this.#pending.nextContext(), clientIndex: index }, { index });
    await this.#reader;
    clearTimeout(giveUp);
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#outbox.close();
    this.#stream.close();
  }

  #introduce(): Promise<void> {
    const { sockclnt_create: create, sockclnt_create_reply: created } = messages;
    this.#table.set(create.tableName, SOCKCLNT_CREATE_ID);
    this.#incoming.set(SOCKCLNT_CREATE_REPLY_ID, created);
    return new Promise((resolve, reject) => {
      const context = this.#pending.nextContext();
      const hello = { name: this.#options.name };
      const queued = this.#send(create, context, hello, {
        msg: create.name,
        deadlineAt: this.#pending.deadline(),
        expects: created,
        take: (_head, fields) => {
          const { response, index, message_table: table } = readBody(created, fields);
          this.#trace.received(created.name, context, response, { index, count: table.length });
          if (response !== 0) {
            reject(new VppSessionError("refused", `VPP refused the client with response ${response}`));
            return true;
          }
          this.#clientIndex = index;
          this.#incoming.clear();
          for (const entry of table) this.#table.set(entry.name, entry.index);
          for (const message of requiredMessages) {
            const id = this.#table.get(message.tableName);
            if (id !== undefined && message !== created) this.#incoming.set(id, message);
          }
          resolve();
          return true;
        },
        reject,
      });
      if (queued) this.#trace.sending(create.name, context, hello);
    });
  }

  #ask<Q, R>({ request }: Call<Q, R>, body: Q, waiting: Waiting): void {
    const context = this.#pending.nextContext();
    if (this.#send(request, context, body, waiting)) this.#trace.sending(request.name, context, body);
  }

  /** Queues a message; `waiting` then waits for its context. False: it was rejected instead. */
  #send<T>(message: Message<T>, context: number, body: T, waiting: Waiting | null): boolean {
    try {
      if (this.#ended) throw this.#end.signal.reason;
      const id = this.#table.get(message.tableName);
      if (id === undefined) throw new VppSessionError("refused", `this VPP has no ${message.tableName}`);
      this.#outbox.push(message, { id, context, clientIndex: this.#clientIndex ?? 0 }, body);
    } catch (error) {
      if (waiting === null || !(error instanceof EncodeError || error instanceof VppSessionError)) {
        throw error;
      }
      waiting.reject(error);
      return false;
    }
    if (waiting !== null) this.#pending.add(context, waiting);
    return true;
  }

  /** Reads until the end of the stream; what comes after the end of the session is only waited for. */
  async #readAll(): Promise<void> {
    const buffer = new Uint8Array(READ_SIZE);
    const splitter = new Splitter();
    const take = (payload: Cursor): void => this.#take(payload);
    for (;;) {
      const length = await this.#read(buffer);
      if (typeof length === "object") return this.end(length ?? closed(splitter));
      if (this.#understood) this.#split(splitter, buffer.subarray(0, length), take);
    }
  }

  /** Number of octets that arrived; null at the end of the stream; or why nothing arrives any more. */
  async #read(buffer: Uint8Array<ArrayBuffer>): Promise<number | null | VppSessionError> {
    try {
      return await this.#stream.read(buffer);
    } catch (error) {
      return new VppSessionError("io", `cannot read from VPP: ${describe(error)}`, { cause: error });
    }
  }

  #split(
    splitter: Splitter,
    chunk: Uint8Array<ArrayBuffer>,
    take: (payload: Cursor) => void,
  ): void {
    try {
      splitter.read(chunk, take);
    } catch (error) {
      if (!(error instanceof DecodeError || error instanceof FrameError)) throw error;
      this.#understood = false;
      const text = `VPP sent what cannot be understood: ${error.message}`;
      this.end(new VppSessionError("malformed", text, { cause: error }));
    }
  }

  #take(from: Cursor): void {
    const id = from.view.getUint16(from.at);
    if (this.#ended) {
      if (id === this.#table.get(messages.sockclnt_delete_reply.tableName)) this.#close();
      return;
    }
    const message = this.#incoming.get(id);
    if (message === undefined) throw new DecodeError(this.#nameOf(id), "unexpected message");
    const head = readHead(message, from);
    if (message === messages.memclnt_keepalive) return this.#keepAlive(head, from);
    const waiting = this.#pending.get(head.context);
    if (waiting === undefined) {
      throw new DecodeError(message.name, `nothing waits for context ${head.context}`);
    }
    if (waiting.expects !== message) {
      throw new DecodeError(message.name, `context ${head.context} waits for ${waiting.expects.name}`);
    }
    if (waiting.take(head, from)) this.#pending.delete(head.context);
  }

  #keepAlive({ context }: Head, fields: Cursor): void {
    const { memclnt_keepalive: ask, memclnt_keepalive_reply: answer } = messages;
    const body = readBody(ask, fields);
    this.#trace.received(ask.name, context, 0, body);
    this.#send(answer, context, body, null);
    this.#trace.sending(answer.name, context, body);
  }

  #nameOf(id: number): string {
    for (const [name, known] of this.#table) if (known === id) return name;
    return `message ${id}`;
  }
}
