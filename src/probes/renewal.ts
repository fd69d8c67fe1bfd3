/**
 * A probe of a check that names TLS files. A failure of TLS may come from a file that was renewed on the disk and is
 * still used as it was read before, so the files are looked at before the failure counts:
 *
 *   first try --> TLS failure --> look --> unchanged: the failure counts
 *                                   |
 *                                   +----> changed: second try, and what it finds counts
 *
 * @module
 */
import type { TlsFilePaths } from "../configuration.ts";
import type { Attempt } from "./attempt.ts";
import type { Verdict } from "./result.ts";
import type { Machine, Step } from "./step.ts";
import type { TlsContents } from "./tls_contents.ts";

/** Probes by a machine, and by a second one if the files have changed under the first. */
export class RenewingProbe implements Machine {
  readonly #attempt: Attempt;
  readonly #make: () => Machine;
  readonly #contents: TlsContents;
  readonly #paths: TlsFilePaths;
  readonly #revision: string;
  #machine: Machine;
  /** What the first try found, while the files are looked at. */
  #failure: Verdict | null = null;
  #looked = false;

  /** Probes by what `make` makes. */
  constructor(attempt: Attempt, make: () => Machine, contents: TlsContents, paths: TlsFilePaths) {
    this.#attempt = attempt;
    this.#make = make;
    this.#contents = contents;
    this.#paths = paths;
    this.#revision = contents.of(paths).revision;
    this.#machine = make();
  }

  /** Goes on with the try under way, or looks. */
  step(): Step {
    if (this.#failure === null) {
      const step = this.#machine.step();
      if (typeof step === "string" || step.code !== "L6RSP" || step.void !== null || this.#looked) {
        return step;
      }
      this.#failure = step;
      this.#contents.look(this.#contents.of(this.#paths).keys, () => {
        this.#looked = true;
        this.#attempt.wake();
      });
    }
    if (!this.#looked) return "wait";
    if (this.#contents.of(this.#paths).revision === this.#revision) return this.#failure;
    this.#failure = null;
    this.#machine[Symbol.dispose]();
    this.#attempt.anew();
    this.#machine = this.#make();
    return "again";
  }

  /** A disk that does not answer in time leaves what is known. */
  late(): Verdict {
    return this.#failure ?? this.#machine.late();
  }

  /** Ends the try under way. */
  [Symbol.dispose](): void {
    this.#machine[Symbol.dispose]();
  }
}
