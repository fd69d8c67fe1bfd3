import type { Attempt } from "./attempt.ts";

/** Probes whose times count for the quantiles, and that `recent` looks at. */
const windowSize = 10_000;
const recentSize = 50;
/** Different values that are counted one by one; a header that differs every time must not fill the memory. */
const valueLimit = 100;

/** How often something was seen. */
export interface Count {
  /** Value of the header, or reason of the failure. */
  readonly value: string;
  /** How often since the start. */
  readonly count: number;
  /** Among the last 50 probes. */
  readonly recent: number;
  /** When last, in the clock of `add`. */
  readonly lastAt: number;
}

interface Entry {
  readonly failed: boolean;
  readonly value: string;
}

/** Sums up probes in bounded memory. */
export class Tally {
  #sent = 0;
  #failed = 0;
  readonly #times: number[] = [];
  readonly #recent: Entry[] = [];
  readonly #answers = new Map<string, { count: number; lastAt: number }>();
  readonly #failures = new Map<string, { count: number; lastAt: number }>();
  readonly #countsAnswers: boolean;

  /** `countsAnswers`: whether good probes are counted by header value. */
  constructor(countsAnswers: boolean) {
    this.#countsAnswers = countsAnswers;
  }

  /** Takes one probe; `now` in milliseconds of any one clock. */
  add(attempt: Attempt, now: number): void {
    this.#sent++;
    const failed = !attempt.ok;
    const source = attempt.header === null ? "" : ` from ${attempt.header}`;
    let value = failed ? attempt.detail + source : attempt.header ?? "(none)";
    const counts = failed ? this.#failures : this.#answers;
    if (!counts.has(value) && counts.size >= valueLimit) value = "(others)";
    if (failed) this.#failed++;
    else {
      this.#times[this.#sent % windowSize] = attempt.ms;
    }
    if (failed || this.#countsAnswers) {
      counts.set(value, { count: (counts.get(value)?.count ?? 0) + 1, lastAt: now });
    }
    this.#recent.push({ failed, value });
    if (this.#recent.length > recentSize) this.#recent.shift();
  }

  /** Probes so far. */
  get sent(): number {
    return this.#sent;
  }

  /** Failed ones among them. */
  get failed(): number {
    return this.#failed;
  }

  /** Number of probes that `Count.recent` is out of. */
  get recent(): number {
    return this.#recent.length;
  }

  /**
   * Times of good probes in milliseconds below which a share of them lies (nearest rank), of the last 10,000
   * probes; null without any.
   */
  quantile(share: number): number | null {
    const sorted = this.#times.filter((ms) => ms !== undefined).sort((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
  }

  /** Good probes by the value of the response header, most first. */
  get answers(): Count[] {
    return this.#list(this.#answers, false);
  }

  /** Failed probes by reason, most first. */
  get failures(): Count[] {
    return this.#list(this.#failures, true);
  }

  #list(counts: ReadonlyMap<string, { count: number; lastAt: number }>, failed: boolean): Count[] {
    return [...counts]
      .map(([value, { count, lastAt }]) => ({
        value,
        count,
        lastAt,
        recent: this.#recent.filter((entry) => entry.failed === failed && entry.value === value).length,
      }))
      .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
  }
}
