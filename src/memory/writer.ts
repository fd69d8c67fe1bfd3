/**
 * Writes the state when it has changed. Nobody waits for the disk: there is one write at a time, and what changes
 * meanwhile goes out with the next one.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log/mod.ts";
import type { Millis } from "../model.ts";
import type { Folder } from "./folder.ts";
import { stateBefore, stateDamaged, stateName } from "./load.ts";
import { encodeState, type State } from "./state.ts";

/** Changes within this time are one write. */
const gatherMs: Millis = 100;
/** Waits after failures in a row; the last one goes on. */
const retryMs: readonly Millis[] = [1_000, 5_000, 15_000, 60_000];
/** Longest time that the end of a daemon waits for the disk. */
const lastMs: Millis = 1_000;

/** What a writer needs. */
export interface WriterParts {
  /** Where to write. */
  readonly folder: Folder;
  /** Time. */
  readonly clock: Clock;
  /** Where a disk that fails is told of. */
  readonly log: Log;
  /** The state now. */
  readonly state: () => State;
  /** What is in the place of the file. */
  readonly present: "good" | "damaged" | "absent";
  /** The state that the file has, if it is good. */
  readonly written: State | null;
}

/** Keeps `state.json` as the state is. */
export class StateWriter implements AsyncDisposable {
  readonly #parts: WriterParts;
  #present: WriterParts["present"];
  #written: string | null = null;
  #timer: Disposable | null = null;
  #running: Promise<void> | null = null;
  #again = false;
  #failures = 0;
  #problem: string | null = null;
  #closing = false;

  /** Writes nothing before it is told of a change. */
  constructor(parts: WriterParts) {
    this.#parts = parts;
    this.#present = parts.present;
    this.#written = parts.written === null ? null : encodeState(parts.written);
  }

  /** Why the last write failed; null: the disk has what it was given. */
  get problem(): string | null {
    return this.#problem;
  }

  /** The state may be another now. Returns at once. */
  changed(): void {
    if (this.#closing) return;
    if (this.#running !== null) this.#again = true;
    else this.#timer ??= this.#parts.clock.after(gatherMs, () => void this.#start());
  }

  /**
   * Writes the state as it is now.
   *
   * @returns null once the disk has it; or why it has not
   */
  async save(): Promise<string | null> {
    // The write under way may have begun before the change.
    if (this.#running !== null) {
      this.#again = false;
      await this.#running;
    }
    await this.#start();
    return this.#problem;
  }

  /** Writes what is not written yet, and waits for it a second at most. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing) return;
    const pending = this.#timer !== null || this.#again || this.#running !== null;
    this.#closing = true;
    if (!pending) return;
    const timeout = new AbortController();
    const late = this.#parts.clock.sleep(lastMs, timeout.signal).catch(() => {});
    await Promise.race([this.save(), late]);
    timeout.abort();
    this.#timer?.[Symbol.dispose]();
  }

  #start(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    this.#running ??= this.#write().finally(() => {
      this.#running = null;
      const again = this.#again;
      this.#again = false;
      if (again) this.changed();
    });
    return this.#running;
  }

  async #write(): Promise<void> {
    const { clock, folder, log, state } = this.#parts;
    const text = encodeState(state());
    if (text === this.#written) return;
    try {
      if (this.#present === "damaged") await folder.rename(stateName, stateDamaged);
      // What is damaged must not take the place of the good one before it.
      await folder.replace(stateName, text, this.#present === "good" ? stateBefore : null);
      this.#present = "good";
      this.#written = text;
      if (this.#failures > 0) log.info("memory-error", { detail: "the state is written again" });
      this.#failures = 0;
      this.#problem = null;
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      // A write that fails at its end may have replaced the file, so nothing counts as written.
      this.#written = null;
      this.#problem = `${stateName} cannot be written: ${detail}`;
      if (this.#failures++ === 0) log.warn("memory-error", { detail: this.#problem });
      const wait = retryMs[Math.min(this.#failures, retryMs.length) - 1] ?? gatherMs;
      if (!this.#closing) this.#timer ??= clock.after(wait, () => void this.#start());
    }
  }
}
