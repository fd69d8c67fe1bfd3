import type { Head, Message } from "./messages.ts";
import { writeFrame } from "./frame.ts";
import { Writer } from "./wire.ts";

const FIRST_SIZE = 4096;
/** A buffer that grew above this is given back instead of kept, in octets. */
const KEEP_SIZE = 1024 * 1024;

/** Most that waits to be written, in octets: a VPP that stops reading must not make this process grow. */
const MAX_QUEUED = 64 * 1024 * 1024;

/** Where an outbox writes to. */
export interface Sink {
  /** Writes some octets and tells how many. */
  write(from: Uint8Array): Promise<number>;
}

/** A connected stream socket; a `Deno.Conn` is one. */
export interface ByteStream extends Sink {
  /** Reads some octets; null at the end of the stream. */
  read(into: Uint8Array): Promise<number | null>;
  /** Closes the socket; reads and writes under way fail. */
  close(): void;
}

/** Told what became of the messages of one write. */
export interface OutboxEvents {
  /** So many messages of a name went out, or could not. */
  sent(message: string, result: "success" | "failure", count: number): void;
  /** Writing failed; nothing more is written. */
  failed(error: unknown): void;
}

/**
 * Frames on their way out. Whatever is pushed in one turn of the event loop, or while a write is under way, goes
 * out in the next single write: VPP's main loop then wakes up once for all of it. `flush` does not wait for the end of
 * the turn.
 */
export class Outbox {
  readonly #sink: Sink;
  readonly #events: OutboxEvents;
  #frames = new Writer(FIRST_SIZE);
  /** How many of each name are among them. There is a write for each few messages, so the maps are used again and again. */
  #names = new Map<string, number>();
  #spareNames = new Map<string, number>();
  #spare: Writer | null = null;
  #running = false;
  /** Whether the end of this turn flushes. */
  #isDue = false;
  #closed = false;
  #idle: Promise<void> = Promise.resolve();

  /** Writes to `sink` and reports to `events`. */
  constructor(sink: Sink, events: OutboxEvents) {
    this.#sink = sink;
    this.#events = events;
  }

  /** Queues one message. Throws EncodeError, and then nothing was queued. Does nothing once closed. */
  push<T>(message: Message<T>, head: Partial<Head>, body: T): void {
    if (this.#closed) return;
    writeFrame(this.#frames, message, head, body);
    this.#names.set(message.name, (this.#names.get(message.name) ?? 0) + 1);
    if (this.#frames.length > MAX_QUEUED) {
      this.close();
      return this.#events.failed(new RangeError(`more than ${MAX_QUEUED} octets wait for VPP to read them`));
    }
    if (this.#running || this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.flush();
    });
  }

  /**
   * Writes now what is queued: where the socket has room, the kernel has it when this returns. What is queued while a
   * write is under way goes out after that one.
   */
  flush(): void {
    if (this.#running || this.#frames.length === 0) return;
    this.#running = true;
    this.#idle = this.#run();
  }

  /** Forgets what is queued; a write under way goes on, so the stream stays in step. */
  clear(): void {
    this.#frames.length = 0;
    this.#names.clear();
  }

  /** Forgets what is queued, and takes nothing more. */
  close(): void {
    this.#closed = true;
    this.clear();
  }

  /** Writes what is queued; resolves when no write is under way. */
  idle(): Promise<void> {
    this.flush();
    return this.#idle;
  }

  async #run(): Promise<void> {
    while (this.#frames.length > 0) {
      const frames = this.#frames;
      const names = this.#names;
      this.#frames = this.#spare ?? new Writer(FIRST_SIZE);
      this.#frames.length = 0;
      this.#names = this.#spareNames;
      this.#spareNames = names;
      this.#spare = null;
      try {
        for (let at = 0; at < frames.length;) {
          at += await this.#sink.write(frames.bytes.subarray(at, frames.length));
        }
      } catch (error) {
        this.close();
        this.#tell(names, "failure");
        this.#events.failed(error);
        return;
      }
      if (frames.bytes.length <= KEEP_SIZE) this.#spare = frames;
      this.#tell(names, "success");
    }
    this.#running = false;
  }

  /** Tells of what was written, and counts from 0. */
  #tell(names: Map<string, number>, result: "success" | "failure"): void {
    names.forEach((count, name) => {
      if (count === 0) return;
      this.#events.sent(name, result, count);
      names.set(name, 0);
    });
  }
}
