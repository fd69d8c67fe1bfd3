/**
 * Files that the configuration names. Some are good only together, so they are read, judged and replaced together.
 *
 * @module
 */
import type { TlsFilePaths } from "../configuration.ts";

/** `authorities`: a CA bundle. `pair`: a certificate, and its key. `key`: a key alone. `secret`: a password. */
export type UnitKind = "authorities" | "pair" | "key" | "secret";

/** Files that are good only together. */
export interface FileUnit {
  /** What they hold. */
  readonly kind: UnitKind;
  /** One path; of a pair two, the certificate's first. */
  readonly paths: readonly string[];
}

/** Why a file of a unit cannot be used. */
export interface Wrong {
  /** Which of the unit's paths. */
  readonly at: number;
  /** As the end of "cannot use the file: ...". */
  readonly why: string;
}

/** A unit as it was read from the disk. */
export interface UnitRead {
  /** What was read. */
  readonly unit: FileUnit;
  /** What tells that a file has changed, in the order of the paths; "" for a file that is not there. */
  readonly signatures: readonly string[];
  /** Empty if it can be used. */
  readonly wrong: readonly Wrong[];
  /** The files' texts in the order of the paths; empty if it cannot be used. */
  readonly texts: readonly string[];
}

/** What a unit holds that is in use. */
export interface UnitContents {
  /** `unitKey` of the unit. */
  readonly key: string;
  /** Grows with every change of the contents. */
  readonly revision: number;
  /** The files' texts in the order of the paths. */
  readonly texts: readonly string[];
}

/** Names a unit: equal for equal kind and paths. */
export function unitKey({ kind, paths }: FileUnit): string {
  return JSON.stringify([kind, ...paths]);
}

/** The authorities of a check; null: it names none. */
export function authoritiesOf({ caFile }: TlsFilePaths): FileUnit | null {
  return caFile === null ? null : { kind: "authorities", paths: [caFile] };
}

/** The client certificate and key of a check; null: it names none. */
export function pairOf({ certFile, keyFile }: TlsFilePaths): FileUnit | null {
  return certFile === null || keyFile === null ? null : { kind: "pair", paths: [certFile, keyFile] };
}
