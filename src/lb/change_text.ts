/**
 * Changes of a plan in words, for sentences about what VPP said and what differs. Pure.
 *
 * @module
 */
import type { StepFacts, StepServer } from "./steps.ts";

/** What of a step is told. */
type Told = Pick<StepFacts, "kind" | "server"> & { readonly reason: string };

function named(server: StepServer | null): string {
  if (server === null) return "no server";
  return server.backend === null
    ? `server ${server.address}`
    : `server ${server.address} (${server.backend})`;
}

/** What the change does: `weight of server 10.0.0.1 (b1) from 100 to 0`. */
export function changeText({ kind, server }: Pick<Told, "kind" | "server">): string {
  switch (kind) {
    case "conf_set":
      return "setting of the global configuration";
    case "vip_added":
      return "addition of the VIP";
    case "vip_removed":
      return "deletion of the VIP";
    case "vip_recreated":
      return "recreation of the VIP";
    case "as_added":
      return `addition of ${named(server)}`;
    case "as_removed":
      return `deletion of ${named(server)}`;
    case "as_weight_updated":
      return `weight of ${named(server)} from ${server?.before} to ${server?.after}`;
  }
}

/** What differs in VPP: `server 10.0.0.1 (b1) has weight 5 instead of 100`. */
export function differenceText({ kind, reason, server }: Told): string {
  switch (kind) {
    case "conf_set":
      return "the global configuration is another";
    case "vip_added":
      return "the VIP is missing";
    case "vip_removed":
      return "the VIP is not in the configuration";
    case "vip_recreated":
      return reason;
    case "as_added":
      return `${named(server)} is missing`;
    case "as_removed":
      return `${named(server)} is not in the configuration`;
    case "as_weight_updated":
      return `${named(server)} has weight ${server?.before} instead of ${server?.after}`;
  }
}
