/**
 * What a watch shows: each change once and in its order, whatever the stream repeats.
 *
 *     present state -> known            (shown, unless only news are wanted)
 *     event         -> known, shown     (unless the journal has shown it)
 *     resync        -> the present state comes again: shown is only what differs from what is known
 *
 * @module
 */
import type { JournalEntry } from "../../api/mod.ts";
import { err, ok, type Result } from "../../result.ts";
import type { SseFrame } from "../../sse.ts";
import type { Output, View } from "../context.ts";
import { eventSpans, missedSpans, pastSpans } from "../render/events.ts";
import { check } from "../shape.ts";
import { type ApiEvent, event as eventShape, type OtherEvent } from "../shapes/mod.ts";
import { type Line, line, styled } from "../text.ts";
import { dayText } from "../when.ts";

/** How a watch shows things. */
export interface FollowerOptions {
  /** Where it shows them. */
  readonly out: Pick<Output, "print" | "json">;
  /** Lines for a person; else JSON, one value a line. */
  readonly readable: boolean;
  /** Time and zone of now. */
  readonly view: () => View;
  /** Whether the present state is shown at the beginning. */
  readonly present: boolean;
  /** Ends after so many things happened. */
  readonly limit: number;
}

/** Object and state of an event; null: it has none. */
function stateOf(event: ApiEvent | OtherEvent): { readonly key: string; readonly state: string } | null {
  switch (event.kind) {
    case "backend":
      return { key: `backend ${event.backend}`, state: event.transition.to };
    case "frontend":
      return { key: `frontend ${event.frontend}`, state: `${event.to}, pool ${event.active_pool}` };
    case "vpp":
      return { key: "vpp", state: event.to };
    default:
      return null;
  }
}

/** Identifies an entry of the journal, and the event of the same change. */
function markOf(kind: string, at: string, name: string | null): string {
  return `${kind} ${Date.parse(at)} ${kind === "vpp" ? "" : name ?? ""}`;
}

/** One JSON value as one line, octet for octet unless it holds line ends. */
function oneLine(data: string, value: unknown): string {
  return data.includes("\n") ? JSON.stringify(value) : data;
}

/** Shows frames and counts what happened. */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #known = new Map<string, string>();
  readonly #shownPast = new Set<string>();
  /** Day of the line that was shown last. */
  #day: string;
  #happened = 0;
  #afterResync = false;

  /** Has shown nothing yet. */
  constructor(options: FollowerOptions) {
    this.#options = options;
    const { now, zone } = options.view();
    this.#day = dayText(now, zone);
  }

  /** Whether all that was wanted has happened. */
  get done(): boolean {
    return this.#happened >= this.#options.limit;
  }

  /** Shows an entry of the journal. */
  past(entry: JournalEntry): void {
    const { out, readable, view } = this.#options;
    this.#shownPast.add(markOf(entry.kind, entry.at, entry.backend ?? entry.frontend));
    this.#happened++;
    if (readable) this.#print(entry.at, pastSpans(entry, view()));
    else out.json(JSON.stringify(entry));
  }

  /** Shows a frame of the stream, if it is one to be shown; an error is what is wrong with it. */
  frame({ data }: SseFrame): Result<null, string> {
    let value: unknown;
    try {
      value = JSON.parse(data);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return err("an event is no JSON");
    }
    const read = check(eventShape, value);
    if (!read.ok) {
      if (this.#options.readable) return err(`an event: ${read.error}`);
      // A program reads it, and may know more than we do.
      const synthetic = typeof value === "object" && value !== null &&
        Reflect.get(value, "synthetic") === true;
      if (!synthetic) this.#happened++;
      this.#options.out.json(oneLine(data, value));
      return ok(null);
    }
    this.#show(read.value, oneLine(data, value));
    return ok(null);
  }

  #show(event: ApiEvent | OtherEvent, json: string): void {
    const { out, readable, present, view } = this.#options;
    const seen = stateOf(event);
    const before = seen === null ? undefined : this.#known.get(seen.key);
    if (seen !== null) this.#known.set(seen.key, seen.state);
    if (event.kind === "resync") this.#afterResync = true;
    if (!event.synthetic && seen !== null && this.#wasShown(event)) return;
    const real = !event.synthetic && event.kind !== "resync" && event.kind !== "dropped";
    if (real) this.#happened++;
    const again = event.synthetic && this.#afterResync;
    if (event.synthetic && !again && seen !== null && !present) return;
    if (!readable) {
      out.json(json);
      return;
    }
    // What is as it was before the connection was lost is no news.
    if (again && seen !== null && before === seen.state) return;
    const spans = again && seen !== null && before !== undefined
      ? missedSpans(event, seen.key, before, seen.state, view())
      : eventSpans(event, view());
    this.#print(event.at, spans);
  }

  #wasShown(event: ApiEvent | OtherEvent): boolean {
    const name = event.kind === "backend" ? event.backend : event.kind === "frontend" ? event.frontend : null;
    return this.#shownPast.delete(markOf(event.kind, event.at, name));
  }

  #print(at: string, spans: Line): void {
    const { out, view } = this.#options;
    const day = dayText(Date.parse(at), view().zone);
    if (day !== this.#day) {
      this.#day = day;
      out.print([line(styled("bold", day))]);
    }
    out.print([spans]);
  }
}
