import type {
  BackendEvent,
  ChangeEvent,
  DroppedEvent,
  FrontendEvent,
  LogEvent,
  ResyncEvent,
  VppEvent,
} from "../api/mod.ts";
import { nanosText, timeText } from "../api/text.ts";
import {
  type Entry,
  type EventFilter,
  eventFrame,
  eventId,
  type EventSubject,
  levelRank,
  matches,
  parseEventId,
  PastEvents,
  type RingLimits,
  wholeFilter,
} from "./core.ts";
import { type QueueItem, Reader, type Subscription } from "./reader.ts";
import type { Clock } from "../clock.ts";
import type { Level } from "../log/mod.ts";
import type { Millis, UnixMillis } from "../model.ts";

export type { Subscription } from "./reader.ts";

/** An event without what the bus adds. */
export type WithoutHead<E> = E extends unknown ? Omit<E, "at" | "at_unix_ns" | "synthetic"> : never;

/** What the parts of the daemon tell the world; the bus adds time and sequence. */
export type Announcement = WithoutHead<
  BackendEvent | FrontendEvent | VppEvent | LogEvent | ChangeEvent
>;

/** Where the parts of the daemon announce changes. */
export interface Announcer {
  /** Announces one change; `at` is when it happened (default: now). Never throws, never waits. */
  announce(event: Announcement, at?: UnixMillis): void;
}

/** Largest number of events that wait for one subscriber. */
export const queueLimit = 256;

/** How long records below info go on being made after their last subscriber left, so that its reconnect loses none. */
const lingerMs: Millis = 30_000;

/** Old events are forgotten so often at most, in ms; those of many backends are many. */
const forgetMs: Millis = 1_000;

/** What a bus is made of. */
export interface BusOptions {
  /** Time of events, and age of those kept. */
  readonly clock: Clock;
  /** Names this run of the daemon in event ids; default: random. */
  readonly epoch?: string;
  /** How much of the past is kept. */
  readonly ring?: RingLimits;
  /** Events that may wait for one subscriber, default 256. */
  readonly queueLimit?: number;
}

/** What a subscriber asks for. */
export interface SubscribeOptions {
  /** Default: everything at level info. */
  readonly filter?: EventFilter;
  /** Id of the last event seen before a reconnect. */
  readonly lastEventId?: string | null;
  /** The present state as events with from = to; asked once, unless a replay makes it needless. */
  readonly present?: () => readonly Announcement[];
  /** Called when something can be read, at most once between two reads, and once more when it is dropped. */
  readonly onReadable?: () => void;
}

function subjectOf(event: Announcement): EventSubject {
  switch (event.kind) {
    case "backend":
      return { kind: "backend", level: null, backend: event.backend, frontends: event.frontends };
    case "frontend":
      return { kind: "frontend", level: null, backend: null, frontends: [event.frontend] };
    case "vpp":
      return { kind: "vpp", level: null, backend: null, frontends: [] };
    case "change": {
      const { backend, frontend } = event;
      return { kind: "change", level: null, backend, frontends: frontend === null ? [] : [frontend] };
    }
    case "log": {
      const { backend, frontend, frontends } = event.attrs;
      return {
        kind: "log",
        level: event.level,
        backend: typeof backend === "string" ? backend : null,
        // A sync of several VIPs names them all.
        frontends: typeof frontend === "string" ? [frontend] : Array.isArray(frontends) ? frontends : [],
      };
    }
  }
}

/**
 * Numbers every announcement, keeps the newest for replay, and hands each to every subscriber that asked for it.
 * Nobody waits for a subscriber: one whose queue is full is told so and cut off.
 */
export class Bus implements Announcer, Disposable {
  /** Names this run of the daemon in event ids. */
  readonly epoch: string;
  readonly #clock: Clock;
  readonly #ring: PastEvents;
  readonly #queueLimit: number;
  readonly #readers = new Set<Reader>();
  readonly #taps = new Set<(event: Announcement, at: UnixMillis) => void>();
  /** Until when debug records are made although nobody asks for them. */
  #debugUntil: Millis = -Infinity;
  /** First sequence number from which the ring holds every debug record; Infinity: it does not. */
  #debugSince = Infinity;
  #forgetting: Disposable | null = null;
  #closed = false;

  /** Makes a bus without subscribers. */
  constructor(options: BusOptions) {
    this.#clock = options.clock;
    this.epoch = options.epoch ?? crypto.randomUUID().replaceAll("-", "").slice(0, 12);
    this.#ring = new PastEvents(options.ring);
    this.#queueLimit = options.queueLimit ?? queueLimit;
  }

  /** Subscribers at present. */
  get subscribers(): number {
    return this.#readers.size;
  }

  /** Sequence number of the newest event; 0 before the first. */
  get newest(): number {
    return this.#ring.newest;
  }

