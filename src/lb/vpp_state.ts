/**
 * What VPP has: the last state read, changed by what VPP answered since. Knows which messages are under way, so that a
 * row that was read before a write does not replace what the write made.
 *
 * @module
 */
import type { ActualConf, ActualLb, ActualServer, ActualVip, IpAddress, UnixMillis } from "../model.ts";
import type { Op } from "./balancer.ts";
import type { KnownServers } from "./desired.ts";
import type { Ownership } from "./ownership.ts";
import { vipId } from "./vips.ts";

/** What VPP has, as far as the daemon knows. */
export class VppState implements KnownServers {
  #vips = new Map<string, ActualVip>();
  /** Ids of `#vips` by prefix; null: not gathered since a VIP came or went. */
  #byPrefix: Map<string, string[]> | null = null;
  #bucketsUnknown = new Set<string>();
  #conf: ActualConf | null = null;
  #readAt: UnixMillis | null = null;
  /** When a VIP was read by itself, by `vipId`; all others were read at `#readAt`. */
  #vipReadAt = new Map<string, UnixMillis>();
  /** Counts messages that change something, before they are sent. */
  #sent = 0;
  /** Value of `#sent` at the last message for a VIP, by `vipId`; of this session. */
  readonly #sentTo = new Map<string, number>();
  /** Messages for a VIP whose outcome is not known yet, by `vipId`, and who waits for all of them. */
  readonly #underWay = new Map<string, { count: number; settled: PromiseWithResolvers<void> | null }>();
  /** Weights above 0 that VPP has not answered yet. */
  readonly #raises = new Set<RaiseOp>();
  #bootTime: number | null = null;
  readonly #ownership: Ownership;
  /** What the first full read of this process showed. */
  readonly witnesses: Witnesses;
  /** Global settings that were in sync last on this VPP; null: never. */
  previousConf: ActualConf | null = null;

  /** Knows nothing yet, and tells `ownership` which VIPs come and go. */
  constructor(ownership: Ownership, witnesses: Witnesses = new Witnesses()) {
    this.#ownership = ownership;
    this.witnesses = witnesses;
  }

  /** What is known now; nothing that is read or sent later changes it. Which messages are under way is not part of it. */
  copy(ownership: Ownership): VppState {
    const copy = new VppState(ownership, this.witnesses.copy());
    copy.#vips = new Map(this.#vips);
    copy.#bucketsUnknown = new Set(this.#bucketsUnknown);
    copy.#conf = this.#conf;
    copy.#readAt = this.#readAt;
    copy.#bootTime = this.#bootTime;
    copy.previousConf = this.previousConf;
    return copy;
  }

  /**
   * A session began. With another boot time VPP is a new one, and nothing of it was ever in sync.
   *
   * @returns whether VPP is a new one
   */
  connected(bootTime: number): boolean {
    const restarted = this.#bootTime !== null && this.#bootTime !== bootTime;
    if (restarted) this.previousConf = null;
    this.#bootTime = bootTime;
    this.#ownership.session(restarted);
    return restarted;
  }

  /** A session ended: what was read is not known any more. */
  disconnected(): void {
    this.#vips.clear();
    this.#byPrefix = null;
    this.#bucketsUnknown.clear();
    this.#vipReadAt.clear();
    this.#sentTo.clear();
    this.#conf = null;
    this.#readAt = null;
    this.#ownership.session(false);
  }

  /**
   * A message is about to be sent.
   *
   * @param id of its VIP; null: the settings
   */
  sending(op: Op, id: string | null): void {
    this.#sent++;
    if (id === null) return;
    if (isRaise(op)) this.#raises.add(op);
    this.#sentTo.set(id, this.#sent);
    const underWay = this.#underWay.get(id);
    if (underWay === undefined) this.#underWay.set(id, { count: 1, settled: null });
    else underWay.count++;
  }

  /** The outcome of a message is taken into account. */
  settled(op: Op, id: string | null): void {
    if (id === null) return;
    if (isRaise(op)) this.#raises.delete(op);
    const underWay = this.#underWay.get(id);
    if (underWay === undefined || --underWay.count > 0) return;
    this.#underWay.delete(id);
    underWay.settled?.resolve();
  }

