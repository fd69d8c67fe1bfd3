/**
 * The files that a configuration names, as its check reads them.
 *
 * @module
 */
import { type ReadNamed, unitRead } from "../files/disk.ts";
import { noTrial, type Trial } from "../files/trial.ts";
import { type FileUnit, unitKey, type UnitRead } from "../files/unit.ts";
import type { Findings, Place } from "./findings.ts";

/** The named files of one configuration; each is read once, however many keys name it. */
export class NamedFiles {
  readonly #read: ReadNamed;
  readonly #trial: Trial;
  readonly #inUse: ReadonlySet<string>;
  readonly #units = new Map<string, UnitRead>();

  /**
   * Starts with no file read.
   *
   * @param trial judges what looks good
   * @param inUse `unitKey` of the units that the daemon uses now: one that is wrong is no error, since what was
   * read before stays in use
   */
  constructor(read: ReadNamed, trial: Trial = noTrial, inUse: readonly string[] = []) {
    this.#trial = trial;
    const texts = new Map<string, ReturnType<ReadNamed>>();
    this.#read = (path) => {
      const known = texts.get(path) ?? read(path);
      texts.set(path, known);
      return known;
    };
    this.#inUse = new Set(inUse);
  }

  /** What was read. */
  get units(): readonly UnitRead[] {
    return [...this.#units.values()];
  }

  /** Reads a unit and says what is wrong with it; `places` are those of its paths. */
  check(unit: FileUnit, places: readonly Place[], out: Findings): void {
    const key = unitKey(unit);
    const known = this.#units.get(key) ?? unitRead(unit, unit.paths.map(this.#read), this.#trial);
    this.#units.set(key, known);
    for (const { at, why } of known.wrong) {
      const place = places[at] ?? places[0];
      if (place === undefined) continue;
      const path = JSON.stringify(unit.paths[at]);
      if (this.#inUse.has(key)) {
        out.lint(
          place,
          `cannot use ${path} as it is now: ${why}`,
          "the content that was read before stays in use",
        );
      } else {
        out.semantic(place, `cannot use ${path}: ${why}`);
      }
    }
  }
}
