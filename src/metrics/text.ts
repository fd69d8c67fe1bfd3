/**
 * The Prometheus text format (version 0.0.4) written by hand: for tables of tens of thousands of series, where a
 * registry that looks every series up holds the main thread for too long. What many lines share is made once; nothing
 * is kept for a single series but its numbers.
 *
 * @module
 */
import { catalog, type MetricName } from "./catalog.ts";

/** Escapes a label's value. */
export function escapeLabel(text: string): string {
  return /["\\\n]/.test(text)
    ? text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"')
    : text;
}

/**
 * All of a line but its value.
 *
 * @param labels e.g. `backend="b1"`, values escaped; "" for none
 */
export function linePrefix(name: string, labels: string): string {
  return labels === "" ? `${name} ` : `${name}{${labels}} `;
}

/** Lines that differ in the value of one label: what comes before it, and what comes behind it. */
export interface Template {
  /** `maglev_backend_health{backend="`. */
  readonly head: string;
  /** `"} `. */
  readonly tail: string;
}

/**
 * A template.
 *
 * @param before labels before the one that differs, e.g. `frontend="www"`; "" for none
 * @param label the one that differs
 * @param after labels behind it
 */
export function template(name: string, before: string, label: string, after = ""): Template {
  return {
    head: `${name}{${before === "" ? "" : `${before},`}${label}="`,
    tail: after === "" ? '"} ' : `",${after}} `,
  };
}

/** Parts of lines that are kept before they become octets; a scrape has a million of them at 4,000 backends. */
const KEPT_PARTS = 4096;

const encoder = new TextEncoder();

/** Collects the text of a scrape, in octets: as one string the text and its parts take several times their size. */
export class Lines {
  #parts: (string | number)[] = [];
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];
  #metric: MetricName | null = null;

  /** Starts a metric; one that gets no line leaves no trace. */
  metric(name: MetricName): void {
    this.#metric = name;
  }

  /** Adds a line of the metric. */
  add(prefix: string, value: number): void {
    this.#head();
    this.#parts.push(prefix, value, "\n");
    if (this.#parts.length >= KEPT_PARTS) this.#encode();
  }

  /** Adds a line made by a template; `label` is escaped. */
  fill({ head, tail }: Template, label: string, value: number): void {
    if (this.#metric !== null) this.#head();
    this.#parts.push(head, label, tail, value, "\n");
    if (this.#parts.length >= KEPT_PARTS) this.#encode();
  }

  /** Adds whole lines, each with its newline. */
  block(lines: string): void {
    this.#head();
    this.#parts.push(lines);
  }

  /**
   * The text in UTF-8, in pieces of some ten KiB. A piece is made when it is asked for: the whole text of 4,000 backends
   * is 11 MB, and would hold the main thread for as long as it takes.
   *
   * @param writing adds lines before each of its steps
   */
  *pieces(writing: Iterable<void>): Generator<Uint8Array<ArrayBuffer>> {
    for (const _step of writing) yield* this.#taken();
    this.#encode();
    yield* this.#taken();
  }

  #taken(): Uint8Array<ArrayBuffer>[] {
    return this.#pieces.splice(0);
  }

  #encode(): void {
    if (this.#parts.length === 0) return;
    this.#pieces.push(encoder.encode(this.#parts.join("")));
    this.#parts = [];
  }

  #head(): void {
    const name = this.#metric;
    if (name === null) return;
    this.#metric = null;
    const { help, type } = catalog[name];
    this.#parts.push(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
  }
}

/** A histogram whose series come and go; the numbers of a series are kept by somebody else. */
export class HistogramText {
  /** Numbers of one series: one for each bound, one for what is above all, and the sum of all values. */
  readonly width: number;
  readonly #bounds: readonly number[];
  readonly #buckets: readonly Template[];
  readonly #sum: Template;
  readonly #count: Template;

  /**
   * Of series that differ in one label.
   *
   * @param bounds ascending
   * @param after labels behind the one that differs, e.g. `type="http"`
   */
  constructor(name: MetricName, bounds: readonly number[], label: string, after = "") {
    this.#bounds = bounds;
    this.width = bounds.length + 2;
    const rest = after === "" ? "" : `${after},`;
    this.#buckets = [...bounds.map(String), "+Inf"].map((bound) =>
      template(`${name}_bucket`, "", label, `${rest}le="${bound}"`)
    );
    this.#sum = template(`${name}_sum`, "", label, after);
    this.#count = template(`${name}_count`, "", label, after);
  }

  /** Counts one value in the series whose numbers begin at `at`. */
  observe(numbers: Float64Array, at: number, value: number): void {
    const bounds = this.#bounds;
    let i = 0;
    while (i < bounds.length && value > (bounds[i] ?? Infinity)) i++;
    numbers[at + i] = (numbers[at + i] ?? 0) + 1;
    const sum = at + bounds.length + 1;
    numbers[sum] = (numbers[sum] ?? 0) + value;
  }

  /** Writes the series whose numbers begin at `at`; `label` is escaped. */
  write(lines: Lines, numbers: Float64Array, at: number, label: string): void {
    let total = 0;
    for (const [i, bucket] of this.#buckets.entries()) {
      total += numbers[at + i] ?? 0;
      lines.fill(bucket, label, total);
    }
    lines.fill(this.#sum, label, numbers[at + this.#buckets.length] ?? 0);
    lines.fill(this.#count, label, total);
  }
}
