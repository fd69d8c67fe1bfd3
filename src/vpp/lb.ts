/**
 * The lb plugin of one session as typed calls.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log/mod.ts";
import type { LoadBalancer, Op, OpReply, VppHeap } from "../lb/balancer.ts";
import type { ActualConf, ActualLb, ActualServer, ActualVip, VipKey } from "../model.ts";
import type { Reply, VppClient } from "./client.ts";
import { describeRetval } from "./errors.ts";
import { encaps, LbReader } from "./lbread.ts";
import { vipId } from "./lbtext.ts";
import { type BodyOf, calls, type messages } from "./messages.ts";

/** Table length that goes with a delete, where VPP ignores it; 0 would kill VPP even there. */
const LENGTH_OF_DELETE = 1024;
/** Longest new-flow table that is ever asked for; VPP has no limit of its own and would run out of memory. */
const MAX_TABLE_LENGTH = 1 << 20;
/** Stands for a number in `lb_conf` that VPP keeps as it is. */
const KEEP = 0xffffffff;
/** What VPP answers to a length that is not a power of two. */
const INVALID_MEMORY_SIZE = -70;

/** VPP did what it was told. */
const done: OpReply = { retval: 0, error: null };

/** What a session knows of its VPP. */
export interface LbSession {
  /** The API session. */
  readonly client: VppClient;
  /** Version as `show_version` tells it. */
  readonly version: string;
  /** `/sys/boottime` in unix seconds, 0 without stats. */
  readonly bootTime: number;
  /** Told of all VIPs after every full read. */
  readonly onVips: (vips: readonly ActualVip[]) => void;
  /** Reads VPP's main heap; null: not known. */
  readonly readHeap: () => Promise<VppHeap | null>;
}

function safeLength(length: number): boolean {
  return Number.isInteger(length) && length > 0 && length <= MAX_TABLE_LENGTH &&
    (length & (length - 1)) === 0;
}

function service(vip: VipKey): { readonly pfx: string; readonly protocol: number; readonly port: number } {
  return { pfx: vip.prefix, protocol: vip.protocol, port: vip.port };
}

function vipMessage(
  op: Extract<Op, { kind: "vip-add" | "vip-delete" }>,
): BodyOf<typeof messages.lb_add_del_vip_v2> {
  const add = op.kind === "vip-add";
  return {
    ...service(op.vip),
    encap: encaps.indexOf(op.encap),
    dscp: 0,
    type: 0,
    target_port: 0,
    node_port: 0,
    new_flows_table_length: add ? op.tableLength : LENGTH_OF_DELETE,
    src_ip_sticky: add && op.srcIpSticky,
    is_del: !add,
  };
}

/** The lb plugin behind one session. Does not own the session. */
export class VppLoadBalancer implements LoadBalancer {
  /** `/sys/boottime` in unix seconds; 0 without a stats socket. */
  readonly bootTime: number;
  readonly #client: VppClient;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #reader: LbReader;
  readonly #onVips: (vips: readonly ActualVip[]) => void;
  readonly #readHeap: () => Promise<VppHeap | null>;

  /** Works on an open session. */
  constructor(session: LbSession, clock: Clock, log: Log) {
    this.bootTime = session.bootTime;
    this.#client = session.client;
    this.#onVips = session.onVips;
    this.#readHeap = session.readHeap;
    this.#clock = clock;
    this.#log = log;
    this.#reader = new LbReader(session.client, session.version, clock, log);
  }

  /** Aborted, with the reason, when the session ends. */
  get signal(): AbortSignal {
    return this.#client.signal;
  }

  /** Reads the global settings. Rejects with VppSessionError or VppRetvalError, like all reads. */
  async readConf(): Promise<ActualConf> {
    const conf = await this.#client.demand(calls.lbConfGet, {});
    return {
      ipv4SrcAddress: conf.ip4_src_address,
      ipv6SrcAddress: conf.ip6_src_address,
      stickyBucketsPerCore: conf.sticky_buckets_per_core,
      flowTimeoutSeconds: conf.flow_timeout,
    };
  }

  /** VPP's main heap; null: there is no stats segment, or it does not tell. Never rejects. */
  readHeap(): Promise<VppHeap | null> {
    return this.#readHeap();
  }

