import type {
  BackendEvent,
  DroppedEvent,
  FrontendEvent,
  LogEvent,
  ResyncEvent,
  VppEvent,
} from "../../api/mod.ts";
import { type Inline, type Line, line, plain, styled } from "../text.ts";
import { causeText, effectsText } from "./backends.ts";
import { stateWord } from "./style.ts";

/** Any event of the API's stream. */
export type ApiEvent = BackendEvent | FrontendEvent | VppEvent | LogEvent | ResyncEvent | DroppedEvent;

const levelStyles = { debug: "dim", info: null, warn: "yellow", error: "red" } as const;

function linkSpan(link: VppEvent["to"]): Inline {
  return styled(link === "connected" ? "green" : link === "off" ? "dim" : "red", link);
}

function attribute(value: unknown): string {
  if (typeof value === "string") return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? "null";
}

function what(event: ApiEvent): Inline {
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
        styled(levelStyles[event.level], event.level.padEnd(5)),
        " ",
        styled("bold", event.msg),
        ...Object.entries(event.attrs).map((
          [key, value],
        ) => [" ", styled("dim", `${key}=`), attribute(value)]),
      ];
    case "resync":
      return styled("yellow", `events were lost (${event.reason}); the present state follows`);
    case "dropped":
      return styled("red", `cut off by the server: ${event.reason}`);
  }
}

/** One event as a line for a person: time, kind, what happened and why. */
export function eventSpans(event: ApiEvent): Line {
  return line(styled("dim", event.at.slice(11, 23)), `  ${event.kind.padEnd(8)}  `, what(event));
}

/** The same without colour. */
export function eventLine(event: ApiEvent): string {
  return plain(eventSpans(event)).trimEnd();
}
