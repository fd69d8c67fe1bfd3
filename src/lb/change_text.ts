/**
 * Changes of a plan in words, for sentences about what VPP said and what differs. Pure.
 *
 * @module
 */
import type { Change } from "../api/mod.ts";

function server({ address, backend }: Change): string {
  return backend === null ? `server ${address}` : `server ${address} (${backend})`;
}

/** What the change does: `weight of server 10.0.0.1 (b1) from 100 to 0`. */
export function changeText(change: Change): string {
  switch (change.kind) {
    case "conf_set":
      return "setting of the global configuration";
    case "vip_added":
      return "addition of the VIP";
    case "vip_removed":
      return "deletion of the VIP";
    case "vip_recreated":
      return "recreation of the VIP";
    case "as_added":
      return `addition of ${server(change)}`;
    case "as_removed":
      return `deletion of ${server(change)}`;
    case "as_weight_updated":
      return `weight of ${server(change)} from ${change.weight_before} to ${change.weight_after}`;
  }
}

/** What differs in VPP: `server 10.0.0.1 (b1) has weight 5 instead of 100`. */
export function differenceText(change: Change): string {
  switch (change.kind) {
    case "conf_set":
      return "the global configuration is another";
    case "vip_added":
      return "the VIP is missing";
    case "vip_removed":
      return "the VIP is not in the configuration";
    case "vip_recreated":
      return change.reason;
    case "as_added":
      return `${server(change)} is missing`;
    case "as_removed":
      return `${server(change)} is not in the configuration`;
    case "as_weight_updated":
      return `${server(change)} has weight ${change.weight_before} instead of ${change.weight_after}`;
  }
}
