/**
 * The new-flow table of a VIP, as VPP has it and after a sync. Pure.
 *
 * @module
 */
import type { ActualVip } from "../../model.ts";
import type { DesiredVip } from "../desired.ts";
import type { TableSpec } from "./table.ts";

/** The table of a VIP as VPP has it. */
export function actualTable(actual: ActualVip): TableSpec {
  return {
    length: actual.tableLength,
    servers: actual.servers.map(({ address, weight }) => ({ address, weight })),
  };
}

/** Whether a sync must recreate the VIP, so that it gets the length that is wanted. */
export function isRecreated(desired: DesiredVip, actual: ActualVip): boolean {
  if (actual.encap !== desired.encap) return true;
  if (actual.srcIpSticky !== null && actual.srcIpSticky !== desired.srcIpSticky) return true;
  return !desired.tableLengthAuto && actual.tableLength !== desired.tableLength;
}

/**
 * The table of a VIP after a sync.
 *
 * @param actual null: VPP does not have the VIP
 * @param release true: after a sync that sends a held table length too
 */
export function tableAfter(desired: DesiredVip, actual: ActualVip | null, release: boolean): TableSpec {
  const made = actual === null || release || isRecreated(desired, actual);
  return {
    length: made ? desired.tableLength : actual.tableLength,
    servers: desired.servers.map(({ address, weight }) => ({ address, weight })),
  };
}
