/**
 * What the main thread and the probe worker tell each other. Plain data, sent by `postMessage`.
 *
 * @module
 */
import type { UnitContents } from "../files/unit.ts";
import type { LeafCertificate, Millis } from "../model.ts";
import type { CheckType } from "../configuration.ts";
import type { Batch } from "./batch.ts";
import type { ProbeTarget } from "./prober.ts";

/** To the worker. */
export type ToWorker =
  /** First message of all. */
  | {
    readonly kind: "begin";
    readonly version: string;
    readonly debug: boolean;
    /** Probes that may run at once. */
    readonly limit: number;
    /** Number of the eventfd that is raised with every message. */
    readonly flag: number;
    readonly shared: SharedArrayBuffer;
    /** Where the worker records its descriptors, see ffi/fd.ts. */
    readonly descriptors: SharedArrayBuffer;
  }
  | { readonly kind: "start"; readonly targets: readonly PlacedTarget[] }
  | {
    readonly kind: "pace";
    readonly backend: string;
    readonly generation: number;
    readonly intervalMs: Millis;
  }
  | { readonly kind: "stop"; readonly backends: readonly string[] }
  /** Files of checks with new contents, those of a target before it; and keys of those that no check names any more. */
  | { readonly kind: "files"; readonly contents: readonly UnitContents[]; readonly gone: readonly string[] }
  /** A look that was asked for has ended; what it has found came before. */
  | { readonly kind: "looked"; readonly look: number }
  /** Whether beginnings of probes are told. */
  | { readonly kind: "debug"; readonly on: boolean }
  /** Asks for an orderly end, answered by `ended`. */
  | { readonly kind: "end" };

/** A target and its octet in the shared memory, which tells whether a probe of it is unreported. */
export interface PlacedTarget {
  /** What to probe. */
  readonly target: ProbeTarget;
  /** Index into the octets after the header. */
  readonly place: number;
}

/** From the worker. */
export type FromWorker =
  | { readonly kind: "batch"; readonly batch: Batch }
  | {
    readonly kind: "begun";
    readonly probes: readonly { readonly backend: string; readonly type: CheckType }[];
  }
  /** A defect of this program that one probe ran into. */
  | { readonly kind: "defect"; readonly backend: string; readonly error: string }
  /** Probes that are due wait for others to end; at most once in ten seconds. */
  | { readonly kind: "limited"; readonly queued: number }
  /** A target shows another certificate than before. */
  | {
    readonly kind: "certificate";
    readonly backend: string;
    readonly generation: number;
    readonly certificate: LeafCertificate;
  }
  /** Asks for a look at files; answered by `looked`. */
  | { readonly kind: "look"; readonly look: number; readonly keys: readonly string[] }
  | { readonly kind: "ended" };

/** Octets before the places: four Int32. */
export const SHARED_HEADER = 16;
/** Index of the Int32 that the worker raises with every tick. */
export const SIGNS = 0;
/** Index of the Int32 that the main thread raises with every message, before it is posted. */
export const POSTED = 1;
/** Index of the Int32 that the main thread sets when it takes the worker for dead: it must touch nothing any more. */
export const STOPPED = 2;
/** Index of the Int32 in which the worker writes the number of its thread. */
export const THREAD = 3;

/** The Int32 of the header. */
export function sharedHeader(shared: SharedArrayBuffer): Int32Array<SharedArrayBuffer> {
  return new Int32Array(shared, 0, SHARED_HEADER / 4);
}

/** Places for targets in the shared memory; a target without one is handed over all the same. */
export const SHARED_PLACES = 65_536;
