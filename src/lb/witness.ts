/**
 * What the first full read of this process showed: the only evidence of backends that nobody has judged since. What
 * the daemon writes later is no evidence, or it would take its own 0 for VPP's word.
 *
 * @module
 */
import type { ActualVip, IpAddress } from "../model.ts";
import { vipId } from "./vips.ts";

/** Witnesses by VIP and server; nothing was read at first. */
export class Witnesses {
  #weights: Map<string, ReadonlyMap<IpAddress, number>> | null = null;
  /** Addresses with a weight above 0 on any VIP; null: not gathered since the last change. */
  #carried: Set<IpAddress> | null = null;

  /** Whether VPP was read whole in this process. */
  get known(): boolean {
    return this.#weights !== null;
  }

  /** Takes a full read; only the first of the process counts. True: this was the first. */
  take(vips: readonly ActualVip[]): boolean {
    if (this.#weights !== null) return false;
    this.#weights = new Map(vips.map((vip) => [
      vipId(vip),
      new Map(vip.servers.map(({ address, weight }) => [address, weight])),
    ]));
    return true;
  }

  /** The witness of a server on a VIP, 0…255; null: VPP did not have it, or nothing was read yet. */
  weight(vip: string, address: IpAddress): number | null {
    return this.#weights?.get(vip)?.get(address) ?? null;
  }

  /** Whether any VIP has a witness above 0 for the server. */
  hadWeight(address: IpAddress): boolean {
    if (this.#carried === null) {
      this.#carried = new Set();
      for (const servers of this.#weights?.values() ?? []) {
        for (const [server, weight] of servers) if (weight > 0) this.#carried.add(server);
      }
    }
    return this.#carried.has(address);
  }

  /**
   * VPP does not have the server any more, because the configuration does not: its flows are gone.
   *
   * @param address null: all servers of the VIP
   */
  drop(vip: string, address: IpAddress | null): void {
    const servers = this.#weights?.get(vip);
    if (address === null || servers === undefined) this.#weights?.delete(vip);
    else {
      // Another map: a copy may share this one.
      const left = new Map(servers);
      left.delete(address);
      this.#weights?.set(vip, left);
    }
    this.#carried = null;
  }

  /** The same, which nothing changes later. */
  copy(): Witnesses {
    const copy = new Witnesses();
    copy.#weights = this.#weights === null ? null : new Map(this.#weights);
    return copy;
  }
}
