/**
 * What the daemon knows of VPP and of its own past: the last state read, owed flushes, what was in sync, and
 * every VIP that a configuration of this process named.
 *
 * @module
 */
import type {
  ActualConf,
  ActualLb,
  ActualServer,
  ActualVip,
  Config,
  IpAddress,
  Transition,
  UnixMillis,
} from "../model.ts";
import type { Op } from "./balancer.ts";
import type { DesiredVip } from "./desired.ts";
import {
  keepMembers,
  leaveState,
  type Membership,
  type Memberships,
  memberships,
  noneOwed,
  owe,
  type OwedFlushes,
  settleFlush,
  settleRestart,
} from "./owed.ts";
import type { Ownership } from "./ownership.ts";
import type { ReasonContext } from "./reasons.ts";
import { frontendVip, vipId } from "./vips.ts";
import { Witnesses } from "./witness.ts";

/** The knowledge of one daemon. */
export class Memory {
  #config: Config | null = null;
  #members: Memberships = new Map();
  #frontendsOf = new Map<string, string[]>();
  #ids = new Map<string, string>();
  #configured: ReadonlySet<string> = new Set();
  #owed: OwedFlushes = noneOwed;
  #vips = new Map<string, ActualVip>();
  #bucketsUnknown = new Set<string>();
  #conf: ActualConf | null = null;
  #readAt: UnixMillis | null = null;
  /** Counts messages that change something, before they are sent. */
  #sent = 0;
  /** Value of `#sent` at the last message for a VIP, by `vipId`; of this session. */
  readonly #sentTo = new Map<string, number>();
  /** Messages for a VIP whose outcome is not known yet, by `vipId`, and who waits for all of them. */
  readonly #underWay = new Map<string, { count: number; readonly settled: PromiseWithResolvers<void> }>();
  /** What the first full read of this process showed. */
  readonly witnesses = new Witnesses();
  #bootTime: number | null = null;
  readonly #previous = new Map<string, DesiredVip>();
  /** Backends that an operator of this process enabled or resumed. */
  readonly #enabled = new Set<string>();
  /** Which VIPs are the daemon's own. */
  readonly ownership: Ownership;
  /** Global settings that were in sync last on this VPP; null: never. */
  previousConf: ActualConf | null = null;

  /** Knows nothing but the ownership of VIPs. */
  constructor(ownership: Ownership) {
    this.ownership = ownership;
  }

