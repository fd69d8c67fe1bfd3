/**
 * Why a change is not sent by an ordinary sync. Pure.
 *
 * @module
 */

/** Kinds of holds; the name is the API's text for it, except for `obstacle`. */
export type HoldKind =
  | "VPP memory"
  | "mass deletion"
  | "obstacle"
  | "table length"
  | "memory lost"
  | "fleet unknown"
  | "warm-up";

/** The gravest first: what would end VPP, what would end traffic, what only waits. */
const gravity: readonly HoldKind[] = [
  "VPP memory",
  "mass deletion",
  "obstacle",
  "table length",
  "memory lost",
  "fleet unknown",
  "warm-up",
];

/** One reason why a step is held. */
export interface Hold {
  /** Its kind. */
  readonly kind: HoldKind;
  /** For the plan's `held` and `holds`. */
  readonly text: string;
  /** True: not even a sync that carries the plan's digest sends the step. */
  readonly blocked: boolean;
}

/** All reasons why a step is held, the gravest first. Empty: nothing holds it. */
export type Holds = readonly Hold[];

/** Makes a hold. */
export function hold(kind: HoldKind, blocked = false, text: string = kind): Hold {
  return { kind, text, blocked };
}

/** All of these holds, the gravest first, each text once. */
export function together(...holds: readonly (Hold | Holds | null)[]): Holds {
  const all = holds.flatMap((one) => one ?? []);
  if (all.length < 2) return all;
  const byText = new Map<string, Hold>();
  for (const one of all) {
    const same = byText.get(one.text);
    byText.set(one.text, { ...one, blocked: one.blocked || same?.blocked === true });
  }
  return [...byText.values()].sort((a, b) => gravity.indexOf(a.kind) - gravity.indexOf(b.kind));
}

/** Whether an ordinary sync sends what is held so; with `release` one that carries the plan's digest. */
export function isSent({ holds }: { readonly holds: Holds }, release: boolean): boolean {
  return holds.length === 0 || (release && !isBlocked(holds));
}

/** Whether not even the plan's digest releases it. */
export function isBlocked(holds: Holds): boolean {
  return holds.some(({ blocked }) => blocked);
}

/** Whether VPP's memory is the one thing that holds it. */
export function isOnlyMemory(holds: Holds): boolean {
  return holds.length > 0 && holds.every(({ kind }) => kind === "VPP memory");
}

/** Whether time alone releases it: the daemon just started. */
export function passes(holds: Holds): boolean {
  return holds.every(({ kind }) => kind === "warm-up" || kind === "memory lost" || kind === "fleet unknown");
}
