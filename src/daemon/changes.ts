/**
 * Events `change`: something changed that is no transition. Many changes in a moment are one event.
 *
 *   weight, override, sync, config, fleet --> gathered for a moment --> one event of each kind
 *   anything, and every 5 s               --> problems are compared --> an event if they are others
 *
 * @module
 */
import type { ChangeEvent, CurrentProblem } from "../api/mod.ts";
import type { Announcer } from "../bus/mod.ts";
import type { Clock } from "../clock.ts";
import type { OverrideChange } from "../memory/overrides/override.ts";
import type { Millis } from "../model.ts";

/** What changed, but for problems. */
export type ChangeKind = Exclude<ChangeEvent["what"], "problems">;

/** What a change is about; null: nothing in particular. */
export interface ChangeSubject {
  /** Name of the backend. */
  readonly backend?: string | null;
  /** Name of the frontend. */
  readonly frontend?: string | null;
}

/** Changes are gathered so long, in ms. */
const gatherMs: Millis = 100;
/** Problems are compared at least this far apart, in ms: at 2,000 backends a comparison takes milliseconds. */
const apartMs: Millis = 1_000;
/** Time alone makes problems come and go; they are compared this often, in ms. */
const lookMs: Millis = 5_000;

/** What a teller needs. */
export interface ChangesParts {
  /** Time. */
  readonly clock: Clock;
  /** Where events go. */
  readonly announcer: Announcer;
  /** What is wrong now. */
  readonly problems: () => readonly CurrentProblem[];
}

/** Announces changes. */
export class Changes implements Disposable {
  readonly #parts: ChangesParts;
  readonly #waiting = new Map<ChangeKind, { backend: string | null; frontend: string | null }>();
  #gathering: Disposable | null = null;
  #looking: Disposable;
  #lookAt: Millis;
  #lookedAt: Millis;
  #last: string;
  #closed = false;

  /** Begins with the problems of now. */
  constructor(parts: ChangesParts) {
    this.#parts = parts;
    const now = parts.clock.now();
    this.#last = signature(parts.problems());
    this.#lookedAt = now;
    this.#lookAt = now + lookMs;
    this.#looking = parts.clock.after(lookMs, () => this.#look());
  }

  /** Something changed. Returns at once. */
  tell(what: ChangeKind, { backend = null, frontend = null }: ChangeSubject = {}): void {
    if (this.#closed) return;
    const same = this.#waiting.get(what);
    // An event about several is about none in particular.
    this.#waiting.set(what, {
      backend: same === undefined || same.backend === backend ? backend : null,
      frontend: same === undefined || same.frontend === frontend ? frontend : null,
    });
    this.#gathering ??= this.#parts.clock.after(gatherMs, () => this.#flush());
    this.look();
  }

  /** Problems may be others. Returns at once. */
  look(): void {
    if (this.#closed) return;
    const { clock } = this.#parts;
    const now = clock.now();
    const at = Math.max(now + gatherMs, this.#lookedAt + apartMs);
    if (this.#lookAt <= at) return;
    this.#looking[Symbol.dispose]();
    this.#lookAt = at;
    this.#looking = clock.after(at - now, () => this.#look());
  }

  /** Tells nothing more: parts that end after it have nobody to tell. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#gathering?.[Symbol.dispose]();
    this.#looking[Symbol.dispose]();
  }

  #flush(): void {
    this.#gathering = null;
    for (const [what, subject] of this.#waiting) {
      this.#parts.announcer.announce({ kind: "change", what, ...subject });
    }
    this.#waiting.clear();
  }

  #look(): void {
    const { announcer, clock, problems } = this.#parts;
    const now = clock.now();
    this.#lookedAt = now;
    this.#lookAt = now + lookMs;
    this.#looking = clock.after(lookMs, () => this.#look());
    const is = signature(problems());
    if (is === this.#last) return;
    this.#last = is;
    announcer.announce({ kind: "change", what: "problems", backend: null, frontend: null });
  }
}

/** Equal for equal problems. */
function signature(problems: readonly CurrentProblem[]): string {
  return problems.map(({ kind, object, since, text }) => `${kind}\t${object}\t${since}\t${text}`).join("\n");
}

/** Overrides changed: so did the weights of those that are weights. */
export function tellOverrides(change: OverrideChange, changes: Changes | null): void {
  const { ended, set, slept, woken } = change;
  for (const override of [...set, ...slept, ...woken, ...ended.map((one) => one.override)]) {
    const { backend } = override;
    const frontend = override.kind === "weight" ? override.frontend : null;
    changes?.tell("override", { backend, frontend });
    if (override.kind === "weight") changes?.tell("weight", { backend, frontend });
  }
}
