/**
 * What an operator says with an order, as the API takes it: the reason, and when it ends.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import { readTime } from "../api/text.ts";
import { invalidField, type Refusal } from "../control.ts";
import type { OrderWords } from "../health/override_book.ts";
import type { EndWish } from "../memory/overrides/time.ts";
import type { Millis, UnixMillis } from "../model.ts";
import { err, ok, type Result } from "../result.ts";

/** The longest duration, and the farthest hour from now: ten years. */
const farthestMs: Millis = 10 * 366 * 24 * 3_600_000;

function invalid(path: string, message: string, hint: string | null = null): Result<never, Refusal> {
  return err(invalidField(path, message, hint));
}

function readEnd({ for_ns, until }: api.ActionBody, now: UnixMillis): Result<EndWish | null, Refusal> {
  if (for_ns !== undefined && until !== undefined) {
    return invalid("until", "is given together with for_ns", "give one of them");
  }
  if (for_ns !== undefined) {
    const ms = /^[0-9]{1,30}$/.test(for_ns) ? Number(BigInt(for_ns) / 1_000_000n) : 0;
    if (ms < 1) return invalid("for_ns", "must be nanoseconds, at least 1 ms");
    if (ms > farthestMs) return invalid("for_ns", "is more than ten years");
    return ok({ kind: "duration", ms });
  }
  if (until === undefined) return ok(null);
  const at = readTime(until);
  if (at === null) return invalid("until", "is no time", "RFC 3339, as 2027-01-31T22:00:00Z");
  if (at <= now) return invalid("until", "has passed already");
  if (at - now > farthestMs) return invalid("until", "is more than ten years from now");
  return ok({ kind: "hour", until: at });
}

/** Reads the body of an order. Refused: `invalid` with the place. */
export function readOrder(
  body: api.ActionBody,
  dryRun: boolean,
  now: UnixMillis,
): Result<OrderWords, Refusal> {
  const end = readEnd(body, now);
  if (!end.ok) return end;
  if (body.force === true && body.everywhere !== true) {
    return invalid("force", "has an effect with everywhere only");
  }
  const reason = body.reason === undefined || body.reason === "" ? null : body.reason;
  return ok({ reason, end: end.value, dryRun });
}

/** What a change says of itself besides what it changed; frontends and changes are not known. */
export function plainConsequences(
  dryRun: boolean,
  unsaved: string | null,
  replaced: api.Override | null,
): api.Consequences {
  return {
    dry_run: dryRun,
    durable: !dryRun && unsaved === null,
    durable_detail: dryRun ? "nothing was changed" : unsaved ?? "",
    replaced,
    frontends: null,
    changes: null,
  };
}
