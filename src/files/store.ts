/**
 * The contents of the files that the running configuration names. A file is replaced here only by a good one: what
 * is empty, half-written, gone or does not fit its pair leaves the contents that were read before in use.
 *
 *   start, reload   every unit was read and judged by the check; the good ones are taken
 *   every 60 s      a unit whose signature has changed is read again
 *   TLS failure     the same at once, before the failure counts
 *
 * A file that changed within the last second may still be written, and may look whole before it is. The look of every
 * 60 s waits until it has been still for so long. A look for a TLS failure waits only if the file is wrong: the failing
 * probe has no time. A reload does not wait: there an operator says that the files are ready.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log/mod.ts";
import type { Millis, UnixMillis } from "../model.ts";
import { type Disk, systemDisk, unitRead } from "./disk.ts";
import type { Trial } from "./trial.ts";
import { type FileUnit, type UnitContents, unitKey, type UnitRead, type Wrong } from "./unit.ts";

/** Files are looked at this often, in ms. */
const LOOK_MS: Millis = 60_000;
/** A file is read when it has been still for so long, in ms. */
const STILL_MS: Millis = 1000;
/** Times that a look waits for a file to be still before it reads it all the same. */
const WAITS = 5;
/** Looks at a unit begin at least this far apart, in ms: a thousand failing backends may share a file. */
const APART_MS: Millis = 100;

/** What a store is made of. */
export interface FileStoreOptions {
  /** Time. */
  readonly clock: Clock;
  /** Where `file-kept` and `file-read` are written. */
  readonly log: Log;
  /** Receives units with new contents, and the keys of those that are no longer in use. */
  readonly changed: (contents: readonly UnitContents[], gone: readonly string[]) => void;
  /** Judges what looks good; default: nobody. */
  readonly trial?: Trial;
  /** Default: the machine's. */
  readonly disk?: Disk;
}

/** A file whose present content cannot be used, so that an older one is. */
export interface KeptFile {
  /** Its path. */
  readonly path: string;
  /** As `Wrong.why`. */
  readonly why: string;
  /** Since when that was found. */
  readonly since: UnixMillis;
}

interface Held extends UnitContents {
  readonly unit: FileUnit;
  revision: number;
  texts: readonly string[];
  signatures: readonly string[];
  kept: { readonly wrong: readonly Wrong[]; readonly since: UnixMillis } | null;
  /** Whether the look of every 60 s is under way. */
  patient: boolean;
  /** The look under way for a TLS failure, and the one that begins when it has ended. */
  looking: Promise<void> | null;
  next: Promise<void> | null;
  lookedAt: Millis;
}

/** Keeps the contents of named files. */
export class FileStore implements Disposable {
  readonly #options: FileStoreOptions;
  readonly #disk: Disk;
  readonly #held = new Map<string, Held>();
  readonly #ended = new AbortController();
  #timer: Disposable | null = null;
  #revision = 0;

  /** Begins with what the check at the start has read, and looks at it every 60 s. */
  constructor(options: FileStoreOptions, first: readonly UnitRead[]) {
    this.#options = options;
    this.#disk = options.disk ?? systemDisk;
    this.take(first);
    this.#lookLater();
  }

