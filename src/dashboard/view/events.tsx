import { signal } from "@preact/signals";
import type { EventRow, StreamEvent } from "../state/model.ts";
import { clean, clockText, shapes } from "../state/format.ts";
import { model } from "../state/store.ts";

const paused = signal<readonly EventRow[] | null>(null);
const filter = signal("");
const shownLimit = 100;

/** An event in one line of text. */
export function eventText(event: StreamEvent): string {
  switch (event.kind) {
    case "backend": {
      const { code, detail, effects, from, to } = event.transition;
      const weights = effects.map((one) =>
        `${one.frontend} ${one.weight_before}→${one.weight_after}${one.flush ? " flushed" : ""}`
      );
      return `${shapes[to] ?? ""} ${event.backend} ${from} → ${to} ${code} ${detail}${
        weights.length === 0 ? "" : `; ${weights.join(", ")}`
      }`;
    }
    case "frontend":
      return `${
        shapes[event.to] ?? ""
      } ${event.frontend} ${event.from} → ${event.to}, pool ${event.active_pool} ${event.reason}`;
    case "vpp":
      return `VPP ${event.from} → ${event.to} ${event.reason}`;
    case "log":
      return `${event.level} ${event.msg} ${
        Object.entries(event.attrs).map(([key, value]) =>
          `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`
        ).join(" ")
      }`;
    case "resync":
      return `events were lost (${event.reason})`;
    case "dropped":
      return `the daemon dropped this reader: ${event.reason}`;
    case "change":
      return `${event.what} changed`;
  }
}

/** What happens, newest first. */
export function Events() {
  const rows = paused.value ?? model.value.events;
  const word = filter.value.toLowerCase();
  const shown: { key: number; at: string; text: string }[] = [];
  for (let i = rows.length - 1; i >= 0 && shown.length < shownLimit; i--) {
    const row = rows[i];
    if (row === undefined) continue;
    const text = eventText(row.event);
    if (text.toLowerCase().includes(word)) shown.push({ key: row.key, at: row.event.at, text });
  }
  return (
    <section id="events" aria-label="events">
      <h2>Events</h2>
      <p>
        <button
          type="button"
          aria-pressed={paused.value !== null}
          onClick={() => paused.value = paused.value === null ? model.value.events : null}
        >
          {paused.value === null ? "pause" : "follow"}
        </button>{" "}
        <input
          type="search"
          placeholder="filter"
          aria-label="filter events"
          value={filter.value}
          onInput={(event) => filter.value = event.currentTarget.value}
        />
      </p>
      <ul class="plain events">
        {shown.map(({ at, key, text }) => (
          <li key={key}>
            <time>{clockText(at)}</time> <bdi>{clean(text)}</bdi>
          </li>
        ))}
      </ul>
    </section>
  );
}
