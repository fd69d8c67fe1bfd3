/**
 * Makes what the parts of a reconciler share.
 *
 * @module
 */
import type { LoadBalancer } from "./balancer.ts";
import type { FrontendSyncs } from "./frontend_sync.ts";
import { Ownership } from "./ownership.ts";
import type { ReconcilerParts } from "./parts.ts";
import { Schedule } from "./schedule.ts";
import { VppState } from "./vpp_state.ts";
import { RaiseGuard, WriteGate } from "./write_gate.ts";

/** What the parts of a reconciler work on together. */
export interface SyncCore {
  /** Of the reconciler. */
  readonly parts: ReconcilerParts;
  /** What VPP has. */
  readonly state: VppState;
  /** What is known of each frontend. */
  readonly syncs: FrontendSyncs;
  /** Which sync is due when. */
  readonly schedule: Schedule;
  /** Which VIPs are the daemon's own. */
  readonly ownership: Ownership;
  /** What may be written now. */
  readonly gate: WriteGate;
  /** What may be raised now. */
  readonly guard: RaiseGuard;
  /** The present session; null: VPP is away. */
  readonly session: () => LoadBalancer | null;
  /** Aborted with a VppError when the daemon stops. */
  readonly stop: AbortSignal;
}

/**
 * What the parts of one reconciler share.
 *
 * @param session answers the session with VPP of now, or null
 * @param stop the end of the reconciler
 */
export function syncCore(
  parts: ReconcilerParts,
  syncs: FrontendSyncs,
  session: () => LoadBalancer | null,
  stop: AbortSignal,
): SyncCore {
  const ownership = new Ownership(parts.record, parts.memory, parts.recorded);
  const state = new VppState(ownership);
  const guard = new RaiseGuard({
    memoryLost: parts.memory === "lost",
    fleetUnknown: parts.fleetUnknown ?? false,
    startedAt: parts.startedAt,
    maxDelayMs: parts.world().config.lb.startupMaxDelayMs,
    witness: (vip, address) => state.witness(vip, address),
    weighed: (frontend, backend) =>
      syncs.membersOf(backend).some((one) => one.frontend === frontend && one.weightSetHere),
  });
  const all = syncs.all.bind(syncs);
  return {
    parts,
    state,
    syncs,
    schedule: new Schedule(all),
    ownership,
    gate: new WriteGate(parts, all),
    guard,
    session,
    stop,
  };
}
