/**
 * Looks at the configuration file on disk: does it differ from what runs, and would a reload take it?
 *
 *   every 60 s       a file that changed and has been still for 60 s is checked off the main thread
 *   after a reload   what it found holds until the file changes again
 *
 * A file that changed in its comments alone does not differ.
 *
 * @module
 */
import type { FileFacts } from "../answers/known.ts";
import type { Finding } from "../api/mod.ts";
import type { Clock } from "../clock.ts";
import type { CheckResult } from "../config/check.ts";
import { diffConfigs } from "../config/diff.ts";
import { formatFinding } from "../config/findings.ts";
import type { Refusal } from "../control.ts";
import type { Millis, UnixMillis } from "../model.ts";
import type { Config } from "../configuration.ts";
import { err, ok, type Result } from "../result.ts";

/** The file is looked at this often, and is checked once it has been still for as long, in ms. */
const lookMs: Millis = 60_000;
/** A file that is younger may have changed after it was read, in ms. */
const youngMs: Millis = 2_000;

/** What tells one content of a file from another, without reading it. */
export interface FileMark {
  /** Equal for a file that did not change. */
  readonly mark: string;
  /** When it was last written; null: the file system does not tell. */
  readonly writtenAt: UnixMillis | null;
}

/** Looks at a file; an error in words. */
export type LookAtFile = (path: string) => Promise<Result<FileMark, string>>;

/** Looks at a file of this machine. */
export async function lookAtFile(path: string): Promise<Result<FileMark, string>> {
  try {
    const { ino, mtime, size } = await Deno.stat(path);
    return ok({ mark: `${ino} ${size} ${mtime?.getTime()}`, writtenAt: mtime?.getTime() ?? null });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return err(error.message);
  }
}

/** What a watch needs. */
export interface ConfigWatchParts {
  /** Time. */
  readonly clock: Clock;
  /** Path of the file. */
  readonly path: string;
  /** Looks at it. */
  readonly look: LookAtFile;
  /** Checks it off the main thread, until `signal` aborts. */
  readonly check: (signal: AbortSignal) => Promise<Result<CheckResult, Refusal>>;
  /** The configuration that runs, as its file had it. */
  readonly running: () => Config;
}

/** Why a reload refuses a file, in words. */
export function whyRefused(errors: readonly Finding[]): string {
  const [first] = errors;
  if (first === undefined) return "it is wrong";
  return `${formatFinding(first)}${errors.length > 1 ? ` and ${errors.length - 1} more` : ""}`;
}

/** Watches the configuration file of a daemon. */
export class ConfigWatch implements Disposable {
  readonly #parts: ConfigWatchParts;
  #timer: Disposable | null = null;
  readonly #stop = new AbortController();
  /** Mark, or error, of what was judged last; null: nothing was. */
  #judged: string | null = null;
  /** The same of the last look. */
  #seen: string | null = null;
  #trouble: FileFacts["config"] = null;

  /** Begins: the file as it is now is what runs, unless it has just been written. */
  constructor(parts: ConfigWatchParts) {
    this.#parts = parts;
    void this.#settle();
    this.#wait();
  }

  /** What is wrong with the file; null: it is what runs. */
  get trouble(): FileFacts["config"] {
    return this.#trouble;
  }

  /** A reload took the file. */
  taken(): void {
    this.#trouble = null;
    void this.#settle();
  }

  /** A reload refused the file. */
  refused(detail: string): void {
    this.#set("file-refused", detail);
    void this.#settle();
  }

  /** Looks no more, and ends a check that is under way. */
  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#timer?.[Symbol.dispose]();
  }

  #wait(): void {
    this.#timer = this.#parts.clock.after(lookMs, async () => {
      await this.#look();
      if (!this.#stop.signal.aborted) this.#wait();
    });
  }

  /** What is there now is judged already, unless it is so young that something else may have been read. */
  async #settle(): Promise<void> {
    const { clock, look, path } = this.#parts;
    const found = await look(path);
    if (!found.ok) return;
    const { mark, writtenAt } = found.value;
    if (writtenAt === null || clock.wall() - writtenAt >= youngMs) this.#judged = mark;
  }

  async #look(): Promise<void> {
    const { clock, look, path } = this.#parts;
    const found = await look(path);
    const mark = found.ok ? found.value.mark : `! ${found.error}`;
    if (this.#stop.signal.aborted || mark === this.#judged) return;
    const writtenAt = found.ok ? found.value.writtenAt : null;
    const isStill = mark === this.#seen || (writtenAt !== null && clock.wall() - writtenAt >= lookMs);
    this.#seen = mark;
    if (!isStill) return;
    if (!found.ok) {
      this.#judged = mark;
      return this.#set("file-refused", `it cannot be read: ${found.error}`);
    }
    await this.#judge(mark);
  }

  async #judge(mark: string): Promise<void> {
    const checked = await this.#parts.check(this.#stop.signal);
    // Busy: the next look tries again.
    if (this.#stop.signal.aborted || !checked.ok) return;
    this.#judged = mark;
    const { config, findings } = checked.value;
    if (config === null) {
      return this.#set("file-refused", whyRefused(findings.filter(({ severity }) => severity === "error")));
    }
    const changes = diffConfigs(this.#parts.running(), config, { renamed: new Map() });
    if (changes.length === 0) this.#trouble = null;
    else this.#set("file-differs", changes.length === 1 ? "1 change" : `${changes.length} changes`);
  }

  #set(kind: NonNullable<FileFacts["config"]>["kind"], detail: string): void {
    const { clock, path } = this.#parts;
    const since = this.#trouble?.kind === kind ? this.#trouble.since : clock.wall();
    this.#trouble = { kind, path, since, detail };
  }
}
