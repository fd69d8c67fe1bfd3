/**
 * What an operator wants everywhere, and what becomes of the store's intents. Pure.
 *
 *   wish     refused     what becomes of the intent
 *   pause    disabled    pause
 *   resume   disabled    none, if it is a pause
 *   disable  -           disable; none where the file says `enabled: false` and the intent is `enable`
 *   enable   -           none, if it is a disable; `enable` where the file says `enabled: false`
 *   weight   -           weight; none where it is the file's
 *
 * The same wish again changes nothing. A reason or an hour that comes with it replaces the old one.
 *
 * @module
 */
import type { State, UnixMillis } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import {
  type Intent,
  type IntentTarget,
  isInForce,
  type StoredIntent,
  type WantedWeight,
} from "./intents.ts";

/** What an operator wants everywhere. */
export type Wish =
  | { readonly kind: "pause" | "resume" | "disable" | "enable"; readonly backend: string }
  | WantedWeight;

/** Who wants it, why, and until when. */
export interface WishHead {
  /** Name of the operator's token. */
  readonly by: string;
  /** Who it says is behind the token; unverified. */
  readonly claimed: string | null;
  /** Why; null: it does not say. */
  readonly reason: string | null;
  /** When it ends; null: when somebody ends it. */
  readonly until: UnixMillis | null;
  /** This node. */
  readonly node: string;
  /** Now. */
  readonly now: UnixMillis;
}

/** What this node knows of the object. */
export interface WishFacts {
  /** The intent of the object; null: there is none. */
  readonly present: StoredIntent | null;
  /** State of the backend. */
  readonly state: State;
  /** The file's own value: `enabled`, or the weight. */
  readonly file: boolean | number;
}

/** What to do with the store. */
export type WishStep =
  | { readonly kind: "write"; readonly intent: Intent }
  | { readonly kind: "remove"; readonly target: IntentTarget }
  | { readonly kind: "nothing" };

/** Why a wish is refused. `hour`: an end was given, and there is nothing that could end. */
export interface WishRefused {
  /** What it is about. */
  readonly kind: "conflict" | "hour";
  /** One sentence. */
  readonly detail: string;
}

/** The object of a wish. */
export function targetOfWish(wish: Wish): IntentTarget {
  const { backend } = wish;
  return wish.kind === "weight"
    ? { kind: "weight", frontend: wish.frontend, pool: wish.pool, backend }
    : { kind: "state", backend };
}

/** What a wish comes to. */
export function stepOf(wish: Wish, head: WishHead, facts: WishFacts): Result<WishStep, WishRefused> {
  const { file, state } = facts;
  const present = facts.present !== null && isInForce(facts.present.intent, head.now)
    ? facts.present.intent
    : null;
  const takeBack = (isThere: boolean): Result<WishStep, WishRefused> => {
    if (head.until !== null) return err(noHour);
    return ok(isThere ? { kind: "remove", target: targetOfWish(wish) } : { kind: "nothing" });
  };
  switch (wish.kind) {
    case "pause":
      if (state === "disabled") return err({ kind: "conflict", detail: "it is disabled; enable it first" });
      return ok(written({ kind: "pause", backend: wish.backend, ...headOf(head) }, present, head));
    case "resume":
      if (state === "disabled") return err({ kind: "conflict", detail: "it is disabled; enable it instead" });
      return takeBack(present?.kind === "pause");
    case "disable":
      if (file === false && present?.kind === "enable") return takeBack(true);
      return ok(written({ kind: "disable", backend: wish.backend, ...headOf(head) }, present, head));
    case "enable":
      if (file !== false || present?.kind === "disable") return takeBack(present?.kind === "disable");
      return ok(written({ kind: "enable", backend: wish.backend, ...headOf(head) }, present, head));
    case "weight":
      if (wish.weight === file && !wish.flush) return takeBack(present !== null);
      return ok(written({ ...wish, ...headOf(head) }, present, head));
  }
}

const noHour: WishRefused = {
  kind: "hour",
  detail: "this ends what was set and sets nothing, so there is nothing that could end later",
};

function headOf({ by, claimed, node, now, reason, until }: WishHead) {
  return { by, claimed, reason, since: now, until, node };
}

/** The intent, unless the same one is there and nothing new is said. */
function written(intent: Intent, present: Intent | null, { by, claimed, reason, until }: WishHead): WishStep {
  const isSame = present !== null && present.kind === intent.kind &&
    (intent.kind !== "weight" || present.kind === "weight" && present.weight === intent.weight);
  if (!isSame) return { kind: "write", intent };
  const flushes = intent.kind === "weight" && intent.flush;
  if (reason === null && until === null && !flushes) return { kind: "nothing" };
  const isMine = present.by === by && present.claimed === claimed;
  if (!isMine) return { kind: "write", intent };
  return {
    kind: "write",
    intent: {
      ...intent,
      since: present.since,
      reason: reason ?? present.reason,
      until: until ?? present.until,
    },
  };
}
