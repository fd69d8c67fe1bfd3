/**
 * One subscriber's bounded view of the event bus.
 *
 * @module
 */
import { type Entry, type EventFilter, matches } from "./core.ts";

/** Characters handed to a reader at once. */
const chunkCharacters = 64 * 1024;

/** One subscriber's bounded view of the bus. */
export interface Subscription extends Disposable {
  /** Takes what waits, as server-sent events, up to about 64 KiB; "" when nothing waits, null at the end. */
  read(): string | null;
  /** Queues a comment, which keeps idle connections open; never counts against the queue. */
  comment(): void;
  /** Whether it was cut off for being slow; what waited is still readable. */
  readonly dropped: boolean;
}

/** An event that waits for a subscriber; its text may be made when it is read. */
export interface QueueItem {
  /** Sequence number in its id. */
  readonly seq: number;
  /** The whole server-sent event. */
  readonly frame: string | (() => string);
}

/** A subscription as the bus sees it. */
export class Reader implements Subscription {
  /** What it asked for. */
  readonly filter: EventFilter;
  readonly #limit: number;
  readonly #onReadable: () => void;
  readonly #onDispose: (reader: Reader) => void;
  /** Present state or replay; bounded by the configuration and the ring, so not by the queue. */
  #backlog: readonly QueueItem[];
  #backlogNext = 0;
  #queue: QueueItem[] = [];
  #comment = false;
  #notified = false;
  #ended = false;
  #dropped = false;

  /** Starts with `backlog`; `limit` events may wait after it. */
  constructor(
    options: { readonly filter: EventFilter; readonly onReadable: () => void },
    limit: number,
    backlog: readonly QueueItem[],
    onDispose: (reader: Reader) => void,
  ) {
    this.filter = options.filter;
    this.#onReadable = options.onReadable;
    this.#limit = limit;
    this.#backlog = backlog;
    this.#onDispose = onDispose;
  }

  /** Whether it was cut off for being slow. */
  get dropped(): boolean {
    return this.#dropped;
  }

  /** Queues an event; false when there is no room. */
  offer(entry: Entry): boolean {
    if (this.#ended || !matches(this.filter, entry.subject)) return true;
    if (this.#queue.length >= this.#limit) return false;
    this.#queue.push(entry);
    this.#notify();
    return true;
  }

  /** Ends it with a last frame, which bears the id of the last frame before it. */
  drop(lastSeq: number, frame: (seq: number) => string): void {
    const seq = this.#queue.at(-1)?.seq ?? this.#backlog.at(-1)?.seq ?? lastSeq;
    this.#queue.push({ seq, frame: frame(seq) });
    this.#dropped = true;
    this.#notified = false;
    this.end();
  }

  /** Ends it after what waits. */
  end(): void {
    this.#ended = true;
    this.#notify();
  }

  /** Queues a comment. */
  comment(): void {
    this.#comment = true;
    this.#notify();
  }

  /** Takes what waits. */
  read(): string | null {
    this.#notified = false;
    let text = "";
    if (this.#comment) {
      this.#comment = false;
      text = ": \n\n";
    }
    const take = (item: QueueItem) => text += typeof item.frame === "string" ? item.frame : item.frame();
    for (
      let item = this.#backlog[this.#backlogNext];
      item !== undefined && text.length < chunkCharacters;
      item = this.#backlog[++this.#backlogNext]
    ) take(item);
    if (this.#backlogNext >= this.#backlog.length) {
      this.#backlog = [];
      this.#backlogNext = 0;
      let taken = 0;
      for (const item of this.#queue) {
        if (text.length >= chunkCharacters) break;
        take(item);
        taken++;
      }
      this.#queue = this.#queue.slice(taken);
    }
    return text === "" && this.#ended ? null : text;
  }

  #notify(): void {
    if (this.#notified) return;
    this.#notified = true;
    this.#onReadable();
  }

  /** Leaves the bus. */
  [Symbol.dispose](): void {
    this.#ended = true;
    this.#backlog = [];
    this.#queue = [];
    this.#onDispose(this);
  }
}
