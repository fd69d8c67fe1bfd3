/**
 * The state of one backend, as a pure function of what happens to it.
 *
 *                       one failure
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
 *   unknown           failure           down      0                   the probe's
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
 *   paused            resume            unknown   rise-1              resumed
 *   disabled          resume            refused
 *   any but disabled  disable           disabled  h                   disabled
 *   disabled          disable           same      h
 *   any but disabled  enable            same      h
 *   disabled          enable            unknown   rise-1              enabled
 *   unknown           check changed     same      rise-1, new rule
 *   up                check changed     same      max, new rule
 *   down              check changed     same      0, new rule
 *   paused, disabled  check changed     same      rise-1, new rule
 *   up (static)       check given       same      max
 *   paused, disabled  check given       same      rise-1
 *   unknown, down     check taken away  up        none                static
 *   up                check taken away  same      none
 *   paused, disabled  check taken away  same      none
 *   unknown           address changed   same      rise-1
 *   up, down          address changed   unknown   rise-1              reload
 *   paused, disabled  address changed   same      rise-1
 *   up (static)       address changed   same      none
 *   any               remove            removed   h                   removed
 *   removed           anything          same      h
 *
 * h counts 0…max with max = rise+fall-1; up means h >= rise. It counts results in a row, as HAProxy's counter does:
 * `rise` passes in a row make a backend up, `fall` failures in a row make it down. A void result neither counts nor
 * breaks a row. A counter that moves by one in both directions would flush a server that answers every other probe
 * at every probe. Without a health check there is no counter, and
 * where the table says `unknown` the backend is `up` with code `static`.
 *
 * @module
 */
import type { Code, ProbeCode, State, UnixMillis } from "../model.ts";

/** How many results in a row change the state. */
export interface Rule {
  /** Passes in a row that make a backend up, 1…100. */
  readonly rise: number;
  /** Failures in a row that make a backend down, 1…100. */
  readonly fall: number;
}

/** Health of one backend; replaced as a whole, never altered. */
export interface BackendHealth {
  /** The state. */
  readonly state: State;
  /** Null: no health check, so no counter. */
  readonly rule: Rule | null;
  /** h, 0…rise+fall-1; 0 without a health check. */
  readonly counter: number;
  /** False until the first counted result or operator's action; until then VPP's weights are the better witness. */
  readonly known: boolean;
  /** When the state was entered. */
  readonly since: UnixMillis;
}

/** What can happen to a backend. `detail` is for humans and replaces the usual sentence. */
export type HealthEvent =
  | { readonly kind: "pass" | "fail"; readonly code: ProbeCode; readonly detail: string }
  | { readonly kind: "void" }
  | {
    readonly kind: "pause" | "resume" | "disable" | "enable" | "remove" | "check-taken" | "address-changed";
    readonly detail?: string;
  }
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

/** A backend before anything happened to it; what follows from the configuration comes as the first `step`. */
export function freshHealth(rule: Rule | null, now: UnixMillis): BackendHealth {
  return { state: "unknown", rule, counter: rule === null ? 0 : rule.rise - 1, known: false, since: now };
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
    case "pause":
      if (health.state === "disabled") return refuse(health, "the backend is disabled; enable it first");
      if (health.state === "paused") return same(health);
      return enter({ ...health, known: true }, "paused", "paused", event.detail ?? "paused by operator", now);
    case "resume":
      if (health.state === "disabled") return refuse(health, "the backend is disabled; enable it instead");
      if (health.state !== "paused") return same(health);
      return probeAnew(health, "resumed", event.detail ?? "resumed by operator", now);
    case "disable":
      if (health.state === "disabled") return same(health);
      return enter(
        { ...health, known: true },
        "disabled",
        "disabled",
        event.detail ?? "disabled by operator",
        now,
      );
    case "enable":
      if (health.state !== "disabled") return same(health);
      return probeAnew(health, "enabled", event.detail ?? "enabled by operator", now);
    case "remove":
      return enter(health, "removed", "removed", event.detail ?? "not in the configuration", now);
    case "check-given":
    case "check-changed":
      return newRule(health, event.rule);
    case "check-taken":
      return isHeld(health)
        ? { health: { ...health, rule: null, counter: 0 }, change: null, refused: null }
        : becomeStatic(health, now);
    case "address-changed":
      return newServer(health, event.detail ?? "new address", now);
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
    health: { ...health, state: to, since: now },
    change: { from: health.state, to, code, detail },
    refused: null,
  };
}

function becomeStatic(health: BackendHealth, now: UnixMillis): Step {
  const next = { ...health, rule: null, counter: 0 };
  const entered = enter(next, "up", "static", "no health check", now);
  return entered.change === null ? { health: next, change: null, refused: null } : entered;
}

function probeAnew(health: BackendHealth, code: Code, detail: string, now: UnixMillis): Step {
  const known = { ...health, known: true };
  if (health.rule === null) return becomeStatic(known, now);
  return enter({ ...known, counter: health.rule.rise - 1 }, "unknown", code, detail, now);
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
  if (counter === health.counter && health.known && health.state !== "unknown") return same(health);
  const next = { ...health, counter, known: true };
  const entered = enter(next, counter >= health.rule.rise ? "up" : "down", code, detail, now);
  return entered.change === null ? { health: next, change: null, refused: null } : entered;
}

function newRule(health: BackendHealth, rule: Rule): Step {
  const counter = health.state === "up" ? counterMax(rule) : health.state === "down" ? 0 : rule.rise - 1;
  return { health: { ...health, rule, counter }, change: null, refused: null };
}

// VPP may already have the new address at a weight (two backends that swapped theirs), so the daemon's knowledge
// of the old server is worth nothing: the backend is "not yet known" again.
function newServer(health: BackendHealth, detail: string, now: UnixMillis): Step {
  if (health.rule === null) return same(health);
  const next = { ...health, counter: health.rule.rise - 1, known: false };
  if (isHeld(health) || health.state === "unknown") return { health: next, change: null, refused: null };
  return enter(next, "unknown", "reload", detail, now);
}
