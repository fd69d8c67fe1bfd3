/**
 * What a log record is.
 *
 * @module
 */
import type { UnixMillis } from "../model.ts";

/** Severity, least first. */
export type Level = "debug" | "info" | "warn" | "error";

/** Fields of a record; they stand flat beside time, level and msg. Values must survive JSON. */
export type Attrs = Readonly<Record<string, unknown>>;

/** One finished log record. */
export interface LogRecord {
  /** When it was written. */
  readonly at: UnixMillis;
  /** Its severity. */
  readonly level: Level;
  /** Its name. */
  readonly msg: string;
  /** Its fields. */
  readonly attrs: Attrs;
}