  /** Reads everything: one filtered server dump a VIP, at most 8 in flight. `between` goes between two groups. */
  async readAll(between: () => Promise<void> | null = () => null): Promise<ActualLb> {
    const [conf, vips] = await Promise.all([this.readConf(), this.#reader.readAll(between)]);
    this.#onVips(vips);
    return { readAt: this.#clock.wall(), conf, vips };
  }

  /** Reads one VIP and nothing else; null when VPP does not have it. */
  readVip(key: VipKey): Promise<ActualVip | null> {
    return this.#reader.readOne(key);
  }

  /** Reads some VIPs with one list of VIPs; those that VPP does not have are left out. */
  readVips(keys: readonly VipKey[]): Promise<ActualVip[]> {
    const wanted = new Set(keys.map(vipId));
    return this.#reader.readSome((key) => wanted.has(vipId(key)));
  }

  /** Reads the servers of one VIP without the list of VIPs; null where the filter is not known to work. */
  readServers(key: VipKey): Promise<ActualServer[] | null> {
    return this.#reader.readServers(key);
  }

  /** The VIPs of one prefix with their servers. */
  readPrefix(prefix: string): Promise<ActualVip[]> {
    return this.#reader.readSome((key) => key.prefix === prefix);
  }

  /** Asks for `show lb vips verbose` again at the next full read. */
  textIsStale(): void {
    this.#reader.textIsStale();
  }

  /**
   * Sends one message. A table length that would kill VPP is answered with -70, as VPP answers one that is not a
   * power of two, and never sent. Fails with VppSessionError, or EncodeError for what no message can carry.
   */
  send(op: Op, answered: (reply: OpReply) => void, failed: (error: unknown) => void): void {
    if (op.kind === "vip-add" && !safeLength(op.tableLength)) {
      const { name } = describeRetval(INVALID_MEMORY_SIZE);
      this.#log.error("vpp-lb-refused", { vip: op.vip.prefix, table_length: op.tableLength, error: name });
      return answered({ retval: INVALID_MEMORY_SIZE, error: name });
    }
    this.#ask(op, ({ retval }) => {
      if (retval !== 0) return answered({ retval, error: describeRetval(retval).name });
      if (op.kind === "vip-add") this.#reader.changed(op.vip, op);
      if (op.kind === "vip-delete") this.#reader.changed(op.vip, null);
      answered(done);
    }, failed);
  }

  /** The same as a promise. */
  apply(op: Op): Promise<OpReply> {
    return new Promise((resolve, reject) => this.send(op, resolve, reject));
  }

  /** Sends several in one write, in order. */
  applyTogether(ops: readonly Op[]): Promise<OpReply[]> {
    return Promise.all(ops.map((op) => this.apply(op)));
  }

  /** Writes at once what was sent in this turn, not at its end. Resolves when all is written, or cannot be. */
  flush(): Promise<void> {
    return this.#client.flush();
  }

  #ask(op: Op, answered: (reply: Reply<unknown>) => void, failed: (error: unknown) => void): void {
    const client = this.#client;
    switch (op.kind) {
      case "conf-set":
        return client.ask(
          calls.lbConf,
          {
            ip4_src_address: op.conf.ipv4SrcAddress,
            ip6_src_address: op.conf.ipv6SrcAddress,
            sticky_buckets_per_core: op.keepsBuckets === true ? KEEP : op.conf.stickyBucketsPerCore,
            flow_timeout: op.conf.flowTimeoutSeconds,
          },
          answered,
          failed,
        );
      case "vip-add":
      case "vip-delete":
        return client.ask(calls.lbAddDelVip, vipMessage(op), answered, failed);
      case "vip-flush":
        return client.ask(calls.lbFlushVip, service(op.vip), answered, failed);
      case "as-add":
      case "as-delete": {
        const add = op.kind === "as-add";
        return client.ask(
          calls.lbAddDelAs,
          {
            ...service(op.vip),
            as_address: op.address,
            weight: add ? op.weight : 0,
            is_del: !add,
            // Clears, flushes and rebuilds in one handler: its flows must not wait for their timeout.
            is_flush: !add,
          },
          answered,
          failed,
        );
      }
      case "as-weight":
        return client.ask(
          calls.lbAsSetWeight,
          {
            ...service(op.vip),
            as_address: op.address,
            weight: op.weight,
            is_flush: op.flush,
          },
          answered,
          failed,
        );
    }
  }
}
