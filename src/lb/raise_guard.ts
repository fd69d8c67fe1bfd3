/**
 * While nobody knows what operators set before a restart, a weight of 0 in VPP may be their word. So no server that
 * VPP had at weight 0 is raised for a while; then the daemon goes by what it knows, and says which servers it raised.
 *
 *   memory lost ──▶ guarded ──max(startup-max-delay, 30 s)──▶ open: each raise is told
 *                   └─ the memory came late: over
 *
 * A daemon of a fleet that has neither the store nor a memory of it does not know what operators want everywhere. Until
 * the first list, or for 30 s, it neither raises such a server nor adds one with a weight.
 *
 * @module
 */
import type { IpAddress, Millis } from "../model.ts";
import { hold, type Holds, together } from "./holds.ts";

/** Servers are guarded so long at least. */
const leastMs: Millis = 30_000;

const lost: Holds = [hold("memory lost")];
const unknown: Holds = [hold("fleet unknown")];

/** A server on a VIP, in the words of the plan. */
export interface GuardedServer {
  /** `vipId` of the VIP. */
  readonly vip: string;
  /** Where VPP sends the packets. */
  readonly address: IpAddress;
  /** Name of the frontend. */
  readonly frontend: string;
  /** Name of the backend; null: none that is known. */
  readonly backend: string | null;
}

/** What a guard asks. */
export interface GuardParts {
  /** Whether there was a memory that cannot be read. */
  readonly memoryLost: boolean;
  /** Whether it is not known what operators want in the whole fleet. */
  readonly fleetUnknown: boolean;
  /** Monotonic start of the process. */
  readonly startedAt: Millis;
  /** `startup-max-delay` at the start. */
  readonly maxDelayMs: Millis;
  /** Weight that the first full read of this process showed for a server on a VIP; null: none. */
  readonly witness: (vip: string, address: IpAddress) => number | null;
  /** Whether an operator of this process gave the server its weight. */
  readonly weighed: (frontend: string, backend: string) => boolean;
}

/** The guard of one process. */
export class RaiseGuard {
  readonly #parts: GuardParts;
  readonly #opensAt: Millis;
  readonly #told = new Set<string>();
  /** Backends that an operator of this process enabled or resumed. */
  readonly #enabled = new Set<string>();
  readonly #fleetOpensAt: Millis;
  #phase: "guarded" | "open" | "over";
  #fleetUnknown: boolean;

  /** Guards nothing unless the memory is lost or the fleet is not known. */
  constructor(parts: GuardParts) {
    this.#parts = parts;
    this.#phase = parts.memoryLost ? "guarded" : "over";
    this.#opensAt = parts.startedAt + Math.max(parts.maxDelayMs, leastMs);
    this.#fleetUnknown = parts.fleetUnknown;
    this.#fleetOpensAt = parts.startedAt + leastMs;
  }

  /** When time alone changes something next; null: never. */
  get dueAt(): Millis | null {
    const due = [
      ...this.#phase === "guarded" ? [this.#opensAt] : [],
      ...this.#fleetUnknown ? [this.#fleetOpensAt] : [],
    ];
    return due.length === 0 ? null : Math.min(...due);
  }

  /** Takes time into account; true if servers may be raised from now on. */
  step(now: Millis): boolean {
    const wasFleet = this.#fleetUnknown;
    if (now >= this.#fleetOpensAt) this.#fleetUnknown = false;
    if (this.#phase !== "guarded" || now < this.#opensAt) return wasFleet && !this.#fleetUnknown;
    this.#phase = "open";
    return true;
  }

  /** An operator of this process enabled or resumed a backend: its servers may be raised. */
  enabled(backend: string): void {
    this.#enabled.add(backend);
  }

  /** What an earlier process left is known after all. */
  end(): void {
    this.#phase = "over";
  }

  /** What operators want in the whole fleet is known. True if that was waited for. */
  fleetKnown(): boolean {
    const waited = this.#fleetUnknown;
    this.#fleetUnknown = false;
    return waited;
  }

  /**
   * Why the server may not be raised, or added with a weight, now.
   *
   * @param wanted who else wants servers to serve, for a plan that is only made
   */
  holds(server: GuardedServer, wanted: (server: GuardedServer) => boolean = () => false): Holds {
    if (wanted(server)) return [];
    const memory = this.#phase === "guarded" && this.#concerns(server, false) ? lost : [];
    const fleet = this.#fleetUnknown && this.#concerns(server, true) ? unknown : [];
    return together(memory, fleet);
  }

  /** Whether the raise of a server must be told: nobody knows whether its weight of 0 was an operator's word. */
  mustTell(server: GuardedServer): boolean {
    const key = `${server.vip} ${server.address}`;
    if (this.#phase !== "open" || this.#told.has(key) || !this.#concerns(server, false)) return false;
    this.#told.add(key);
    return true;
  }

  #concerns({ address, backend, frontend, vip }: GuardedServer, alsoNew: boolean): boolean {
    const { weighed, witness } = this.#parts;
    if ((witness(vip, address) ?? (alsoNew ? 0 : null)) !== 0) return false;
    return backend === null || !(this.#enabled.has(backend) || weighed(frontend, backend));
  }
}
