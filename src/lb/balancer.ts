import type { ActualConf, ActualLb, ActualServer, ActualVip, Encap, IpAddress, VipKey } from "../model.ts";

/** One message to the lb plugin that changes something. */
export type Op =
  | {
    readonly kind: "conf-set";
    /** The settings as they become. */
    readonly conf: ActualConf;
    /** True: VPP keeps its sticky buckets, which `conf` repeats. */
    readonly keepsBuckets?: boolean;
  }
  | {
    readonly kind: "vip-add";
    readonly vip: VipKey;
    readonly encap: Encap;
    /** Power of two; 0 or another number would kill VPP (wire.md) and is refused before it is sent. */
    readonly tableLength: number;
    readonly srcIpSticky: boolean;
  }
  /** Only for a VIP just read: for one that is not there VPP uses an uninitialised index. */
  | { readonly kind: "vip-flush"; readonly vip: VipKey }
  | { readonly kind: "vip-delete"; readonly vip: VipKey; readonly encap: Encap }
  | { readonly kind: "as-add"; readonly vip: VipKey; readonly address: IpAddress; readonly weight: number }
  | { readonly kind: "as-delete"; readonly vip: VipKey; readonly address: IpAddress }
  | {
    readonly kind: "as-weight";
    readonly vip: VipKey;
    readonly address: IpAddress;
    readonly weight: number;
    readonly flush: boolean;
  };

/** VPP's answer to one `Op`. */
export interface OpReply {
  /** 0, or VPP's negative error. */
  readonly retval: number;
  /** VPP's name of the error, e.g. `VNET_API_ERROR_NO_SUCH_ENTRY`; null with retval 0. */
  readonly error: string | null;
}

/**
 * VPP refused a read, or its session ended. Callers expect this error. Every other error is a fault of the program, and
 * ends it: a daemon in an unknown state must not go on deciding.
 */
export class VppError extends Error {
  /** Makes the error with a sentence for operators. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "VppError";
  }
}

/** VPP's main heap, from which it makes its tables; from the stats segment. */
export interface VppHeap {
  /** Its size, octets. */
  readonly total: number;
  /** What is free, octets; VPP renews the figure every 10 s. */
  readonly free: number;
  /** Worker threads; with 0 the main thread forwards. */
  readonly workers: number;
}

/** One connected VPP, as the reconciler sees it. Every call rejects, or fails, with VppError when the session ends. */
export interface LoadBalancer {
  /** Aborted, with the reason, when the session ends. */
  readonly signal: AbortSignal;
  /** `/sys/boottime` in unix seconds; 0 without a stats socket. */
  readonly bootTime: number;
  /** Reads the global settings. */
  readConf(): Promise<ActualConf>;
  /** VPP's main heap; null: there is no stats segment, or it does not tell. */
  readHeap(): Promise<VppHeap | null>;
  /**
   * Reads everything: `lb_vip_dump` and one filtered server dump a VIP, at most 8 in flight.
   *
   * @param between called between two groups of dumps. The read goes on when what it gives resolves; null: at once
   */
  readAll(between: () => Promise<void> | null): Promise<ActualLb>;
  /** Reads one VIP and nothing else; null when VPP does not have it. */
  readVip(key: VipKey): Promise<ActualVip | null>;
  /** Reads some VIPs: `lb_vip_dump` once, then their servers only. Those that VPP does not have are left out. */
  readVips(keys: readonly VipKey[]): Promise<ActualVip[]>;
  /**
   * Reads the servers of one VIP and not even the list of VIPs, which costs VPP a look at every one of them.
   * Empty when there are none, or no such VIP; null where this VPP's filter is not known to work.
   */
  readServers(key: VipKey): Promise<ActualServer[] | null>;
  /** The VIPs of one prefix, for conflicts (`lb_vip_dump`, servers of those VIPs only). */
  readPrefix(prefix: string): Promise<ActualVip[]>;
  /** Asks for `show lb vips verbose` again at the next full read (VIPs were added or deleted). */
  textIsStale(): void;
  /**
   * Sends one message. One of the two functions is called once, before this returns or later.
   *
   * @param answered told VPP's answer
   * @param failed told why there will be none
   */
  send(op: Op, answered: (reply: OpReply) => void, failed: (error: unknown) => void): void;
  /** Sends several in one write, in order. */
  applyTogether(ops: readonly Op[]): Promise<OpReply[]>;
  /** Writes at once what was sent in this turn, not at its end. Resolves when all is written, or cannot be. Never rejects. */
  flush(): Promise<void>;
}
