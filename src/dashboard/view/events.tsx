import { useState } from "preact/hooks";
import type { EventRow, StreamEvent } from "../state/model.ts";
import { clean, clockText, shapeOf } from "../state/format.ts";
import { model } from "../state/store.ts";
import { Link } from "./parts.tsx";

const shownLimit = 100;

/** An event as the list shows it. */
interface Line {
  /** A state or severity, which gives shape and colour; "": none. */
  readonly tone: string;
  /** What it is about. */
  readonly subject: string;
  /** Whether a click on the subject opens something. */
  readonly opens: "backend" | "frontend" | null;
  /** The rest. */
  readonly text: string;
}

/** An event in words. */
export function eventLine(event: StreamEvent): Line {
  switch (event.kind) {
    case "backend": {
      const { code, detail, effects, from, to } = event.transition;
      const weights = (effects ?? []).map((one) =>
        `${one.frontend} ${one.weight_before}→${one.weight_after}${one.flush ? " flushed" : ""}`
      );
      const why = `${from} → ${to} ${code} ${detail}`.trim();
      const text = weights.length === 0 ? why : `${why}; ${weights.join(", ")}`;
      return { tone: to, subject: event.backend, opens: "backend", text };
    }
    case "frontend":
      return {
        tone: event.to,
        subject: event.frontend,
        opens: "frontend",
        text: `${event.from} → ${event.to}, pool ${event.active_pool} ${event.reason}`,
      };
    case "vpp":
      return {
        tone: event.to === "connected" ? "up" : event.to === "off" ? "disabled" : "down",
        subject: "VPP",
        opens: null,
        text: `${event.from} → ${event.to} ${event.reason}`,
      };
    case "log": {
      const attrs = Object.entries(event.attrs ?? {}).map(([key, value]) =>
        `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`
      );
      const tone = event.level === "error" ? "critical" : event.level === "warn" ? "warning" : "info";
      return { tone, subject: event.msg, opens: null, text: attrs.join(" ") };
    }
    case "resync":
      return {
        tone: "info",
        subject: "events",
        opens: null,
        text: `some were lost (${event.reason}); all is read anew`,
      };
    case "dropped":
      return {
        tone: "warning",
        subject: "events",
        opens: null,
        text: `the daemon dropped this page: ${event.reason}`,
      };
    case "change":
      return { tone: "info", subject: event.what, opens: null, text: "changed" };
    default:
      // A newer daemon has kinds that this page does not know.
      return { tone: "info", subject: String(Reflect.get(event, "kind")), opens: null, text: "" };
  }
}

/** What happens, newest first. */
export function Events() {
  const [paused, setPaused] = useState<readonly EventRow[] | null>(null);
  const [filter, setFilter] = useState("");
  const rows = paused ?? model.value.events;
  const wanted = filter.toLowerCase();
  const shown: { key: number; at: string; line: Line }[] = [];
  for (let i = rows.length - 1; i >= 0 && shown.length < shownLimit; i--) {
    const row = rows[i];
    if (row === undefined) continue;
    const line = eventLine(row.event);
    if (`${line.subject} ${line.text}`.toLowerCase().includes(wanted)) {
      shown.push({ key: row.key, at: row.event.at, line });
    }
  }
  const newer = paused === null ? 0 : (model.value.events.at(-1)?.key ?? 0) - (paused.at(-1)?.key ?? 0);
  return (
    <section id="events" aria-labelledby="events-title">
      <h2 id="events-title">Events</h2>
      <p class="line">
        <button
          type="button"
          aria-pressed={paused !== null}
          onClick={() => setPaused(paused === null ? model.value.events : null)}
        >
          {paused === null ? "pause" : "follow"}
        </button>
        <input
          type="search"
          placeholder="filter"
          aria-label="filter events"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        {newer === 0 ? null : <span class="dim">{newer} newer</span>}
      </p>
      {shown.length === 0
        ? (
          <p class="dim">
            {rows.length === 0 ? "nothing happened since this page is open" : "no event matches"}
          </p>
        )
        : (
          <ul class="events panel">
            {shown.map(({ at, key, line }) => (
              <li key={key}>
                <time title={at}>{clockText(at)}</time>
                <span class={`state ${line.tone}`} aria-hidden="true">{shapeOf(line.tone)}</span>
                {line.opens === null
                  ? (
                    <b>
                      <bdi>{clean(line.subject)}</bdi>
                    </b>
                  )
                  : <Link kind={line.opens} name={line.subject} />}
                <span>
                  <bdi>{clean(line.text)}</bdi>
                </span>
              </li>
            ))}
          </ul>
        )}
    </section>
  );
}
