import type { TlsCredentials } from "../../ffi/tls.ts";
import { authoritiesOf, pairOf, type UnitContents, unitKey } from "../files/unit.ts";
import type { TlsFilePaths } from "../configuration.ts";

/** The files of one check. */
export interface TlsUnits {
  /** `unitKey` of each unit that it names. */
  readonly keys: readonly string[];
  /** Another text whenever one of them has changed. */
  readonly revision: string;
  /** What they hold; null: they have not arrived. */
  readonly credentials: TlsCredentials | null;
}

interface Held {
  readonly revision: number;
  readonly octets: readonly Uint8Array<ArrayBuffer>[];
}

/**
 * Contents of the files that checks name, as the main thread has read and judged them. The probing thread never asks
 * the disk itself: one that hangs must not hold up a probe.
 */
export class TlsContents {
  readonly #held = new Map<string, Held>();
  readonly #ask: (look: number, keys: readonly string[]) => void;
  readonly #looks = new Map<number, () => void>();
  /** What `of` found, until contents change: it is asked for each probe. */
  #found = new WeakMap<TlsFilePaths, TlsUnits>();
  #lastLook = 0;

  /** Starts without contents; `ask` has the main thread look at units, and `looked` is told when it has. */
  constructor(ask: (look: number, keys: readonly string[]) => void) {
    this.#ask = ask;
  }

  /** Takes units with new contents, and forgets those with the keys `gone`. */
  take(contents: readonly UnitContents[], gone: readonly string[]): void {
    this.#found = new WeakMap();
    for (const key of gone) this.#held.delete(key);
    const encoder = new TextEncoder();
    for (const { key, revision, texts } of contents) {
      this.#held.set(key, { revision, octets: texts.map((text) => encoder.encode(text)) });
    }
  }

  /** The files of a check; the same object until contents change. */
  of(paths: TlsFilePaths): TlsUnits {
    const known = this.#found.get(paths);
    if (known !== undefined) return known;
    const units = this.#units(paths);
    this.#found.set(paths, units);
    return units;
  }

  /** Has units looked at. `done` is called when their contents are those of the disk, unless the disk does not answer. */
  look(keys: readonly string[], done: () => void): void {
    const look = ++this.#lastLook;
    this.#looks.set(look, done);
    this.#ask(look, keys);
  }

  /** A look has ended. */
  looked(look: number): void {
    const done = this.#looks.get(look);
    this.#looks.delete(look);
    done?.();
  }

  #units(paths: TlsFilePaths): TlsUnits {
    const [authorities, pair] = [authoritiesOf(paths), pairOf(paths)];
    const keys = [authorities, pair].flatMap((unit) => unit === null ? [] : [unitKey(unit)]);
    const held = keys.map((key) => this.#held.get(key));
    const revision = held.map((unit) => unit?.revision ?? 0).join(" ");
    if (held.includes(undefined)) return { keys, revision, credentials: null };
    const octets = held.flatMap((unit) => unit?.octets ?? []);
    const ca = authorities === null ? null : octets.shift() ?? null;
    const [cert = null, key = null] = octets;
    return { keys, revision, credentials: { ca, cert, key } };
  }
}
