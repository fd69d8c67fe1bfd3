/**
 * What operators order over the API: actions on backends, weights, and the ends of both, with what each would change.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import type { BackendAction, Changed, Refusal } from "../control.ts";
import type { Wish } from "../fleet/wish.ts";
import type { OrderWords } from "../health/override_book.ts";
import { memberWeight } from "../health/config.ts";
import type { Override } from "../memory/overrides/override.ts";
import type { Actor, State } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import { overrideView } from "../snapshot/overrides.ts";
import { type ControlParts, missing } from "./control_parts.ts";
import { Foresight, notForeseen } from "./foresight.ts";
import { plainConsequences, readOrder } from "./order.ts";

const aloneRefusal: Refusal = {
  type: "conflict",
  detail: "this daemon has no fleet, so nothing can be set everywhere",
};

/** How the API shows what an order changed. */
export interface OrderViews {
  /** One backend; null: there is none of that name. */
  readonly backend: (name: string) => api.Backend | null;
  /** One frontend; null: there is none of that name. */
  readonly frontend: (name: string) => api.Frontend | null;
  /** What operators set and have not taken back, oldest first. */
  readonly overrides: () => api.Override[];
}

/** Carries out orders. */
export class ControlOrders {
  readonly #parts: ControlParts;
  readonly #views: OrderViews;
  readonly #foresight: Foresight;

  /** Works on `parts`, and answers with `views`. */
  constructor(parts: ControlParts, views: OrderViews) {
    this.#parts = parts;
    this.#views = views;
    this.#foresight = new Foresight(parts);
  }

  /** Pauses, resumes, disables or enables a backend. */
  async act(
    backend: string,
    action: BackendAction,
    request: api.ActionBody,
    actor: Actor,
    dryRun: boolean,
  ): Promise<Result<Changed<api.Backend>, Refusal>> {
    const { clock, reconciler, saved, tracker } = this.#parts;
    const words = readOrder(request, dryRun, clock.wall());
    if (!words.ok) return words;
    const everywhere = request.everywhere === true;
    const trial = tracker.orders.act(backend, action, actor, { ...words.value, dryRun: true });
    if (!trial.ok && !everywhere) return trial;
    const isLocal = tracker.overrides.isLocal(backend);
    const foresee = !trial.ok || (everywhere && isLocal)
      ? notForeseen
      : this.#foresight.act(backend, action, trial.value.assumed);
    const old = tracker.overrides.state(backend);
    const outcome = everywhere
      ? await this.#want({ kind: action, backend }, actor, words.value, request.force === true)
      : dryRun
      ? trial
      : tracker.orders.act(backend, action, actor, words.value);
    if (!outcome.ok) return outcome;
    const { replaced } = outcome.value;
    const { after, before } = "after" in outcome.value
      ? outcome.value
      : { before: outcome.value.state, after: tracker.entry(backend)?.health.state };
    if (!dryRun && !everywhere) reconciler.acted(backend, action);
    const now = tracker.overrides.state(backend);
    const [foreseen, unsaved] = await Promise.all([foresee(), dryRun ? null : saved()]);
    const value = this.#views.backend(backend);
    if (value === null) return err(missing("backend", backend));
    const plain = plainConsequences(dryRun, unsaved, replaced && overrideView(replaced));
    const consequences = { ...plain, ...foreseen };
    return ok({
      value: { ...value, consequences },
      ...(before === after && old !== now
        ? { before: { override: old && overrideView(old) }, after: { override: now && overrideView(now) } }
        : { before, after }),
    });
  }

