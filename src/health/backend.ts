/**
 * The state of one backend, as a pure function of what happens to it.
 *
 *                         h<rise
 *              +-----------------------------+
 *              |                             v
 *          +---------+ one pass +----+ h<rise +------+
 *   start  | unknown |--------->| up |------->| down |
 *   ------>|         |          |    |<-------|      |
 *          +---------+          +----+ h>=rise+------+
 *              ^                   \     |     /
 *              | resume             \    |    /  pause (also from unknown)
 *              |                     v   v   v
 *              |                    +--------+  disable (from every state but removed)
 *              +--------------------| paused |----------+
 *              |                    +--------+          v
 *              |         enable                   +----------+  remove (from every state)  +---------+
 *              +----------------------------------| disabled |---------------------------->| removed |
 *                                                 +----------+                             +---------+
 *
 *   from              event             to        counter h           code
 *   unknown           pass              up        max                 the probe's
 *   unknown           failure, h>rise   same      h-1
 *   unknown           failure, h<=rise  down      0                   the probe's
 *   unknown           witness           same      h
 *   unknown           no witness, h=max same      rise-1
 *   unknown           no witness, h<max down      0                   the probe's
 *   up                pass              same      max
 *   up                failure, h>rise   same      h-1
 *   up                failure, h=rise   down      0                   the probe's
 *   down              pass, h<rise-1    same      h+1
 *   down              pass, h=rise-1    up        max                 the probe's
 *   down              failure           same      0
 *   unknown, up, down void result       same      h
 *   paused, disabled  pass, failure     same      h
 *   unknown, up, down pause             paused    h                   paused
 *   paused            pause             same      h
 *   disabled          pause             refused
 *   unknown, up, down resume            same      h
 *   paused            resume            unknown   max                 resumed
 *   disabled          resume            refused
 *   any but disabled  disable           disabled  h                   disabled
 *   disabled          disable           same      h
 *   any but disabled  enable            same      h
 *   disabled          enable            unknown   rise-1              enabled
 *   unknown           check changed     same      start, new rule
 *   up                check changed     same      max, new rule
 *   down              check changed     same      0, new rule
 *   paused, disabled  check changed     same      start, new rule
 *   up (static)       check given       same      max
 *   paused, disabled  check given       same      start
 *   unknown, down     check taken away  up        none                static
 *   up                check taken away  same      none
 *   paused, disabled  check taken away  same      none
 *   unknown           address changed   same      max
 *   up, down          address changed   unknown   max                 reload
 *   unknown           back, was up      up        max                 reload
 *   unknown           back, was down    down      0                   reload
 *   unknown           back, was unknown same      max
 *   paused, disabled  address changed   same      h
 *   up (static)       address changed   same      none
 *   any               remove            removed   h                   removed
 *   removed           anything          same      h
 *
 * h counts 0...max with max = rise+fall-1; up means h >= rise. It counts results in a row, as HAProxy's counter does:
 * `rise` passes in a row make a backend up, `fall` failures in a row make it down. A void result neither counts nor
 * breaks a row. A counter that moves by one in both directions would flush a server that answers every other probe
 * at every probe. Without a health check there is no counter, and
 * where the table says `unknown` the backend is `up` with code `static`.
 *
 * An `enable` that an earlier process left and that comes late finds nothing known of the backend: see start.ts.
 *
 * `unknown` starts with max where the server may carry flows, so that a restart, a resume or a move flushes nobody
 * on less evidence than a running daemon needs. Else it starts with rise-1, and one probe decides. See `Flows`.
 *
 * @module
 */
import type { Code, IpAddress, ProbeCode, State, UnixMillis } from "../model.ts";
import type { PreviousServer, Unread } from "./frontend.ts";

/** How many results in a row change the state. */
export interface Rule {
  /** Passes in a row that make a backend up, 1...100. */
  readonly rise: number;
  /** Failures in a row that make a backend down, 1...100. */
  readonly fall: number;
}

/**
 * Whether a backend in `unknown` may carry flows: `none` starts the counter with rise-1, `possible` with max.
 * `not-read` starts with max too, until the first full read of VPP shows a witness or none.
 */
export type Flows = "none" | "possible" | "not-read";

/** Health of one backend; replaced as a whole, never altered. */
export interface BackendHealth {
  /** The state. */
  readonly state: State;
  /** Null: no health check, so no counter. */
  readonly rule: Rule | null;
  /** h, 0...rise+fall-1; 0 without a health check. */
  readonly counter: number;
  /** False until the first verdict, pause, disable or enable in this process; until then the witness decides. */
  readonly known: boolean;
  /** What the counter of `unknown` starts with depends on it. */
  readonly flows: Flows;
  /**
   * Given: overrides of an earlier process may exist and are not read yet. `state`: they may undo the state, which is
   * the file's `disabled`. See start.ts.
   */
  readonly unread?: Unread;
  /** Not null: in `unknown` since a reload changed the address; this server serves until the first verdict. */
  readonly previous: PreviousServer | null;
  /** When the state was entered. */
  readonly since: UnixMillis;
}

