/**
 * What the journal is made of, and how it is doing.
 *
 * @module
 */
import type { Clock } from "../../clock.ts";
import type { UnixMillis } from "../../model.ts";
import type { JournalAnswer, JournalFailure, JournalRequest } from "./messages.ts";

/** A thread that answers requests in their order. Disposal ends it at once. */
export interface JournalThread extends Disposable {
  /** Sends a request. */
  send(request: JournalRequest): void;
}

/** Makes a thread, or says in a sentence why there is none. */
export type StartThread = (
  onAnswer: (answer: JournalAnswer) => void,
  onDeath: (detail: string) => void,
) => JournalThread | string;

/** State of the journal for metrics and problems. */
export type JournalState =
  /** Entries reach the disk. */
  | { readonly kind: "open" }
  /** No file is wanted. */
  | { readonly kind: "memory" }
  /** Not yet, or not any more. */
  | { readonly kind: "opening" | "failing"; readonly since: UnixMillis; readonly failure: JournalFailure };

/** What a journal is made of. */
export interface JournalParts {
  /** Time. */
  readonly clock: Clock;
  /** Null: memory only. */
  readonly start: StartThread | null;
  /** Path of the file. */
  readonly path: string;
  /** Octets that the file may have. */
  readonly limit: number;
  /** Age after which entries go, in ms. */
  readonly keepMs: number;
  /** The state changed, or a damaged file was put aside. */
  readonly onState: (state: JournalState, putAside: string | null) => void;
}

/** The journal could not answer. */
export class JournalError extends Error {
  /** Wraps a failure. */
  constructor(readonly failure: JournalFailure) {
    super(failure.detail);
    this.name = "JournalError";
  }
}