  /** The units in use, by `unitKey`. */
  get keys(): readonly string[] {
    return [...this.#held.keys()];
  }

  /** All contents in use. */
  get contents(): readonly UnitContents[] {
    return [...this.#held.values()].map(plain);
  }

  /** Files whose present content cannot be used. */
  get kept(): readonly KeptFile[] {
    return [...this.#held.values()].flatMap(({ kept, unit }) =>
      (kept?.wrong ?? []).map(({ at, why }) => ({
        path: unit.paths[at] ?? "",
        why,
        since: kept?.since ?? 0,
      }))
    );
  }

  /** Takes what the check of a configuration has read that is going to run; units that it does not name are dropped. */
  take(read: readonly UnitRead[]): void {
    const named = new Set(read.map(({ unit }) => unitKey(unit)));
    const gone = this.keys.filter((key) => !named.has(key));
    for (const key of gone) this.#held.delete(key);
    const changed = read.flatMap((unit) => this.#takeUnit(unit) ?? []);
    if (changed.length > 0 || gone.length > 0) this.#options.changed(changed.map(plain), gone);
  }

  /**
   * Looks at units now, because a TLS failure may be theirs. Resolves when each look has ended; one that the disk does
   * not answer never ends.
   *
   * @param keys those that are not in use are skipped
   */
  async look(keys: readonly string[]): Promise<void> {
    await Promise.all(keys.map((key) => {
      const held = this.#held.get(key);
      return held === undefined ? null : this.#lookSoon(held);
    }));
  }

  /** Looks no more. */
  [Symbol.dispose](): void {
    this.#ended.abort();
    this.#timer?.[Symbol.dispose]();
  }

  /** Takes one unit; null if nothing has changed. */
  #takeUnit({ signatures, texts, unit, wrong }: UnitRead): Held | null {
    const key = unitKey(unit);
    const held = this.#held.get(key);
    if (held === undefined) {
      if (wrong.length > 0) throw new TypeError(`Cannot use files that are wrong: ${unit.paths.join(", ")}`);
      const made: Held = {
        key,
        unit,
        revision: ++this.#revision,
        texts,
        signatures,
        kept: null,
        patient: false,
        looking: null,
        next: null,
        lookedAt: -Infinity,
      };
      this.#held.set(key, made);
      return made;
    }
    held.signatures = signatures;
    if (wrong.length > 0) {
      this.#keep(held, wrong);
      return null;
    }
    held.kept = null;
    if (texts.every((text, at) => text === held.texts[at])) return null;
    held.texts = texts;
    held.revision = ++this.#revision;
    this.#options.log.info("file-read", { file: unit.paths.join(", ") });
    return held;
  }

  /** Goes on with the old content, and says so once for each reason. */
  #keep(held: Held, wrong: readonly Wrong[]): void {
    const { clock, log } = this.#options;
    const known = held.kept;
    held.kept = { wrong, since: known?.since ?? clock.wall() };
    for (const { at, why } of wrong) {
      if (known?.wrong.some((old) => old.at === at && old.why === why)) continue;
      const file = held.unit.paths[at] ?? "";
      log.warn("file-kept", { file, error: why, detail: "the content that was read before stays in use" });
    }
  }

  #lookLater(): void {
    this.#timer = this.#options.clock.after(LOOK_MS, () => {
      this.#lookLater();
      for (const held of this.#held.values()) {
        // One that the disk does not answer is not joined by others.
        if (held.patient) continue;
        held.patient = true;
        void this.#lookAt(held, true).finally(() => held.patient = false);
      }
    });
  }

  /** Looks at a unit in a look that begins after this call. */
  #lookSoon(held: Held): Promise<void> {
    if (held.looking !== null) {
      // That one may have asked the disk before what the caller has seen.
      return held.next ??= held.looking.then(() => {
        held.next = null;
        return this.#lookSoon(held);
      });
    }
    const look = async () => {
      await this.#sleep(held.lookedAt + APART_MS - this.#options.clock.now());
      held.lookedAt = this.#options.clock.now();
      await this.#lookAt(held, false);
    };
    return held.looking = look().finally(() => held.looking = null);
  }

  /** Reads a unit if it has changed; `patient`: not before it has been still. */
  async #lookAt(held: Held, patient: boolean): Promise<void> {
    for (let waits = 0;; waits++) {
      const known = held.signatures;
      const signs = await Promise.all(held.unit.paths.map((path) => this.#disk.sign(path)));
      if (signs.every(({ signature }, at) => signature === known[at])) return;
      const still = this.#options.clock.wall() - Math.max(...signs.map(({ changedAt }) => changedAt));
      // A time that is still to come is of another clock, and says nothing.
      const ready = still < 0 || still >= STILL_MS || waits === WAITS;
      if (ready || !patient) {
        const files = await Promise.all(held.unit.paths.map((path) => this.#disk.read(path)));
        const read = unitRead(held.unit, files, this.#options.trial);
        // A reload that was faster has read what is newer.
        const stale = held.signatures !== known || this.#held.get(held.key) !== held;
        if (stale || this.#ended.signal.aborted) return;
        if (ready || read.wrong.length === 0) {
          const changed = this.#takeUnit(read);
          if (changed !== null) this.#options.changed([plain(changed)], []);
          return;
        }
      }
      if (!await this.#sleep(STILL_MS - still)) return;
    }
  }

  /** False: the store has ended meanwhile. */
  async #sleep(ms: Millis): Promise<boolean> {
    if (ms <= 0) return true;
    const { signal } = this.#ended;
    await this.#options.clock.sleep(ms, signal).catch((error) => {
      if (!signal.aborted) throw error;
    });
    return !signal.aborted;
  }
}

function plain({ key, revision, texts }: UnitContents): UnitContents {
  return { key, revision, texts };
}
