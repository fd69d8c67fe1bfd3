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
import type { Log } from "../log.ts";
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
import { Outbox, type Sink } from "./outbox.ts";
import { type MessageHook, Trace } from "./trace.ts";
import { Cursor, DecodeError, EncodeError } from "./wire.ts";

/** A connected stream socket; a `Deno.Conn` is one. */
export interface ByteStream extends Sink {
  /** Reads some octets; null at the end of the stream. */
  read(into: Uint8Array): Promise<number | null>;
  /** Closes the socket; reads and writes under way fail. */
  close(): void;
}

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

/** VPP's answer to one request. */
export interface Reply<R> {
  /** 0, or VPP's negative error. */
  readonly retval: number;
  /** The fields; with an error VPP may leave them senseless, and then this is null. */
  readonly body: R | null;
}

/** What waits for a context. */
interface Waiting {
  /** Name of the request. */
  readonly msg: string;
  readonly deadlineAt: Millis;
  /** The message that this context may bring. */
  readonly expects: Message<unknown>;
  /** Takes that message; true if the context is done with. Throws DecodeError. */
  take(head: Head, fields: Cursor): boolean;
  reject(reason: unknown): void;
}

const READ_SIZE = 64 * 1024;
/** Rows of one dump; far above any VPP that works, and below what could exhaust memory. */
const MAX_ROWS = 1_000_000;
/** A timer later than this means that this process did not run; that says nothing about VPP, so it gets more time. */
const LATE_MS = 500;
/** How much more. */
const GRACE_MS = 1000;

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A session with VPP. Owns the stream. */
export class VppClient implements AsyncDisposable {
  readonly #stream: ByteStream;
  readonly #options: ClientOptions;
  readonly #trace: Trace;
  readonly #outbox: Outbox;
  readonly #end = new AbortController();
  /** By context, oldest first: a map keeps the order of insertion. */
  readonly #waiting = new Map<number, Waiting>();
  /** VPP's message table: name with CRC → id. */
  readonly #table = new Map<string, number>();
  /** Id → message, for those that VPP may send us. */
  readonly #incoming = new Map<number, Message<unknown>>();
  readonly #reader: Promise<void>;
  readonly #stop = (): void => this.end(new VppSessionError("stopped", "this side ended the session"));
  #context = 0;
  #clientIndex = 0;
  #timer: Disposable | null = null;
  #timerDueAt: Millis = 0;

