/**
 * Overrides as the API shows them. Pure.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import { timeText } from "../api/text.ts";
import { type Override, type OverrideChange, overrideText, subjectOf } from "../memory/overrides/override.ts";

/** One override. */
export function overrideView(override: Override): api.Override {
  const { backend, by, claimed, end, id, kind, reason, scope, seen, since, sleeping } = override;
  return {
    id,
    kind,
    backend,
    frontend: override.kind === "weight" ? override.frontend : null,
    pool: override.kind === "weight" ? override.pool : null,
    weight: override.kind === "weight" ? override.weight : null,
    by,
    claimed,
    reason,
    since: timeText(since),
    until: end === null ? null : timeText(end.until),
    file_value: seen?.value ?? null,
    scope,
    sleeping: sleeping === null ? null : { since: timeText(sleeping.since), why: sleeping.why },
  };
}

/** What became of overrides in a reload. */
export function overrideChanges({ ended, slept, woken }: OverrideChange): api.ReloadChange[] {
  const row = (
    override: Override,
    change: api.ReloadChange["change"],
    effect: string,
  ): api.ReloadChange => {
    const name = subjectOf(override);
    return { object: "override", name, change, fields: [], effect: `${overrideText(override)} ${effect}` };
  };
  return [
    ...ended.map(({ detail, override }) => row(override, "removed", `by ${override.by} ends: ${detail}`)),
    ...slept.map((one) => row(one, "changed", `by ${one.by} sleeps: ${one.sleeping?.why ?? ""}`)),
    ...woken.map((one) => row(one, "changed", `by ${one.by} is in force again`)),
  ];
}
