/**
 * One connection to the simulated API socket. Frames are handled strictly in order, whatever delays one of
 * them; what is to be sent is gathered and never waited for, as VPP's output vector.
 *
 * @module
 */
import { FrameError, HEADER_SIZE, Splitter, writeFrame } from "../vpp/frame.ts";
import type { Head, Message } from "../vpp/messages.ts";
import { type Cursor, Writer } from "../vpp/wire.ts";

/** What VPP leaves in the parts of a header that mean nothing. */
const JUNK = Uint8Array.of(0xc0, 0x64, 0x04, 0x30, 0x01, 0, 0, 0);
const READ_SIZE = 64 * 1024;
const FIRST_SIZE = 4096;

/** Octets of id and context before the fields of a row. */
const DETAILS_HEAD = 6;
/** Fields of rows that were sent before: a dump lists the same objects again as long as they do not change. */
const encoded = new WeakMap<object, Uint8Array>();

/** What a connection tells its server. */
export interface SessionEvents {
  /** A payload, from the cursor to its end and valid during the call only; what it returns is waited for. */
  payload(session: Session, payload: Cursor): Promise<void> | void;
  /** The connection is over. */
  ended(session: Session): void;
}

/** One client's connection. Owns it. */
export class Session {
  /** Name that the client gave, or null. */
  name: string | null = null;
  /** Whether the client took leave, so that the stream ends when everything is sent. */
  farewell = false;
  /** Its number in the pool of registrations, from 1. */
  readonly registration: number;

  readonly #conn: Deno.Conn;
  readonly #events: SessionEvents;
  readonly #splitter = new Splitter();
  #waiting: Cursor[] = [];
  #busy = false;
  #out = new Writer(FIRST_SIZE);
  /** Written already, for the next to be gathered in. */
  #spare = new Writer(FIRST_SIZE);
  #writing = false;
  #closed = false;

  /** Takes over a connection; `run` serves it. */
  constructor(conn: Deno.Conn, registration: number, events: SessionEvents) {
    this.#conn = conn;
    this.registration = registration;
    this.#events = events;
  }

  /** Number that requests carry: VPP marks those of socket clients by the highest bit. */
  get clientIndex(): number {
    return (this.registration | 0x80000000) >>> 0;
  }

  /** Serves the connection until it ends; never rejects. */
  async run(): Promise<void> {
    const chunk = new Uint8Array(READ_SIZE);
    const arrived = (payload: Cursor): void => this.#arrived(payload);
    try {
      for (let n = await this.#conn.read(chunk); n !== null; n = await this.#conn.read(chunk)) {
        this.#splitter.read(chunk.subarray(0, n), arrived);
        this.#flush();
      }
    } catch (error) {
      // A peer that went away and a stream that cannot be cut into frames end the connection alike.
      if (!isEndOfStream(error)) throw error;
    } finally {
      this.close();
    }
  }

  /** Gathers one message for sending. */
  send<T>(message: Message<T>, head: Partial<Head>, body: T): void {
    if (this.#closed) return;
    const start = this.#out.length;
    const known = typeof body === "object" && body !== null ? encoded.get(body) : undefined;
    if (known === undefined) {
      writeFrame(this.#out, message, head, body);
      if (message.head === "details" && typeof body === "object" && body !== null) {
        encoded.set(body, this.#out.bytes.slice(start + HEADER_SIZE + DETAILS_HEAD, this.#out.length));
      }
    } else {
      const at = this.#out.room(HEADER_SIZE + DETAILS_HEAD + known.length) + HEADER_SIZE;
      this.#out.view.setUint32(start + 8, DETAILS_HEAD + known.length);
      this.#out.view.setUint16(at, head.id ?? 0);
      this.#out.view.setUint32(at + 2, head.context ?? 0);
      this.#out.bytes.set(known, at + DETAILS_HEAD);
    }
    this.#out.bytes.set(JUNK, start);
  }

  /** Gathers octets for sending, as they stand. */
  sendOctets(octets: Uint8Array): void {
    if (this.#closed) return;
    const at = this.#out.room(octets.length);
    this.#out.bytes.set(octets, at);
    this.#flush();
  }

  /** Sends what was gathered outside of a request. */
  flush(): void {
    this.#flush();
  }

  /** Closes the connection when everything gathered is sent. */
  closeAfterWrites(): void {
    this.farewell = true;
    this.#flush();
  }

  /** Closes the connection now. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
    this.#events.ended(this);
  }

  #arrived(payload: Cursor): void {
    if (this.#closed) return;
    if (this.#busy) {
      this.#waiting.push(payload.copy());
      return;
    }
    const wait = this.#events.payload(this, payload);
    if (wait === undefined) return;
    this.#busy = true;
    this.#drain(wait).catch((error) => {
      if (!isEndOfStream(error)) throw error;
      this.close();
    });
  }

  async #drain(first: Promise<void>): Promise<void> {
    await first;
    while (!this.#closed && this.#waiting.length > 0) {
      const list = this.#waiting;
      this.#waiting = [];
      for (const payload of list) {
        if (this.#closed) return;
        const wait = this.#events.payload(this, payload);
        if (wait === undefined) continue;
        this.#flush();
        await wait;
      }
    }
    this.#busy = false;
    this.#flush();
  }

  #flush(): void {
    if (this.#writing || this.#closed) return;
    this.#writing = true;
    this.#write().catch((error) => {
      if (!isEndOfStream(error)) throw error;
      this.close();
    });
  }

  async #write(): Promise<void> {
    try {
      // Whatever the same octets of the stream ask for goes out in one write.
      await Promise.resolve();
      while (this.#out.length > 0 && !this.#closed) {
        const gathered = this.#out;
        this.#out = this.#spare;
        this.#out.length = 0;
        this.#spare = gathered;
        for (let at = 0; at < gathered.length;) {
          at += await this.#conn.write(gathered.bytes.subarray(at, gathered.length));
        }
      }
    } finally {
      this.#writing = false;
    }
    if (this.farewell) this.close();
  }
}

function isEndOfStream(error: unknown): boolean {
  return error instanceof FrameError || error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.NotConnected;
}
