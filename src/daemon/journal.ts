/**
 * The journal of this daemon: where it is kept, and what is said when it cannot be.
 *
 * @module
 */
import { lackForThread } from "../../ffi/limits.ts";
import type { Trouble } from "../answers/known.ts";
import type { Clock } from "../clock.ts";
import type { Options } from "../flags.ts";
import type { Log } from "../log/mod.ts";
import { Journal } from "../memory/journal/journal.ts";
import type { JournalState, StartThread } from "../memory/journal/parts.ts";
import { journalThread } from "../memory/journal/thread.ts";
import type { Millis } from "../model.ts";
import type { StateDir } from "./state_dir.ts";

/** Name of the file in the folder. */
export const journalName = "journal.sqlite";
/** The start waits so long for the file, in ms; what happens meanwhile is put behind it later. */
const patienceMs: Millis = 1_000;
const dayMs: Millis = 86_400_000;

/**
 * Makes the journal of a folder, and begins to open it; `ready` resolves when it is open, cannot be, or is late.
 *
 * @param start makes the thread that writes it
 */
export function openJournal(
  folder: StateDir,
  { journalDays, journalOctets }: Pick<Options, "journalDays" | "journalOctets">,
  clock: Clock,
  log: Log,
  start: StartThread = journalThread(lackForThread),
): { readonly journal: Journal; readonly ready: Promise<void> } {
  const kept = folder.path !== null && folder.problem === null && journalDays > 0;
  const tell = new JournalLog(log);
  const journal = new Journal({
    clock,
    start: kept ? start : null,
    path: `${folder.path ?? ""}/${journalName}`,
    limit: journalOctets,
    keepMs: journalDays * dayMs,
    onState: (state, putAside) => tell.state(state, putAside),
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.after(patienceMs, resolve);
  void journal.open().finally(() => {
    timer[Symbol.dispose]();
    resolve();
  });
  return { journal, ready: promise };
}

/** Says what becomes of the journal: trouble once, and its end once. */
export class JournalLog {
  readonly #log: Log;
  #trouble = false;

  /** Nothing was said yet. */
  constructor(log: Log) {
    this.#log = log;
  }

  /** Takes a state, and where a damaged file is now. */
  state(state: JournalState, putAside: string | null): void {
    if (putAside !== null) {
      const detail = `the journal was damaged; a new one is begun, the damaged one is ${putAside}`;
      this.#log.error("memory-error", { detail });
      return;
    }
    if (state.kind === "open" && this.#trouble) {
      this.#trouble = false;
      this.#log.info("memory-error", { detail: "the journal is written again" });
    }
    if (state.kind !== "failing" || this.#trouble) return;
    this.#trouble = true;
    const { cause, detail } = state.failure;
    if (cause === "newer") {
      const why = `${detail}; it is left alone, and entries are kept in memory only`;
      this.#log.error("memory-error", { detail: why });
    } else {
      this.#log.warn("memory-error", { detail: `the journal cannot be written: ${detail}` });
    }
  }
}

/** What is wrong with the journal; null: nothing. */
export function journalTrouble(state: JournalState): Trouble | null {
  if (state.kind !== "failing") return null;
  const { failure: { detail }, since } = state;
  return { since, detail: `the journal cannot be written: ${detail}` };
}
