import { type LoadBalancer, type Op, type OpReply, VppError, type VppHeap } from "../../src/lb/balancer.ts";
import { bucketCounts } from "../../src/lb/table/table.ts";
import { encapFamily, isAllPort, vipId } from "../../src/lb/vips.ts";
import type { ActualConf, ActualLb, ActualServer, ActualVip, IpAddress, VipKey } from "../../src/model.ts";
import { family, ip } from "../../src/net/ip.ts";

const names: Record<string, string> = {
  "-1": "VNET_API_ERROR_UNSPECIFIED",
  "-6": "VNET_API_ERROR_NO_SUCH_ENTRY",
  "-70": "VNET_API_ERROR_INVALID_MEMORY_SIZE",
  "-73": "VNET_API_ERROR_INVALID_ARGUMENT",
  "-81": "VNET_API_ERROR_VALUE_EXIST",
  "-97": "VNET_API_ERROR_INVALID_ADDRESS_FAMILY",
};

/** Global settings of a VPP that nobody touched. */
export const untouchedConf: ActualConf = {
  ipv4SrcAddress: ip("255.255.255.255"),
  ipv6SrcAddress: ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
  stickyBucketsPerCore: 1024,
  flowTimeoutSeconds: 40,
};

/** A VIP that a test puts into the fake as it is. */
export interface PlacedVip extends Omit<ActualVip, "servers"> {
  readonly servers: readonly { readonly address: IpAddress; readonly weight: number }[];
}

/**
 * A VPP in memory, with the lb plugin's rules and errors and nothing of its wire format. Every message passes
 * through here one by one, so a test can look at the state after each.
 */
export class FakeBalancer implements LoadBalancer {
  readonly #ended = new AbortController();
  readonly #vips = new Map<string, ActualVip>();
  /** Every message, in the order in which it arrived. */
  readonly ops: Op[] = [];
  /** Messages by the write that carried them. */
  readonly writes: Op[][] = [];
  /** Reads by what they asked for: `all`, `conf`, a `vipId`, or `prefix …`. */
  readonly reads: string[] = [];
  /** Retvals other than 0 that came from the rules and not from `fail`. */
  readonly refused: { readonly op: Op; readonly retval: number }[] = [];
  conf: ActualConf = untouchedConf;
  bootTime = 1;
  /** What the stats segment tells of the main heap; null: there is none. */
  heap: VppHeap | null = { total: 2 ** 30, free: 995 * 2 ** 20, workers: 0 };
  /** False: `readServers` is of no use on this VPP. */
  filterWorks = true;
  textAsked = 0;
  inFlight = 0;
  mostInFlight = 0;
  /** Called before each message; a number other than 0 is answered instead of carrying it out. */
  fail: (op: Op) => number = () => 0;
  /** Called after each message that was carried out. */
  after: (op: Op) => void = () => {};
  /** Awaited before each answer to a message. */
  gate: () => Promise<void> = () => Promise.resolve();
  /** Awaited before each answer to a read. */
  readGate: () => Promise<void> = () => Promise.resolve();

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Ends the session: whatever is under way rejects. */
  end(reason = "the socket was closed"): void {
    this.#ended.abort(new VppError(reason));
  }

  /** Puts a VIP there without a message. */
  place(vip: PlacedVip): void {
    this.#put({ ...vip, servers: vip.servers.map((server) => live(server.address, server.weight)) });
  }

  /** Takes a VIP away without a message. */
  drop(key: VipKey): void {
    this.#vips.delete(vipId(key));
  }

  /** Changes a server without a message; null takes it away. */
  poke(key: VipKey, address: IpAddress, weight: number | null): void {
    const vip = this.vip(key);
    if (vip === null) throw new Error("no such VIP");
    const others = vip.servers.filter((server) => server.address !== address);
    this.#put({ ...vip, servers: weight === null ? others : [...others, live(address, weight)] });
  }

  vip(key: VipKey): ActualVip | null {
    return this.#vips.get(vipId(key)) ?? null;
  }

  get vips(): ActualVip[] {
    return [...this.#vips.values()];
  }

  async readConf(): Promise<ActualConf> {
    this.reads.push("conf");
    return await this.#answer(this.readGate, () => this.conf);
  }

  readHeap(): Promise<VppHeap | null> {
    return Promise.resolve(this.heap);
  }

  async readAll(between: () => Promise<void> | null = () => null): Promise<ActualLb> {
    this.reads.push("all");
    // Its rows are of this moment, and what is written from now on is newer.
    const vips = this.vips;
    for (let group = 8; group < vips.length; group += 8) {
      await this.#answer(this.readGate, () => {});
      await between();
    }
    return await this.#answer(this.readGate, () => ({ readAt: 0, conf: this.conf, vips }));
  }

  async readVip(key: VipKey): Promise<ActualVip | null> {
    this.reads.push(vipId(key));
    return await this.#answer(this.readGate, () => this.vip(key));
  }

  async readVips(keys: readonly VipKey[]): Promise<ActualVip[]> {
    this.reads.push(`vips ${keys.map(vipId).join(", ")}`);
    return await this.#answer(this.readGate, () => keys.flatMap((key) => this.vip(key) ?? []));
  }

  async readServers(key: VipKey): Promise<ActualServer[] | null> {
    this.reads.push(`servers ${vipId(key)}`);
    return await this.#answer(
      this.readGate,
      () => this.filterWorks ? [...this.vip(key)?.servers ?? []] : null,
    );
  }

