/**
 * The last told state and active pool of every frontend, so that changes can be told. Backends are not the only
 * cause: what VPP is read to have counts for members that are not yet known.
 *
 * @module
 */
import type { Frontend, FrontendState, UnixMillis } from "../model.ts";
import type { FrontendWeights } from "./frontend.ts";
import type { FrontendChange } from "./hooks.ts";

/** A change of a frontend's state or active pool as its history keeps it. */
export interface FrontendTransition extends Omit<FrontendChange, "frontend"> {
  /** When it was decided. */
  readonly at: UnixMillis;
}

/** What was last told of a frontend. */
export interface Standing {
  /** Its state. */
  readonly state: FrontendState;
  /** Name of its active pool. */
  readonly activePool: string;
  /** When it entered the state. */
  readonly since: UnixMillis;
  /** When its active pool became that. */
  readonly poolSince: UnixMillis;
  /** Its transitions, newest first. */
  readonly history: readonly FrontendTransition[];
}

/** Remembers what was told of each frontend. */
export class FrontendStates {
  #standings = new Map<string, Standing>();
  #limit = 0;

  /** What was last told of a frontend; null if there is none of that name. */
  get(frontend: string): Standing | null {
    return this.#standings.get(frontend) ?? null;
  }

  /**
   * Keeps exactly these frontends; new ones begin as `unknown` in their first pool.
   *
   * @param limit transitions kept of each
   */
  keep(frontends: Iterable<Frontend>, now: UnixMillis, limit: number): void {
    this.#limit = limit;
    const kept = new Map<string, Standing>();
    for (const { name, pools } of frontends) {
      const old = this.#standings.get(name);
      const known = old !== undefined && pools.some((pool) => pool.name === old.activePool);
      const activePool = known ? old.activePool : pools[0]?.name ?? "";
      kept.set(name, {
        state: old?.state ?? "unknown",
        since: old?.since ?? now,
        activePool,
        poolSince: known ? old.poolSince : now,
        history: old?.history.slice(0, limit) ?? [],
      });
    }
    this.#standings = kept;
  }

  /** Takes the transitions that an earlier process left, newest first. */
  recall(frontend: string, left: readonly FrontendTransition[]): void {
    const now = this.#standings.get(frontend);
    const last = left[0];
    if (now === undefined || last === undefined) return;
    this.#standings.set(frontend, {
      ...now,
      history: [...now.history, ...left].slice(0, this.#limit),
    });
  }

  /** Compares a frontend with what was last told of it and remembers it; null: nothing to tell. */
  judge(
    frontend: string,
    weights: FrontendWeights,
    reason: () => string,
    now: UnixMillis,
  ): FrontendChange | null {
    const old = this.#standings.get(frontend);
    if (old === undefined) return null;
    const { state, activePool } = weights;
    if (old.state === state && old.activePool === activePool) return null;
    const change = { from: old.state, to: state, activePool, reason: reason() };
    this.#standings.set(frontend, {
      state,
      activePool,
      since: old.state === state ? old.since : now,
      poolSince: old.activePool === activePool ? old.poolSince : now,
      history: [{ ...change, at: now }, ...old.history].slice(0, this.#limit),
    });
    return { frontend, ...change };
  }
}
