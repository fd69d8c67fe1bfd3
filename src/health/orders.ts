/**
 * What operators ask for, and what overrides bring by themselves: backends and weights follow. The tracker carries the
 * events out. What comes of an order is the answer to who asked.
 *
 * @module
 */
import { type BackendAction, invalidField, type Refusal } from "../control.ts";
import { clear, type OrderRefused } from "../memory/overrides/actions.ts";
import {
  isChange,
  type LeftOverrides,
  type Override,
  type OverrideChange,
} from "../memory/overrides/override.ts";
import type { Actor, Code, State } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import { memberWeight, type RuntimeWeight, withWeights } from "./config.ts";
import type { Entry } from "./entry.ts";
import { because } from "./frontend.ts";
import { concerns, leaving, type OrderWords, type OverrideRule } from "./override_book.ts";
import { confirmDisabled, endUnread } from "./start.ts";
import type { HealthSteps } from "./tracker_parts.ts";
import { Batch, type Cause } from "./transitions.ts";
import { assume, type Assumed } from "./what_if.ts";

/** Outcome of an operator's action. */
export interface ActionOutcome {
  /** False: the backend was in that state already. */
  readonly changed: boolean;
  /** State before. */
  readonly before: State;
  /** State now. */
  readonly after: State;
  /** Somebody else's override that ended or was replaced. */
  readonly replaced: Override | null;
  /** With a dry run: what it would come to. */
  readonly assumed: Assumed | null;
}

/** Outcome of an operator's weight. */
export interface WeightOutcome {
  /** Weight before, 0...100. */
  readonly before: number;
  /** Weight now. */
  readonly after: number;
  /** Somebody else's override that ended or was replaced. */
  readonly replaced: Override | null;
  /** With a dry run: what it would come to. */
  readonly assumed: Assumed | null;
}

/** Outcome of the end of an override at an operator's word. */
export interface ClearOutcome {
  /** What ended. */
  readonly change: OverrideChange;
  /** With a dry run: what it would come to. */
  readonly assumed: Assumed | null;
}

/** What a restart of the daemon would forget. */
export interface RuntimeState {
  /** Backends that an operator paused. */
  readonly paused: readonly string[];
  /** Backends that an operator disabled. */
  readonly disabled: readonly string[];
  /** Backends that an operator enabled though the file says `enabled: false`. */
  readonly enabled: readonly string[];
  /** Weights that operators set. */
  readonly weights: readonly RuntimeWeight[];
}

/** What a restart of the daemon would forget of these backends and weights. */
export function runtimeState(entries: readonly Entry[], weights: readonly RuntimeWeight[]): RuntimeState {
  const named = (wanted: (entry: Entry) => boolean) =>
    entries.filter(wanted).map((entry) => entry.backend.name);
  return {
    paused: named((entry) => entry.health.state === "paused"),
    disabled: named((entry) => entry.health.state === "disabled" && entry.backend.enabled),
    enabled: named((entry) => entry.health.state !== "disabled" && !entry.backend.enabled),
    weights,
  };
}

/** Carries out orders; one per tracker. */
export class Orders {
  readonly #steps: HealthSteps;

  /** Changes health by these steps. */
  constructor(steps: HealthSteps) {
    this.#steps = steps;
  }