  async readPrefix(prefix: string): Promise<ActualVip[]> {
    this.reads.push(`prefix ${prefix}`);
    return await this.#answer(this.readGate, () => this.vips.filter((vip) => vip.prefix === prefix));
  }

  textIsStale(): void {
    this.textAsked++;
  }

  send(op: Op, answered: (reply: OpReply) => void, failed: (error: unknown) => void): void {
    this.writes.push([op]);
    this.#carryOut([op]).then(
      ([reply]) => reply === undefined ? failed(new Error("no reply")) : answered(reply),
      failed,
    );
  }

  async applyTogether(ops: readonly Op[]): Promise<OpReply[]> {
    this.writes.push([...ops]);
    return await this.#carryOut(ops);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  async #carryOut(ops: readonly Op[]): Promise<OpReply[]> {
    // Nothing goes out on a session that is over.
    if (this.signal.aborted) throw this.signal.reason;
    this.inFlight += ops.length;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    // VPP handles a connection's messages in the order in which they were sent, whenever the answers are read.
    const retvals = ops.map((op) => this.#handle(op));
    try {
      return await this.#answer(
        this.gate,
        () =>
          retvals.map((retval) => ({ retval, error: retval === 0 ? null : names[retval] ?? `${retval}` })),
      );
    } finally {
      this.inFlight -= ops.length;
    }
  }

  async #answer<T>(gate: () => Promise<void>, answer: () => T): Promise<T> {
    if (this.signal.aborted) throw this.signal.reason;
    await gate();
    if (this.signal.aborted) throw this.signal.reason;
    return answer();
  }

  #handle(op: Op): number {
    this.ops.push(op);
    const failure = this.fail(op);
    if (failure !== 0) return failure;
    const retval = this.#execute(op);
    if (retval !== 0) this.refused.push({ op, retval });
    this.after(op);
    return retval;
  }

  #put(vip: ActualVip): void {
    const counts = bucketCounts(vip.tableLength, vip.servers);
    const servers = vip.servers.map((server, index) => ({ ...server, numBuckets: counts[index] ?? 0 }));
    const { prefix, protocol, port, encap, srcIpSticky, tableLength, index } = vip;
    this.#vips.set(vipId(vip), { prefix, protocol, port, encap, srcIpSticky, tableLength, index, servers });
  }

  #execute(op: Op): number {
    if (op.kind === "conf-set") {
      this.conf = op.conf;
      return 0;
    }
    const vip = this.vip(op.vip);
    if (op.kind === "vip-add") return vip === null ? this.#add(op) : -81;
    if (vip === null) return -6;
    switch (op.kind) {
      case "vip-flush":
        return 0;
      case "vip-delete":
        this.#vips.delete(vipId(vip));
        return 0;
      case "as-add":
        if (family(op.address) !== encapFamily(vip.encap)) return -97;
        if (vip.servers.some((server) => server.address === op.address)) return -81;
        this.#put({ ...vip, servers: [...vip.servers, live(op.address, op.weight)] });
        return 0;
      case "as-delete":
      case "as-weight": {
        const others = vip.servers.filter((server) => server.address !== op.address);
        if (others.length === vip.servers.length) return -6;
        const kept = op.kind === "as-delete" ? [] : [live(op.address, op.weight)];
        this.#put({ ...vip, servers: [...others, ...kept] });
        return 0;
      }
    }
  }

  #add(op: Op & { readonly kind: "vip-add" }): number {
    const neighbours = this.vips.filter((vip) => vip.prefix === op.vip.prefix);
    if (neighbours.some((vip) => isAllPort(vip) !== isAllPort(op.vip))) return -81;
    if (neighbours.some((vip) => vip.encap !== op.encap)) return -73;
    const { tableLength, srcIpSticky, encap } = op;
    if (tableLength === 0 || (tableLength & (tableLength - 1)) !== 0) return -70;
    const index = 1 + Math.max(0, ...this.vips.map((vip) => vip.index ?? 0));
    this.#put({ ...op.vip, encap, tableLength, srcIpSticky, index, servers: [] });
    return 0;
  }
}

function live(address: IpAddress, weight: number): ActualServer {
  return { address, weight, flags: 1, numBuckets: 0, inUseSince: 0 };
}
