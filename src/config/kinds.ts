/**
 * The kinds of values that the configuration knows.
 *
 * @module
 */
import type { Family, IpAddress } from "../model.ts";
import { family, parseIp } from "../net/ip.ts";
import { refusedAddress } from "./addresses.ts";
import { formatDuration, type Nanos, parseDuration } from "../duration.ts";
import type { Findings, Place } from "./findings.ts";
import { didYouMean } from "./nearest.ts";
import { type JsonSchema, refine, scalar, shown, type Spec } from "./spec.ts";
import { describe, quote, type ScalarNode, scalarType } from "./tree.ts";

function wrong(
  expects: string,
  node: ScalarNode,
  place: Place,
  out: Findings,
  hint: string | null = null,
): undefined {
  out.structure(place, `expected ${expects}, found ${describe(node)} ${shown(node)}`, hint);
  return undefined;
}

/** Go's syntax, for editors; overflow is left to the checker. */
const DURATION_PATTERN = "^[-+]?(0|(([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$";

/** A duration of Go's syntax, from `least` to `most`, both durations as text. */
export function duration(least: string, most: string): Spec<Nanos> {
  const low = nanos(least);
  const high = nanos(most);
  const text: JsonSchema = { type: "string", pattern: DURATION_PATTERN };
  const base = scalar<Nanos>(
    "a duration",
    low === 0n ? { anyOf: [{ const: 0 }, text] } : text,
    (node, place, out) => {
      const type = scalarType(node);
      if (type === "boolean") return wrong("a duration", node, place, out);
      const parsed = parseDuration(node.text);
      if (parsed.ok) return parsed.value;
      const hint = /^[0-9]+$/.test(node.text)
        ? `write "${node.text}s" for seconds`
        : 'like "200ms", "1.5s" or "1m30s"';
      out.structure(place, `${shown(node)} is not a duration: ${parsed.error}`, hint);
      return undefined;
    },
  );
  return refine(base, {}, (value, place, out) => {
    if (value >= low && value <= high) return value;
    out.semantic(place, `must be from ${least} to ${most}, not ${formatDuration(value)}`);
    return undefined;
  });
}

function nanos(text: string): Nanos {
  const parsed = parseDuration(text);
  if (!parsed.ok) throw new TypeError(`Not a duration: "${text}"`);
  return parsed.value;
}

/** What to write in place of a number that YAML 1.1, and so Go's parser, takes for an integer. */
function integerHint({ plain, text }: ScalarNode): string | null {
  if (!plain) return /^[0-9]+$/.test(text) ? "write it without quotes" : null;
  const bare = text.replaceAll("_", "");
  const [, whole] = /^([-+]?[0-9]+)\.0*$/.exec(bare) ?? [];
  if (whole !== undefined) return `write ${whole}`;
  if (/^0b[01]+$/.test(bare)) return `write ${parseInt(bare.slice(2), 2)}`;
  return bare !== text && /^[-+]?(0|[1-9][0-9]*|0x[0-9a-fA-F]+)$/.test(bare) ? `write ${bare}` : null;
}

/** Reads an integer; undefined when it is none, which has then been reported. */
function integerOf(node: ScalarNode, expects: string, place: Place, out: Findings): bigint | undefined {
  const text = node.text;
  if (scalarType(node) !== "integer") {
    return wrong(expects, node, place, out, integerHint(node));
  }
  if (/^[-+]?0[0-9]/.test(text)) {
    const plain = text.replace(/^([-+]?)0+(?=[0-9])/, "$1");
    // Go's parser takes such a number for octal, so it is refused instead of guessed.
    const octal = /^[-+]?[0-7]+$/.test(text) ? `, or ${parseInt(text, 8)} if it was meant in octal` : "";
    return wrong(expects, node, place, out, `leading zeros are ambiguous: write ${plain}${octal}`);
  }
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text.replace(/^\+/, ""));
}

/** An integer from `least` to `most`. */
export function integer(least: number, most: number): Spec<number> {
  return scalar("an integer", { type: "integer", minimum: least, maximum: most }, (node, place, out) => {
    const value = integerOf(node, "an integer", place, out);
    if (value === undefined) return undefined;
    if (value >= BigInt(least) && value <= BigInt(most)) return Number(value);
    out.semantic(place, `must be from ${least} to ${most}, not ${clip(value)}`);
    return undefined;
  });
}

function clip(value: bigint): string {
  const text = value.toString();
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}

function powersOfTwo(least: number, most: number): number[] {
  const out: number[] = [];
  for (let value = least; value <= most; value *= 2) out.push(value);
  return out;
}

