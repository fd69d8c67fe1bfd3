/**
 * Why a change is made, in words for operators. Pure.
 *
 * The reason comes from comparing what a VIP should be now with what it was when it was last in sync: a
 * difference there explains the change, no difference means that somebody else changed VPP (`drift`).
 *
 * @module
 */
import type { DesiredServer, DesiredVip } from "./desired.ts";
import type { PendingFlush } from "./pending_flushes.ts";

/** What the reasons of one VIP depend on. */
export interface ReasonContext {
  /** The VIP as it was when a sync of it last succeeded; null: never since VPP's start. */
  readonly previous: DesiredVip | null;
  /** Who set the running weight of a backend of this VIP; null: it is the file's. */
  readonly weightBy: (backend: string) => string | null;
  /** Whether that was in this process. */
  readonly isSetHere: (backend: string) => boolean;
}

/** Reason of everything that VPP has and the configuration has not. */
export const notConfigured = "not in the configuration";

/** Reason of a weight that an operator set. */
export const byOperator = "weight set by operator";

/** Reason of everything that VPP is missing. */
export const configured = "in the configuration";

/** Reason of a difference that nothing on our side explains. */
export const drift = "drift";

function stateReason(server: DesiredServer): string {
  return `backend ${server.backend} ${server.state}`;
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
  const previous = context.previous;
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
  const servers = context.previous?.servers ?? [];
  if (servers.some((old) => old.address === server.address)) return drift;
  return servers.some((old) => old.backend === server.backend) ? movedReason(server) : configured;
}