  private constructor(stream: ByteStream, options: ClientOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#trace = new Trace(options.log, options.onMessage);
    this.#outbox = new Outbox(stream, {
      sent: (message, result) => this.#trace.sent(message, result),
      failed: (error) =>
        this.end(new VppSessionError("io", `cannot write to VPP: ${describe(error)}`, { cause: error })),
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
    return new Promise((resolve, reject) => {
      const context = this.#nextContext();
      const queued = this.#send(call.request, context, body, {
        msg: call.request.name,
        deadlineAt: this.#deadline(),
        expects: call.reply,
        take: (head, fields) => {
          resolve(this.#takeReply(call.reply, head, fields));
          return true;
        },
        reject,
      });
      if (queued) this.#trace.sending(call.request.name, context, body);
    });
  }

  /** Like `request`, where an error of VPP is an exception: rejects with VppRetvalError as well. */
  async demand<Q, R>(call: Call<Q, R>, body: Q): Promise<R> {
    const { retval, body: answer } = await this.request(call, body);
    if (retval !== 0 || answer === null) throw new VppRetvalError(call.request.name, retval);
    return answer;
  }

  /** Sends a dump and the ping that ends it, and waits for all rows. Rejects like `demand`. */
  dump<Q, R>(dump: Dump<Q, R>, body: Q): Promise<R[]> {
    return new Promise((resolve, reject) => {
      const rows: R[] = [];
      const msg = dump.request.name;
      const ping = calls.controlPing;
      const deadlineAt = this.#deadline();
      const context = this.#nextContext();
      const queued = this.#send(dump.request, context, body, {
        msg,
        deadlineAt,
        expects: dump.details,
        take: (_head, fields) => {
          rows.push(readBody(dump.details, fields));
          if (rows.length > MAX_ROWS) throw new DecodeError(dump.details.name, `more than ${MAX_ROWS} rows`);
          return false;
        },
        reject,
      });
      if (!queued) return;
      this.#trace.sendingDump(msg, context, body);
      this.#send(ping.request, this.#nextContext(), {}, {
        msg,
        deadlineAt,
        expects: ping.reply,
        take: ({ retval }, fields) => {
          readBody(ping.reply, fields);
          this.#waiting.delete(context);
          this.#trace.receivedDump(dump.details.name, context, rows.length, ping.reply.name, retval);
          if (retval === 0) resolve(rows);
          else reject(new VppRetvalError(ping.request.name, retval));
          return true;
        },
        reject,
      });
    });
  }

  /** Ends the session for `reason`; every request without an answer is rejected with it. */
  end(reason: VppSessionError): void {
    if (this.#end.signal.aborted) return;
    this.#options.signal?.removeEventListener("abort", this.#stop);
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#outbox.close();
    this.#stream.close();
    this.#end.abort(reason);
    for (const one of waiting) one.reject(reason);
  }

  /** Ends the session and waits until nothing of it runs any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
    await this.#reader;
    await this.#outbox.idle();
  }

  #introduce(): Promise<void> {
    const { sockclnt_create: create, sockclnt_create_reply: created } = messages;
    this.#table.set(create.tableName, SOCKCLNT_CREATE_ID);
    this.#incoming.set(SOCKCLNT_CREATE_REPLY_ID, created);
    return new Promise((resolve, reject) => {
      const context = this.#nextContext();
      const hello = { name: this.#options.name };
      const queued = this.#send(create, context, hello, {
        msg: create.name,
        deadlineAt: this.#deadline(),
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

  /** Queues a message; `waiting` then waits for its context. False: it was rejected instead. */
  #send<T>(message: Message<T>, context: number, body: T, waiting: Waiting | null): boolean {
    try {
      this.#end.signal.throwIfAborted();
      const id = this.#table.get(message.tableName);
      if (id === undefined) throw new VppSessionError("refused", `this VPP has no ${message.tableName}`);
      this.#outbox.push(message, { id, context, clientIndex: this.#clientIndex }, body);
    } catch (error) {
      if (waiting === null || !(error instanceof EncodeError || error instanceof VppSessionError)) {
        throw error;
      }
      waiting.reject(error);
      return false;
    }
    if (waiting !== null) {
      this.#waiting.set(context, waiting);
      if (this.#timer === null) this.#arm(waiting.deadlineAt);
    }
    return true;
  }

  async #readAll(): Promise<void> {
    const buffer = new Uint8Array(READ_SIZE);
    const splitter = new Splitter();
    const take = (payload: Uint8Array<ArrayBuffer>): void => this.#take(payload);
    try {
      while (!this.#end.signal.aborted) {
        const length = await this.#stream.read(buffer);
        if (length === null) {
          const where = splitter.pending > 0 ? " in the middle of a frame" : "";
          this.end(new VppSessionError("closed", `VPP closed the connection${where}`));
        } else {
          splitter.push(buffer.subarray(0, length), take);
        }
      }
    } catch (error) {
      const wrong = error instanceof DecodeError || error instanceof FrameError;
      const text = wrong ? "VPP sent what cannot be understood" : "cannot read from VPP";
      this.end(
        new VppSessionError(wrong ? "malformed" : "io", `${text}: ${describe(error)}`, { cause: error }),
      );
    }
  }

  #take(payload: Uint8Array<ArrayBuffer>): void {
    if (this.#end.signal.aborted) return;
    const from = new Cursor(payload);
    const id = from.view.getUint16(0);
    const message = this.#incoming.get(id);
    if (message === undefined) throw new DecodeError(this.#nameOf(id), "unexpected message");
    const head = readHead(message, from);
    if (message === messages.memclnt_keepalive) return this.#keepAlive(head, from);
    const waiting = this.#waiting.get(head.context);
    if (waiting === undefined) {
      throw new DecodeError(message.name, `nothing waits for context ${head.context}`);
    }
    if (waiting.expects !== message) {
      throw new DecodeError(message.name, `context ${head.context} waits for ${waiting.expects.name}`);
    }
    if (waiting.take(head, from)) this.#waiting.delete(head.context);
  }

  #takeReply<R>(reply: Message<R>, { context, retval }: Head, fields: Cursor): Reply<R> {
    let body: R | null = null;
    try {
      body = readBody(reply, fields);
    } catch (error) {
      if (retval === 0 || !(error instanceof DecodeError)) throw error;
    }
    this.#trace.received(reply.name, context, retval, body);
    return { retval, body };
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

  #nextContext(): number {
    do this.#context = (this.#context + 1) >>> 0; while (
      this.#context === 0 || this.#waiting.has(this.#context)
    );
    return this.#context;
  }

  #deadline(): Millis {
    return this.#options.clock.now() + this.#options.deadlineMs;
  }

  #arm(dueAt: Millis): void {
    this.#timerDueAt = dueAt;
    this.#timer = this.#options.clock.after(
      Math.max(0, dueAt - this.#options.clock.now()),
      () => this.#expire(),
    );
  }

  #expire(): void {
    this.#timer = null;
    const [oldest] = this.#waiting.values();
    if (oldest === undefined) return;
    const now = this.#options.clock.now();
    if (oldest.deadlineAt > now) return this.#arm(oldest.deadlineAt);
    if (now - this.#timerDueAt > LATE_MS) return this.#arm(now + GRACE_MS);
    const seconds = this.#options.deadlineMs / 1000;
    this.end(new VppSessionError("deadline", `${oldest.msg} was not answered within ${seconds} s`));
  }
}
