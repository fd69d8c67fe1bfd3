/**
 * Latency by ten minutes, for the disk: one row a backend, made of a histogram with steps of 5 %. Pure.
 *
 * @module
 */
import type { Millis, UnixMillis } from "../../model.ts";
import type { LatencyRow } from "./tables.ts";

/** Length of a row's time, in ms. */
export const tenMinutesMs: Millis = 600_000;

/** Steps from 10 µs on: 400 of them reach 2,800 s. */
const steps = 400;
const stepBase = 1.05;
const leastMs = 0.01;
const scale = 1 / Math.log(stepBase);
const nanosOfMs = 1e6;

/** A backend's results lie within a few steps; so many have room without growing. */
const fewSteps = 16;

/**
 * Ten minutes of one backend. There are thousands of them, so only the steps between the least and the greatest have
 * room, and they are a list of small integers: a typed array costs some 300 octets more, with its buffer.
 */
class Tens {
  /** How many results had each step, from `first` on. */
  counts: number[] = new Array<number>(fewSteps).fill(0);
  first = -1;
  ten = -1;
  count = 0;
  failed = 0;

  clear(ten: number): void {
    this.counts.fill(0);
    this.ten = ten;
    this.count = 0;
    this.failed = 0;
  }

  add(step: number): void {
    if (this.first < 0) this.first = Math.max(0, step - fewSteps / 2);
    if (step < this.first || step >= this.first + this.counts.length) this.#reach(step);
    const place = step - this.first;
    this.counts[place] = (this.counts[place] ?? 0) + 1;
    this.count++;
  }

  #reach(step: number): void {
    const first = Math.min(this.first, Math.max(0, step - fewSteps / 2));
    const end = Math.max(this.first + this.counts.length, Math.min(steps, step + fewSteps / 2));
    const counts = new Array<number>(end - first).fill(0);
    for (const [i, count] of this.counts.entries()) counts[i + this.first - first] = count;
    this.counts = counts;
    this.first = first;
  }
}

/** The ten minutes of each backend that are not complete. */
export class LatencyTens {
  readonly #open = new Map<string, Tens>();

  /** Takes a counted result; answers the row of the ten minutes that it ends; null: it ends none. */
  add(backend: string, at: UnixMillis, totalMs: Millis, ok: boolean): LatencyRow | null {
    const ten = Math.floor(at / tenMinutesMs);
    let tens = this.#open.get(backend);
    if (tens === undefined) this.#open.set(backend, tens = new Tens());
    let ended: LatencyRow | null = null;
    if (tens.ten !== ten) {
      ended = rowOf(backend, tens);
      tens.clear(ten);
    }
    const step = Math.round(Math.log(Math.max(totalMs, leastMs) / leastMs) * scale);
    tens.add(step < steps ? step : steps - 1);
    if (!ok) tens.failed++;
    return ended;
  }

  /** Ends the ten minutes of a backend that is not probed any more. */
  end(backend: string): LatencyRow | null {
    const tens = this.#open.get(backend);
    this.#open.delete(backend);
    return tens === undefined ? null : rowOf(backend, tens);
  }

  /** The rows so far, for the end of the process. */
  open(): LatencyRow[] {
    return [...this.#open].flatMap(([backend, tens]) => rowOf(backend, tens) ?? []);
  }
}

function rowOf(backend: string, { count, counts, failed, first, ten }: Tens): LatencyRow | null {
  if (count === 0) return null;
  const quantile = (q: number): number => {
    let left = Math.ceil(count * q);
    const step = counts.findIndex((n) => (left -= n) <= 0);
    return Math.round(leastMs * stepBase ** (first + Math.max(0, step)) * nanosOfMs);
  };
  return {
    backend,
    at: ten * tenMinutesMs,
    count,
    failed,
    p50: quantile(0.5),
    p95: quantile(0.95),
    p99: quantile(0.99),
  };
}