/** A power of two from `least` to `most`, both powers of two. */
export function powerOfTwo(least: number, most: number): Spec<number>;
/** The same, or a word, which reads as null. */
export function powerOfTwo(least: number, most: number, word: string): Spec<number | null>;
export function powerOfTwo(least: number, most: number, word: string | null = null): Spec<number | null> {
  const expects = word === null ? "an integer" : `"${word}" or an integer`;
  const numbers = powersOfTwo(least, most);
  const schema = { enum: word === null ? numbers : [word, ...numbers] };
  return scalar<number | null>(expects, schema, (node, place, out) => {
    if (word !== null && node.text === word) return null;
    const value = integerOf(node, expects, place, out);
    if (value === undefined) return undefined;
    if (value < BigInt(least) || value > BigInt(most)) {
      out.semantic(place, `must be a power of two from ${least} to ${most}, not ${clip(value)}`);
      return undefined;
    }
    if (numbers.includes(Number(value))) return Number(value);
    const above = numbers.find((number) => BigInt(number) > value);
    const below = above === undefined ? most : above / 2;
    const hint = above === undefined ? `the nearest is ${below}` : `the nearest are ${below} and ${above}`;
    out.semantic(place, `must be a power of two, not ${value}`, hint);
    return undefined;
  });
}

/** `true` or `false`. */
export const boolean: Spec<boolean> = scalar("true or false", { type: "boolean" }, (node, place, out) => {
  if (scalarType(node) === "boolean") return node.text.toLowerCase() === "true";
  const meant = /^(yes|on|y|true|1)$/i.test(node.text)
    ? "true"
    : /^(no|off|n|false|0)$/i.test(node.text)
    ? "false"
    : null;
  return wrong("true or false", node, place, out, meant === null ? null : `write ${meant}, without quotes`);
});

/** Text. A number or a boolean must be quoted, because YAML would not keep its spelling. */
export const text: Spec<string> = scalar("text", { type: "string" }, (node, place, out) => {
  if (scalarType(node) === "text") return node.text;
  return wrong("text", node, place, out, "put it in quotes");
});

/** Text that may look like a number: names and their references. */
export const plainText: Spec<string> = scalar(
  "text",
  { type: ["string", "number", "boolean"] },
  (node) => node.text,
);

/** One word of a list. */
export function word<W extends string>(...words: readonly W[]): Spec<W> {
  const expects = words.length === 2 ? words.join(" or ") : `one of ${words.join(", ")}`;
  return scalar<W>(expects, { enum: [...words] }, (node, place, out) => {
    const found = words.find((candidate) => candidate === node.text);
    if (found !== undefined) return found;
    const near = didYouMean(node.text, words);
    const hint = near?.startsWith("did") ? near : null;
    out.structure(place, `${shown(node)} is not ${expects}`, hint);
    return undefined;
  });
}

function addressHint(written: string): string | null {
  const [head = "", tail = ""] = written.split("/");
  if (tail !== "" && parseIp(head) !== null) return "write it without the prefix length";
  if (written.startsWith("[")) return "write it without brackets";
  if (written.includes("%") && parseIp(written.split("%")[0] ?? "") !== null) {
    return "zones are not supported";
  }
  if (/^([0-9]+\.){3}[0-9]+$/.test(written) && /(^|\.)0[0-9]/.test(written)) {
    return "leading zeros are ambiguous";
  }
  return /^[A-Za-z0-9.-]*[A-Za-z][A-Za-z0-9.-]*$/.test(written) ? "names are not resolved" : null;
}

const literal: Spec<IpAddress> = scalar("an IP address", {
  type: "string",
  anyOf: [{ format: "ipv4" }, { format: "ipv6" }],
}, (node, place, out) => {
  const parsed = parseIp(node.text);
  if (parsed !== null) return parsed;
  out.structure(place, `${shown(node)} is not an IP address`, addressHint(node.text));
  return undefined;
});

/** Lets an address pass that the file may hold; one place for all keys, so that none can forget it. */
function judged(spec: Spec<IpAddress>): Spec<IpAddress> {
  return refine(spec, {}, (value, place, out) => {
    const refused = refusedAddress(value);
    if (refused === null) return value;
    out.semantic(place, `cannot be ${refused.kind}: ${value}`, refused.hint);
    return undefined;
  });
}

/** An IPv4 or IPv6 literal, in its canonical text. */
export const address: Spec<IpAddress> = judged(literal);

/** A literal of one family. */
export function addressOf(wanted: Family): Spec<IpAddress> {
  const ofFamily = refine(literal, {}, (value, place, out) => {
    if (family(value) === wanted) return value;
    out.semantic(place, `must be an IPv${wanted} address, not ${value}`);
    return undefined;
  });
  return { ...judged(ofFamily), schema: { type: "string", format: `ipv${wanted}` } };
}

/** Characters that a name may have: it becomes a label of metrics, a part of a path and a word of maglevc. */
const NAME_LENGTH = 64;

/** What names of health checks, backends, frontends and pools look like, for editors. */
export const NAME_SCHEMA: JsonSchema = {
  pattern: "^[A-Za-z0-9._-]*[A-Za-z0-9][A-Za-z0-9._-]*$",
  maxLength: NAME_LENGTH,
};

/** Checks a name of a health check, backend, frontend or pool. */
export function checkName(name: string, place: Place, out: Findings): void {
  if (!/^[A-Za-z0-9._-]+$/.test(name) || !/[A-Za-z0-9]/.test(name)) {
    const hint = 'letters, digits, ".", "_" and "-", at least one letter or digit';
    return out.semantic(place, `${quote(name)} is not a name`, hint);
  }
  if (name.length <= NAME_LENGTH) return;
  out.semantic(place, `a name has at most ${NAME_LENGTH} characters, this one has ${name.length}`);
}
