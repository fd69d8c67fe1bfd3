/**
 * Collects the transitions of one batch and what they do to weights. The weights before are taken when a
 * frontend is first touched, those after when the batch is complete, so that a batch of any size judges each
 * frontend twice and not once a transition.
 *
 * @module
 */
import type { Transition, UnixMillis, WeightEffect } from "../model.ts";
import type { BackendHealth, StateChange } from "./backend.ts";
import { flushes } from "./flush.ts";
import type { FrontendWeights, MemberWeight } from "./frontend.ts";

/** What a batch reads of the world; asked before and after each change. */
export interface BatchWorld {
  /** A frontend of the running configuration, judged now; null if there is none of that name. */
  weights(frontend: string): FrontendWeights | null;
  /** Whether backends of this frontend that go down have their flows flushed. */
  flushOnDown(frontend: string): boolean;
  /** Whether VPP is here and was read since it came. */
  readonly isRead: boolean;
  /** Weight that VPP is known to have for the backend's server; null: none, or not known. */
  inVpp(frontend: string, backend: string): number | null;
}

/**
 * Where a transition comes from: an operator asked for this very change, an override ended, an override of an earlier
 * process came late, or anything else, a reload included.
 */
export type Cause = "asked" | "ended" | "late" | "other";

interface Pending {
  readonly backend: string;
  readonly change: StateChange;
  readonly at: UnixMillis;
  readonly by: string | null;
  readonly frontends: readonly string[];
  readonly flushed: ReadonlySet<string>;
}

type Members = Map<string, MemberWeight>;

/** Whether the next state of a backend is its first one in this process. */
export function isFirst({ state, known, previous }: BackendHealth): boolean {
  return state === "unknown" && !(previous?.known ?? known);
}

/** Transitions of one batch in the making. */
export class Batch {
  readonly #world: BatchWorld;
  readonly #before = new Map<string, Members>();
  readonly #changed = new Set<string>();
  readonly #touched = new Set<string>();
  readonly #transitions: Transition[] = [];
  #pending: Pending[] = [];

  /** Starts an empty batch. */
  constructor(world: BatchWorld) {
    this.#world = world;
  }

  /** Names of the frontends that the batch concerns. */
  get touched(): ReadonlySet<string> {
    return this.#touched;
  }

  /** Takes the weights of these frontends as they are, before a change; those already taken stay. */
  observe(frontends: Iterable<string>): void {
    for (const frontend of frontends) {
      this.#touched.add(frontend);
      if (!this.#before.has(frontend)) this.#before.set(frontend, this.#members(frontend));
    }
  }

  /** A reload gave a backend another name: what was observed under the old one is its own. */
  rename(was: string, name: string): void {
    for (const members of this.#before.values()) {
      const member = members.get(was);
      if (member !== undefined) members.set(name, member);
    }
  }

  /**
   * Adds a transition; call it before the new health is stored.
   *
   * @param health as it was
   * @param frontends that have the backend as a member, before or after
   * @param by who asked, or null
   * @param cause see `Cause`
   */
  add(
    backend: string,
    health: BackendHealth,
    change: StateChange,
    frontends: readonly string[],
    at: UnixMillis,
    by: string | null,
    cause: Cause,
  ): void {
    if (this.#changed.has(backend)) this.#settle();
    this.observe(frontends);
    this.#changed.add(backend);
    const first = cause === "late" || (cause !== "asked" && isFirst(health));
    const flushed = frontends.filter((frontend) =>
      flushes({
        to: change.to,
        flushOnDown: this.#world.flushOnDown(frontend),
        first,
        ended: cause === "ended",
        weight: () => this.#world.inVpp(frontend, backend),
      })
    );
    this.#pending.push({ backend, change, at, by, frontends, flushed: new Set(flushed) });
  }

  /** The transitions in the order in which they happened, with their effects. */
  finish(): readonly Transition[] {
    this.#settle();
    return this.#transitions;
  }

  // A second transition of the same backend needs the weights in between.
  #settle(): void {
    const after = new Map<string, Members>();
    for (const pending of this.#pending) {
      const effects: WeightEffect[] = [];
      for (const frontend of pending.frontends) {
        const now = after.get(frontend) ?? this.#members(frontend);
        after.set(frontend, now);
        const old = this.#before.get(frontend)?.get(pending.backend);
        const is = now.get(pending.backend);
        effects.push({
          frontend,
          pool: is?.pool ?? old?.pool ?? "",
          weightBefore: old?.effective ?? 0,
          weightAfter: is?.effective ?? 0,
          flush: pending.flushed.has(frontend),
        });
      }
      const { from, to, code, detail } = pending.change;
      const { backend, at, by } = pending;
      this.#transitions.push({ backend, from, to, at, code, detail, by, effects });
    }
    for (const [frontend, members] of after) this.#before.set(frontend, members);
    this.#pending = [];
    this.#changed.clear();
  }

  #members(frontend: string): Members {
    return new Map(this.#world.weights(frontend)?.members.map((member) => [member.backend, member]));
  }
}
