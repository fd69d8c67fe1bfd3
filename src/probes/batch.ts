/**
 * Reports on their way between threads: numbers in one array, texts once each. Copying them as objects would
 * cost more than the probes themselves.
 *
 * @module
 */
import type { Millis, ProbeCode, ProbeResult, UnixMillis, VoidCause } from "../model.ts";
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
const CAUSES: readonly (VoidCause | null)[] = [
  null,
  "late",
  "descriptors",
  "ports",
  "memory",
  "netns",
  "permission",
  "source-address",
  "worker-restart",
];
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
    const number = (i: number) => numbers[at + i] ?? 0;
    const phase = (i: number) => number(i) === NONE ? null : number(i);
    const code = CODES[number(4)] ?? "L4CON";
    const { ok, layer } = PROBE_CODES[code];
    reports.push({
      place: number(0),
      generation: number(1),
      lateMs: number(2),
      nextDueAt: number(3),
      result: {
        ok,
        layer,
        code,
        detail: texts[number(6)] ?? "",
        scheduledAt: number(7),
        startedAt: number(8),
        connectMs: phase(9),
        tlsMs: phase(10),
        firstByteMs: phase(11),
        totalMs: number(12),
        lagMs: number(13),
        void: CAUSES[number(5)] ?? null,
      },
    });
  }
  return reports;
}
