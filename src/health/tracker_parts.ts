/**
 * What a tracker is made of, whom it tells of results, and the steps by which its other files change health.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log/mod.ts";
import type { LeftOverrides } from "../memory/overrides/override.ts";
import type { Millis, ProbeResult, State, Transition, UnixMillis } from "../model.ts";
import type { CheckType, Config } from "../configuration.ts";
import type { Prober } from "../probes/prober.ts";
import type { BackendHealth, HealthEvent } from "./backend.ts";
import type { Leaving, Membership } from "./config.ts";
import type { Entry } from "./entry.ts";
import type { FrontendChange, FrontendStates, VppFacts } from "./frontend.ts";
import type { BookParts, OverrideBook, OverrideSink } from "./override_book.ts";
import type { Targets } from "./probing.ts";
import type { Batch, Cause, ChangeSink, Judgement, LateFlush } from "./transitions.ts";

/**
 * Takes a result that counted: the health that it met, and the health that it left (the same object if nothing
 * changed). Never throws, never waits, takes less than a microsecond: there are thousands a second.
 */
export type CountedSink = (
  backend: string,
  result: Pick<ProbeResult, "ok" | "code" | "totalMs">,
  at: UnixMillis,
  before: BackendHealth,
  after: BackendHealth,
) => void;

/** Where probes and transitions are counted. Never throws, never waits. */
export interface HealthMetrics {
  /** One finished probe of a running generation; a void one counts by its cause only. */
  probed(backend: string, type: CheckType, result: ProbeResult): void;
  /** One change of state. */
  transitioned(backend: string, from: State, to: State): void;
  /** The backend left the configuration; its series end. */
  forgotten(backend: string): void;
}

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
  /** Whether the overrides of an earlier process are awaited; see start.ts. */
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
