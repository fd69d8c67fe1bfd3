/**
 * What is known of VPP, by the names of the configuration.
 *
 * @module
 */
import type { ActualConf, ActualVip, Frontend, IpAddress, UnixMillis } from "../model.ts";
import type { KnownServers } from "./desired.ts";
import type { Memory } from "./memory.ts";
import { frontendVip, vipId } from "./vips.ts";

/** Buckets of one server in the new-flow table, as VPP reported them. */
export interface Buckets {
  /** Buckets that are the server's. */
  readonly count: number;
  /** Length of the table. */
  readonly length: number;
}

/** Read-only view; everything is null or empty while VPP is away. */
export class VppView {
  readonly #memory: Memory;

  /** A view on what `memory` holds. */
  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** When VPP was last read; null: not in this session. */
  get readAt(): UnixMillis | null {
    return this.#memory.readAt;
  }

  /** Whether VPP is here and was read since it came. */
  get isRead(): boolean {
    return this.readAt !== null;
  }

  /** Global settings as last read or set. */
  get conf(): ActualConf | null {
    return this.#memory.conf;
  }

  /** Every VIP of VPP as last read or changed. */
  get vips(): Iterable<ActualVip> {
    return this.#memory.vips;
  }

  /** A frontend's VIP; null: VPP does not have it, or was not read. */
  vip(frontend: string): ActualVip | null {
    const id = this.#memory.idOf(frontend);
    return id === null ? null : this.#memory.vip(id);
  }

  /** Whether VPP was read whole in this process. */
  get wasRead(): boolean {
    return this.#memory.witnesses.known;
  }

  /**
   * Weight that VPP has for a server on a frontend's VIP, 0…255, as last read or changed; null: none, or not read.
   * Before the first read of a session the witness is the best that is known.
   */
  weight(frontend: Frontend, address: IpAddress): number | null {
    if (this.readAt === null) return this.witness(frontend, address);
    return this.#memory.weight(vipId(frontendVip(frontend)), address);
  }

  /** Weight that the first full read of this process showed for a server on a frontend's VIP; null: none. */
  witness(frontend: Frontend, address: IpAddress): number | null {
    return this.#memory.witnesses.weight(vipId(frontendVip(frontend)), address);
  }

  /** Whether the first full read of this process showed the server with a weight above 0 on any VIP. */
  hadWeight(address: IpAddress): boolean {
    return this.#memory.witnesses.hadWeight(address);
  }

  /** What is known of VPP's servers. */
  get servers(): KnownServers {
    return this.#memory;
  }

  /** Buckets of a server as VPP last reported them; null: not known, or changed since. */
  buckets(frontend: string, address: IpAddress): Buckets | null {
    const id = this.#memory.idOf(frontend);
    const vip = this.vip(frontend);
    const server = vip?.servers.find((one) => one.address === address);
    if (id === null || vip === null || server === undefined) return null;
    return this.#memory.bucketsKnown(id) ? { count: server.numBuckets, length: vip.tableLength } : null;
  }
}
