/**
 * Pools and backend states to effective weights and the frontend's state, and what was last told of each frontend. Pure.
 *
 * The active pool is the first with a member that is up and has weight > 0; if none has, the first pool.
 *
 *   state              in the active pool   effective weight
 *   up                 yes                  configured
 *   up                 no                   0
 *   unknown, paused    any                  0
 *   down, disabled     any                  0
 *
 * A backend in `unknown` that had no verdict, pause, disable or enable in this process is not yet known. It is
 * judged by its witness: the weight that the first full read of this process showed on the VIP. A witness above 0
 * counts as up with exactly that weight, 0 or none as unknown. What the daemon writes later is no witness, or it
 * would take its own 0 for VPP's word. A weight that an operator sets in this process on such a member counts as up
 * with that weight; one that an earlier process left replaces the configured one, and the witness decides.
 *
 * While overrides of an earlier process are not read yet, a member that is up carries its witness; see start.ts.
 *
 * Which server serves for each member of a frontend while new addresses wait for their first verdict:
 *
 *   member                                    server
 *   has a verdict, is paused, disabled, ...   the configured address
 *   waits for the verdict on a new address    the previous address, unless such a member has taken it
 *   unknown, does not wait                    the configured address, unless one of the others has it
 *
 * Two members may exchange their addresses in one reload. The first of them that has a verdict takes the previous
 * server of the other, which keeps the server that became free: VPP has it, and it is what the other one moves to. So
 * an exchange neither deletes nor adds a server on the way. Such a server carries only if it did before.
 *
 * @module
 */
import type { FrontendState, IpAddress, State, Transition, UnixMillis } from "../model.ts";
import type { Frontend, PoolMember } from "../configuration.ts";

/** What of a backend the overrides that are not read yet may change: its weights, or its state as well. */
export type Unread = "weights" | "state";

/** What weights depend on, of one backend. */
export interface MemberStatus {
  /** State of the backend. */
  readonly state: State;
  /** False until the first verdict, pause, disable or enable in this process. */
  readonly known: boolean;
  /** Given: overrides of an earlier process may exist and are not read yet. */
  readonly unread?: Unread;
  /** Given: its new address waits for a verdict, and this server serves meanwhile. */
  readonly previous?: PreviousServer | null;
}

/** What a frontend's weights depend on besides its configuration. */
export interface MemberFacts {
  /** State of a backend. */
  readonly status: (backend: string) => MemberStatus;
  /** Address of a backend's server; null: the configuration has no such backend. */
  readonly address: (backend: string) => IpAddress | null;
  /** Weight that the first full read of this process showed for a server on this VIP; null: none, or not read yet. */
  readonly witness: (address: IpAddress) => number | null;
  /** Weight that VPP has for a server on this VIP; null: none, or not read. */
  readonly inVpp: (address: IpAddress) => number | null;
}

/** One member of one pool, judged. */
export interface MemberWeight {
  /** Name of the pool. */
  readonly pool: string;
  /** Name of the backend. */
  readonly backend: string;
  /** Address of the server that serves for it; null: none. */
  readonly address: IpAddress | null;
  /** State of the backend. */
  readonly state: State;
  /** The state that it is judged by: while a new address waits for its verdict, the state at the previous one. */
  readonly judged: State;
  /** False: judged by its witness while it is unknown. */
  readonly known: boolean;
  /** Weight of the running configuration, 0...100. */
  readonly configured: number;
  /** Weight that VPP should have, 0...255: VPP may have what no configuration can. */
  readonly effective: number;
}

/** A frontend, judged. */
export interface FrontendWeights {
  /** State of the frontend. */
  readonly state: FrontendState;
  /** Name of the active pool. */
  readonly activePool: string;
  /** In the order of pools and of members in the file. */
  readonly members: readonly MemberWeight[];
}

/** Weight of a member whose pool is the active one, if this server serves for it. */
function weightIfActive(
  member: PoolMember,
  server: IpAddress,
  { state, known }: Pick<MemberStatus, "state" | "known">,
  unread: Unread | undefined,
  { witness }: Pick<MemberFacts, "witness">,
): number {
  const isSetHere = member.byOperator !== undefined && member.restored !== true;
  if (state === "up") {
    return unread === undefined || isSetHere ? member.weight : witness(server) || member.weight;
  }
  if (unread === "state" && state === "disabled") return witness(server) ?? 0;
  if (state !== "unknown" || known) return 0;
  return isSetHere ? member.weight : witness(server) ?? 0;
}

/** A server that serves in place of the previous one, as two backends exchange theirs, counts if it carried before. */
function isIdleStandIn({ previous }: MemberStatus, server: IpAddress, facts: MemberFacts): boolean {
  return (previous ?? null) !== null && previous?.address !== server && (facts.inVpp(server) ?? 0) === 0;
}

/** Whether one of them waits for the verdict on a new address. */
function isAnyWaiting(members: readonly PoolMember[], facts: MemberFacts): boolean {
  for (const { backend } of members) if ((facts.status(backend).previous ?? null) !== null) return true;
  return false;
}

/** The server of each member, in the file's order; null: that of the configured address, since no member waits for one. */
function serversOf({ pools }: Frontend, facts: MemberFacts): readonly (IpAddress | null)[] | null {
  if (!pools.some(({ members }) => isAnyWaiting(members, facts))) return null;
  const claims = pools.flatMap(({ members }) => members).map(({ backend }): Claim => {
    const { previous = null, state } = facts.status(backend);
    return { state, previous, address: facts.address(backend) };
  });
  return memberServers(claims, (address) => facts.inVpp(address) !== null);
}

