/**
 * What full syncs hold, grouped by reason, for problems and records. Pure.
 *
 * @module
 */
import type { UnixMillis } from "../model.ts";
import { isBlocked, passes } from "./holds.ts";
import { planDigest, type Step } from "./steps.ts";
import { protocolName } from "./vips.ts";
import { type Shortage, shortageText } from "./vpp_heap.ts";

/** Changes that are held for one reason. */
export interface HeldGroup {
  /** The gravest reason, as in the plan. */
  readonly why: string;
  /** Whether VPP's memory is the reason. */
  readonly memory: boolean;
  /** Since when something is held for this reason. */
  readonly since: UnixMillis;
  /** How many. */
  readonly changes: number;
  /** Frontends, or VIPs that none has; empty: the settings alone. */
  readonly vips: readonly string[];
  /** For people: the figures, or what releases it; "" where the digest does. */
  readonly detail: string;
  /** Digest of the plan that sends all that is held; null: none does now. */
  readonly digest: string | null;
}

/** Name of what a change concerns: the frontend, or the VIP that none has; "" for the settings. */
export function subjectOf({ frontend, key }: Pick<Step, "frontend" | "key">): string {
  if (frontend !== null) return frontend;
  return key === null ? "" : `${key.prefix} ${protocolName(key.protocol)} ${key.port}`;
}

/**
 * Groups steps that a full sync held.
 *
 * @param before the groups of the full sync before
 */
export function heldGroups(
  held: readonly Step[],
  shortages: readonly Shortage[],
  before: readonly HeldGroup[],
  now: UnixMillis,
): HeldGroup[] {
  const lasting = held.filter(({ holds }) => !passes(holds));
  // The plan consists of what is held once the rest was sent; what the warm-up holds is then sent by itself.
  const digest = lasting.length === held.length && !lasting.some(({ holds }) => isBlocked(holds))
    ? planDigest(held)
    : null;
  return [...Map.groupBy(lasting, ({ holds }) => holds[0]?.text ?? "")].map(([why, steps]) => {
    const memory = steps.some(({ holds }) => holds.some(({ kind }) => kind === "VPP memory"));
    const [shortage] = memory ? shortages : [];
    const blocked = steps.some(({ holds }) => isBlocked(holds));
    return {
      why,
      memory,
      since: before.find((group) => group.why === why)?.since ?? now,
      changes: steps.length,
      vips: [...new Set(steps.map(subjectOf))].filter((name) => name !== ""),
      detail: shortage !== undefined
        ? shortageText(shortage)
        : blocked
        ? "delete it in VPP, or let foreign-vips be delete"
        : "",
      digest,
    };
  });
}
