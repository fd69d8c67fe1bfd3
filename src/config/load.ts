/**
 * Reads configuration files from the disk. The only part of the checker that touches it.
 *
 * @module
 */
import { readNamed } from "../files/disk.ts";
import { readFileWhole } from "../files/read.ts";
import { OpensslTrial, type Trial } from "../files/trial.ts";
import { err, ok, type Result } from "../result.ts";
import { checkConfig, type CheckResult, judge } from "./check.ts";

/** Reads a file as text, or says why it cannot be read; octets that are no UTF-8 read as replacement characters. */
export function readFile(path: string): Result<string, string> {
  return asText(readFileWhole(path));
}

function asText(octets: Result<Uint8Array, string>): Result<string, string> {
  return octets.ok ? ok(new TextDecoder().decode(octets.value)) : octets;
}

/** UTF-8 text of a configuration, or where and why it is none. */
function decode(octets: Uint8Array): Result<string, { line: number; column: number; message: string }> {
  try {
    return ok(new TextDecoder("utf-8", { fatal: true }).decode(octets));
  } catch {
    const [first, second] = octets;
    if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
      return err({ line: 1, column: 1, message: "not UTF-8: the file is UTF-16" });
    }
    // The text before the first bad octet is what a decoder without `fatal` gives before its replacement.
    const text = new TextDecoder().decode(octets);
    const before = text.slice(0, firstReplacement(octets, text));
    const lines = before.split("\n");
    const column = [...lines[lines.length - 1] ?? ""].length + 1;
    const octet = octets[new TextEncoder().encode(before).length + bomLength(octets)] ?? 0;
    return err({
      line: lines.length,
      column,
      message: `not UTF-8: octet 0x${octet.toString(16).padStart(2, "0")}`,
    });
  }
}

function bomLength(octets: Uint8Array): number {
  return octets[0] === 0xef && octets[1] === 0xbb && octets[2] === 0xbf ? 3 : 0;
}

/** Index of the first replacement character that does not stand in the file itself. */
function firstReplacement(octets: Uint8Array, text: string): number {
  const encoder = new TextEncoder();
  let octet = bomLength(octets);
  let index = 0;
  for (const part of text.split("\ufffd")) {
    octet += encoder.encode(part).length;
    index += part.length;
    if (!(octets[octet] === 0xef && octets[octet + 1] === 0xbf && octets[octet + 2] === 0xbd)) return index;
    octet += 3;
    index += 1;
  }
  return index;
}

function unreadable(file: string, line: number, column: number, message: string): CheckResult {
  return judge([
    { severity: "error", pass: "structural", file, line, column, path: "document", message, hint: null },
  ], null);
}

/** How a text is checked. */
export interface TextOptions {
  /**
   * Whether the files that the text names must exist; false for a posted body, whose sender must not learn what is
   * on the disk.
   */
  readonly fileRules: boolean;
  /** See `CheckOptions`. */
  readonly limit?: number;
  /** See `CheckOptions`. */
  readonly nodeName?: string | null;
  /** See `CheckOptions`. */
  readonly inUse?: readonly string[];
  /** See `CheckOptions`. */
  readonly trial?: Trial;
  /** See `CheckOptions`. */
  readonly tlsRequired?: boolean;
}

/** Checks octets, as a file or a request holds them. */
export function checkOctets(octets: Uint8Array, file: string, options: TextOptions): CheckResult {
  const text = decode(octets);
  if (!text.ok) return unreadable(file, text.error.line, text.error.column, text.error.message);
  return checkText(text.value, file, options);
}

/** Checks text; `file` is its name for the findings, `<body>` for a posted body. */
export function checkText(text: string, file: string, { fileRules, ...rest }: TextOptions): CheckResult {
  return checkConfig(text, { file, readFile: fileRules ? readNamed : null, ...rest });
}

/** Reads and checks a file. Never throws: a file that cannot be read is a structural error. */
export function loadConfig(path: string, options: Omit<TextOptions, "fileRules"> = {}): CheckResult {
  const octets = readFileWhole(path);
  if (!octets.ok) return unreadable(path, 1, 1, `cannot read the file: ${octets.error}`);
  using trial = new OpensslTrial();
  return checkOctets(octets.value, path, { fileRules: true, trial, ...options });
}
