/**
 * What differs between one VIP as it should be and as VPP has it. Pure; sends nothing and orders only within
 * the VIP: additions and raises come first, so that capacity is there before any is taken away.
 *
 * @module
 */
import type { ActualVip, IpAddress } from "../model.ts";
import type { DesiredServer, DesiredVip } from "./desired.ts";
import { type Membership, newestFlush, type PendingFlush, type PendingFlushes } from "./pending_flushes.ts";
import { encapFamily, sortedByAddress } from "./vips.ts";

/** One change of one application server. */
export interface ServerChange {
  /** As the API names it. */
  readonly kind: "as_added" | "as_removed" | "as_weight_updated";
  /** Which server. */
  readonly address: IpAddress;
  /** Null: no backend of the running configuration, and none that is remembered. */
  readonly backend: string | null;
  /** Null for an addition. */
  readonly before: number | null;
  /** Null for a removal. */
  readonly after: number | null;
  /** Whether its flows end with the message. */
  readonly flush: boolean;
  /** Down, disabled or removed: it is lowered even when an addition or raise of the VIP failed. */
  readonly dead: boolean;
  /** Why, for operators. */
  readonly reason: string;
  /** Who set the weight, where that is the reason; else null. */
  readonly by: string | null;
}

/** Changes of one VIP's servers, each list in numeric address order. */
export interface ServerDiff {
  /** Additions and raises. */
  readonly raises: readonly ServerChange[];
  /** Lowers, flushes at the same weight, and removals: sent when every raise was answered. */
  readonly lowers: readonly ServerChange[];
  /** Whether a server that VPP has already carries new flows after the changes. */
  readonly keepsCapacity: boolean;
}

/** Adds to a list; null: there is none yet. An array that grows from nothing gets room for 17, and most have but one. */
function added(list: ServerChange[] | null, change: ServerChange): ServerChange[] {
  if (list === null) return [change];
  list.push(change);
  return list;
}

const noChange: ServerDiff = { raises: [], lowers: [], keepsCapacity: true };

/** The addition of a server to a VIP that is made. */
export function serverAddition(server: DesiredServer, reason: string): ServerChange {
  return {
    kind: "as_added",
    address: server.address,
    backend: server.backend,
    before: null,
    after: server.weight,
    flush: false,
    dead: false,
    reason,
    by: null,
  };
}

function removal(
  address: IpAddress,
  weight: number,
  desired: DesiredVip,
  context: ReasonContext,
): ServerChange {
  const was = context.previous?.servers.find((old) => old.address === address);
  const moved = desired.servers.find((server) => server.backend === was?.backend);
  return {
    kind: "as_removed",
    address,
    backend: was?.backend ?? null,
    before: weight,
    after: null,
    flush: true,
    // The previous server of a backend that moved goes when the new one is there.
    dead: moved === undefined || isDead(moved),
    reason: moved === undefined ? notConfigured : movedReason(moved),
    by: null,
  };
}

function isDead({ state }: DesiredServer): boolean {
  return state === "down" || state === "disabled";
}

/** A map costs more than to look at the few servers that most VIPs have. */
const FEW = 16;

/** By address; null: there are few. */
function byAddress(servers: readonly DesiredServer[]): ReadonlyMap<IpAddress, DesiredServer> | null {
  return servers.length <= FEW ? null : new Map(servers.map((server) => [server.address, server]));
}

function oneOfFew(servers: readonly DesiredServer[], address: IpAddress): DesiredServer | undefined {
  for (const server of servers) if (server.address === address) return server;
  return undefined;
}

/**
 * Compares the servers of a VIP that VPP has. Additions to a VIP of another encapsulation are left out, since only
 * a recreate can bring them: VPP refuses servers of the other family, and does not survive a server that is added
 * to a NAT VIP for all ports.
 */
export function diffServers(
  desired: DesiredVip,
  actual: ActualVip,
  flushes: PendingFlushes,
  context: ReasonContext,
): ServerDiff {
  const carried = encapFamily(actual.encap) === encapFamily(desired.encap);
  if (!carried) return noChange;
  let raises: ServerChange[] | null = null;
  let lowers: ServerChange[] | null = null;
  let keepsCapacity = false;
  let found = 0;
  const many = byAddress(desired.servers);
  for (const { address, weight } of actual.servers) {
    const server = many === null ? oneOfFew(desired.servers, address) : many.get(address);
    if (server === undefined) {
      lowers = added(lowers, removal(address, weight, desired, context));
      continue;
    }
    found++;
    keepsCapacity ||= server.weight > 0;
    const flush = newestFlush(flushes, address);
    if (server.weight === weight && flush === null) continue;
    const reason = weightReason(desired, server, weight, flush, context);
    const change: ServerChange = {
      kind: "as_weight_updated",
      address,
      backend: server.backend,
      before: weight,
      after: server.weight,
      flush: flush !== null,
      dead: isDead(server),
      reason,
      by: reason === byOperator ? context.weightBy(server.backend) : null,
    };
    if (server.weight > weight) raises = added(raises, change);
    else lowers = added(lowers, change);
  }
  if (found < desired.servers.length && actual.encap === desired.encap) {
    const has = new Set(actual.servers.map(({ address }) => address));
    for (const server of desired.servers) {
      if (has.has(server.address)) continue;
      raises = added(raises, serverAddition(server, additionReason(server, context)));
    }
  }
  if (raises === null && lowers === null) return noChange;
  return { raises: sortedByAddress(raises ?? []), lowers: sortedByAddress(lowers ?? []), keepsCapacity };
}

