/**
 * Writes the journal: it hears everything that the event bus does, and is told what the bus does not carry.
 *
 * @module
 */
import type { Trouble } from "../answers/known.ts";
import type * as api from "../api/mod.ts";
import type { Announcement } from "../bus/mod.ts";
import type { Clock } from "../clock.ts";
import type { ApiChange } from "../control.ts";
import type { CountedSink } from "../health/tracker_parts.ts";
import type { Log } from "../log/mod.ts";
import type { Entry } from "../memory/journal/entry.ts";
import type { Journal } from "../memory/journal/journal.ts";
import { type Run, Runs } from "../memory/journal/runs.ts";
import type { LatencyRow } from "../memory/journal/tables.ts";
import { LatencyTens } from "../memory/journal/tens.ts";
import type { OverrideChange } from "../memory/overrides/override.ts";
import type { Actor, Millis, UnixMillis } from "../model.ts";
import {
  backendEntry,
  changeEntry,
  clockEntry,
  configEntry,
  type ConfigStep,
  fleetEntry,
  frontendEntry,
  overrideEntries,
  processEntry,
  syncEntries,
  vppEntry,
} from "./entries.ts";

/** The clock is compared so often, in ms. */
const clockLookMs: Millis = 1_000;
/** A jump of the clock beyond this is told, in ms. */
const clockJumpMs: Millis = 60_000;

/** A jump of the clock is a problem for so long, in ms. */
const jumpToldMs: Millis = 86_400_000;

/** What a recorder is made of. */
export interface RecorderParts {
  /** Time. */
  readonly clock: Clock;
  /** Where a jump of the clock is told. */
  readonly log: Log;
  /** Where it writes. */
  readonly journal: Journal;
  /** When the present state of a backend began; null: there is no such backend. */
  readonly since: (backend: string) => UnixMillis | null;
}

/** Told what changes in the fleet, in one sentence, and what it is about. */
export type FleetSink = (
  text: string,
  data: Readonly<Record<string, unknown>>,
  about?: { readonly backend?: string; readonly frontend?: string },
) => void;

/** Place and link of an entry, for the log. */
export type Place = Pick<Entry, "seq" | "chain">;

/** Records what happens; one per daemon. Never throws, never waits. */
export class Recorder implements Disposable {
  readonly #parts: RecorderParts;
  readonly #runs = new Runs();
  readonly #tens = new LatencyTens();
  #timer: Disposable | null = null;
  #offset: Millis;
  #jumped: (Trouble & { readonly now: Millis }) | null = null;

  /** Begins to compare the clock. */
  constructor(parts: RecorderParts) {
    this.#parts = parts;
    this.#offset = this.#difference();
    this.#look();
  }

  /** The last jump of the clock, for a day; null: there was none. */
  get clockTrouble(): Trouble | null {
    const { clock } = this.#parts;
    const jumped = this.#jumped;
    return jumped === null || clock.now() - jumped.now > jumpToldMs ? null : jumped;
  }

  /** Takes what the bus announces. */
  readonly heard = (event: Announcement, at: UnixMillis): void => {
    const { journal, since } = this.#parts;
    if (event.kind === "backend") {
      if (event.transition.to === "removed") {
        this.#write(this.#runs.end(event.backend), this.#tens.end(event.backend));
      }
      const began = since(event.backend);
      // A state goes on where it is older than the transition that found it again.
      journal.record(backendEntry(event, began !== null && began < at ? began : null), at);
    } else if (event.kind === "frontend") journal.record(frontendEntry(event), at);
    else if (event.kind === "vpp") journal.record(vppEntry(event), at);
  };

  /** A result counted. */
  readonly counted: CountedSink = (backend, { code, ok, totalMs }, at, before, after): void => {
    this.#write(
      this.#runs.add(backend, ok, code, at, before, after),
      this.#tens.add(backend, at, totalMs, ok),
    );
  };

  /** Counted results of a backend that are not in the journal yet. */
  readonly openRuns = (backend: string): readonly Run[] => this.#runs.open(backend);

  /** A sync is through that changed something. */
  applied(result: api.SyncResult): void {
    for (const entry of syncEntries(result)) this.#parts.journal.record(entry);
  }

  /** Whether another change may be made: each must find a place in the journal. */
  get takesChanges(): boolean {
    return this.#parts.journal.takesChanges;
  }

  /** A change over the API took place. */
  change(change: ApiChange): Place {
    return this.#parts.journal.record(changeEntry(change));
  }

  /** Overrides were set, ended, fell asleep or woke; `by`: who asked for it, or null. */
  overrides(change: OverrideChange, by: string | null, claimed: string | null): void {
    for (const entry of overrideEntries(change, by, claimed)) this.#parts.journal.record(entry);
  }

  /**
   * A configuration was loaded, or refused.
   *
   * @param actor who asked for it; null: the start
   */
  config(file: string, actor: Actor | null, step: ConfigStep): void {
    const entry = configEntry(file, actor?.principal ?? null, step, actor?.claimed ?? null);
    this.#parts.journal.record(entry);
  }

  /** The daemon stops: what goes on is written as it is. */
  stops(forgotten: Readonly<Record<string, unknown>>): void {
    this.#parts.journal.measure(this.#runs.open(), this.#tens.open());
    this.process("maglevd stops", forgotten);
  }

  /** The daemon started, or something else happened to it. */
  process(text: string, data: Readonly<Record<string, unknown>>): void {
    this.#parts.journal.record(processEntry(text, data));
  }

  /** Something of the fleet changed. */
  readonly fleet: FleetSink = (text, data, { backend = null, frontend = null } = {}) => {
    this.#parts.journal.record(fleetEntry(text, data, backend, frontend));
  };

  /** Ends the comparison of the clock. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  #write(run: Run | null, row: LatencyRow | null): void {
    if (run === null && row === null) return;
    this.#parts.journal.measure(run === null ? [] : [run], row === null ? [] : [row]);
  }

  #difference(): Millis {
    const { clock } = this.#parts;
    return clock.wall() - clock.now();
  }

  #look(): void {
    const { clock, journal, log } = this.#parts;
    this.#timer = clock.after(clockLookMs, () => {
      const offset = this.#difference();
      const jump = offset - this.#offset;
      this.#offset = offset;
      if (Math.abs(jump) > clockJumpMs) {
        const entry = journal.record(clockEntry(jump));
        this.#jumped = { since: clock.wall(), detail: entry.text, now: clock.now() };
        log.warn("clock-jump", { detail: entry.text, jump_ms: Math.round(jump) });
      }
      this.#look();
    });
  }
}
