/**
 * VPP in the daemon: the link to it, and what the tracker asks of it.
 *
 * @module
 */
import type { VppEvent } from "../api/mod.ts";
import type { Bus } from "../bus/mod.ts";
import type { Clock } from "../clock.ts";
import type { Options } from "../flags.ts";
import type { Reconciler } from "../lb/reconciler.ts";
import type { Log } from "../log/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import { vppInfoView } from "../snapshot/vpp.ts";
import { VppLink } from "../vpp/link.ts";

/** What a link needs. */
export interface LinkParts {
  /** VPP's addresses. */
  readonly options: Pick<Options, "vppApiAddr" | "vppStatsAddr">;
  /** Time. */
  readonly clock: Clock;
  /** Log of the daemon. */
  readonly log: Log;
  /** 0...1. */
  readonly random: () => number;
  /** Counts messages. */
  readonly metrics: Pick<Metrics, "vppApi">;
  /** Where VPP's coming and going is announced. */
  readonly bus: Bus;
  /** Told of sessions. */
  readonly reconciler: Reconciler;
}

/** Makes the link that keeps a session with VPP; the caller starts it. */
export function vppLink(parts: LinkParts): VppLink {
  const { bus, clock, log, metrics, options, random, reconciler } = parts;
  let was: VppEvent["to"] = options.vppApiAddr === null ? "off" : "disconnected";
  return new VppLink({
    apiAddress: options.vppApiAddr ?? "",
    statsAddress: options.vppStatsAddr ?? "",
    clock,
    log,
    random,
    onMessage: metrics.vppApi,
    onChange(change) {
      const to = change.to === "connected" ? "connected" : "disconnected";
      const info = change.to === "connected" ? vppInfoView(change.info) : null;
      const reason = change.to === "connected" ? "" : change.reason;
      if (to !== was || reason !== "") bus.announce({ kind: "vpp", from: was, to, reason, info });
      if (change.to === "connected") reconciler.connected(change.lb);
      else if (was === "connected") reconciler.disconnected();
      was = to;
    },
  });
}
