/**
 * What would become of backends and frontends if something happened, worked out with the functions that judge what does
 * happen: a reload, an action, or a change of the overrides. Pure.
 *
 * @module
 */
import type { Override } from "../memory/overrides/override.ts";
import type { State, Transition, UnixMillis, WeightEffect } from "../model.ts";
import type { Backend, Config } from "../configuration.ts";
import { type BackendHealth, freshHealth, type HealthEvent, step } from "./backend.ts";
import {
  type BackendOrders,
  checkOf,
  firstEvents,
  type Membership,
  memberships,
  reloadBackend,
  reloadEvents,
  ruleOf,
  sortEntries,
  toward,
  withWeights,
} from "./config.ts";
import type { Entry } from "./entry.ts";
import type { VppFacts } from "./frontend.ts";
import type { OverrideBook } from "./override_book.ts";
import { broughtFlushes, type Cause, flushes, isFirst, Judgement, type LateFlush } from "./transitions.ts";

/** The running configuration and the health of its backends at one moment. */
export interface HealthPicture {
  /** With the weights that operators set. */
  readonly config: Config;
  /** By name. */
  readonly health: ReadonlyMap<string, BackendHealth>;
}

/** What might happen. */
export type Assumption =
  /** To one backend. */
  | {
    readonly kind: "events";
    readonly backend: string;
    readonly events: readonly HealthEvent[];
    readonly cause: Cause;
  }
  /** The running configuration gets other weights of these frontends; all else in it is the same. */
  | { readonly kind: "weights"; readonly config: Config; readonly frontends: readonly string[] }
  /** A reload makes this the running configuration; see `Tracker.foreseenReload`. */
  | {
    readonly kind: "reload";
    readonly config: Config;
    readonly orders: (backend: string) => BackendOrders;
  };

/** A change of a backend's state that would happen. */
export interface AssumedTransition extends Pick<Transition, "backend" | "to"> {
  /** One for each frontend that has the backend, before or after. */
  readonly effects: readonly Pick<WeightEffect, "frontend" | "flush">[];
}

/** What it would change. */
export interface Outcome {
  /** The picture afterwards. */
  readonly after: HealthPicture;
  /** Names of the frontends that it concerns, of both configurations. */
  readonly frontends: ReadonlySet<string>;
  /** Changes of state, in their order. */
  readonly transitions: readonly AssumedTransition[];
  /** Flushes that no transition tells. */
  readonly lateFlushes: readonly LateFlush[];
}

/** Backends that are judged before the thread is given back. */
const SLICE = 100;

/** A backend in the making. */
interface Draft {
  backend: Backend;
  health: BackendHealth;
  places: readonly Membership[];
}

/** A picture in the making. */
class Sketch {
  readonly #now: UnixMillis;
  readonly #judgement: Judgement;
  readonly #frontends = new Set<string>();
  readonly #transitions: AssumedTransition[] = [];
  readonly #lateFlushes: LateFlush[] = [];
  #config: Config;
  #drafts: Map<string, Draft>;

  constructor({ config, health }: HealthPicture, vpp: VppFacts, now: UnixMillis) {
    this.#now = now;
    this.#config = config;
    const places = memberships(config.frontends.values());
    this.#drafts = new Map();
    for (const backend of config.backends.values()) {
      const is = health.get(backend.name);
      if (is === undefined) continue;
      this.#drafts.set(backend.name, { backend, health: is, places: places.get(backend.name) ?? [] });
    }
    this.#judgement = new Judgement(vpp, () => this.#config, (name) => this.#drafts.get(name));
  }

  *assume(assumption: Assumption): Generator<void, void, void> {
    switch (assumption.kind) {
      case "events": {
        const draft = this.#drafts.get(assumption.backend);
        if (draft !== undefined) this.#apply(draft, assumption.events, assumption.cause);
        return;
      }
      case "weights":
        this.#config = assumption.config;
        for (const name of assumption.frontends) this.#frontends.add(name);
        return;
      case "reload":
        yield* this.#reload(assumption.config, assumption.orders);
    }
  }