/** What the reasons of one VIP depend on. */
export interface ReasonContext {
  /** The VIP as it was when a sync of it last succeeded; null: never since VPP's start. */
  readonly previous: DesiredVip | null;
  /** The VIP as it should be when the last message for a server was sent; null: that deleted it; undefined: there was none. */
  readonly asked: (address: IpAddress) => DesiredVip | null | undefined;
  /** Who set the running weight of a backend of this VIP; null: it is the file's. */
  readonly weightBy: (backend: string) => string | null;
  /** Whether that was in this process. */
  readonly isSetHere: (backend: string) => boolean;
}

/** What the reasons of one VIP's changes depend on. There is one for each VIP that is planned. */
export class Reasons implements ReasonContext {
  readonly previous: ReasonContext["previous"];
  readonly #asked: ReadonlyMap<IpAddress, DesiredVip | null> | undefined;
  readonly #place: (backend: string) => Membership | undefined;

  /** What is known of its frontend, and where that has a backend. */
  constructor(
    record:
      | { readonly asked: ReadonlyMap<IpAddress, DesiredVip | null>; readonly lastInSync: DesiredVip | null }
      | undefined,
    place: (backend: string) => Membership | undefined,
  ) {
    this.previous = record?.lastInSync ?? null;
    this.#asked = record?.asked;
    this.#place = place;
  }

  /** See `ReasonContext`. */
  asked(address: IpAddress): DesiredVip | null | undefined {
    return this.#asked?.get(address);
  }

  /** See `ReasonContext`. */
  weightBy(backend: string): string | null {
    return this.#place(backend)?.weightBy ?? null;
  }

  /** See `ReasonContext`. */
  isSetHere(backend: string): boolean {
    return this.#place(backend)?.weightSetHere ?? false;
  }
}

/** Reason of everything that VPP has and the configuration has not. */
export const notConfigured = "not in the configuration";

/** Reason of a weight that an operator set. */
export const byOperator = "weight set by operator";

/** Reason of everything that VPP is missing. */
export const configured = "in the configuration";

/** Reason of a difference that nothing on our side explains. */
export const drift = "drift";

/** The last text of a state: a backend may serve in thousands of VIPs, and each keeps the reason of its last message. */
let lastState = { backend: "", state: "", text: "" };

function stateReason({ backend, state }: DesiredServer): string {
  if (lastState.backend !== backend || lastState.state !== state) {
    lastState = { backend, state, text: `backend ${backend} ${state}` };
  }
  return lastState.text;
}

function poolReason(vip: DesiredVip): string {
  return `pool ${vip.activePool} took over`;
}

function weightReasonOf(server: DesiredServer, context: ReasonContext): string {
  return context.weightBy(server.backend) === null ? "weight in the configuration" : byOperator;
}

function flushReason(server: DesiredServer, flush: PendingFlush): string {
  return flush.cause === "weight" ? byOperator : `backend ${server.backend} ${flush.cause}`;
}

function reasonWithoutHistory(
  vip: DesiredVip,
  server: DesiredServer,
  before: number,
  context: ReasonContext,
): string {
  // What is not yet known keeps its witness, but for an operator's word, or while its pool is passive.
  if (!server.known && server.state === "unknown") {
    if (context.isSetHere(server.backend)) return byOperator;
    return server.pool === vip.activePool ? drift : poolReason(vip);
  }
  if (server.weight > 0 && before > 0) return weightReasonOf(server, context);
  if (server.weight > 0) return stateReason(server);
  if (server.state !== "up") return stateReason(server);
  return server.pool === vip.activePool ? weightReasonOf(server, context) : poolReason(vip);
}

/**
 * Why a server's weight changes, or why it is flushed at the weight it has.
 *
 * @param before weight in VPP
 * @param flush the flush that goes out with the message
 */
export function weightReason(
  vip: DesiredVip,
  server: DesiredServer,
  before: number,
  flush: PendingFlush | null,
  context: ReasonContext,
): string {
  if (before === server.weight && flush !== null) return flushReason(server, flush);
  const { previous } = context;
  const reason = reasonSince(previous, vip, server, before, flush, context);
  if (reason !== drift) return reason;
  // VPP may have what was asked for since; then nobody else changed it.
  const asked = context.asked(server.address) ?? null;
  const last = asked?.servers.find(({ address }) => address === server.address);
  if (asked === null || last?.weight !== before) return drift;
  const since = reasonSince(asked, vip, server, before, flush, context);
  return since === drift ? stateReason(server) : since;
}

/** The same by what is another than it was in `previous`; `drift` where nothing is. */
function reasonSince(
  previous: DesiredVip | null,
  vip: DesiredVip,
  server: DesiredServer,
  before: number,
  flush: PendingFlush | null,
  context: ReasonContext,
): string {
  const was = previous?.servers.find((old) =>
    old.address === server.address && old.backend === server.backend
  );
  if (previous === null || was === undefined) return reasonWithoutHistory(vip, server, before, context);
  const stateChanged = was.state !== server.state || was.known !== server.known;
  const wasActive = was.pool === previous.activePool;
  const isActive = server.pool === vip.activePool;
  if (stateChanged && (server.weight > 0 || server.state !== "up")) return stateReason(server);
  if (wasActive !== isActive) return poolReason(vip);
  if (was.configured !== server.configured) return weightReasonOf(server, context);
  return flush === null ? drift : flushReason(server, flush);
}

/** Why the server of a backend with a new address is added, and the previous one deleted. */
export function movedReason(server: DesiredServer): string {
  return `address of backend ${server.backend} is ${server.address} now`;
}

/** Why a server is added to a VIP that VPP has. */
export function additionReason(server: DesiredServer, context: ReasonContext): string {
  // This daemon deleted it.
  if (context.asked(server.address) === null) return configured;
  const servers = context.previous?.servers ?? [];
  if (servers.some((old) => old.address === server.address)) return drift;
  return servers.some((old) => old.backend === server.backend) ? movedReason(server) : configured;
}