  /** Whether a message for the VIP is under way. */
  isUnderWay(id: string): boolean {
    return this.#underWay.has(id);
  }

  /** Resolves when no message for the VIP is under way; null: none is now. */
  untilSettled(id: string): Promise<void> | null {
    const underWay = this.#underWay.get(id);
    if (underWay === undefined) return null;
    underWay.settled ??= Promise.withResolvers();
    return underWay.settled.promise;
  }

  /** How many messages were sent so far: a read that begins now shows what all of them did. */
  get sent(): number {
    return this.#sent;
  }

  /** Whether a message for the VIP was sent after the first `sent` ones: a dump that began then may lack it. */
  sentSince(id: string, sent: number): boolean {
    return (this.#sentTo.get(id) ?? 0) > sent;
  }

  /**
   * Everything was read; true for the first time in this process. What is known of a VIP that was written meanwhile
   * stays: its row may be older than the write.
   *
   * @param sent value of `sent` when the read began
   */
  readAll(lb: ActualLb, sent: number): boolean {
    const kept = [...this.#vips].filter(([id]) => this.sentSince(id, sent));
    const before = new Set(this.#vips.keys());
    const gone = [...this.#sentTo.keys()].filter((id) => this.sentSince(id, sent) && !this.#vips.has(id));
    this.#vips = new Map([...lb.vips.map((vip): [string, ActualVip] => [vipId(vip), vip]), ...kept]);
    for (const id of gone) this.#vips.delete(id);
    // Nearly every read finds the same VIPs, and the next failover needs them by prefix.
    if (before.size !== this.#vips.size || [...before].some((id) => !this.#vips.has(id))) {
      this.#byPrefix = null;
    }
    const unknown = kept.map(([id]) => id).filter((id) => this.#bucketsUnknown.has(id));
    this.#bucketsUnknown = new Set(unknown);
    const readAt = kept.map(([id]): [string, UnixMillis] => [id, this.readAtOf(id) ?? lb.readAt]);
    this.#vipReadAt = new Map(readAt);
    this.#conf = lb.conf;
    this.#readAt = lb.readAt;
    this.#ownership.read(lb.vips);
    return this.witnesses.take(lb.vips);
  }

  /** Weight that the first full read of this process showed for a server on a VIP; null: none. */
  witness(vip: string, address: IpAddress): number | null {
    return this.witnesses.weight(vip, address);
  }

  /** Weight of a server on a VIP, as last read or changed; null: none, or not read. */
  weight(vip: string, address: IpAddress): number | null {
    return this.#vips.get(vip)?.servers.find((server) => server.address === address)?.weight ?? null;
  }

  /** Greatest weight above 0 of the messages for a server that VPP has not answered yet; null: there is none. */
  raisedTo(vip: string, address: IpAddress): number | null {
    let greatest: number | null = null;
    for (const op of this.#raises) {
      if (op.address !== address || vipId(op.vip) !== vip) continue;
      greatest = Math.max(greatest ?? 0, op.weight);
    }
    return greatest;
  }

  /**
   * One VIP was read; null: VPP does not have it. Nothing changes where it was written meanwhile.
   *
   * @param sent value of `sent` when the read began
   */
  readVip(id: string, vip: ActualVip | null, at: UnixMillis, sent: number): void {
    if (this.sentSince(id, sent)) return;
    this.#bucketsUnknown.delete(id);
    if ((vip !== null) !== this.#vips.has(id)) this.#byPrefix = null;
    if (vip === null) this.#vips.delete(id);
    else this.#vips.set(id, vip);
    this.#ownership.found(id, vip !== null);
    this.#readAt ??= at;
    this.#vipReadAt.set(id, at);
  }

  /** The global settings were read. */
  readConf(conf: ActualConf): void {
    this.#conf = conf;
  }

  /** When VPP was last read; null: not in this session. */
  get readAt(): UnixMillis | null {
    return this.#readAt;
  }

  /** When a VIP was last read; null: not in this session. */
  readAtOf(id: string): UnixMillis | null {
    return this.#vipReadAt.get(id) ?? this.#readAt;
  }

  /** Global settings of VPP as last read or set; null: not in this session. */
  get conf(): ActualConf | null {
    return this.#conf;
  }

  /** VIPs of VPP as last read or changed. */
  get vips(): Iterable<ActualVip> {
    return this.#vips.values();
  }

  /** The same by `vipId`. */
  get byId(): ReadonlyMap<string, ActualVip> {
    return this.#vips;
  }

  /** Those of them that are on these prefixes. */
  vipsOn(prefixes: Iterable<string>): ReadonlyMap<string, ActualVip> {
    if (this.#byPrefix === null) {
      this.#byPrefix = new Map();
      for (const [id, { prefix }] of this.#vips) {
        const ids = this.#byPrefix.get(prefix);
        if (ids === undefined) this.#byPrefix.set(prefix, [id]);
        else ids.push(id);
      }
    }
    const found = new Map<string, ActualVip>();
    for (const prefix of prefixes) {
      for (const id of this.#byPrefix.get(prefix) ?? []) {
        const vip = this.#vips.get(id);
        if (vip !== undefined) found.set(id, vip);
      }
    }
    return found;
  }

  /** One of them. */
  vip(id: string): ActualVip | null {
    return this.#vips.get(id) ?? null;
  }

  /** Whether the bucket counts of a VIP are VPP's own: a change of ours makes the last read ones wrong. */
  bucketsKnown(id: string): boolean {
    return this.#vips.has(id) && !this.#bucketsUnknown.has(id);
  }

  /**
   * VPP answered 0 to a message.
   *
   * @param id of its VIP; null: the settings
   * @param configured whether the running configuration names the VIP
   */
  accepted(op: Op, id: string | null, configured: (vip: string) => boolean): void {
    if (op.kind === "conf-set") {
      this.#conf = op.conf;
      return;
    }
    if (id === null) return;
    this.#bucketsUnknown.add(id);
    // Nearly all are such.
    if (op.kind !== "as-weight") return this.#setChanged(op, id, configured);
    const vip = this.#vips.get(id);
    if (vip !== undefined) this.#vips.set(id, { ...vip, servers: withWeight(vip.servers, op) });
  }

  /** VPP has other VIPs or servers than before. */
  #setChanged(
    op: Exclude<Op, { readonly kind: "conf-set" | "as-weight" }>,
    id: string,
    configured: (vip: string) => boolean,
  ): void {
    switch (op.kind) {
      case "vip-add":
        this.#byPrefix = null;
        this.#vips.set(id, {
          ...op.vip,
          encap: op.encap,
          srcIpSticky: op.srcIpSticky,
          tableLength: op.tableLength,
          index: null,
          servers: [],
        });
        this.#ownership.made(id);
        return;
      case "vip-flush":
        return;
      case "vip-delete":
        this.#byPrefix = null;
        this.#vips.delete(id);
        // A VIP that is made anew keeps its witnesses; one that leaves the configuration has no flows any more.
        if (!configured(id)) this.witnesses.drop(id, null);
        this.#ownership.found(id, false);
        return;
      case "as-delete":
        this.witnesses.drop(id, op.address);
        this.#servers(id, (servers) => servers.filter((server) => server.address !== op.address));
        return;
      case "as-add": {
        const { address, weight } = op;
        const added: ActualServer = { address, weight, flags: 1, numBuckets: 0, inUseSince: 0 };
        this.#servers(id, (servers) => [...servers, added]);
        return;
      }
    }
  }

  #servers(id: string, change: (servers: readonly ActualServer[]) => readonly ActualServer[]): void {
    const vip = this.#vips.get(id);
    if (vip !== undefined) this.#vips.set(id, { ...vip, servers: change(vip.servers) });
  }
}

function withWeight(
  servers: readonly ActualServer[],
  { address, weight }: Pick<RaiseOp, "address" | "weight">,
): readonly ActualServer[] {
  const copy = servers.slice();
  for (let at = 0; at < copy.length; at++) {
    const server = copy[at];
    if (server?.address === address) copy[at] = { ...server, weight };
  }
  return copy;
}

/** A message that gives a server a weight. */
type RaiseOp = Extract<Op, { readonly kind: "as-add" | "as-weight" }>;

function isRaise(op: Op): op is RaiseOp {
  return (op.kind === "as-add" || op.kind === "as-weight") && op.weight > 0;
}

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

  /** The witness of a server on a VIP, 0...255; null: VPP did not have it, or nothing was read yet. */
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
