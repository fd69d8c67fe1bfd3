/**
 * Values of an HTTP check that have a grammar of their own: accepted status codes, response patterns, and
 * what may stand in a request.
 *
 * @module
 */
import { RE2JS } from "re2js";
import type { StatusRange } from "../configuration.ts";
import { err, ok, type Result } from "../result.ts";

/**
 * Instructions a response pattern may have: RE2 is linear but not fast, about 1 ms an instruction on 64 KiB,
 * so a hundred of them take about as long as the shortest sensible timeout.
 */
export const PATTERN_LIMIT: number = 100;

/** Control characters but the tab; a line break would start another header or request. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

/** A complaint with its hint. */
export interface Complaint {
  /** In the grammar of `Finding.message`. */
  readonly message: string;
  /** How to mend it, or null. */
  readonly hint: string | null;
}

function complain(message: string, hint: string | null = null): { ok: false; error: Complaint } {
  return err({ message, hint });
}

/** Reads `200`, `200-299` or `200,204,300-399`; codes are 100...599. */
export function parseResponseCodes(text: string): Result<readonly StatusRange[], Complaint> {
  const ranges: StatusRange[] = [];
  for (const part of text.split(",")) {
    const found = /^\s*([0-9]{3})(?:\s*-\s*([0-9]{3}))?\s*$/.exec(part);
    if (found === null) {
      return complain(
        `${JSON.stringify(part.trim())} is not a response code`,
        'like "200", "200-299" or "200,204,300-399"',
      );
    }
    const from = Number(found[1]);
    const to = Number(found[2] ?? found[1]);
    for (const code of [from, to]) {
      if (code < 100 || code > 599) return complain(`response codes are from 100 to 599, not ${code}`);
    }
    if (from > to) return complain(`range ${from}-${to} is empty`, `write ${to}-${from}`);
    ranges.push({ from, to });
  }
  return ok(ranges);
}

/** Checks a response pattern: RE2 syntax, and not so large that matching takes too long. */
export function checkPattern(pattern: string): Result<void, Complaint> {
  let size: number;
  try {
    size = RE2JS.compile(pattern).programSize();
  } catch (thrown) {
    const detail = thrown instanceof Error
      ? thrown.message.replace(/^error parsing regexp: /, "")
      : String(thrown);
    return complain(`not an RE2 pattern: ${detail.replaceAll(/\s+/g, " ")}`);
  }
  if (size <= PATTERN_LIMIT) return ok(undefined);
  return complain(
    `compiles to ${size} instructions, at most ${PATTERN_LIMIT} are allowed`,
    "matching would take too long; use a shorter pattern or smaller repeat counts",
  );
}

/** Checks a request path; the probe escapes what may not stand in a request line as it is. */
export function checkPath(path: string): Result<void, Complaint> {
  if (!path.startsWith("/")) return complain('must start with "/"');
  if (!CONTROL.test(path)) return ok(undefined);
  return complain("must not hold line breaks or control characters");
}

/** Checks a `Host` header or a TLS server name: visible ASCII only. */
export function checkHost(host: string): Result<void, Complaint> {
  if (/^[\x21-\x7e]*$/.test(host)) return ok(undefined);
  return complain("must not hold spaces, control or non-ASCII characters");
}

/** Headers that belong to the probe, with the reason. */
const OWN_HEADERS: ReadonlyMap<string, string> = new Map([
  ["connection", "each probe is a connection of its own"],
  ["content-length", "a probe has no body"],
  ["transfer-encoding", "a probe has no body"],
]);

/** Checks the name of a request header. */
export function checkHeaderName(name: string): Result<void, Complaint> {
  const own = OWN_HEADERS.get(name.toLowerCase());
  if (own !== undefined) return complain("is set by the probe itself", own);
  if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return ok(undefined);
  return complain(`${JSON.stringify(name)} is not a header name`);
}

/** Checks a header's value; the complaint never shows it, since it may be a secret. */
export function checkHeaderValue(value: string): Result<void, Complaint> {
  if (!CONTROL.test(value)) return ok(undefined);
  return complain("must not hold line breaks or control characters");
}
