/**
 * The plugin's flow table: where a flow, once begun, stays. VPP has one a thread; to a controller they look
 * like one.
 *
 * @module
 */

interface Pinned {
  readonly vip: number;
  readonly server: number;
  /** In seconds of VPP's clock. */
  until: number;
}

/** Flows pinned to servers, by VIP index and flow hash. */
export class StickyTable {
  readonly #flows = new Map<string, Pinned>();
  readonly #references = new Map<number, number>();

  /** The server that a flow is pinned to, or null; a hit begins its time-out anew. */
  find(vip: number, hash: number, now: number, timeout: number): number | null {
    const flow = this.#flows.get(`${vip} ${hash}`);
    if (flow === undefined || flow.until < now) return null;
    flow.until = now + timeout;
    return flow.server;
  }

  /** Pins a flow that is not pinned, in place of an expired one of the same hash. */
  pin(vip: number, hash: number, server: number, now: number, timeout: number): void {
    const key = `${vip} ${hash}`;
    const before = this.#flows.get(key);
    if (before !== undefined) this.#refer(before.server, -1);
    this.#flows.set(key, { vip, server, until: now + timeout });
    this.#refer(server, 1);
  }

  /** Forgets the flows of a VIP, or only those of one server in it. */
  flush(vip: number, server: number | null): void {
    for (const [key, flow] of this.#flows) {
      if (flow.vip !== vip || (server !== null && flow.server !== server)) continue;
      this.#flows.delete(key);
      this.#refer(flow.server, -1);
    }
  }

  /** Forgets every flow: its thread threw the table away. */
  clear(): void {
    this.#flows.clear();
    this.#references.clear();
  }

  /**
   * Flows that refer to a server. One that has expired still does: VPP looks at it only when another takes its
   * place. As long as there is one, the server's row is not collected.
   */
  references(server: number): number {
    return this.#references.get(server) ?? 0;
  }

  #refer(server: number, change: number): void {
    this.#references.set(server, this.references(server) + change);
  }
}