/** A failed probe. */
export interface Failure {
  /** What happened. */
  readonly code: ProbeCode;
  /** The same for humans. */
  readonly detail: string;
}

/** What can happen to a backend. `detail` is for humans and replaces the usual sentence. */
export type HealthEvent =
  | { readonly kind: "pass" | "fail"; readonly code: ProbeCode; readonly detail: string }
  | { readonly kind: "void" }
  /** The first full read of VPP showed the server with a weight above 0. */
  | { readonly kind: "witness" }
  /** It did not. The last failure so far, or null. */
  | { readonly kind: "no-witness"; readonly failure: Failure | null }
  | {
    readonly kind: "remove" | "check-taken";
    readonly detail?: string;
  }
  /** `code`: given, if it is not the usual one. */
  | {
    readonly kind: "pause" | "resume" | "disable";
    readonly detail?: string;
    readonly code?: Code;
  }
  /** `flows`: given if the backend was never to be disabled, so that nothing is known of it yet. */
  | { readonly kind: "enable"; readonly detail?: string; readonly code?: Code; readonly flows?: Flows }
  | { readonly kind: "address-changed"; readonly from: IpAddress; readonly to: IpAddress }
  | { readonly kind: "check-given" | "check-changed"; readonly rule: Rule };

/** A change of state. */
export interface StateChange {
  /** State before. */
  readonly from: State;
  /** State now. */
  readonly to: State;
  /** Why. */
  readonly code: Code;
  /** Why, for humans. */
  readonly detail: string;
}

/** What one event did. */
export interface Step {
  /** The same object as before when nothing changed at all. */
  readonly health: BackendHealth;
  /** Null: the state is the same. */
  readonly change: StateChange | null;
  /** One sentence when the event was refused, else null. */
  readonly refused: string | null;
}

/** Greatest value of the counter. */
export function counterMax(rule: Rule): number {
  return rule.rise + rule.fall - 1;
}

/** Whether the counter says that results disagree lately: 0 < h < max. */
export function isDegraded(health: BackendHealth): boolean {
  return health.rule !== null && health.counter > 0 && health.counter < counterMax(health.rule);
}

/** Whether probes are sent in this state; the running one is cancelled when this turns false. */
export function isProbed(health: BackendHealth): boolean {
  return health.rule !== null &&
    (health.state === "unknown" || health.state === "up" || health.state === "down");
}

/** What the counter of `unknown` starts with. */
function startCounter(rule: Rule | null, flows: Flows): number {
  if (rule === null) return 0;
  return flows === "none" ? rule.rise - 1 : counterMax(rule);
}

/** A backend before anything happened to it; what follows from the configuration comes as the first `step`. */
export function freshHealth(rule: Rule | null, now: UnixMillis, flows: Flows): BackendHealth {
  return {
    state: "unknown",
    rule,
    counter: startCounter(rule, flows),
    known: false,
    flows,
    previous: null,
    since: now,
  };
}

/** What the configuration alone makes of a fresh backend: `disabled`, static `up`, or nothing. */
export function firstEvent(rule: Rule | null, enabled: boolean): HealthEvent | null {
  if (!enabled) return { kind: "disable", detail: "enabled: false in the configuration" };
  return rule === null ? { kind: "check-taken" } : null;
}

/** What one event makes of a backend. Pure. */
export function step(health: BackendHealth, event: HealthEvent, now: UnixMillis): Step {
  if (health.state === "removed") return same(health);
  switch (event.kind) {
    case "pass":
    case "fail":
      return counted(health, event.kind, event.code, event.detail, now);
    case "void":
      return same(health);
    case "witness":
      return health.flows === "not-read" ? same({ ...health, flows: "possible" }) : same(health);
    case "no-witness":
      return withoutWitness(health, event.failure, now);
    case "pause":
      if (health.state === "disabled") return refuse(health, "the backend is disabled; enable it first");
      if (health.state === "paused") return same(health);
      return enter(
        { ...health, known: true },
        "paused",
        event.code ?? "paused",
        event.detail ?? "paused by operator",
        now,
      );
    case "resume":
      if (health.state === "disabled") return refuse(health, "the backend is disabled; enable it instead");
      if (health.state !== "paused") return same(health);
      return probeAnew(
        health,
        "possible",
        event.code ?? "resumed",
        event.detail ?? "resumed by operator",
        now,
      );
    case "disable":
      if (health.state === "disabled") return same(health);
      return enter(
        { ...health, known: true },
        "disabled",
        event.code ?? "disabled",
        event.detail ?? "disabled by operator",
        now,
      );
    case "enable":
      if (health.state !== "disabled") return same(health);
      return probeAnew(
        health,
        event.flows ?? "none",
        event.code ?? "enabled",
        event.detail ?? "enabled by operator",
        now,
        event.flows === undefined,
      );
    case "remove":
      return enter(health, "removed", "removed", event.detail ?? "not in the configuration", now);
    case "check-given":
    case "check-changed":
      return newRule(health, event.rule);
    case "check-taken":
      return isHeld(health) ? same({ ...health, rule: null, counter: 0 }) : becomeStatic(health, now);
    case "address-changed":
      return newAddress(health, event.from, event.to, now);
  }
}

