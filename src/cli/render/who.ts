import type { Override } from "../../api/mod.ts";
import { agoText, timeText } from "../units.ts";
import type { View } from "../context.ts";

/** Who did something: the token's name, and who says to be behind it. */
export function whoText(
  { by, claimed }: { readonly by: string | null; readonly claimed: string | null },
): string {
  if (by === null) return "";
  return claimed === null || claimed === by ? by : `${by} (claimed: ${claimed})`;
}

/** What an override sets: `pause web2`, `weight 20 of web1 in www/primary`. */
export function overrideText({ kind, backend, frontend, pool, weight }: Override): string {
  if (kind !== "weight") return `${kind} ${backend}`;
  return `weight ${weight ?? "?"} of ${backend} in ${frontend ?? "?"}/${pool ?? "?"}`;
}

/** Who set an override, when, until when and why, as the end of a sentence. */
export function overrideCause(override: Override, view: View): string {
  const { since, until, reason, scope, sleeping } = override;
  const end = until === null ? "" : `, until ${timeText(until, view)}`;
  const where = scope === "everywhere" ? ", everywhere" : "";
  const asleep = sleeping === null ? "" : `, sleeping: ${sleeping.why}`;
  const why = reason === null || reason === "" ? "" : `: ${reason}`;
  return `by ${whoText(override)} ${agoText(since, view.now)} ago${end}${where}${asleep}${why}`;
}
