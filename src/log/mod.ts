import type { Clock } from "../clock.ts";
import { jsonLine, plainAttrs, textLine } from "./format.ts";
import type { Attrs, Level, LogRecord } from "./record.ts";
import type { UnixMillis } from "../model.ts";

export type { Attrs, Level, LogRecord } from "./record.ts";

/**
 * Where every part writes its records. `msg` is one of the fixed names in docs/api.md.
 * Pass attributes as a function where they cost something: it runs only when somebody listens at that level.
 */
export interface Log {
  /** Whether a record of this level would reach anybody. */
  enabled(level: Level): boolean;
  /** Writes a record of detail for developers and packet-level tracing. */
  debug(msg: string, attrs?: Attrs | (() => Attrs)): void;
  /** Writes a record of normal operation. */
  info(msg: string, attrs?: Attrs | (() => Attrs)): void;
  /** Writes a record of something an operator should look at. */
  warn(msg: string, attrs?: Attrs | (() => Attrs)): void;
  /** Writes a record of something that failed. */
  error(msg: string, attrs?: Attrs | (() => Attrs)): void;
}

/** A log that nobody reads. */
export const silentLog: Log = {
  enabled: () => false,
  debug() {},
  info() {},
  warn() {},
  error() {},
};

/** Where finished records go besides the daemon's own output; the event bus is one. */
export interface LogListener {
  /** Whether a record of this level is of use. */
  wants(level: Level): boolean;
  /** Takes a record whose attributes are fit for JSON and free of secrets. */
  announce(
    event: { kind: "log"; level: Level; msg: string; attrs: Record<string, unknown> },
    at: UnixMillis,
  ): void;
}

/** What a log is made of. */
export interface LogOptions {
  /** Least level of the daemon's own output; listeners have levels of their own. */
  readonly level: Level;
  /** JSON lines, or text for terminals. */
  readonly format: "json" | "text";
  /** Colours in the text format. */
  readonly colour?: boolean;
  /** Time of the records. */
  readonly clock: Clock;
  /** Takes one line with its newline. */
  readonly write: (line: string) => void;
  /** Gets every record that it wants. */
  readonly listener?: LogListener;
}

const ranks: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Makes the daemon's log. A record that neither the output nor the listener wants costs one comparison each. */
export function createLog(options: LogOptions): Log {
  const { level: least, clock, listener } = options;
  const format = options.format === "json"
    ? jsonLine
    : (record: LogRecord) => textLine(record, options.colour ?? false);
  const printed = (level: Level): boolean => ranks[level] >= ranks[least];
  const record = (level: Level) => (msg: string, attrs?: Attrs | (() => Attrs)): void => {
    const print = printed(level);
    const fanOut = listener?.wants(level) ?? false;
    if (!print && !fanOut) return;
    const at = clock.wall();
    const plain = plainAttrs((typeof attrs === "function" ? attrs() : attrs) ?? {});
    if (print) options.write(`${format({ at, level, msg, attrs: plain })}\n`);
    if (fanOut) listener?.announce({ kind: "log", level, msg, attrs: { ...plain } }, at);
  };
  return {
    enabled: (level) => printed(level) || (listener?.wants(level) ?? false),
    debug: record("debug"),
    info: record("info"),
    warn: record("warn"),
    error: record("error"),
  };
}
