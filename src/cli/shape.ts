/**
 * Checks of a server's JSON against the shapes of the API, so that an answer of another shape is named where it is read
 * and not where a renderer stumbles over it. Checked is what maglevc reads; other keys pass. Pure.
 *
 * @module
 */
import { err, ok, type Result } from "../result.ts";

/** A value that is not of the shape that the API has. The message begins with its place. */
export class ShapeError extends Error {}

/**
 * Takes a value of one shape.
 *
 * @throws ShapeError when it is another
 */
export type Shape<T> = (value: unknown, at: string) => T;

function kindOf(value: unknown): string {
  if (value === undefined) return "is missing";
  if (value === null) return "is null";
  return `is ${
    Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`
  }`;
}

function refuse(value: unknown, at: string, wanted: string): never {
  throw new ShapeError(`${at === "" ? "the answer" : at} ${kindOf(value)}, not ${wanted}`);
}

/** A text. A word that this client does not know yet passes. */
export function text<T extends string>(value: unknown, at: string): T {
  return typeof value === "string" ? value as T : refuse(value, at, "a text");
}

/** A finite number. */
export function number(value: unknown, at: string): number {
  return typeof value === "number" && Number.isFinite(value) ? value : refuse(value, at, "a number");
}

/** A boolean. */
export function flag(value: unknown, at: string): boolean {
  return typeof value === "boolean" ? value : refuse(value, at, "true or false");
}

/** A time that can be read. */
export function time(value: unknown, at: string): string {
  if (typeof value !== "string") return refuse(value, at, "a time");
  // RFC 3339 has years of four digits, and no more can be shown in every zone.
  const readable = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T/.test(value) && !Number.isNaN(Date.parse(value));
  if (!readable) throw new ShapeError(`${at} is no time`);
  return value;
}

/** Nanoseconds as a decimal text. */
export function nanos(value: unknown, at: string): string {
  if (typeof value !== "string") return refuse(value, at, "nanoseconds");
  if (!/^-?[0-9]{1,30}$/.test(value)) throw new ShapeError(`${at} is no number of nanoseconds`);
  return value;
}

/** Anything. */
export function any(value: unknown, at: string): unknown {
  return value === undefined ? refuse(value, at, "any value") : value;
}

/** Null, or another shape. */
export function nul<T>(shape: Shape<T>): Shape<T | null> {
  return (value, at) => value === null ? null : shape(value, at);
}

/** A list whose items have one shape. */
export function list<T>(shape: Shape<T>): Shape<T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) return refuse(value, at, "a list");
    for (const [i, item] of value.entries()) shape(item, `${at}[${i}]`);
    return value as T[];
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object whose values all have one shape. */
export function record<T>(shape: Shape<T>): Shape<Record<string, T>> {
  return (value, at) => {
    if (!isObject(value)) return refuse(value, at, "an object");
    for (const [key, item] of Object.entries(value)) shape(item, at === "" ? key : `${at}.${key}`);
    return value as Record<string, T>;
  };
}

/** A key that need not be there (`?` in the API's shapes). */
export function optional<T>(shape: Shape<T>): Shape<T> {
  // An absent key stays absent, and a type with `?` says so.
  return (value, at) => value === undefined ? value as T : shape(value, at);
}

/** A key that an older maglevd does not have, and its value then. */
export function since<T>(absent: () => T, shape: Shape<T>): Shape<T> {
  return (value, at) => value === undefined ? absent() : shape(value, at);
}

/** An object with at least these keys. Values of absent keys (`since`) are put into it. */
export function object<T>(fields: { readonly [K in keyof T]?: Shape<T[K]> }): Shape<T> {
  const entries = Object.entries(fields) as [string, Shape<unknown>][];
  return (value, at) => {
    if (!isObject(value)) return refuse(value, at, "an object");
    for (const [key, shape] of entries) {
      const read = shape(value[key], at === "" ? key : `${at}.${key}`);
      if (value[key] === undefined && read !== undefined) value[key] = read;
    }
    return value as T;
  };
}

/** A value as its shape, or where it differs, as a sentence. */
export function check<T>(shape: Shape<T>, value: unknown): Result<T, string> {
  try {
    return ok(shape(value, ""));
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    return err(error.message);
  }
}