/** Members whose objects are used again. */
export type MemberScratch = { -readonly [K in keyof MemberWeight]: MemberWeight[K] }[];

/**
 * Judges a frontend with the weights of the running configuration. It is asked for each VIP before its message, so it
 * makes no more lists than needed.
 *
 * @param members for a caller that asks for thousands and keeps none: the list of its call before, which becomes the
 * result's
 */
export function frontendWeights(
  frontend: Frontend,
  facts: MemberFacts,
  members: MemberScratch = [],
): FrontendWeights {
  const { pools } = frontend;
  const servers = serversOf(frontend, facts);
  let count = 0;
  let active: string | null = null;
  for (const pool of pools) {
    for (const member of pool.members) {
      const { backend } = member;
      const status = facts.status(backend);
      const address = servers === null ? facts.address(backend) : servers[count] ?? null;
      const judged = status.previous ?? status;
      const carries = address !== null && !isIdleStandIn(status, address, facts);
      const effective = carries ? weightIfActive(member, address, judged, status.unread, facts) : 0;
      if (effective > 0) active ??= pool.name;
      const old = members[count++];
      if (old === undefined) {
        members.push({
          pool: pool.name,
          backend,
          address,
          state: status.state,
          judged: judged.state,
          known: judged.known,
          configured: member.weight,
          effective,
        });
      } else {
        old.pool = pool.name;
        old.backend = backend;
        old.address = address;
        old.state = status.state;
        old.judged = judged.state;
        old.known = judged.known;
        old.configured = member.weight;
        old.effective = effective;
      }
    }
  }
  members.length = count;
  const activePool = active ?? pools[0]?.name ?? "";
  for (const member of members) if (member.pool !== activePool) member.effective = 0;
  const state: FrontendState = active !== null
    ? "up"
    : members.every((member) => member.judged === "unknown")
    ? "unknown"
    : "down";
  return { state, activePool, members };
}

/** The server at the address that a reload replaced. It serves until the new one has its first verdict. */
export interface PreviousServer {
  /** Its address. */
  readonly address: IpAddress;
  /** State of the backend when it had this address. */
  readonly state: State;
  /** Whether the backend was known then. */
  readonly known: boolean;
}

/** A member before it is known which server serves for it. */
export interface Claim {
  /** State of the backend. */
  readonly state: State;
  /** Not null: its new address waits for a verdict. */
  readonly previous: PreviousServer | null;
  /** The configured address; null: the configuration has no such backend. */
  readonly address: IpAddress | null;
}

/**
 * The server of each member, in the order of the claims; null: none.
 *
 * @param has whether VPP has a server of this address on the VIP
 */
export function memberServers(
  claims: readonly Claim[],
  has: (address: IpAddress) => boolean,
): readonly (IpAddress | null)[] {
  const waiting = claims.filter((claim) => claim.previous !== null);
  if (waiting.length === 0) return claims.map(({ address }) => address);
  const taken = new Map<IpAddress, Claim>();
  const take = (address: IpAddress | null, claim: Claim) => {
    if (address !== null && !taken.has(address)) taken.set(address, claim);
  };
  const rest = claims.filter((claim) => claim.previous === null);
  for (const claim of rest) if (claim.state !== "unknown") take(claim.address, claim);
  for (const claim of waiting) take(claim.previous?.address ?? null, claim);
  for (const claim of waiting) {
    if (claim.previous === null || taken.get(claim.previous.address) === claim) continue;
    const free = [claim, ...waiting].map(({ address }) => address)
      .find((address) => address !== null && !taken.has(address) && has(address));
    take(free ?? null, claim);
  }
  for (const claim of rest) if (claim.state === "unknown") take(claim.address, claim);
  const servers = new Map([...taken].map(([address, claim]) => [claim, address]));
  return claims.map((claim) => servers.get(claim) ?? null);
}

/** What the tracker asks of VPP. */
export interface VppFacts {
  /** Whether VPP was read whole in this process: `off` if VPP is switched off, so that it never will be. */
  readonly firstRead: "off" | "awaited" | "done";
  /** Whether VPP is here and was read since it came. */
  readonly isRead: boolean;
  /** The witness: weight that the first full read showed for a server on a frontend's VIP, 0...255; null: none. */
  witness(frontend: Frontend, address: IpAddress): number | null;
  /** Whether the first full read showed the server with a weight above 0 on any VIP. */
  hadWeight(address: IpAddress): boolean;
  /** Weight that VPP is known to have for a server on a frontend's VIP, 0...255; null: none, or not known. */
  weight(frontend: Frontend, address: IpAddress): number | null;
  /** The greatest weight that VPP may have for it, while a message for it is under way; else as `weight`. */
  weightAtMost(frontend: Frontend, address: IpAddress): number | null;
}

/** A frontend whose state or active pool changed; `from` and `to` are equal when only the pool did. */
export interface FrontendChange {
  /** Name of the frontend. */
  readonly frontend: string;
  /** State before. */
  readonly from: FrontendState;
  /** State now. */
  readonly to: FrontendState;
  /** Name of the pool that carries the frontend now. */
  readonly activePool: string;
  /** One sentence: `backend b1 down (L4CON connection refused)`. */
  readonly reason: string;
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
