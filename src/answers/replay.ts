/**
 * Replay: counted results go once more through the function that judges live ones, under the same rule or another.
 * Pure.
 *
 * What no result made (an operator, a reload) happens at its time in any case. Where the health that a run of results
 * met is not the one that the run before it left, and no recorded transition explains it, records are missing: that
 * is a gap, and the replay goes on with the health that was met.
 *
 * @module
 */
import { type BackendHealth, counterMax, freshHealth, type Rule, step } from "../health/backend.ts";
import type { Code, Millis, State, UnixMillis } from "../model.ts";
import type { Run } from "../memory/journal/runs.ts";

/** A transition as it was recorded. */
export interface Recorded {
  /** When. */
  readonly at: UnixMillis;
  /** State before. */
  readonly from: State;
  /** State after. */
  readonly to: State;
  /** Why. */
  readonly code: Code;
}

/** A transition of the replay. */
export type Replayed = Pick<Recorded, "at" | "to" | "code">;

/** What is put through once more. */
export interface ReplayInput {
  /** Runs of one backend, oldest first; the first may begin before `since`. */
  readonly runs: readonly Run[];
  /** Its recorded transitions of the range, oldest first. */
  readonly recorded: readonly Recorded[];
  /** Its state at `since`; null: nothing is recorded before, so that it counts as new. */
  readonly before: State | null;
  /** The rule to try. */
  readonly rule: Rule;
  /** Begin of the range. */
  readonly since: UnixMillis;
  /** End of the range. */
  readonly until: UnixMillis;
}

/** How often and how long a backend was down. */
export interface Downs {
  /** Transitions to down. */
  readonly downs: number;
  /** Time in down. */
  readonly downMs: Millis;
}

/** What came of it. */
export interface ReplayOutcome extends Downs {
  /** Whether the rule was in force for all results: then the transitions are those that were recorded. */
  readonly exact: boolean;
  /** In their order; times inside a run are interpolated. */
  readonly transitions: readonly Replayed[];
  /** Times without records. */
  readonly gaps: number;
}

/** Entries have milliseconds, runs microseconds. */
const sameTimeMs: Millis = 1;

/** The health that a run met, as it would be under a rule. */
function met(run: Run, { fall, rise }: Rule): BackendHealth {
  const rule = { rise, fall };
  const fresh = freshHealth(rule, run.first, "possible");
  const same = run.rise === rule.rise && run.fall === rule.fall;
  const counter = same
    ? run.counter
    : run.state === "up"
    ? counterMax(rule)
    : run.state === "down"
    ? 0
    : run.counter < run.rise
    ? rule.rise - 1
    : counterMax(rule);
  return { ...fresh, state: run.state, counter, known: run.state !== "unknown" };
}

/** Puts the results of a run through; `told` takes each change of state. */
function through(health: BackendHealth, run: Run, told: (change: Replayed) => void): BackendHealth {
  const event = { kind: run.ok ? "pass" : "fail", code: run.code, detail: "" } as const;
  const between = run.count > 1 ? (run.last - run.first) / (run.count - 1) : 0;
  for (let i = 0; i < run.count; i++) {
    const at = run.first + i * between;
    const { change, health: next } = step(health, event, at);
    // A result that changes nothing is followed by others of its kind.
    if (next === health) break;
    health = next;
    if (change !== null) told({ at, to: change.to, code: change.code });
  }
  return health;
}

/** How often and how long a state was `down`, from changes of it in their order. */
export function downsOf(
  changes: readonly { readonly at: UnixMillis; readonly to: State; readonly silent?: boolean }[],
  before: State | null,
  since: UnixMillis,
  until: UnixMillis,
): Downs {
  let downs = 0;
  let downMs = 0;
  let reached = since;
  let downSince = before === "down" ? since : null;
  for (const { at, silent, to } of changes) {
    // Interpolated and recorded times may differ by a little, but time does not go back.
    const then = Math.min(Math.max(at, reached), until);
    reached = then;
    if (to === "down") {
      if (silent !== true) downs++;
      downSince ??= then;
    } else if (downSince !== null) {
      downMs += Math.max(0, then - downSince);
      downSince = null;
    }
  }
  if (downSince !== null) downMs += Math.max(0, until - downSince);
  return { downs, downMs };
}

/** Puts runs through the function that judges live results. */
export function replay({ before, recorded, rule, runs, since, until }: ReplayInput): ReplayOutcome {
  const changes: (Replayed & { readonly silent?: boolean })[] = [];
  let gaps = 0;
  /** The next recorded transition that the results so far did not make. */
  let next = 0;
  /** What the tried rule and the one in force make of the results so far. */
  let tried: BackendHealth | null = null;
  let inForce: BackendHealth | null = null;
  /** The recorded state so far. */
  let state: State = before ?? "unknown";
  let last: Run | null = null;
  for (const run of runs) {
    for (
      let other = recorded[next];
      other !== undefined && (other.at < Math.floor(run.first) || isBefore(other, run, state));
      other = recorded[++next]
    ) {
      changes.push({ at: other.at, to: other.to, code: other.code });
      state = other.to;
      tried = null;
      inForce = null;
    }
    const follows: boolean = inForce !== null && last !== null && isMetBy(run, inForce) &&
      last.rise === run.rise && last.fall === run.fall;
    if (!follows) {
      if (state !== run.state) gaps++;
      if (state !== run.state || (tried !== null && tried.state !== run.state)) {
        changes.push({ at: run.first, to: run.state, code: run.code, silent: true });
      }
      tried = met(run, rule);
      inForce = met(run, run);
    }
    tried = through(tried ?? met(run, rule), run, (change) => changes.push(change));
    inForce = through(inForce ?? met(run, run), run, ({ code, to }) => {
      const made = recorded.findIndex((one, i) => i >= next && one.to === to && one.code === code);
      const one = recorded[made];
      // Where the recorded one is lost, a later one like it is not this one.
      if (one !== undefined && one.at <= run.last + sameTimeMs) next = made + 1;
    });
    state = inForce.state;
    last = run;
  }
  for (const { at, code, to } of recorded.slice(next)) changes.push({ at, to, code });
  const inTime = changes.filter(({ at }) => at >= since && at <= until);
  const early = changes.findLast(({ at }) => at < since)?.to ?? before;
  return {
    ...downsOf(inTime, early, since, until),
    exact: runs.every((run) => run.rise === rule.rise && run.fall === rule.fall),
    transitions: inTime.filter(({ silent }) => silent !== true).map(({ at, code, to }) => ({ at, to, code })),
    gaps,
  };
}

/** Whether a transition at the time of a run's first result explains the state that the result met. */
function isBefore(other: Recorded, run: Run, state: State): boolean {
  return other.at <= run.first + sameTimeMs && state !== run.state && other.to === run.state;
}

function isMetBy(run: Run, health: BackendHealth): boolean {
  return health.state === run.state && health.counter === run.counter;
}
