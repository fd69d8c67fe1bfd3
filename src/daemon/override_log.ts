/**
 * Tells the log of overrides that are set and that end.
 *
 * @module
 */
import { timeText } from "../api/text.ts";
import type { Attrs, Log } from "../log/mod.ts";
import type { EndCause, Override, OverrideChange } from "../memory/overrides/override.ts";

/** Ends that nobody asked for, of what somebody may count on. */
const loud: ReadonlySet<EndCause> = new Set<EndCause>(["file", "gone"]);

function fields(override: Override): Attrs {
  const { backend, id, kind, scope } = override;
  return override.kind === "weight"
    ? {
      id,
      kind,
      frontend: override.frontend,
      pool: override.pool,
      backend,
      weight: override.weight,
      scope,
    }
    : { id, kind, backend, scope };
}

/** Writes a line for each override that is set, ends, sleeps or wakes. */
export function logOverrides(log: Log, { ended, set, slept, woken }: OverrideChange): void {
  for (const { cause, detail, override } of ended) {
    const attrs = { ...fields(override), by: override.by, cause, detail };
    if (loud.has(cause)) log.warn("override-end", attrs);
    else log.info("override-end", attrs);
  }
  for (const override of set) {
    const { by, claimed, end, reason } = override;
    log.info("override-set", {
      ...fields(override),
      by,
      ...(claimed === null ? {} : { claimed }),
      ...(reason === null ? {} : { reason }),
      ...(end === null ? {} : { until: timeText(end.until) }),
    });
  }
  for (const override of slept) {
    log.info("override-sleep", {
      ...fields(override),
      by: override.by,
      detail: override.sleeping?.why ?? "",
    });
  }
  for (const override of woken) log.info("override-wake", { ...fields(override), by: override.by });
}
