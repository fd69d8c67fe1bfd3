/**
 * What one batch of results, actions or a reload changes: the transitions of backends with their weights and flushes, and
 * the states of frontends.
 *
 * The weights before are taken when a frontend is first touched, those after when the batch is complete, so that a batch
 * of any size judges each frontend twice and not once a transition.
 *
 * A change of state ends the flows of a server as follows. This is the one place that decides it: history, event and
 * VPP's message tell the value that a transition was given.
 *
 *   state entered               flows
 *   down                        end if the frontend has flush-on-down
 *   disabled                    end
 *   removed                     end: whatever is deleted is flushed
 *   unknown, up, paused         stay
 *
 * A first state after the daemon's start finds what was so before: a server that VPP has at weight 0 was flushed then.
 * So a first state ends flows only where VPP is known to have the server with a weight above 0, unless an operator
 * asked for it.
 *
 * The end of an override ends no flows: where it brings `disabled`, nobody asked for that now.
 *
 * @module
 */
import type {
  Config,
  Frontend,
  FrontendState,
  IpAddress,
  State,
  Transition,
  UnixMillis,
  WeightEffect,
} from "../model.ts";
import type { BackendHealth, Flows, StateChange } from "./backend.ts";
import { type FrontendWeights, frontendWeights, type MemberStatus, type MemberWeight } from "./frontend.ts";
import type { FrontendChange, VppFacts } from "./hooks.ts";

/** What a batch reads of the world; asked before and after each change. */
export interface BatchWorld {
  /** A frontend of the running configuration, judged now; null if there is none of that name. */
  weights(frontend: string): FrontendWeights | null;
  /** Whether backends of this frontend that go down have their flows flushed. */
  flushOnDown(frontend: string): boolean;
  /** Whether VPP is here and was read since it came. */
  readonly isRead: boolean;
  /** The greatest weight that VPP may have for the backend's server; null: none, or not known. */
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

/** For each frontend one sentence for what a batch of transitions did to it; grouped when first asked. */
export function reasons(transitions: readonly Transition[]): (frontend: string) => string {
  let groups: Map<string, Transition[]> | null = null;
  return (frontend) => {
    if (groups === null) {
      groups = new Map();
      for (const transition of transitions) {
        for (const effect of transition.effects) {
          const group = groups.get(effect.frontend);
          if (group === undefined) groups.set(effect.frontend, [transition]);
          else group.push(transition);
        }
      }
    }
    return reasonOf(groups.get(frontend) ?? []);
  };
}

/** Code and detail in words. A probe's code says more than its detail; an operator's is in it. */
export function causeText(code: string, detail: string): string {
  if (detail === "") return code;
  return code.startsWith("L") ? `${code} ${detail}` : detail;
}

/** One sentence for what a batch of transitions did to a frontend; the first three are named. */
export function reasonOf(transitions: readonly Transition[]): string {
  const named = transitions.slice(0, 3).map(({ backend, to, code, detail }) =>
    `backend ${backend} ${to} (${causeText(code, detail)})`
  );
  const more = transitions.length - named.length;
  return named.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** A reason that names what a batch comes from, then the transitions that changed the frontend. */
export function because(cause: string): (why: string) => string {
  return (why) => [cause, why].filter((part) => part !== "").join(": ");
}

/** What the decision depends on, for one backend in one frontend. */
export interface FlushCase {
  /** The state that is entered. */
  readonly to: State;
  /** Whether the frontend flushes backends that go down. */
  readonly flushOnDown: boolean;
  /** Whether it is the backend's first state in this process and no operator asked for it. */
  readonly first: boolean;
  /** Whether the end of an override brings it: that ends no flows. */
  readonly ended?: boolean;
  /** Weight that VPP is known to have for the server, 0…255; null: none, or not known. Asked only if it matters. */
  readonly weight: () => number | null;
}

/** Whether the flows of the server end. */
export function flushes({ to, flushOnDown, first, ended = false, weight }: FlushCase): boolean {
  if (to === "removed") return true;
  if (ended) return false;
  const ends = to === "disabled" || (to === "down" && flushOnDown);
  return ends && (!first || (weight() ?? 0) > 0);
}

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

/** Answers for the configuration and the backends of the moment. */
export class Judgement implements BatchWorld {
  readonly #vpp: VppFacts;
  readonly #running: () => Config;
  readonly #entry: (backend: string) => { readonly health: BackendHealth } | undefined;

  /** Judges what these functions answer. */
  constructor(
    vpp: VppFacts,
    running: () => Config,
    entry: (backend: string) => { readonly health: BackendHealth } | undefined,
  ) {
    this.#vpp = vpp;
    this.#running = running;
    this.#entry = entry;
  }

  /** Whether VPP is here and was read since it came. */
  get isRead(): boolean {
    return this.#vpp.isRead;
  }

  /** What weights depend on, of one backend; a name that is not configured counts as `removed`. */
  status(backend: string): MemberStatus {
    return this.#entry(backend)?.health ?? { state: "removed", known: true };
  }

  /** A frontend of the running configuration, judged now; null if there is none of that name. */
  weights(name: string): FrontendWeights | null {
    const frontend = this.#running().frontends.get(name);
    if (frontend === undefined) return null;
    return frontendWeights(frontend, {
      status: (backend) => this.status(backend),
      address: (backend) => this.#address(backend),
      witness: (address) => this.#vpp.witness(frontend, address),
      inVpp: (address) => this.#vpp.weight(frontend, address),
    });
  }

  /** Whether backends of this frontend that go down have their flows flushed. */
  flushOnDown(frontend: string): boolean {
    return this.#running().frontends.get(frontend)?.flushOnDown ?? false;
  }

  /**
   * The greatest weight that VPP may have for a backend's server on a frontend's VIP; null: none, or not known. A verdict
   * on a new address ends the flows of the previous server and of the new one, so the greater weight counts. So does
   * the weight of a message that VPP has not answered yet: the server has flows once it does.
   */
  inVpp(name: string, backend: string): number | null {
    const frontend = this.#running().frontends.get(name);
    if (frontend === undefined) return null;
    const previous = this.#entry(backend)?.health.previous?.address;
    const servers = [this.#address(backend), previous ?? null].filter((address) => address !== null);
    const weights = servers.map((address) => this.#vpp.weightAtMost(frontend, address))
      .filter((weight) => weight !== null);
    return weights.length === 0 ? null : Math.max(...weights);
  }

  /** What is known of the flows of a server that the configuration brings. */
  flows(address: IpAddress): Flows {
    if (this.#vpp.firstRead === "awaited") return "not-read";
    return this.#vpp.firstRead === "done" && this.#vpp.hadWeight(address) ? "possible" : "none";
  }

  #address(backend: string): IpAddress | null {
    return this.#running().backends.get(backend)?.address ?? null;
  }
}
