/**
 * Reports on their way between threads: numbers in one array, texts once each. Copying them as objects would
 * cost more than the probes themselves.
 *
 * @module
 */
import {
  type Millis,
  type ProbeCode,
  type ProbeResult,
  type UnixMillis,
  VOID_CAUSES,
  type VoidCause,
} from "../model.ts";
import { PROBE_CODES } from "./result.ts";

/** One finished probe, its target named by the place it was given. */
export interface PlacedReport {
  /** Place of the target, see messages.ts. */
  readonly place: number;
  /** Of the target. */
  readonly generation: number;
  /** What came of it. */
  readonly result: ProbeResult;
  /** When the next one is due. */
  readonly nextDueAt: UnixMillis;
  /** From due to begun, in ms. */
  readonly lateMs: Millis;
}

/** Reports as they are sent. */
export interface Batch {
  /** `WIDTH` numbers a report. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Details, each once. */
  readonly texts: readonly string[];
}

const WIDTH = 14;
const CODES = Object.keys(PROBE_CODES) as ProbeCode[];
const CODE_PLACE = new Map(CODES.map((code, i) => [code, i]));
const CAUSES: readonly (VoidCause | null)[] = [null, ...VOID_CAUSES];
/** What stands for a phase that was not reached. */
const NONE = -1;

/** Octets that a first batch has room for, as reports. */
const FIRST_ROOM = 64;

/** Packs reports as they come. */
export class BatchWriter {
  #numbers = new Float64Array(FIRST_ROOM * WIDTH);
  #length = 0;
  #texts: string[] = [];
  readonly #places = new Map<string, number>();

  /** Reports in the batch. */
  get size(): number {
    return this.#length / WIDTH;
  }

  /** Adds a report; nothing of it is kept but its numbers and its text. */
  add({ place, generation, result, nextDueAt, lateMs }: PlacedReport): void {
    if (this.#length === this.#numbers.length) {
      const larger = new Float64Array(2 * this.#length);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    let text = this.#places.get(result.detail);
    if (text === undefined) {
      text = this.#texts.push(result.detail) - 1;
      this.#places.set(result.detail, text);
    }
    const numbers = this.#numbers;
    let at = this.#length;
    numbers[at++] = place;
    numbers[at++] = generation;
    numbers[at++] = lateMs;
    numbers[at++] = nextDueAt;
    numbers[at++] = CODE_PLACE.get(result.code) ?? 0;
    numbers[at++] = CAUSES.indexOf(result.void);
    numbers[at++] = text;
    numbers[at++] = result.scheduledAt;
    numbers[at++] = result.startedAt;
    numbers[at++] = result.connectMs ?? NONE;
    numbers[at++] = result.tlsMs ?? NONE;
    numbers[at++] = result.firstByteMs ?? NONE;
    numbers[at++] = result.totalMs;
    numbers[at++] = result.lagMs;
    this.#length = at;
  }

  /** Places of the reports in the batch. */
  *places(): Generator<number> {
    for (let at = 0; at < this.#length; at += WIDTH) yield this.#numbers[at] ?? 0;
  }

  /** Takes the batch; the next one is empty. */
  take(): Batch {
    const batch = { numbers: this.#numbers.slice(0, this.#length), texts: this.#texts };
    this.#length = 0;
    this.#texts = [];
    this.#places.clear();
    return batch;
  }
}

/** A result in its batch: what nobody asks for is not made. It keeps the whole batch, so it is not to be kept. */
class BatchedResult implements ProbeResult {
  readonly #batch: Batch;
  readonly #at: number;
  readonly code: ProbeCode;

  constructor(batch: Batch, at: number) {
    this.#batch = batch;
    this.#at = at;
    this.code = CODES[batch.numbers[at + 4] ?? -1] ?? "L4CON";
  }

  get ok(): boolean {
    return PROBE_CODES[this.code].ok;
  }
  get layer(): ProbeResult["layer"] {
    return PROBE_CODES[this.code].layer;
  }
  get detail(): string {
    return this.#batch.texts[this.#number(6)] ?? "";
  }
  get void(): VoidCause | null {
    return CAUSES[this.#number(5)] ?? null;
  }
  get scheduledAt(): UnixMillis {
    return this.#number(7);
  }
  get startedAt(): UnixMillis {
    return this.#number(8);
  }
  get connectMs(): Millis | null {
    return phase(this.#number(9));
  }
  get tlsMs(): Millis | null {
    return phase(this.#number(10));
  }
  get firstByteMs(): Millis | null {
    return phase(this.#number(11));
  }
  get totalMs(): Millis {
    return this.#number(12);
  }
  get lagMs(): Millis {
    return this.#number(13);
  }

  /** A copy that holds nothing of the batch. */
  toJSON(): ProbeResult {
    return {
      ok: this.ok,
      layer: this.layer,
      code: this.code,
      detail: this.detail,
      scheduledAt: this.scheduledAt,
      startedAt: this.startedAt,
      connectMs: this.connectMs,
      tlsMs: this.tlsMs,
      firstByteMs: this.firstByteMs,
      totalMs: this.totalMs,
      lagMs: this.lagMs,
      void: this.void,
    };
  }

  #number(field: number): number {
    return this.#batch.numbers[this.#at + field] ?? 0;
  }
}

/** Reads what a `BatchWriter` wrote. The results are not to be kept: each holds the whole batch. */
export function* readBatch(batch: Batch): Generator<PlacedReport> {
  const { numbers } = batch;
  for (let at = 0; at + WIDTH <= numbers.length; at += WIDTH) {
    yield {
      place: numbers[at] ?? 0,
      generation: numbers[at + 1] ?? 0,
      lateMs: numbers[at + 2] ?? 0,
      nextDueAt: numbers[at + 3] ?? 0,
      result: new BatchedResult(batch, at),
    };
  }
}

function phase(ms: Millis): Millis | null {
  return ms === NONE ? null : ms;
}
