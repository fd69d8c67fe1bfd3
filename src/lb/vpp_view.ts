/**
 * What is known of VPP, for those who ask by the names of the configuration.
 *
 * @module
 */
import type { Frontend } from "../configuration.ts";
import type { VppFacts } from "../health/frontend.ts";
import type { ActualVip, IpAddress, UnixMillis } from "../model.ts";
import type { KnownServers } from "./desired.ts";
import { frontendVip, vipId } from "./vips.ts";
import type { VppState } from "./vpp_state.ts";

/** A server of a VIP, as far as it is known. */
export interface KnownServer {
  /** As last read, or set since; 0...255. */
  readonly weight: number;
  /** Entries of the new-flow table; null: changed since they were read. */
  readonly numBuckets: number | null;
  /** When the VIP was last read. */
  readonly readAt: UnixMillis;
}

/** Buckets of one server in the new-flow table, as VPP reported them. */
export interface Buckets {
  /** Buckets that are the server's. */
  readonly count: number;
  /** Length of the table. */
  readonly length: number;
}

/** What is known of VPP by the names of the configuration. Read only; all is null while VPP is away. */
export class VppView {
  readonly #state: VppState;
  readonly #idOf: (frontend: string) => string | null;

  /**
   * A view on `state`.
   *
   * @param idOf `vipId` of a frontend's VIP; null: no such frontend
   */
  constructor(state: VppState, idOf: (frontend: string) => string | null) {
    this.#state = state;
    this.#idOf = idOf;
  }

  /** When VPP was last read; null: not in this session. */
  get readAt(): UnixMillis | null {
    return this.#state.readAt;
  }

  /** Whether VPP is here and was read since it came. */
  get isRead(): boolean {
    return this.readAt !== null;
  }

  /** A frontend's VIP; null: VPP does not have it, or was not read. */
  vip(frontend: string): ActualVip | null {
    const id = this.#idOf(frontend);
    return id === null ? null : this.#state.vip(id);
  }

  /** Whether VPP was read whole in this process. */
  get wasRead(): boolean {
    return this.#state.witnesses.known;
  }

  /**
   * Weight that VPP has for a server on a frontend's VIP, 0...255, as last read or changed; null: none, or not read.
   * Before the first read of a session the witness is the best that is known.
   */
  weight(frontend: Frontend, address: IpAddress): number | null {
    if (this.readAt === null) return this.witness(frontend, address);
    return this.#state.weight(vipId(frontendVip(frontend)), address);
  }

  /**
   * The greatest weight that VPP may have for a server on a frontend's VIP, 0...255: as `weight`, or that of a message
   * which VPP has not answered yet. Null: none.
   */
  weightAtMost(frontend: Frontend, address: IpAddress): number | null {
    const known = this.weight(frontend, address);
    const raised = this.#state.raisedTo(vipId(frontendVip(frontend)), address);
    return raised === null ? known : Math.max(known ?? 0, raised);
  }

  /** Weight that the first full read of this process showed for a server on a frontend's VIP; null: none. */
  witness(frontend: Frontend, address: IpAddress): number | null {
    return this.#state.witnesses.weight(vipId(frontendVip(frontend)), address);
  }

  /** Whether the first full read of this process showed the server with a weight above 0 on any VIP. */
  hadWeight(address: IpAddress): boolean {
    return this.#state.witnesses.hadWeight(address);
  }

  /** What is known of VPP's servers. */
  get servers(): KnownServers {
    return this.#state;
  }

  /** The servers of a frontend's VIP; none: VPP does not have it, or was not read. */
  serversOf(frontend: string): ReadonlyMap<IpAddress, KnownServer> {
    const id = this.#idOf(frontend);
    const readAt = id === null ? null : this.#state.readAtOf(id);
    const known = new Map<IpAddress, KnownServer>();
    if (id === null || readAt === null) return known;
    const bucketsKnown = this.#state.bucketsKnown(id);
    for (const { address, numBuckets, weight } of this.vip(frontend)?.servers ?? []) {
      known.set(address, { weight, numBuckets: bucketsKnown ? numBuckets : null, readAt });
    }
    return known;
  }

  /** Buckets of a server as VPP last reported them; null: not known, or changed since. */
  buckets(frontend: string, address: IpAddress): Buckets | null {
    const id = this.#idOf(frontend);
    const vip = this.vip(frontend);
    const server = vip?.servers.find((one) => one.address === address);
    if (id === null || vip === null || server === undefined) return null;
    return this.#state.bucketsKnown(id) ? { count: server.numBuckets, length: vip.tableLength } : null;
  }
}

/**
 * What the judgement of backends asks of VPP.
 *
 * @param enabled false: VPP is switched off
 * @param view null: there is no reconciler yet
 */
export function vppFacts(enabled: boolean, view: () => VppView | null): VppFacts {
  return {
    get firstRead() {
      if (!enabled) return "off";
      return view()?.wasRead === true ? "done" : "awaited";
    },
    get isRead() {
      return view()?.isRead === true;
    },
    witness: (frontend, address) => view()?.witness(frontend, address) ?? null,
    hadWeight: (address) => view()?.hadWeight(address) ?? false,
    weight: (frontend, address) => view()?.weight(frontend, address) ?? null,
    weightAtMost: (frontend, address) => view()?.weightAtMost(frontend, address) ?? null,
  };
}