  /** Takes the running configuration into account; cheap when it is the one seen last. */
  observe(config: Config): void {
    if (config === this.#config) return;
    this.#config = config;
    const before = this.#members;
    this.#members = memberships(config);
    this.#ids = new Map();
    this.#frontendsOf = new Map();
    for (const frontend of config.frontends.values()) {
      const vip = frontendVip(frontend);
      const id = vipId(vip);
      this.#ids.set(frontend.name, id);
      this.#frontendsOf.set(vip.prefix, [...(this.#frontendsOf.get(vip.prefix) ?? []), frontend.name]);
    }
    this.#configured = new Set(this.#ids.values());
    this.#owed = keepMembers(this.#owed, before, this.#members);
    this.ownership.configured(config);
  }

  /** `vipId` of a frontend's VIP; null: no such frontend. */
  idOf(frontend: string): string | null {
    return this.#ids.get(frontend) ?? null;
  }

  /** Whether the running configuration names a VIP, by `vipId`. */
  isConfigured(vip: string): boolean {
    return this.#configured.has(vip);
  }

  /** Names of the frontends on a prefix. */
  frontendsOn(prefix: string): readonly string[] {
    return this.#frontendsOf.get(prefix) ?? [];
  }

  /** Where a backend serves. */
  membersOf(backend: string): readonly Membership[] {
    return this.#members.get(backend) ?? [];
  }

  /** Flushes that are owed now. */
  get owed(): OwedFlushes {
    return this.#owed;
  }

  /** Backends changed their states: leaving one drops the flush that it owed, and the transition tells a new one. */
  transitions(transitions: readonly Transition[]): void {
    for (const { backend, effects, to } of transitions) {
      const places = this.membersOf(backend);
      for (const place of places) this.#owed = leaveState(this.#owed, place);
      if (to !== "down" && to !== "disabled") continue;
      for (const { frontend, flush } of effects) if (flush) this.flush(frontend, backend, to);
    }
  }

  /** The flows of a backend's server in a frontend are to end. */
  flush(frontend: string, backend: string, cause: "down" | "disabled"): void {
    const place = this.membersOf(backend).find((one) => one.frontend === frontend);
    if (place !== undefined) this.#owed = owe(this.#owed, place, cause);
  }

  /** An operator set a running weight, and the flows of this server are to end. */
  flushByWeight(frontend: string, backend: string, server: IpAddress): void {
    const member = this.membersOf(backend).find((place) => place.frontend === frontend);
    if (member !== undefined) this.#owed = owe(this.#owed, { ...member, address: server }, "weight");
  }

  /** Another configuration runs. */
  reloaded(): void {
    this.ownership.reloaded();
  }

  /** An operator of this process enabled or resumed a backend. */
  enabled(backend: string): void {
    this.#enabled.add(backend);
  }

  /** Whether an operator of this process gave the backend a weight, enabled or resumed it. */
  isWanted(frontend: string, backend: string): boolean {
    if (this.#enabled.has(backend)) return true;
    return this.membersOf(backend).some((one) => one.frontend === frontend && one.weightBy !== null);
  }

  /** What reasons depend on. */
  reasons(vip: string): ReasonContext {
    return {
      previous: this.#previous.get(vip) ?? null,
      weightBy: (backend) => this.membersOf(backend).find((place) => place.vip === vip)?.weightBy ?? null,
    };
  }

  /** A sync left the VIP as it should be. */
  synced(desired: DesiredVip): void {
    this.#previous.set(desired.id, desired);
  }

  /**
   * A session began. With another boot time VPP is a new one: it has no flows and nothing was ever in sync.
   *
   * @returns whether VPP is a new one
   */
  connected(bootTime: number): boolean {
    const restarted = this.#bootTime !== null && this.#bootTime !== bootTime;
    if (restarted) {
      this.#owed = settleRestart(this.#owed);
      this.#previous.clear();
      this.previousConf = null;
    }
    this.#bootTime = bootTime;
    this.ownership.session(restarted);
    return restarted;
  }

  /** A session ended: what was read is not known any more. */
  disconnected(): void {
    this.#vips.clear();
    this.#bucketsUnknown.clear();
    this.#sentTo.clear();
    this.#conf = null;
    this.#readAt = null;
    this.ownership.session(false);
  }

  /** A message is about to be sent. */
  sending(op: Op): void {
    this.#sent++;
    if (op.kind === "conf-set") return;
    const id = vipId(op.vip);
    this.#sentTo.set(id, this.#sent);
    const underWay = this.#underWay.get(id);
    if (underWay === undefined) this.#underWay.set(id, { count: 1, settled: Promise.withResolvers() });
    else underWay.count++;
  }

  /** The outcome of a message is taken into account. */
  settled(op: Op): void {
    if (op.kind === "conf-set") return;
    const id = vipId(op.vip);
    const underWay = this.#underWay.get(id);
    if (underWay === undefined || --underWay.count > 0) return;
    this.#underWay.delete(id);
    underWay.settled.resolve();
  }

  /** Resolves when no message for the VIP is under way; null: none is now. */
  untilSettled(id: string): Promise<void> | null {
    return this.#underWay.get(id)?.settled.promise ?? null;
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
    const gone = [...this.#sentTo.keys()].filter((id) => this.sentSince(id, sent) && !this.#vips.has(id));
    this.#vips = new Map([...lb.vips.map((vip): [string, ActualVip] => [vipId(vip), vip]), ...kept]);
    for (const id of gone) this.#vips.delete(id);
    const unknown = kept.map(([id]) => id).filter((id) => this.#bucketsUnknown.has(id));
    this.#bucketsUnknown = new Set(unknown);
    this.#conf = lb.conf;
    this.#readAt = lb.readAt;
    this.ownership.read(lb.vips);
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

  /**
   * One VIP was read; null: VPP does not have it. Nothing changes where it was written meanwhile.
   *
   * @param sent value of `sent` when the read began
   */
  readVip(id: string, vip: ActualVip | null, at: UnixMillis, sent: number): void {
    if (this.sentSince(id, sent)) return;
    this.#bucketsUnknown.delete(id);
    if (vip === null) this.#vips.delete(id);
    else this.#vips.set(id, vip);
    this.ownership.found(id, vip !== null);
    this.#readAt ??= at;
  }

  /** The global settings were read. */
  readConf(conf: ActualConf): void {
    this.#conf = conf;
  }

  /** When VPP was last read; null: not in this session. */
  get readAt(): UnixMillis | null {
    return this.#readAt;
  }

  /** Global settings of VPP as last read or set; null: not in this session. */
  get conf(): ActualConf | null {
    return this.#conf;
  }

  /** VIPs of VPP as last read or changed. */
  get vips(): Iterable<ActualVip> {
    return this.#vips.values();
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
   * @param owedBefore serials below it were owed when the message was planned
   */
  accepted(op: Op, owedBefore: number): void {
    if (op.kind === "conf-set") {
      this.#conf = op.conf;
      return;
    }
    const id = vipId(op.vip);
    this.#bucketsUnknown.add(id);
    switch (op.kind) {
      case "vip-add":
        this.#vips.set(id, {
          ...op.vip,
          encap: op.encap,
          srcIpSticky: op.srcIpSticky,
          tableLength: op.tableLength,
          index: null,
          servers: [],
        });
        this.ownership.made(id);
        return;
      case "vip-flush":
        this.#owed = settleFlush(this.#owed, id, null, owedBefore);
        return;
      case "vip-delete":
        this.#vips.delete(id);
        this.#previous.delete(id);
        // A VIP that is made anew keeps its witnesses; one that leaves the configuration has no flows any more.
        if (!this.#configured.has(id)) this.witnesses.drop(id, null);
        this.ownership.found(id, false);
        return;
      case "as-delete":
        this.witnesses.drop(id, op.address);
        this.#servers(id, (servers) => servers.filter((server) => server.address !== op.address));
        break;
      case "as-add": {
        const { address, weight } = op;
        const added: ActualServer = { address, weight, flags: 1, numBuckets: 0, inUseSince: 0 };
        this.#servers(id, (servers) => [...servers, added]);
        break;
      }
      case "as-weight":
        this.#servers(
          id,
          (servers) =>
            servers.map((server) =>
              server.address === op.address ? { ...server, weight: op.weight } : server
            ),
        );
        if (!op.flush) return;
        break;
    }
    // A server that was just added has no flows, one that was deleted was flushed.
    this.#owed = settleFlush(this.#owed, id, op.address, owedBefore);
  }

  #servers(id: string, change: (servers: readonly ActualServer[]) => readonly ActualServer[]): void {
    const vip = this.#vips.get(id);
    if (vip !== undefined) this.#vips.set(id, { ...vip, servers: change(vip.servers) });
  }
}
