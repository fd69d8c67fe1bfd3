/**
 * The pure half of the event bus: which events a subscriber asked for, and the ring of past events that a
 * reconnecting subscriber is replayed from.
 *
 * @module
 */
import { Ring } from "../async/ring.ts";
import type { Level } from "../log/mod.ts";
import type { Millis } from "../model.ts";

/** Kinds that a subscriber can ask for. */
export type EventKind = "backend" | "frontend" | "vpp" | "log" | "change";

/** Severities by rank; a subscriber of one gets it and all above. */
export const levelRank: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** What a subscriber asked for. */
export interface EventFilter {
  /** Kinds that pass. */
  readonly kinds: ReadonlySet<EventKind>;
  /** Least level of log events. */
  readonly level: Level;
  /** Names; null = all. Events that name no backend pass only by `frontends`. */
  readonly backends: ReadonlySet<string> | null;
  /** Names; null = all. Events that name no frontend pass only by `backends`. */
  readonly frontends: ReadonlySet<string> | null;
}

/** The kinds that a subscriber gets who asks for none, at level info. */
export const wholeFilter: EventFilter = {
  kinds: new Set<EventKind>(["backend", "frontend", "vpp", "log"]),
  level: "info",
  backends: null,
  frontends: null,
};

/** What a filter looks at. */
export interface EventSubject {
  /** Kind of the event. */
  readonly kind: EventKind;
  /** Null for kinds other than log. */
  readonly level: Level | null;
  /** The one backend the event is about, or null. */
  readonly backend: string | null;
  /** Frontends the event is about; empty: none. */
  readonly frontends: readonly string[];
}

/**
 * Whether an event is for a subscriber. A filter by name judges only events that have a name of that sort; an
 * event that has no name of any sort that is filtered by is left out.
 */
export function matches(filter: EventFilter, subject: EventSubject): boolean {
  if (!filter.kinds.has(subject.kind)) return false;
  if (subject.level !== null && levelRank[subject.level] < levelRank[filter.level]) return false;
  if (filter.backends === null && filter.frontends === null) return true;
  const { backends, frontends } = filter;
  const byBackend = backends === null || subject.backend === null ? null : backends.has(subject.backend);
  const byFrontend = frontends === null || subject.frontends.length === 0
    ? null
    : subject.frontends.some((name) => frontends.has(name));
  return (byBackend ?? byFrontend ?? false) && (byFrontend ?? true);
}

/** One event as it is kept and sent. */
export interface Entry {
  /** Sequence number, from 1. */
  readonly seq: number;
  /** Monotonic time of the announcement. */
  readonly at: Millis;
  /** For filters. */
  readonly subject: EventSubject;
  /** The whole server-sent event, made once for all subscribers. */
  readonly frame: string;
}

/** How much of the past is kept. */
export interface RingLimits {
  /** At least so many events are kept ... */
  readonly events: number;
  /** ... and all that are younger than this ... */
  readonly ms: Millis;
  /** ... but never more characters of frames than this. */
  readonly characters: number;
}

/** 2,000 events, and all of the last 30 s within 16 Mi characters (30 s of some 2,000 events a second). */
export const defaultRingLimits: RingLimits = { events: 2000, ms: 30_000, characters: 16 * 1024 * 1024 };

/** The newest events in order. */
export class PastEvents {
  readonly #limits: RingLimits;
  readonly #entries = new Ring<Entry>();
  #characters = 0;
  #newest = 0;

  /** Holds nothing yet; sequence numbers start at 1. */
  constructor(limits: RingLimits = defaultRingLimits) {
    this.#limits = limits;
  }

  /** Sequence number of the newest event ever pushed; 0 before the first. */
  get newest(): number {
    return this.#newest;
  }

  /** Events held. */
  get size(): number {
    return this.#entries.size;
  }

  /** Characters of the frames held. */
  get characters(): number {
    return this.#characters;
  }

  /** Adds an event whose `seq` is `newest + 1`, and forgets what the limits no longer ask for. */
  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#newest = entry.seq;
    this.#characters += entry.frame.length;
    this.forget(entry.at);
  }

  /** Forgets at `now` what the limits no longer ask for. */
  forget(now: Millis): void {
    for (let oldest = this.#entries.first; oldest !== undefined; oldest = this.#entries.first) {
      const spare = this.size > this.#limits.events && now - oldest.at > this.#limits.ms;
      if (!spare && this.#characters <= this.#limits.characters) break;
      this.#characters -= oldest.frame.length;
      this.#entries.dropFirst();
    }
  }

  /** When the next event is old enough to be forgotten; null: none that is held is too many. */
  get nextAt(): Millis | null {
    const oldest = this.#entries.first;
    return oldest === undefined || this.size <= this.#limits.events ? null : oldest.at + this.#limits.ms;
  }

  /** Every event after `seq`; null when some of them are forgotten or `seq` is still to come. */
  after(seq: number): readonly Entry[] | null {
    const oldest = this.#newest - this.size + 1;
    if (seq > this.#newest || seq + 1 < oldest) return null;
    return this.#entries.from(seq + 1 - oldest);
  }
}

/** Id of an event on the wire. */
export function eventId(epoch: string, seq: number): string {
  return `${epoch}-${seq}`;
}

/** Sequence number of an id of this epoch; null for another epoch or no id at all. */
export function parseEventId(text: string, epoch: string): number | null {
  const match = /^(.+)-(0|[1-9][0-9]{0,14})$/.exec(text);
  return match?.[1] === epoch ? Number(match[2]) : null;
}

/** A server-sent event; `data` is one line of JSON. */
export function eventFrame(kind: string, id: string, data: unknown): string {
  // A text that is put together by "+" or a template is kept in its pieces, which take more memory than the text.
  return ["event: ", kind, "\nid: ", id, "\ndata: ", JSON.stringify(data), "\n\n"].join("");
}
