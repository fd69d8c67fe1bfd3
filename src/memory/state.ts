/**
 * What outlives a process, as a value and as the text of `state.json`. Pure.
 *
 *   { "version": 1, "sha256": "<of version, newline, state as JSON without blanks>", "state": { "vips": {...}, ... } }
 *
 * Keys of `state` that this version does not know are kept and written back: those of a newer maglevd survive a step
 * back. Anything else that is not as written here is damage. `version` grows when a key that is known changes its
 * meaning; the three keys above stay in every version, so that a file of a greater one is known as such, and left
 * alone.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { FleetRecord, VipRecord } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import { type LeftOverrides, noOverrides } from "./overrides/override.ts";
import { forNext, parseLeftOverrides } from "./overrides/schema.ts";

/** Version of the file that is written. */
export const stateVersion = 1;

/** What outlives a process. */
export interface State {
  /** VIPs of the daemon, and those that the brake holds. */
  readonly vips: VipRecord;
  /** What operators set and have not taken back. */
  readonly overrides: LeftOverrides;
  /** The fleet's store as last known; null: there is no fleet, or nothing is known of its store. */
  readonly fleet: FleetRecord | null;
  /** Keys that this version does not know, as they were read. */
  readonly others: Readonly<Record<string, unknown>>;
}

/** Nothing is known. */
export const emptyState: State = {
  vips: { named: [], held: [] },
  overrides: noOverrides,
  fleet: null,
  others: {},
};

/** Why a text is of no use. */
export interface StateError {
  /** `newer`: a later version of maglevd wrote it. */
  readonly kind: "damaged" | "newer";
  /** For the log. */
  readonly detail: string;
}

const vipKey = {
  prefix: z.string().min(1).max(64),
  protocol: z.int().min(0).max(255),
  port: z.int().min(0).max(65_535),
};

const vipRecord = z.strictObject({
  named: z.array(z.strictObject({ ...vipKey, frontend: z.string().max(64) })),
  held: z.array(z.strictObject(vipKey)),
});

const revision = z.string().regex(/^\d{1,20}$/);

const fleetRecord = z.strictObject({
  name: z.string().min(1).max(64),
  clusterId: z.string().min(1).max(64),
  revision,
  floor: revision,
  intents: z.array(
    z.strictObject({ key: z.string().min(1), value: z.string(), revision, held: z.boolean() }),
  ),
});

const file = z.object({
  version: z.int().min(1),
  sha256: z.string(),
  state: z.record(z.string(), z.unknown()),
});

function checksum(version: number, state: Readonly<Record<string, unknown>>): string {
  return createHash("sha256").update(`${version}\n${JSON.stringify(state)}`).digest("hex");
}

function damaged(detail: string): Result<never, StateError> {
  return err({ kind: "damaged", detail });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The text of a state. */
export function encodeState({ fleet, overrides, vips, others }: State): string {
  const store = fleet === null ? {} : { fleet };
  const state = { ...others, vips, overrides: forNext(overrides), ...store };
  return `${JSON.stringify({ version: stateVersion, sha256: checksum(stateVersion, state), state })}\n`;
}

/** Reads a text that `encodeState` of this or an earlier version wrote. */
export function decodeState(text: string): Result<State, StateError> {
  const json = parsed(text);
  if (json === undefined) return damaged("it is no JSON");
  const read = file.safeParse(json);
  if (!read.success) return damaged("it is no state of maglevd");
  const { state, sha256, version } = read.data;
  if (checksum(version, state) !== sha256) return damaged("its checksum is wrong");
  if (version > stateVersion) {
    const detail = `version ${version} of a newer maglevd; this one knows version ${stateVersion}`;
    return err({ kind: "newer", detail });
  }
  // A version before the overrides wrote none.
  const { fleet, overrides = noOverrides, vips, ...others } = state;
  const record = vipRecord.safeParse(vips);
  if (!record.success) return damaged(`vips: ${record.error.issues[0]?.message ?? "not as expected"}`);
  const left = parseLeftOverrides(overrides);
  if (!left.ok) return damaged(`overrides: ${left.error}`);
  const store = fleetRecord.optional().safeParse(fleet);
  if (!store.success) return damaged(`fleet: ${store.error.issues[0]?.message ?? "not as expected"}`);
  return ok({ vips: record.data, overrides: left.value, fleet: store.data ?? null, others });
}
