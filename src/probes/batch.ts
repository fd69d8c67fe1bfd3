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
const CAUSES: readonly (VoidCause | null)[] = [null, ...VOID_CAUSES];
/** What stands for a phase that was not reached. */
const NONE = -1;

/** Packs reports. */
export function packBatch(reports: readonly PlacedReport[]): Batch {
  const numbers = new Float64Array(reports.length * WIDTH);
  const texts: string[] = [];
  const places = new Map<string, number>();
  let at = 0;
  for (const { place, generation, result, nextDueAt, lateMs } of reports) {
    let text = places.get(result.detail);
    if (text === undefined) {
      text = texts.push(result.detail) - 1;
      places.set(result.detail, text);
    }
    numbers[at++] = place;
    numbers[at++] = generation;
    numbers[at++] = lateMs;
    numbers[at++] = nextDueAt;
    numbers[at++] = CODES.indexOf(result.code);
    numbers[at++] = CAUSES.indexOf(result.void);
    numbers[at++] = text;
    numbers[at++] = result.scheduledAt;
    numbers[at++] = result.startedAt;
    numbers[at++] = result.connectMs ?? NONE;
    numbers[at++] = result.tlsMs ?? NONE;
    numbers[at++] = result.firstByteMs ?? NONE;
    numbers[at++] = result.totalMs;
    numbers[at++] = result.lagMs;
  }
  return { numbers, texts };
}

/** Unpacks what `packBatch` packed. */
export function unpackBatch({ numbers, texts }: Batch): PlacedReport[] {
  const reports: PlacedReport[] = [];
  for (let at = 0; at + WIDTH <= numbers.length; at += WIDTH) {
    const code = CODES[numbers[at + 4] ?? -1] ?? "L4CON";
    const { ok, layer } = PROBE_CODES[code];
    reports.push({
      place: numbers[at] ?? 0,
      generation: numbers[at + 1] ?? 0,
      lateMs: numbers[at + 2] ?? 0,
      nextDueAt: numbers[at + 3] ?? 0,
      result: {
        ok,
        layer,
        code,
        detail: texts[numbers[at + 6] ?? -1] ?? "",
        scheduledAt: numbers[at + 7] ?? 0,
        startedAt: numbers[at + 8] ?? 0,
        connectMs: phase(numbers[at + 9]),
        tlsMs: phase(numbers[at + 10]),
        firstByteMs: phase(numbers[at + 11]),
        totalMs: numbers[at + 12] ?? 0,
        lagMs: numbers[at + 13] ?? 0,
        void: CAUSES[numbers[at + 5] ?? -1] ?? null,
      },
    });
  }
  return reports;
}

function phase(ms: Millis | undefined): Millis | null {
  return ms === undefined || ms === NONE ? null : ms;
}