  /** Sets a run-time weight and tells VPP at once. */
  async setWeight(
    frontend: string,
    pool: string,
    backend: string,
    request: api.SetWeight,
    actor: Actor,
    dryRun: boolean,
  ): Promise<Result<Changed<api.Frontend>, Refusal>> {
    const { clock, reconciler, saved, tracker } = this.#parts;
    const words = readOrder(request, dryRun, clock.wall());
    if (!words.ok) return words;
    const flush = request.flush ?? false;
    const everywhere = request.everywhere === true;
    const runs = () => memberWeight(tracker.config, frontend, pool, backend);
    const ran = runs();
    const { weight } = request;
    const set = { frontend, pool, backend, weight };
    const trial = tracker.orders.setWeight(frontend, pool, backend, weight, actor, {
      ...words.value,
      dryRun: true,
    });
    if (!trial.ok && !everywhere) return trial;
    const isLocal = tracker.overrides.isLocal(backend, frontend, pool);
    const foresee = !trial.ok || (everywhere && isLocal)
      ? notForeseen
      : this.#foresight.weight(set, actor.principal, flush, trial.value.assumed);
    const outcome = everywhere
      ? await this.#want({ kind: "weight", ...set, flush }, actor, words.value, request.force === true)
      : dryRun
      ? trial
      : tracker.orders.setWeight(frontend, pool, backend, weight, actor, words.value);
    if (!outcome.ok) return outcome;
    const { replaced } = outcome.value;
    const { after, before } = "after" in outcome.value ? outcome.value : { before: ran, after: runs() };
    // What is wanted everywhere asked for a flush where it came into force.
    const sent = dryRun ? null : reconciler.weightSet(frontend, backend, flush && !everywhere);
    const [foreseen, unsaved] = await Promise.all([foresee(), dryRun ? null : saved(), sent]);
    const value = this.#views.frontend(frontend);
    if (value === null) return err(missing("frontend", frontend));
    const plain = plainConsequences(dryRun, unsaved, replaced && overrideView(replaced));
    const consequences = { ...plain, ...foreseen };
    return ok({
      value: { ...value, consequences },
      before: { weight: before },
      after: flush ? { weight: after, flush } : { weight: after },
    });
  }

  /** Ends an override. */
  async clearOverride(
    id: string,
    actor: Actor,
    dryRun: boolean,
  ): Promise<Result<Changed<api.OverrideList>, Refusal>> {
    const { reconciler, saved, tracker } = this.#parts;
    const override = tracker.overrides.list.find((one) => one.id === id);
    if (override === undefined) return err(missing("override", id));
    const trial = tracker.orders.clearOverride(id, actor, true);
    if (!trial.ok) return trial;
    const foresee = this.#foresight.clear(override, trial.value.assumed);
    if (override.scope === "everywhere") {
      const cleared = await this.#clearEverywhere(id, actor, dryRun);
      if (!cleared.ok) return cleared;
    } else if (!dryRun) {
      const outcome = tracker.orders.clearOverride(id, actor);
      if (!outcome.ok) return outcome;
    }
    const stops = override.kind === "pause" || override.kind === "disable";
    // Whoever ends a pause wants the server back, as with resume.
    if (!dryRun && stops && override.sleeping === null) reconciler.acted(override.backend, "resume");
    const [foreseen, unsaved] = await Promise.all([foresee(), dryRun ? null : saved()]);
    const mine = override.by === actor.principal && override.claimed === (actor.claimed ?? null);
    const view = overrideView(override);
    const consequences = { ...plainConsequences(dryRun, unsaved, mine ? null : view), ...foreseen };
    return ok({ value: { overrides: this.#views.overrides(), consequences }, before: view, after: null });
  }

  /** Carries out what an operator wants everywhere; `state` is that of the backend before. */
  async #want(
    wish: Wish,
    actor: Actor,
    { dryRun = false, end = null, reason = null }: OrderWords,
    force: boolean,
  ): Promise<Result<{ readonly state: State; readonly replaced: Override | null }, Refusal>> {
    const { fleet, tracker } = this.#parts;
    if (fleet === null) return err(aloneRefusal);
    const state = tracker.entry(wish.backend)?.health.state ?? "removed";
    const wanted = await fleet.want(wish, actor, { dryRun, end, force, reason });
    return wanted.ok ? ok({ state, replaced: wanted.value.replaced }) : wanted;
  }

  async #clearEverywhere(id: string, actor: Actor, dryRun: boolean): Promise<Result<null, Refusal>> {
    const { fleet } = this.#parts;
    if (fleet === null) return err(aloneRefusal);
    return dryRun ? ok(null) : await fleet.clear(id, actor);
  }
}