  /** Carries out an operator's action. Refused: `not-found`, `conflict` when the state forbids it, `invalid`. */
  act(
    name: string,
    action: BackendAction,
    actor: Actor,
    words: OrderWords = {},
  ): Result<ActionOutcome, Refusal> {
    const { align, apply, finish, judgement, overrides, parts, targets, tell, world } = this.#steps;
    const entry = world.entries.get(name);
    if (entry === undefined) return err({ type: "not-found", detail: `there is no backend "${name}"` });
    const ordered = overrides.act(name, action, actor, words);
    if (!ordered.ok) return err(refusalOf(ordered.error, `cannot ${action} "${name}"`, words));
    const { value: change } = ordered;
    const { replaced } = change;
    const before = entry.health.state;
    if (words.dryRun === true) {
      const assumed = this.#assume(change);
      const after = assumed.backends.find(({ backend }) => backend === name)?.to ?? before;
      return ok({ changed: after !== before, before, after, replaced, assumed });
    }
    const decidedAt = parts.clock.now();
    const now = parts.clock.wall();
    overrides.take(change);
    const batch = new Batch(judgement);
    const by = actor.principal;
    const late = action === "disable" ? confirmDisabled(entry, this.#steps) : [];
    apply(entry, [{ kind: action }], batch, now, by, [], "asked");
    align(entry, batch, now, { detail: `${action} by ${by}` }, by, "asked");
    targets.align([entry], world.running.healthchecker.netns);
    const concerned = new Set([...batch.touched, ...late.map(({ frontend }) => frontend)]);
    finish(batch, concerned, because(""), decidedAt, now, late);
    tell(change, by, actor.claimed ?? null);
    const after = entry.health.state;
    return ok({ changed: after !== before, before, after, replaced, assumed: null });
  }

  /** Sets a weight of the running configuration, 0...100. Refused: `not-found`, `invalid`. */
  setWeight(
    frontend: string,
    pool: string,
    backend: string,
    weight: number,
    actor: Actor,
    words: OrderWords = {},
  ): Result<WeightOutcome, Refusal> {
    const { finish, judgement, overrides, parts, tell, world } = this.#steps;
    const before = memberWeight(world.running, frontend, pool, backend);
    if (before === null) {
      const detail = `there is no backend "${backend}" in pool "${pool}" of frontend "${frontend}"`;
      return err({ type: "not-found", detail });
    }
    if (!Number.isInteger(weight) || weight < 0 || weight > 100) {
      return err({ type: "invalid", detail: "weight must be a whole number from 0 to 100" });
    }
    const member = { frontend, pool, backend };
    const ordered = overrides.setWeight(member, weight, actor, words);
    if (!ordered.ok) return err(refusalOf(ordered.error, `cannot set the weight of "${backend}"`, words));
    const { value: change } = ordered;
    const { replaced } = change;
    if (words.dryRun === true) {
      return ok({ before, after: weight, replaced, assumed: this.#assume(change) });
    }
    const by = actor.principal;
    overrides.take(change);
    if (overrides.weight(frontend, pool, backend) === null) {
      overrides.saidFileWeight({ ...member, weight, by });
    }
    world.running = withWeights(world.file, overrides.weights());
    const reason = () => `weight of backend ${backend} set from ${before} to ${weight} by ${by}`;
    const { clock } = parts;
    finish(new Batch(judgement), [frontend], reason, clock.now(), clock.wall());
    tell(change, by, actor.claimed ?? null);
    return ok({ before, after: weight, replaced, assumed: null });
  }

  /** Ends an override, of either scope. Refused: `not-found`. */
  clearOverride(id: string, actor: Actor, dryRun = false): Result<ClearOutcome, Refusal> {
    const { overrides } = this.#steps;
    const by = actor.principal;
    const change = overrides.tried((list) => clear(list, id, by));
    if (change === null) return err({ type: "not-found", detail: `there is no override "${id}"` });
    if (dryRun) return ok({ change, assumed: this.#assume(change) });
    this.#follow(overrides.take(change), by, "ended", { claimed: actor.claimed ?? null });
    return ok({ change, assumed: null });
  }

  /** Overrides of an earlier process that have come late; they are in force from now on. */
  recallOverrides(left: LeftOverrides): void {
    const { overrides, world } = this.#steps;
    const change = overrides.take(overrides.recalled(left));
    if (world.unread) endUnread(this.#steps, change);
    else this.#follow(change, null, "late");
  }

  /**
   * Adds, replaces or ends overrides of the fleet by a rule.
   *
   * @param by the operator of this process who asks for it; null: it came from elsewhere
   */
  changeOverrides(rule: OverrideRule, by: string | null): OverrideChange | null {
    const { overrides } = this.#steps;
    const change = overrides.tried(rule);
    if (change !== null) this.#follow(overrides.take(change), by, by === null ? "other" : "asked");
    return change;
  }

  /** Time may have ended overrides. */
  passTime(): void {
    const { overrides, parts } = this.#steps;
    const { anchored, change } = overrides.passTime();
    if (isChange(change)) this.#follow(change, null, "ended", { code: "expired" });
    else if (anchored) parts.onOverrides?.(change, null, null);
  }

  /** Brings backends and weights to what changed overrides want. */
  #follow(
    change: OverrideChange,
    by: string | null,
    cause: Cause,
    { claimed = null, code }: { readonly claimed?: string | null; readonly code?: Code } = {},
  ): void {
    const { align, finish, judgement, overrides, parts, targets, tell, world } = this.#steps;
    const decidedAt = parts.clock.now();
    const now = parts.clock.wall();
    const batch = new Batch(judgement);
    const { backends, frontends } = concerns(change);
    batch.observe(frontends);
    world.running = withWeights(world.file, overrides.weights());
    const entries = backends.flatMap((name) => world.entries.get(name) ?? []);
    for (const entry of entries) {
      const { name } = entry.backend;
      const isSet = change.set.some((one) => one.kind !== "weight" && one.backend === name);
      const why = leaving(change, name);
      align(
        entry,
        batch,
        now,
        code === undefined ? why : { ...why, code },
        by,
        isSet ? cause : "ended",
      );
    }
    targets.align(entries, world.running.healthchecker.netns);
    const reason = because(change.ended.map(({ detail }) => detail).slice(0, 3).join(", "));
    finish(batch, new Set([...batch.touched, ...frontends]), reason, decidedAt, now, [], frontends);
    tell(change, by, claimed);
  }

  /** What a change would make of backends and weights. */
  #assume(change: OverrideChange): Assumed {
    const { overrides, parts, world } = this.#steps;
    const entries = concerns(change).backends.flatMap((name) => world.entries.get(name) ?? []);
    return assume(change.list, world.file, overrides, entries, parts.clock.wall());
  }
}

/** An order that the rules refuse, as the API says it. */
function refusalOf({ detail, kind }: OrderRefused, what: string, { end }: OrderWords): Refusal {
  if (kind === "conflict") return { type: "conflict", detail: `${what}: ${detail}` };
  return invalidField(end?.kind === "duration" ? "for_ns" : "until", detail);
}
