/**
 * One record to one line: JSON as Go's slog writes it, or text for terminals. Pure.
 *
 * @module
 */
import { timeText } from "../api/text.ts";
import type { Attrs, Level, LogRecord } from "./record.ts";
import { isSecretName, redacted, redactText } from "./redact.ts";

const maxDepth = 8;

/** Turns any value into one that JSON can hold, without secrets; never throws. */
export function plainValue(value: unknown, name = "", depth = 0): unknown {
  if (name !== "" && isSecretName(name) && value !== null && typeof value !== "boolean") return redacted;
  switch (typeof value) {
    case "string":
      return redactText(value);
    case "bigint":
      return value.toString();
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "function":
    case "symbol":
      return String(value);
    case "undefined":
      return null;
  }
  if (value === null || typeof value !== "object") return value;
  if (depth >= maxDepth) return "\u2026";
  if (value instanceof Error) return plainValue(value.message, "", depth + 1);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return value.toHex();
  if (Array.isArray(value)) return value.map((item) => plainValue(item, "", depth + 1));
  const entries: [string, unknown][] = value instanceof Map
    ? [...value].map(([key, item]) => [keyText(key, depth), item])
    : value instanceof Set
    ? [...value].map((item, index) => [String(index), item])
    : Object.entries(value);
  return Object.fromEntries(entries.map(([key, item]) => [key, plainValue(item, key, depth + 1)]));
}

/** A map's key; an object need not have a text of its own. */
function keyText(key: unknown, depth: number): string {
  return typeof key === "object" ? JSON.stringify(plainValue(key, "", depth + 1)) : String(key);
}

/** Fields fit for JSON, without secrets. */
export function plainAttrs(attrs: Attrs): Attrs {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(attrs)) plain[name] = plainValue(value, name);
  return plain;
}

const reserved = new Set(["time", "level", "msg"]);

/** A line of JSON without its newline; a field named like one of the record's own gets an underscore behind. */
export function jsonLine(record: LogRecord): string {
  const line: Record<string, unknown> = {
    time: timeText(record.at),
    level: record.level.toUpperCase(),
    msg: record.msg,
  };
  for (const [name, value] of Object.entries(record.attrs)) {
    line[reserved.has(name) ? `${name}_` : name] = value;
  }
  return JSON.stringify(line);
}

const colours: Readonly<Record<Level, string>> = {
  debug: "\x1b[2m",
  info: "\x1b[32m",
  warn: "\x1b[33m",
  error: "\x1b[31m",
};

function fieldText(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[^\s"=\\\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text);
}

/** A line for a person: time of day, level, name, fields as `key=value`. */
export function textLine(record: LogRecord, colour: boolean): string {
  const level = record.level.toUpperCase().padEnd(5);
  const head = colour ? `${colours[record.level]}${level}\x1b[0m` : level;
  const fields = Object.entries(record.attrs).map(([name, value]) => ` ${name}=${fieldText(value)}`);
  return `${timeText(record.at).slice(11, 23)} ${head} ${record.msg}${fields.join("")}`;
}