function same(health: BackendHealth): Step {
  return { health, change: null, refused: null };
}

function refuse(health: BackendHealth, reason: string): Step {
  return { health, change: null, refused: reason };
}

function isHeld(health: BackendHealth): boolean {
  return health.state === "paused" || health.state === "disabled";
}

function enter(health: BackendHealth, to: State, code: Code, detail: string, now: UnixMillis): Step {
  if (health.state === to) return same(health);
  return {
    health: {
      ...health,
      ...(health.unread === undefined ? {} : { unread: "weights" }),
      state: to,
      since: now,
      previous: to === "unknown" ? health.previous : null,
    },
    change: { from: health.state, to, code, detail },
    refused: null,
  };
}

function becomeStatic(health: BackendHealth, now: UnixMillis): Step {
  const next = { ...health, rule: null, counter: 0 };
  const entered = enter(next, "up", "static", "no health check", now);
  return entered.change === null ? same(next) : entered;
}

function probeAnew(
  health: BackendHealth,
  flows: Flows,
  code: Code,
  detail: string,
  now: UnixMillis,
  isKnown = true,
): Step {
  const known = { ...health, flows, known: isKnown };
  if (health.rule === null) return becomeStatic(known, now);
  return enter({ ...known, counter: startCounter(health.rule, flows) }, "unknown", code, detail, now);
}

// A failure before the read counts as much as it would have without the benefit of the doubt.
function withoutWitness(health: BackendHealth, failure: Failure | null, now: UnixMillis): Step {
  if (health.flows !== "not-read") return same(health);
  const next: BackendHealth = { ...health, flows: "none" };
  if (health.state !== "unknown" || health.rule === null) return same(next);
  if (health.counter === counterMax(health.rule)) {
    return same({ ...next, counter: startCounter(health.rule, "none") });
  }
  const { code, detail } = failure ?? { code: "L4TOUT", detail: "" };
  return enter({ ...next, counter: 0, known: true }, "down", code, detail, now);
}

/** The counter after one result: a result of the other kind ends the row. */
function count(health: BackendHealth, rule: Rule, verdict: "pass" | "fail"): number {
  const max = counterMax(rule);
  if (verdict === "fail") {
    const left = health.counter - 1;
    return health.state === "down" || left < rule.rise ? 0 : left;
  }
  const passes = health.counter + 1;
  return health.state === "down" && passes < rule.rise ? passes : max;
}

function counted(
  health: BackendHealth,
  verdict: "pass" | "fail",
  code: ProbeCode,
  detail: string,
  now: UnixMillis,
): Step {
  if (health.rule === null || isHeld(health)) return same(health);
  const counter = count(health, health.rule, verdict);
  const open = health.state === "unknown" && verdict === "fail" && counter >= health.rule.rise;
  if (open) return same({ ...health, counter });
  if (counter === health.counter && health.known && health.state !== "unknown") return same(health);
  const next = { ...health, counter, known: true };
  const entered = enter(next, counter >= health.rule.rise ? "up" : "down", code, detail, now);
  return entered.change === null ? same(next) : entered;
}

function newRule(health: BackendHealth, rule: Rule): Step {
  const counter = health.state === "up"
    ? counterMax(rule)
    : health.state === "down"
    ? 0
    : startCounter(rule, health.flows);
  return same({ ...health, rule, counter });
}

// A server that nobody has seen does not replace one that works: the previous one serves until the first verdict.
function newAddress(health: BackendHealth, from: IpAddress, to: IpAddress, now: UnixMillis): Step {
  if (health.rule === null || isHeld(health)) return same(health);
  const { previous, rule } = health;
  if (previous?.address === to) return backAgain(health, previous, rule, now);
  const { state, known } = health;
  const next: BackendHealth = {
    ...health,
    counter: startCounter(rule, "possible"),
    known: false,
    flows: "possible",
    previous: previous ?? { address: from, state, known },
  };
  return state === "unknown"
    ? same(next)
    : enter(next, "unknown", "reload", `address ${from} is ${to} now`, now);
}

function backAgain(health: BackendHealth, previous: PreviousServer, rule: Rule, now: UnixMillis): Step {
  const { state, known, address } = previous;
  const next: BackendHealth = { ...health, known, previous: null };
  if (state === "unknown") return same({ ...next, counter: startCounter(rule, health.flows) });
  const counter = state === "up" ? counterMax(rule) : 0;
  return enter({ ...next, counter }, state, "reload", `address is ${address} again`, now);
}
