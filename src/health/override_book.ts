/**
 * The overrides of a daemon: the list, the time at which the next one ends, and what they make of a configuration.
 * Owned by the tracker, which brings backends and weights to what they want.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { act, type OrderOutcome, recall, setWeight, type StateAction } from "../memory/overrides/actions.ts";
import { follow } from "../memory/overrides/follow.ts";
import {
  type LeftOverrides,
  type Moment,
  type Override,
  type OverrideChange,
  type Site,
  stateInForce,
  type StateOverride,
  wanted,
  weightInForce,
  type WeightOverride,
} from "../memory/overrides/override.ts";
import { anchored, type EndWish, expire, restored, untilDue } from "../memory/overrides/time.ts";
import type { Actor, Millis } from "../model.ts";
import type { Config } from "../configuration.ts";
import { type BackendOrders, type Leaving, memberWeight, renamedBackends, type SetWeight } from "./config.ts";

/** What an operator says with an order. */
export interface OrderWords {
  /** Why; null or absent: it does not say. */
  readonly reason?: string | null;
  /** When it ends; null or absent: when somebody ends it. */
  readonly end?: EndWish | null;
  /** True: nothing changes, the answer says what would. */
  readonly dryRun?: boolean;
}

/**
 * Told of every change, after backends and weights are as the list wants them. `by`: who asked, or null; `claimed`:
 * who is behind that token as it says, or null.
 */
export type OverrideSink = (change: OverrideChange, by: string | null, claimed: string | null) => void;

/** A change of the overrides; null: there is nothing to change. */
export type OverrideRule = (
  list: readonly Override[],
  site: Site,
  now: Moment,
) => OverrideChange | null;

/** What a reload would make of overrides. */
export interface ForeseenOverrides {
  /** What would end, sleep and wake. */
  readonly change: OverrideChange;
  /** Weights that would be set. */
  readonly weights: readonly SetWeight[];
  /** What would be wanted of a backend. */
  readonly orders: (backend: string) => BackendOrders;
}

/** What a book needs. */
export interface BookParts {
  /** Time. */
  readonly clock: Clock;
  /** Id of a new override, which no other one has. */
  readonly newId: () => string;
  /** Time may have ended an override, or the clock was set. */
  readonly onDue: () => void;
}

/** Time is looked at this often, in ms, while an override has an end: the clock may be set. */
const lookMs: Millis = 10_000;

/** Letters of an id: none that looks like another. */
const letters = "abcdefghjkmnpqrstuvwxyz23456789";

/** A random id, short enough to be typed. */
export function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(6))].map((octet) => letters[octet % letters.length]).join(
    "",
  );
}

/** Backends whose state, and frontends whose weights a change concerns. */
export function concerns(change: OverrideChange): {
  readonly backends: readonly string[];
  readonly frontends: readonly string[];
} {
  const backends = new Set<string>();
  const frontends = new Set<string>();
  const ended = change.ended.map(({ override }) => override);
  for (const one of [...ended, ...change.set, ...change.slept, ...change.woken]) {
    if (one.kind === "weight") frontends.add(one.frontend);
    else backends.add(one.backend);
  }
  return { backends: [...backends], frontends: [...frontends] };
}

/** Why a backend leaves the state that an override gave it. */
export function leaving({ ended }: OverrideChange, backend: string): Leaving {
  const found = ended.find(({ override }) => override.kind !== "weight" && override.backend === backend);
  return { detail: found?.detail ?? "overrides changed" };
}

function siteOf(config: Config): Site {
  return {
    backends: config.backends,
    weight: (frontend, pool, backend) => memberWeight(config, frontend, pool, backend),
  };
}

/** Keeps the overrides of one daemon. */
export class OverrideBook implements Disposable {
  readonly #parts: BookParts;
  #file: Config;
  #site: Site;
  #list: readonly Override[] = [];
  /** Places whose weight an operator of this process set to the file's, by `frontend/pool/backend`. */
  readonly #toFile = new Map<string, SetWeight>();
  #timer: Disposable | null = null;

  /** A book without overrides. */
  constructor(file: Config, parts: BookParts) {
    this.#parts = parts;
    this.#file = file;
    this.#site = siteOf(file);
  }

  /** All of them, oldest first. */
  get list(): readonly Override[] {
    return this.#list;
  }

