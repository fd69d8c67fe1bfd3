/**
 * Pools and backend states to effective weights and the frontend's state. Pure.
 *
 * The active pool is the first with a member that is up and has weight > 0; if none has, the first pool.
 *
 *   state              in the active pool   effective weight
 *   up                 yes                  configured
 *   up                 no                   0
 *   unknown, paused    any                  0
 *   down, disabled     any                  0
 *
 * A backend that is not yet known (no counted result and no operator's action since the daemon's start) is
 * judged by what VPP has: weight > 0 there counts as up with exactly that weight (or the one that an operator has
 * set since, who is to be obeyed), anything else as unknown.
 *
 * @module
 */
import type { Frontend, FrontendState, PoolMember, State } from "../model.ts";

/** What weights depend on, of one backend. */
export interface MemberStatus {
  /** State of the backend. */
  readonly state: State;
  /** False until the first counted result or operator's action after the daemon's start. */
  readonly known: boolean;
}

/** One member of one pool, judged. */
export interface MemberWeight {
  /** Name of the pool. */
  readonly pool: string;
  /** Name of the backend. */
  readonly backend: string;
  /** State of the backend. */
  readonly state: State;
  /** False: judged by what VPP has. */
  readonly known: boolean;
  /** Weight of the running configuration, 0…100. */
  readonly configured: number;
  /** Weight that VPP should have, 0…255: VPP may have what no configuration can. */
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

/** Weight of a member that is not yet known, if its pool is the active one. */
function notYetKnown({ byOperator, weight }: PoolMember, inVpp: number): number {
  return inVpp > 0 && byOperator === true ? weight : inVpp;
}

/**
 * Judges a frontend.
 *
 * @param frontend with the weights of the running configuration
 * @param status state of each member
 * @param inVpp weight that VPP last reported for a member's server on this VIP; null: none, or never read
 */
export function frontendWeights(
  frontend: Frontend,
  status: (backend: string) => MemberStatus,
  inVpp: (backend: string) => number | null,
): FrontendWeights {
  const pools = frontend.pools.map((pool) => ({
    name: pool.name,
    members: pool.members.map((member) => {
      const { state, known } = status(member.backend);
      const judged = known || state !== "unknown";
      const weightIfActive = judged
        ? (state === "up" ? member.weight : 0)
        : notYetKnown(member, inVpp(member.backend) ?? 0);
      return { member, state, known, weightIfActive };
    }),
  }));
  const carrying = pools.find((pool) => pool.members.some((m) => m.weightIfActive > 0));
  const active = carrying ?? pools[0];
  const members = pools.flatMap((pool) =>
    pool.members.map(({ member, state, known, weightIfActive }) => ({
      pool: pool.name,
      backend: member.backend,
      state,
      known,
      configured: member.weight,
      effective: pool === active ? weightIfActive : 0,
    }))
  );
  const state: FrontendState = members.some((m) => m.effective > 0)
    ? "up"
    : members.every((m) => m.state === "unknown")
    ? "unknown"
    : "down";
  return { state, activePool: active?.name ?? "", members };
}