  /**
   * Whether log records of this level must be announced. Info and above always: the ring owes them to whoever
   * reconnects. Debug only while a subscriber asks for it, and for 30 s after.
   */
  wants(level: Level): boolean {
    if (this.#closed) return false;
    if (levelRank[level] >= levelRank.info) return true;
    for (const reader of this.#readers) if (reader.filter.level === "debug") return true;
    if (this.#clock.now() <= this.#debugUntil) return true;
    this.#debugSince = Infinity;
    return false;
  }

  /** Hands every announcement to `listener` first, which must not throw or wait; until disposal. */
  tap(listener: (event: Announcement, at: UnixMillis) => void): Disposable {
    this.#taps.add(listener);
    return { [Symbol.dispose]: () => void this.#taps.delete(listener) };
  }

  /** Announces one change to all subscribers. */
  announce(event: Announcement, at: UnixMillis = this.#clock.wall()): void {
    for (const tap of this.#taps) tap(event, at);
    if (this.#closed) return;
    const seq = this.#ring.newest + 1;
    const entry: Entry = {
      seq,
      at: this.#clock.now(),
      subject: subjectOf(event),
      frame: this.#frame(event, seq, at, false),
    };
    this.#ring.push(entry);
    this.#forgetLater();
    for (const reader of this.#readers) {
      if (reader.offer(entry)) continue;
      this.#readers.delete(reader);
      this.#lingerAfter(reader);
      reader.drop(seq, (last) => this.#dropFrame(last, `more than ${this.#queueLimit} events were waiting`));
    }
  }

  /** Subscribes; dispose of the subscription to leave. On a closed bus the subscription has ended. */
  subscribe(options: SubscribeOptions = {}): Subscription {
    const filter = options.filter ?? wholeFilter;
    const backlog = this.#backlog(filter, options);
    const wanted = { filter, onReadable: options.onReadable ?? (() => {}) };
    const reader = new Reader(wanted, this.#queueLimit, backlog, (left) => {
      if (this.#readers.delete(left)) this.#lingerAfter(left);
    });
    if (this.#closed) {
      reader.end();
      return reader;
    }
    // Asking `wants` first: it forgets a coverage that has lapsed since.
    if (filter.level === "debug" && !this.wants("debug")) this.#debugSince = this.#ring.newest;
    this.#readers.add(reader);
    return reader;
  }

  /** A stream that ends at once with the reason. */
  refuse(reason: string): string {
    return this.#dropFrame(this.#ring.newest, reason);
  }

  /** Ends every subscription after what waits for it; later announcements go nowhere. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#forgetting?.[Symbol.dispose]();
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }

  /** Events of a start or of a storm are forgotten when they are old, also where nothing happens any more. */
  #forgetLater(): void {
    const { nextAt } = this.#ring;
    if (this.#closed || this.#forgetting !== null || nextAt === null) return;
    const wait = Math.max(forgetMs, nextAt - this.#clock.now() + 1);
    this.#forgetting = this.#clock.after(wait, () => {
      this.#forgetting = null;
      this.#ring.forget(this.#clock.now());
      this.#forgetLater();
    });
  }

  #lingerAfter(reader: Reader): void {
    if (reader.filter.level === "debug") this.#debugUntil = this.#clock.now() + lingerMs;
  }

  #backlog(filter: EventFilter, options: SubscribeOptions): QueueItem[] {
    const newest = this.#ring.newest;
    const items: QueueItem[] = [];
    const lastEventId = options.lastEventId ?? null;
    if (lastEventId !== null) {
      const last = parseEventId(lastEventId, this.epoch);
      const known = last !== null && last <= newest;
      const covered = filter.level !== "debug" || (this.wants("debug") && (last ?? -1) >= this.#debugSince);
      const missed = known && covered ? this.#ring.after(last) : null;
      if (missed !== null) return missed.filter((entry) => matches(filter, entry.subject));
      const event: ResyncEvent = {
        ...this.#head(),
        synthetic: true,
        kind: "resync",
        reason: known ? "ring" : "epoch",
      };
      items.push({ seq: newest, frame: eventFrame("resync", eventId(this.epoch, newest), event) });
    }
    const at = this.#clock.wall();
    for (const event of options.present?.() ?? []) {
      if (!matches(filter, subjectOf(event))) continue;
      // Text is made when it is read, so that a reader that never reads costs no more than the object.
      items.push({ seq: newest, frame: () => this.#frame(event, newest, at, true) });
    }
    return items;
  }

  #head(at: UnixMillis = this.#clock.wall()): { at: string; at_unix_ns: string } {
    return { at: timeText(at), at_unix_ns: nanosText(at) };
  }

  #frame(event: Announcement, seq: number, at: UnixMillis, synthetic: boolean): string {
    const { kind, ...rest } = event;
    return eventFrame(kind, eventId(this.epoch, seq), { kind, ...this.#head(at), synthetic, ...rest });
  }

  #dropFrame(seq: number, reason: string): string {
    const event: DroppedEvent = { ...this.#head(), synthetic: false, kind: "dropped", reason };
    return eventFrame("dropped", eventId(this.epoch, seq), event);
  }
}
