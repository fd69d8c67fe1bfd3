/**
 * What a tracker is made of, and the steps by which its other files change health.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log/mod.ts";
import type { LeftOverrides } from "../memory/overrides/override.ts";
import type { Config, Millis, Transition, UnixMillis } from "../model.ts";
import type { Prober } from "../probes/prober.ts";
import type { HealthEvent } from "./backend.ts";
import type { Entry } from "./entry.ts";
import type { ChangeSink, CountedSink, FrontendChange, HealthMetrics, LateFlush, VppFacts } from "./hooks.ts";
import type { BookParts, OverrideBook, OverrideSink } from "./override_book.ts";
import type { Targets } from "./probing.ts";
import type { Membership } from "./running.ts";
import type { Leaving } from "./toward.ts";
import type { Batch, Cause, FrontendStates, Judgement } from "./transitions.ts";

/** What a tracker is made of. */
export interface TrackerParts {
  /** Log of the daemon. */
  readonly log: Log;
  /** Counters. */
  readonly metrics: Pick<HealthMetrics, "probed" | "forgotten">;
  /** The configuration to start with. */
  readonly config: Config;
  /** Time. */
  readonly clock: Clock;
  /** Runs the probes; its reports go to `report`. */
  readonly prober: Prober;
  /** What VPP has and had. */
  readonly vpp: VppFacts;
  /** Receives every result that counts; for the journal. */
  readonly onCounted?: CountedSink;
  /** Receives the outcome of every batch that changed something. */
  readonly onChanges: ChangeSink;
  /** What an earlier process left of overrides; absent: nothing. */
  readonly overrides?: LeftOverrides;
  /** Given: they are not read yet, and are given up at this monotonic time. */
  readonly unreadUntil?: Millis | null;
  /** Told of every change of the overrides, and of what the next process must know of them. */
  readonly onOverrides?: OverrideSink;
  /** Id of a new override; absent: random. */
  readonly newId?: BookParts["newId"];
}

/** What a batch came to. */
export interface Finished {
  /** Changes of backends, in their order. */
  readonly transitions: readonly Transition[];
  /** Changes of frontends. */
  readonly frontendChanges: readonly FrontendChange[];
  /** Whether there was anything to hand on. */
  readonly handedOn: boolean;
}

/** The configurations and the backends of the moment. */
export interface HealthWorld {
  /** As the file has it. */
  file: Config;
  /** The file's with the weights that operators set. */
  running: Config;
  /** Whether the overrides of an earlier process are awaited; see unread.ts. */
  unread: boolean;
  /** The backends, in the file's order. */
  entries: Map<string, Entry>;
}

/** What the tracker lets its other files do. */
export interface HealthSteps {
  /** What the tracker is made of. */
  readonly parts: TrackerParts;
  /** The present; altered by orders and reloads. */
  readonly world: HealthWorld;
  /** What operators set. */
  readonly overrides: OverrideBook;
  /** Judges frontends as they are now. */
  readonly judgement: Judgement;
  /** What was told of frontends. */
  readonly states: FrontendStates;
  /** What the prober has. */
  readonly targets: Targets;
  /** Steps one backend through events. */
  readonly apply: (
    entry: Entry,
    events: readonly HealthEvent[],
    batch: Batch,
    now: UnixMillis,
    by: string | null,
    gone?: readonly Membership[],
    cause?: Cause,
  ) => void;
  /** Brings a backend to what the file and the overrides want. */
  readonly align: (
    entry: Entry,
    batch: Batch,
    now: UnixMillis,
    leaving: Leaving,
    by: string | null,
    cause: Cause,
  ) => void;
  /** Ends a batch: remembers it, and hands it on if it changed something. */
  readonly finish: (
    batch: Batch,
    frontends: Iterable<string>,
    reason: (why: string) => string,
    decidedAt: Millis,
    now: UnixMillis,
    lateFlushes?: readonly LateFlush[],
    reweighed?: readonly string[],
  ) => Finished;
  /** Tells of a change of the overrides. */
  readonly tell: OverrideSink;
}
