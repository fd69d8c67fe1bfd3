/**
 * What one batch of results, actions or a reload changes: the transitions of backends with their weights and flushes.
 * Pure.
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
 * Some flushes are told by no transition of their moment. First states may be told before VPP was read for the first
 * time in this process. Nobody knows then what VPP has, so such a transition tells no flush: most are found as they were
 * before a restart of the daemon, at weight 0. The first full read decides, and the history tells the same from then on.
 *
 * A reload may give a backend that is down or disabled a server that VPP has with a weight above 0: another VIP, or
 * the address of another backend.
 *
 * @module
 */
import type { IpAddress, Millis, State, Transition, UnixMillis, WeightEffect } from "../model.ts";
import type { Backend, Config, Frontend } from "../configuration.ts";
import type { BackendHealth, Flows, StateChange } from "./backend.ts";
import type { Membership } from "./config.ts";
import type { Entry } from "./entry.ts";
import {
  type FrontendChange,
  type FrontendWeights,
  frontendWeights,
  type MemberStatus,
  type MemberWeight,
  type VppFacts,
} from "./frontend.ts";

/** What came of one batch of results, of an action, or of a reload. */
export interface HealthChanges {
  /** In the order in which they happened. */
  readonly transitions: readonly Transition[];
  /** Frontends whose state or active pool changed. */
  readonly frontendChanges: readonly FrontendChange[];
  /** Flushes of transitions that were told before the first full read. */
  readonly lateFlushes: readonly LateFlush[];
  /** Frontends with weights that are others because an override ended, came or woke. */
  readonly reweighed: readonly string[];
  /** Monotonic time at which the deciding result or request reached the tracker. */
  readonly decidedAt: Millis;
  /** The same by the wall clock. */
  readonly at: UnixMillis;
}

/** Receives the outcome of one batch, after every state, weight and history is consistent. */
export type ChangeSink = (changes: HealthChanges) => void;

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
      // A list that grows by `push` keeps room for 17; each backend keeps some of these.
      const effects = pending.frontends.map((frontend): WeightEffect => {
        const now = after.get(frontend) ?? this.#members(frontend);
        after.set(frontend, now);
        const old = this.#before.get(frontend)?.get(pending.backend);
        const is = now.get(pending.backend);
        return {
          frontend,
          pool: is?.pool ?? old?.pool ?? "",
          weightBefore: old?.effective ?? 0,
          weightAfter: is?.effective ?? 0,
          flush: pending.flushed.has(frontend),
        };
      });
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
  /** Weight that VPP is known to have for the server, 0...255; null: none, or not known. Asked only if it matters. */
  readonly weight: () => number | null;
}

/** Whether the flows of the server end. */
export function flushes({ to, flushOnDown, first, ended = false, weight }: FlushCase): boolean {
  if (to === "removed") return true;
  if (ended) return false;
  const ends = to === "disabled" || (to === "down" && flushOnDown);
  return ends && (!first || (weight() ?? 0) > 0);
}

/** A flush that no transition of its batch tells; see `Tracker.firstRead`. */
export interface LateFlush {
  /** Name of the frontend. */
  readonly frontend: string;
  /** Name of the backend. */
  readonly backend: string;
  /** The state of the backend that owes it. */
  readonly state: "down" | "disabled";
}

/** A transition with what the first full read decided. */
export interface Completed {
  /** With the weights that VPP had and the flushes. */
  readonly transition: Transition;
  /** Flushes that it did not tell before. */
  readonly late: readonly LateFlush[];
}

/**
 * Decides the flushes of a first state.
 *
 * @param told as it was told
 * @param backend its present name
 */
export function complete(told: Transition, backend: string, world: BatchWorld): Completed {
  const late: LateFlush[] = [];
  const { to } = told;
  const effects = told.effects.map((effect) => {
    const { frontend } = effect;
    const weight = world.inVpp(frontend, backend);
    const flush = effect.flush ||
      flushes({ to, flushOnDown: world.flushOnDown(frontend), first: true, weight: () => weight });
    if (flush && !effect.flush && (to === "down" || to === "disabled")) {
      late.push({ frontend, backend, state: to });
    }
    return { ...effect, weightBefore: weight ?? effect.weightBefore, flush };
  });
  return { transition: { ...told, effects }, late };
}

/** The servers of a backend, each with its VIP, whatever the names are. */
function servers(config: Config, places: readonly Membership[], address: IpAddress): Map<string, Frontend> {
  const frontends = places.flatMap(({ frontend }) => config.frontends.get(frontend) ?? []);
  return new Map(frontends.map((one) => [`${one.address} ${one.protocol} ${one.port} ${address}`, one]));
}

/**
 * Flushes of a backend that stays down or disabled over a reload: of servers that are new to it, where VPP has them
 * with a weight, or may have while it is away.
 *
 * @param was the backend in the last configuration
 * @param left its places then
 */
export function broughtFlushes(
  entry: Pick<Entry, "backend" | "health" | "places">,
  was: Backend,
  left: readonly Membership[],
  before: Config,
  after: Config,
  world: BatchWorld,
): LateFlush[] {
  const { name } = entry.backend;
  const { state } = entry.health;
  if (state !== "down" && state !== "disabled") return [];
  const had = servers(before, left, was.address);
  return [...servers(after, entry.places, entry.backend.address)].flatMap(([server, frontend]) => {
    const weight = () => world.inVpp(frontend.name, name);
    const { flushOnDown } = frontend;
    const due = !had.has(server) && flushes({ to: state, flushOnDown, first: world.isRead, weight });
    return due ? [{ frontend: frontend.name, backend: name, state }] : [];
  });
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
