import type { JournalEntry, VppEvent } from "../../api/mod.ts";
import type { View } from "../context.ts";
import type { ApiEvent, OtherEvent } from "../shapes/mod.ts";
import { type Inline, type Line, line, plain, type Style, styled } from "../text.ts";
import { sentenceText } from "../units.ts";
import { clockText } from "../when.ts";
import { causeText, effectsText } from "./backends.ts";
import { stateWord } from "./style.ts";
import { whoText } from "./who.ts";

const levelStyles: ReadonlyMap<string, Style> = new Map([
  ["debug", "dim"],
  ["warn", "yellow"],
  ["error", "red"],
]);

function linkSpan(link: VppEvent["to"]): Inline {
  return styled(link === "connected" ? "green" : link === "off" ? "dim" : "red", link);
}

function attribute(value: unknown): string {
  if (typeof value === "string") return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? "null";
}

function what(event: ApiEvent | OtherEvent): Inline {
  switch (event.kind) {
    case "backend": {
      const { transition } = event;
      if (event.synthetic) return [styled("bold", event.backend), " is ", stateWord(transition.to)];
      const effects = effectsText(transition.effects);
      return [
        styled("bold", event.backend),
        " ",
        stateWord(transition.from),
        " → ",
        stateWord(transition.to),
        `  ${causeText(transition)}`,
        effects === "" ? "" : `; ${effects}`,
      ];
    }
    case "frontend":
      if (event.synthetic) {
        return [styled("bold", event.frontend), " is ", stateWord(event.to), `, pool ${event.active_pool}`];
      }
      return [
        styled("bold", event.frontend),
        " ",
        stateWord(event.from),
        " → ",
        stateWord(event.to),
        `, pool ${event.active_pool}  ${event.reason}`,
      ];
    case "vpp": {
      const version = event.info === null ? "" : `, version ${event.info.version}, pid ${event.info.pid}`;
      if (event.synthetic) return ["is ", linkSpan(event.to), version];
      return [linkSpan(event.from), " → ", linkSpan(event.to), version, `  ${event.reason}`];
    }
    case "log":
      return [
        styled(levelStyles.get(event.level) ?? null, event.level.padEnd(5)),
        " ",
        styled("bold", event.msg),
        ...Object.entries(event.attrs).map((
          [key, value],
        ) => [" ", styled("dim", `${key}=`), attribute(value)]),
      ];
    case "resync":
      return styled(
        "yellow",
        event.reason === "epoch"
          ? "maglevd was restarted; what differs from before follows"
          : "events were lost; what differs from before follows",
      );
    case "other":
      return styled("dim", "an event of a kind that this maglevc does not know");
    case "change":
      return `${event.what} of ${event.backend ?? event.frontend ?? "the daemon"} changed`;
    case "dropped":
      return styled("red", `cut off by the server: ${event.reason}`);
  }
}

function put(at: string, kind: string, view: View, ...rest: Inline[]): Line {
  return line(styled("dim", clockText(Date.parse(at), view.zone)), `  ${kind.padEnd(8)}  `, rest);
}

/** One event as a line for a person: time, kind, what happened and why. */
export function eventSpans(event: ApiEvent | OtherEvent, view: View): Line {
  return put(event.at, event.kind, view, what(event));
}

/** A state that changed while there was no connection. */
export function missedSpans(
  event: ApiEvent | OtherEvent,
  key: string,
  before: string,
  now: string,
  view: View,
): Line {
  const name = key.slice(event.kind.length).trim();
  return put(
    event.at,
    event.kind,
    view,
    name === "" ? "" : [styled("bold", name), " "],
    `is ${now}`,
    styled("yellow", `, was ${before}`),
  );
}

/** An entry of the journal as such a line. */
export function pastSpans(entry: JournalEntry, view: View): Line {
  const who = whoText(entry);
  const why = [who === "" ? "" : `by ${who}`, entry.reason ?? ""].filter((text) => text !== "").join(": ");
  const text = sentenceText(entry.text, view);
  return put(entry.at, entry.kind, view, text, why === "" ? "" : styled("dim", `  ${why}`));
}

/** The same without colour. */
export function eventLine(event: ApiEvent | OtherEvent, view: View): string {
  return plain(eventSpans(event, view)).trimEnd();
}
