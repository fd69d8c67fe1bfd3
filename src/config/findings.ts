/**
 * What the checker has to say: collected in any order, told in the order of the sections, each with file,
 * line and column.
 *
 * @module
 */
import type { Finding } from "../api/mod.ts";
import { locator } from "./position.ts";

/** Where a finding belongs. */
export interface Place {
  /** UTF-16 units from the start of the document. */
  readonly offset: number;
  /** `maglev.backends.b1.address`; empty for the document itself. */
  readonly path: string;
  /** For keys that are missing together with their parent: the part of their path below `path`. */
  readonly below?: string;
  /** Path that decides the order of the output, where that is not `path`. */
  readonly order?: string;
}

/** Places in the output: the whole document first, the outer source addresses after the rest of `vpp`. */
const RANKS: readonly (readonly [section: string, rank: number])[] = [
  ["maglev.healthchecker", 1],
  ["maglev.healthchecks", 2],
  ["maglev.backends", 3],
  ["maglev.frontends", 4],
  ["maglev.vpp.lb.ipv4-src-address", 6],
  ["maglev.vpp.lb.ipv6-src-address", 7],
  ["maglev.vpp", 5],
  ["maglev.fleet", 8],
];

function rank(path: string): number {
  const found = RANKS.find(([section]) =>
    path.startsWith(section) && /^$|^[.[]/.test(path.slice(section.length))
  );
  return found?.[1] ?? 0;
}

interface Raw {
  readonly pass: Finding["pass"];
  readonly place: Place;
  readonly message: string;
  readonly hint: string | null;
}

/** Collects findings of one document. */
export class Findings {
  readonly #raw: Raw[] = [];
  #structural = false;
  readonly #broken = new Set<number>();
  #guesses = 20;

  /** Whether parts of the document may be missing because of its syntax; then nothing is concluded from absence. */
  readonly damaged: boolean;

  /** Starts with nothing found; `damaged` becomes the property of that name. */
  constructor(damaged = false) {
    this.damaged = damaged;
  }

  /** Whether something could not be read. */
  get structural(): boolean {
    return this.#structural;
  }

  /**
   * Whether to look for the name that was meant. The search takes milliseconds among thousands of names, and a
   * file with thousands of wrong names has one mistake, so only the first few are worth it.
   */
  takeGuess(): boolean {
    return this.#guesses-- > 0;
  }

  /** Reports an error of the syntax; what is found at its place besides is only its consequence. */
  syntax(place: Place, message: string, hint: string | null): void {
    this.#broken.add(place.offset);
    this.#structural = true;
    this.#raw.push({ pass: "structural", place, message, hint });
  }

  /** Reports what cannot be read. */
  structure(place: Place, message: string, hint: string | null = null): void {
    if (this.#broken.has(place.offset)) return;
    this.#structural = true;
    this.#raw.push({ pass: "structural", place, message, hint });
  }

  /** Reports what can be read and is wrong. */
  semantic(place: Place, message: string, hint: string | null = null): void {
    this.#raw.push({ pass: "semantic", place, message, hint });
  }

  /** Reports what is right and probably not meant. */
  lint(place: Place, message: string, hint: string | null = null): void {
    this.#raw.push({ pass: "lint", place, message, hint });
  }

  /**
   * All findings: errors before warnings, then by section, then by place. What was found at one place by way of
   * several aliases is said once: there is one thing to mend.
   */
  list(file: string, text: string): Finding[] {
    const position = locator(text);
    const key = (raw: Raw): [number, number, number] => [
      raw.pass === "lint" ? 1 : 0,
      rank(raw.place.order ?? raw.place.path),
      raw.place.offset,
    ];
    const ordered = this.#raw.map((raw) => ({ raw, key: key(raw) })).sort((a, b) =>
      a.key[0] - b.key[0] || a.key[1] - b.key[1] || a.key[2] - b.key[2]
    );
    const seen = new Set<string>();
    const out: Finding[] = [];
    for (const { raw } of ordered) {
      const identity = `${raw.place.offset} ${raw.message}`;
      if (seen.has(identity)) continue;
      seen.add(identity);
      out.push({
        severity: raw.pass === "lint" ? "warning" : "error",
        pass: raw.pass,
        file,
        ...position(raw.place.offset),
        path: raw.place.path === "" ? "document" : raw.place.path,
        message: raw.message,
        hint: raw.hint,
      });
    }
    return out;
  }
}

/** Findings that one answer holds at most: a body of wrong keys would make megabytes of them, which nobody reads. */
export const FINDINGS_LIMIT = 1000;

/**
 * The first findings of a list, all of one severity. Where some are left out, the last one says how many there are.
 *
 * @param findings at least the first `limit` of them
 * @param total how many there are, all together
 * @param limit 2 or more; Infinity leaves nothing out
 */
export function limitFindings(
  findings: readonly Finding[],
  total: number = findings.length,
  limit: number = FINDINGS_LIMIT,
): readonly Finding[] {
  const [first] = findings;
  if (total <= limit || first === undefined) return findings;
  const shown = limit - 1;
  const what = first.severity === "error" ? "errors" : "warnings";
  const rest: Finding = {
    ...first,
    // What is left out must not make a wrong file look better than it is.
    pass: findings.some(({ pass }) => pass === "structural") ? "structural" : first.pass,
    line: null,
    column: null,
    path: first.file === null ? "" : "document",
    message: `${total} ${what} in all, the first ${shown} are shown`,
    hint: null,
  };
  return [...findings.slice(0, shown), rest];
}

/** One line for a person: `file:line:column: path: message (hint)`; warnings say so before the path. */
export function formatFinding(finding: Finding): string {
  const parts: string[] = [];
  if (finding.file !== null) {
    parts.push([finding.file, finding.line, finding.column].filter((part) => part !== null).join(":"));
  }
  if (finding.severity === "warning") parts.push("warning");
  parts.push(finding.path);
  const hint = finding.hint === null ? "" : ` (${finding.hint})`;
  return `${parts.join(": ")}: ${finding.message}${hint}`;
}
