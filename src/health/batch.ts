/**
 * Collects the transitions of one batch and what they do to weights. The weights before are taken when a
 * frontend is first touched, those after when the batch is complete, so that a batch of any size judges each
 * frontend twice and not once a transition.
 *
 * @module
 */
import type { State, Transition, UnixMillis, WeightEffect } from "../model.ts";
import type { BackendHealth, StateChange } from "./backend.ts";
import type { FrontendWeights, MemberWeight } from "./frontend.ts";

/** What a batch reads of the world; asked before and after each change. */
export interface BatchWorld {
  /** A frontend of the running configuration, judged now; null if there is none of that name. */
  weights(frontend: string): FrontendWeights | null;
  /** Whether backends of this frontend that go down have their flows flushed. */
  flushOnDown(frontend: string): boolean;
  /** Weight in VPP now; null: none, or not read in this session. */
  inVpp(frontend: string, backend: string): number | null;
}

interface Pending {
  readonly backend: string;
  readonly change: StateChange;
  readonly at: UnixMillis;
  readonly by: string | null;
  readonly frontends: readonly string[];
  readonly noFlush: ReadonlySet<string>;
}

type Members = Map<string, MemberWeight>;

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
   */
  add(
    backend: string,
    health: BackendHealth,
    change: StateChange,
    frontends: readonly string[],
    at: UnixMillis,
    by: string | null,
  ): void {
    if (this.#changed.has(backend)) this.#settle();
    this.observe(frontends);
    this.#changed.add(backend);
    // VPP has no flow left to flush of a server that it already has at weight 0 when the daemon starts.
    const first = health.state === "unknown" && !health.known;
    const noFlush = first ? frontends.filter((f) => this.#world.inVpp(f, backend) === 0) : [];
    this.#pending.push({ backend, change, at, by, frontends, noFlush: new Set(noFlush) });
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
          flush: this.#flushes(frontend, pending.change.to, pending.noFlush.has(frontend)),
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

  #flushes(frontend: string, to: State, noFlush: boolean): boolean {
    if (to === "removed") return true;
    if (noFlush) return false;
    return to === "disabled" || (to === "down" && this.#world.flushOnDown(frontend));
  }

  #members(frontend: string): Members {
    return new Map(this.#world.weights(frontend)?.members.map((member) => [member.backend, member]));
  }
}
