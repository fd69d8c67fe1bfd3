/**
 * What an operator says to the whole fleet, and what is answered.
 *
 * @module
 */
import type { Config } from "../configuration.ts";
import { invalidField, type Refusal } from "../control.ts";
import type { Written } from "../fleet/intent_loop.ts";
import { overrideOf } from "../fleet/overrides.ts";
import type { Wish, WishRefused } from "../fleet/wish.ts";
import { memberWeight } from "../health/config.ts";
import type { Override } from "../memory/overrides/override.ts";
import type { EndWish } from "../memory/overrides/time.ts";
import { err, ok, type Result } from "../result.ts";
import { overrideView } from "../snapshot/overrides.ts";

/** What an operator says with a wish for the whole fleet. */
export interface EverywhereWords {
  /** Why; null: it does not say. */
  readonly reason: string | null;
  /** When it ends; null: when somebody ends it. */
  readonly end: EndWish | null;
  /** Whether another operator's intent is replaced. */
  readonly force: boolean;
  /** True: nothing is written. */
  readonly dryRun: boolean;
}

/** What came of a wish for the whole fleet. */
export interface Wanted {
  /** Somebody else's override that was replaced. */
  readonly replaced: Override | null;
}

/** What the file says of what is wished: `enabled` of a backend, or a weight; -1: it has no such member. */
export function fileValue(file: Config, wish: Wish): boolean | number {
  if (wish.kind !== "weight") return file.backends.get(wish.backend)?.enabled ?? true;
  return memberWeight(file, wish.frontend, wish.pool, wish.backend) ?? -1;
}

/** A wish that the rules refuse, as the API says it. */
export function refusalOf({ detail, kind }: WishRefused, wish: Wish, { end }: EverywhereWords): Refusal {
  if (kind === "conflict") {
    return { type: "conflict", detail: `cannot ${wish.kind} "${wish.backend}" everywhere: ${detail}` };
  }
  return invalidField(end?.kind === "duration" ? "for_ns" : "until", detail);
}

/** What the store made of a wish, as the API says it. */
export function outcomeOf(written: Written, replaced: Override | null): Result<Wanted, Refusal> {
  switch (written.kind) {
    case "done":
      return ok({ replaced });
    case "refused":
      return err({
        type: "busy",
        detail: `nothing can be set everywhere: the fleet's store is away: ${written.detail}`,
      });
    case "rubbish": {
      const what = `something at ${written.key} that is no intent (${written.why})`;
      return err({ type: "conflict", detail: `the store has ${what}; delete that key with etcdctl` });
    }
    case "conflict": {
      if (written.present === null) {
        const detail = "somebody else took it back at the same moment; look at it and say it again";
        return err({ type: "conflict", detail });
      }
      const override = overrideOf(written.present, false);
      const what = override.kind === "weight" ? `weight ${override.weight}` : override.kind;
      const detail = `${override.by} has set ${what} for ${override.backend} everywhere; "force" replaces it`;
      return err({ type: "conflict", detail, override: overrideView(override) });
    }
  }
}
