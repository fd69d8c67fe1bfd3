import type { UnixMillis } from "./model.ts";

/** Severity, least first. */
export type Level = "debug" | "info" | "warn" | "error";

/** Fields of a record; they stand flat beside time, level and msg. Values must survive JSON. */
export type Attrs = Readonly<Record<string, unknown>>;

/** One finished log record. */
export interface LogRecord {
  readonly at: UnixMillis;
  readonly level: Level;
  readonly msg: string;
  readonly attrs: Attrs;
}

/**
 * Where every part writes its records. `msg` is one of the names of product section 8.
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
