/**
 * Which server a new flow of a client gets, now and after a plan.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import type { Frontend } from "../configuration.ts";
import { invalidField, type Refusal } from "../control.ts";
import type { DesiredVip } from "../lb/desired.ts";
import { flowHash } from "../lb/table/flow.ts";
import { LONGEST_COMPUTED, serverOf, type TableSpec } from "../lb/table/table.ts";
import type { ActualVip, IpAddress } from "../model.ts";
import { family, parseIp } from "../net/ip.ts";
import { err, ok, type Result } from "../result.ts";
import { actualTable, tableAfter, type TableSlices } from "./vip_table.ts";

/** What the answer depends on. */
export interface WhereisInput {
  /** The frontend whose VIP is asked. */
  readonly frontend: Frontend;
  /** What its VIP should be. */
  readonly desired: DesiredVip;
  /** The VIP as VPP has it; null: VPP does not have it, or is away. */
  readonly actual: ActualVip | null;
  /** Name of the backend with this address in the running configuration, or null. */
  readonly backendOf: (address: IpAddress) => string | null;
}

const pinned = "a flow that is under way stays on its server until it ends, is flushed or times out";

function invalid(path: string, message: string, hint: string | null = null): Result<never, Refusal> {
  return err(invalidField(path, message, hint));
}

/**
 * Answers for one client. Refused as `invalid`: an address of the wrong kind or family, a port that is missing or
 * out of range, and a VIP whose flows depend on what the question does not say.
 *
 * @param clientPort 1...65535; null only for a VIP that hashes on the addresses alone
 */
export async function whereis(
  input: WhereisInput,
  client: string,
  clientPort: number | null,
  slices: TableSlices,
): Promise<Result<api.Whereis, Refusal>> {
  const { frontend, desired, actual } = input;
  const address = parseIp(client);
  if (address === null) return invalid("client", `"${client}" is no IP address`);
  if (family(address) !== family(frontend.address)) {
    return invalid("client", `${address} and the VIP ${frontend.address} are of different families`);
  }
  if (clientPort !== null && (!Number.isInteger(clientPort) || clientPort < 1 || clientPort > 65_535)) {
    return invalid("client_port", "must be a whole number from 1 to 65535");
  }
  const stickyNow = actual?.srcIpSticky ?? desired.srcIpSticky;
  if (!stickyNow || !desired.srcIpSticky) {
    if (frontend.port === 0) {
      const message = "a flow to an all-port VIP also depends on its destination port, which is not given";
      return invalid("frontend", message, "only a src-ip-sticky all-port VIP can be answered");
    }
    if (clientPort === null) {
      return invalid(
        "client_port",
        "is required: the VIP hashes on ports too",
        "only a src-ip-sticky VIP needs none",
      );
    }
  }
  const hashOf = (srcIpSticky: boolean) =>
    flowHash({
      client: address,
      clientPort: clientPort ?? 0,
      vip: frontend.address,
      vipPort: frontend.port,
      srcIpSticky,
    });
  const lookUp = async (spec: TableSpec, hash: number) => {
    const table = spec.length > LONGEST_COMPUTED ? null : await slices.table(spec);
    const server = table === null ? null : serverOf(table, hash);
    return server === null ? null : { backend: input.backendOf(server.address), address: server.address };
  };
  const after = tableAfter(desired, actual, false);
  const hashAfter = hashOf(desired.srcIpSticky);
  const hash = actual === null ? hashAfter : hashOf(stickyNow);
  const length = actual?.tableLength ?? after.length;
  const now = actual === null ? null : await lookUp(actualTable(actual), hash);
  const note = Math.max(length, after.length) > LONGEST_COMPUTED
    ? `a table of more than ${LONGEST_COMPUTED} buckets is not computed`
    : actual === null
    ? "VPP does not have this VIP, or is not connected"
    : now === null
    ? "no server has a weight above 0: VPP drops new flows"
    : pinned;
  return ok({
    frontend: frontend.name,
    client: address,
    client_port: clientPort,
    hash,
    bucket: (hash & (length - 1)) >>> 0,
    table_length: length,
    now,
    after_plan: await lookUp(after, hashAfter),
    note,
  });
}