  /** For the next process. */
  get left(): LeftOverrides {
    const backends = this.#list.length === 0 ? [] : [...this.#file.backends.values()];
    return { list: this.#list, backends: backends.map(({ address, name }) => ({ address, name })) };
  }

  /** Both clocks. */
  get now(): Moment {
    const { clock } = this.#parts;
    return { mono: clock.now(), wall: clock.wall() };
  }

  /** What is wanted of a backend, and the override that stops it. */
  orders(backend: string, list: readonly Override[] = this.#list, site: Site = this.#site): BackendOrders {
    const is = wanted(list, site, backend);
    return { wanted: is, override: is === "active" ? null : stateInForce(list, backend) };
  }

  /** What a reload would make of them; nothing changes. */
  foreseen(file: Config, renamed: ReadonlyMap<string, string>): ForeseenOverrides {
    const site = siteOf(file);
    const change = follow(this.#list, site, renamed, this.now);
    const { list } = change;
    return {
      change,
      weights: this.weights(list, false),
      orders: (backend) => this.orders(backend, list, site),
    };
  }

  /** The override of a backend's state that is in force; null: the file decides. */
  state(backend: string): StateOverride | null {
    return stateInForce(this.#list, backend);
  }

  /** The override of a weight that is in force; null: the file decides. */
  weight(frontend: string, pool: string, backend: string): WeightOverride | null {
    return weightInForce(this.#list, frontend, pool, backend);
  }

  /** Whether a local override concerns a backend's state, or with `frontend` and `pool` a weight of it. */
  isLocal(backend: string, frontend: string | null = null, pool: string | null = null): boolean {
    return this.#list.some((one) =>
      one.scope === "here" && one.backend === backend &&
      (one.kind === "weight" ? one.frontend === frontend && one.pool === pool : frontend === null)
    );
  }

  /** What an earlier process left, as this one's file and clocks have it. */
  restored({ backends, list }: LeftOverrides): OverrideChange {
    const { now } = this;
    const before = new Map(backends.map((backend) => [backend.name, backend]));
    const expired = expire(restored(list, now), now);
    const followed = follow(
      expired.list,
      this.#site,
      renamedBackends(before, this.#file.backends),
      now,
    );
    return { ...followed, ended: [...expired.ended, ...followed.ended] };
  }

  /** What an earlier process left has come late. What was set meanwhile is newer. */
  recalled(left: LeftOverrides): OverrideChange {
    const late = this.restored(left);
    const list = recall(this.#list, late.list);
    return { ...late, list, set: list.filter((one) => !this.#list.includes(one)) };
  }

  /** Takes another file. */
  reloaded(file: Config, renamed: ReadonlyMap<string, string>): OverrideChange {
    this.#file = file;
    this.#site = siteOf(file);
    this.#toFile.clear();
    return this.take(follow(this.#list, this.#site, renamed, this.now));
  }

  /** What an operator's action comes to; `take` carries it out. */
  act(backend: string, action: StateAction, actor: Actor, words: OrderWords): OrderOutcome {
    return act(this.#list, this.#site, backend, action, this.#order(actor, words));
  }

  /** What an operator's weight comes to; `take` carries it out. */
  setWeight(
    member: { readonly frontend: string; readonly pool: string; readonly backend: string },
    weight: number,
    actor: Actor,
    words: OrderWords,
  ): OrderOutcome {
    return setWeight(this.#list, this.#site, member, weight, this.#order(actor, words));
  }

  /** An operator of this process said the file's weight of a member that may not be known yet. */
  saidFileWeight(set: Omit<SetWeight, "restored">): void {
    this.#toFile.set(`${set.frontend}/${set.pool}/${set.backend}`, { ...set, restored: false });
  }

  /** What a rule makes of the list; `take` carries it out. */
  tried(rule: OverrideRule): OverrideChange | null {
    return rule(this.#list, this.#site, this.now);
  }

  /** Time has passed, or the clock was set. `anchored`: the next process must know of it. */
  passTime(): { readonly change: OverrideChange; readonly anchored: boolean } {
    const { now } = this;
    const change = expire(this.#list, now);
    const list = anchored(change.list, now);
    this.take({ ...change, list });
    return { change, anchored: list !== change.list };
  }

  /** Notes for the next process what is left of durations. */
  end(): void {
    this.#list = anchored(this.#list, this.now, true);
  }

  /** Makes a change the present. */
  take(change: OverrideChange): OverrideChange {
    this.#list = change.list;
    for (const one of [...change.ended.map(({ override }) => override), ...change.set]) {
      if (one.kind === "weight") this.#toFile.delete(`${one.frontend}/${one.pool}/${one.backend}`);
    }
    this.#arm();
    return change;
  }

  /** The weights that are set, by whichever override is in force. */
  weights(list: readonly Override[] = this.#list, toFile = true): readonly SetWeight[] {
    const set = list.flatMap((one) => {
      if (one.kind !== "weight" || weightInForce(list, one.frontend, one.pool, one.backend) !== one) {
        return [];
      }
      const { backend, by, frontend, pool, restored, weight } = one;
      return { frontend, pool, backend, weight, by, restored };
    });
    return toFile ? [...this.#toFile.values(), ...set] : set;
  }

  /** Stops the timer. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
  }

  #order(actor: Actor, { end = null, reason = null }: OrderWords) {
    const { newId } = this.#parts;
    let id = newId();
    while (this.#list.some((one) => one.id === id)) id = newId();
    return { id, by: actor.principal, claimed: actor.claimed ?? null, reason, end, now: this.now };
  }

  #arm(): void {
    this.#timer?.[Symbol.dispose]();
    const due = untilDue(this.#list, this.now);
    const { clock, onDue } = this.#parts;
    this.#timer = due === null ? null : clock.after(Math.min(due, lookMs), onDue);
  }
}