  get outcome(): Outcome {
    const health = new Map<string, BackendHealth>();
    for (const [name, draft] of this.#drafts) health.set(name, draft.health);
    return {
      after: { config: this.#config, health },
      frontends: this.#frontends,
      transitions: this.#transitions,
      lateFlushes: this.#lateFlushes,
    };
  }

  #apply(
    draft: Draft,
    events: readonly HealthEvent[],
    cause: Cause,
    gone: readonly Membership[] = [],
  ): void {
    const { backend: { name } } = draft;
    for (const event of events) {
      const { change, health, refused } = step(draft.health, event, this.#now);
      if (refused !== null) return;
      if (change !== null) {
        const { to } = change;
        const first = cause !== "asked" && isFirst(draft.health);
        const ended = cause === "ended";
        const frontends = new Set([...draft.places, ...gone].map((place) => place.frontend));
        const effects = [...frontends].map((frontend) => {
          this.#frontends.add(frontend);
          const flushOnDown = this.#judgement.flushOnDown(frontend);
          const weight = () => this.#judgement.inVpp(frontend, name);
          return { frontend, flush: flushes({ to, flushOnDown, first, ended, weight }) };
        });
        this.#transitions.push({ backend: name, to, effects });
      }
      draft.health = health;
    }
  }

  *#reload(config: Config, orders: (backend: string) => BackendOrders): Generator<void, void, void> {
    const before = this.#config;
    for (const name of [...before.frontends.keys(), ...config.frontends.keys()]) this.#frontends.add(name);
    const places = memberships(config.frontends.values());
    this.#config = config;
    const sorted = sortEntries(this.#drafts, before, config, (backend): Draft => {
      const check = checkOf(config, backend);
      const flows = this.#judgement.flows(backend.address);
      return {
        backend,
        health: freshHealth(check === null ? null : ruleOf(check), this.#now, flows),
        places: places.get(backend.name) ?? [],
      };
    });
    this.#drafts = sorted.entries;
    let done = 0;
    for (const [name, draft] of this.#drafts) {
      if (++done % SLICE === 0) yield;
      const is = config.backends.get(name);
      if (is === undefined || sorted.fresh.has(draft)) continue;
      const { backend: was, health: { state }, places: gone } = draft;
      draft.backend = is;
      draft.places = places.get(name) ?? [];
      const { events } = reloadBackend(before, config, was, is);
      this.#apply(draft, reloadEvents(events, orders(name)), "other", gone);
      this.#apply(draft, toward(draft.health.state, orders(name), { detail: "" }), "ended");
      if (draft.health.state !== state) continue;
      this.#lateFlushes.push(...broughtFlushes(draft, was, gone, before, config, this.#judgement));
    }
    for (const draft of sorted.fresh) {
      this.#apply(draft, firstEvents(draft.health.rule, orders(draft.backend.name)), "other");
    }
    for (const draft of sorted.removed) this.#apply(draft, [{ kind: "remove" }], "other");
  }
}

/**
 * What these assumptions, one after the other, would make of a picture. What is refused changes nothing. It yields where
 * the caller may give the thread back.
 *
 * @param vpp what is known of VPP at the moment of the picture
 * @param now for the times of what would happen
 */
export function* whatIf(
  picture: HealthPicture,
  vpp: VppFacts,
  assumptions: readonly Assumption[],
  now: UnixMillis,
): Generator<void, Outcome, void> {
  const sketch = new Sketch(picture, vpp, now);
  for (const assumption of assumptions) yield* sketch.assume(assumption);
  return sketch.outcome;
}

/** What would happen to one backend. */
export interface AssumedEvents {
  /** Name of the backend. */
  readonly backend: string;
  /** In their order; never empty. */
  readonly events: readonly HealthEvent[];
  /** The state that they lead to. */
  readonly to: State;
}

/** What would happen. */
export interface Assumed {
  /** The running configuration with the weights that would be set. */
  readonly config: Config;
  /** Backends that would change their states. */
  readonly backends: readonly AssumedEvents[];
}

/** What would happen, if these were the overrides. */
export function assume(
  list: readonly Override[],
  file: Config,
  overrides: Pick<OverrideBook, "orders" | "weights">,
  entries: Iterable<Readonly<Entry>>,
  now: UnixMillis,
): Assumed {
  const backends = [...entries].flatMap(({ backend: { name }, health }): AssumedEvents[] => {
    const events = toward(health.state, overrides.orders(name, list), { detail: "" });
    if (events.length === 0) return [];
    const after = events.reduce((is, event) => step(is, event, now).health, health);
    return [{ backend: name, events, to: after.state }];
  });
  return { config: withWeights(file, overrides.weights(list)), backends };
}
