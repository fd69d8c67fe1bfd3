/**
 * The Prometheus text format (version 0.0.4) written by hand: for tables of tens of thousands of series, where a
 * registry that looks every series up, or text made anew for every scrape, holds the main thread for too long.
 * Everything of a line but its value is made once.
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
  // Joining makes one flat string; one made with + is a tree that every scrape would walk again.
  return labels === "" ? [name, " "].join("") : [name, "{", labels, "} "].join("");
}

/** Collects the text of a scrape. */
export class Lines {
  readonly #parts: (string | number)[] = [];
  #metric: MetricName | null = null;

  /** Starts a metric; one that gets no line leaves no trace. */
  metric(name: MetricName): void {
    this.#metric = name;
  }

  /** Adds a line of the metric. */
  add(prefix: string, value: number): void {
    this.#head();
    this.#parts.push(prefix, value, "\n");
  }

  /** Adds whole lines, each with its newline. */
  block(lines: string): void {
    this.#head();
    this.#parts.push(lines);
  }

  /** The text. */
  toString(): string {
    return this.#parts.join("");
  }

  #head(): void {
    const name = this.#metric;
    if (name === null) return;
    this.#metric = null;
    const { help, type } = catalog[name];
    this.#parts.push(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
  }
}

/** A histogram whose series come and go. */
export class Histogram {
  readonly #bounds: readonly number[];
  /** One per bound, and one for what is above all. */
  readonly #counts: Float64Array;
  readonly #buckets: readonly string[];
  readonly #sumPrefix: string;
  readonly #countPrefix: string;
  #sum = 0;

  /** `bounds` ascend; `labels` e.g. `backend="b1",type="http"`. */
  constructor(name: MetricName, labels: string, bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
    this.#buckets = [...bounds.map(String), "+Inf"].map((bound) =>
      linePrefix(`${name}_bucket`, `${labels},le="${bound}"`)
    );
    this.#sumPrefix = linePrefix(`${name}_sum`, labels);
    this.#countPrefix = linePrefix(`${name}_count`, labels);
  }

  /** Counts one value. */
  observe(value: number): void {
    let i = 0;
    while (i < this.#bounds.length && value > (this.#bounds[i] ?? Infinity)) i++;
    this.#counts[i] = (this.#counts[i] ?? 0) + 1;
    this.#sum += value;
  }

  /** Writes the series. */
  write(lines: Lines): void {
    let total = 0;
    for (let i = 0; i < this.#counts.length; i++) {
      total += this.#counts[i] ?? 0;
      lines.add(this.#buckets[i] ?? "", total);
    }
    lines.add(this.#sumPrefix, this.#sum);
    lines.add(this.#countPrefix, total);
  }
}

interface Leaf<T> {
  readonly value: T;
  used: number;
}

/** Keeps what was made for each object between scrapes, and forgets it when most of it is of no more use. */
export class ScrapeCache<T> {
  readonly #leaves = new Map<string, Map<string, Leaf<T>>>();
  readonly #make: (first: string, second: string) => T;
  #scrape = 0;
  #size = 0;
  #used = 0;

  /** `make` is called once for a pair of keys. */
  constructor(make: (first: string, second: string) => T) {
    this.#make = make;
  }

  /** Call before each scrape. */
  begin(): void {
    if (this.#size > 2 * this.#used + 100) {
      this.#leaves.clear();
      this.#size = 0;
    }
    this.#scrape++;
    this.#used = 0;
  }

  /** Entries held. */
  get size(): number {
    return this.#size;
  }

  /** What was made for these keys. */
  get(first: string, second = ""): T {
    let branch = this.#leaves.get(first);
    if (branch === undefined) this.#leaves.set(first, branch = new Map());
    let leaf = branch.get(second);
    if (leaf === undefined) {
      leaf = { value: this.#make(first, second), used: 0 };
      branch.set(second, leaf);
      this.#size++;
    }
    if (leaf.used !== this.#scrape) {
      leaf.used = this.#scrape;
      this.#used++;
    }
    return leaf.value;
  }
}
