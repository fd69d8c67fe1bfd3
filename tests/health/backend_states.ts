/** Backends and events, as the rows of the table in src/health/backend.ts name them. */
import type { BackendHealth, HealthEvent, Rule } from "../../src/health/backend.ts";
import type { Code, State } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import { healthOf } from "./kit.ts";

// max = 6, so every region of the counter has more than one value.
export const rule: Rule = { rise: 3, fall: 4 };
export const other: Rule = { rise: 2, fall: 5 };
export const NOW = 1_000;
export const LATER = 2_000;

export const pass: HealthEvent = { kind: "pass", code: "L7OK", detail: "HTTP 200" };
export const failure: HealthEvent = { kind: "fail", code: "L7STS", detail: "HTTP 503" };
export const probed: State[] = ["unknown", "up", "down"];
export const held: State[] = ["paused", "disabled"];

export function health(state: State, counter: number, changes: Partial<BackendHealth> = {}): BackendHealth {
  return healthOf(state, counter, rule, { since: NOW, ...changes });
}

export interface Row {
  readonly from: string;
  readonly event: string;
  readonly start: readonly BackendHealth[];
  readonly send: readonly HealthEvent[];
  /** Null: the same. */
  readonly to: State | null;
  readonly counter: (h: number) => number;
  readonly code?: Code;
  readonly refused?: boolean;
}

export const h = (n: number) => n;
export const at = (state: State, ...counters: number[]) => counters.map((counter) => health(state, counter));
export const kinds = (...names: ("pause" | "resume" | "disable" | "enable" | "remove")[]): HealthEvent[] =>
  names.map((kind) => ({ kind }));
export const changed: HealthEvent = { kind: "check-changed", rule: other };
export const given: HealthEvent = { kind: "check-given", rule };
export const taken: HealthEvent = { kind: "check-taken" };
export const address = ip("10.0.0.1");
export const moved: HealthEvent = { kind: "address-changed", from: address, to: ip("10.0.0.2") };
export const back: HealthEvent = { kind: "address-changed", from: ip("10.0.0.2"), to: address };
/** Waits for the verdict on a new address. */
export const waiting = (was: State, known = true) =>
  [4, 6].map((counter) =>
    health("unknown", counter, { known: false, flows: "possible", previous: { address, state: was, known } })
  );
export const inStates = (states: readonly State[], ...counters: number[]) =>
  states.flatMap((s) => at(s, ...counters));
export const notRead = (...counters: number[]) =>
  counters.map((counter) => health("unknown", counter, { flows: "not-read", known: false }));
export const unchecked = (...states: State[]) => states.map((s) => health(s, 0, { rule: null }));
