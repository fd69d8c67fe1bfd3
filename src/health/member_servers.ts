/**
 * Which server serves for each member of a frontend while new addresses wait for their first verdict. Pure.
 *
 *   member                                    server
 *   has a verdict, is paused, disabled, ...   the configured address
 *   waits for the verdict on a new address    the previous address, unless such a member has taken it
 *   unknown, does not wait                    the configured address, unless one of the others has it
 *
 * Two members may exchange their addresses in one reload. The first of them that has a verdict takes the previous
 * server of the other, which keeps the server that became free: VPP has it, and it is what the other one moves to. So
 * an exchange neither deletes nor adds a server on the way. Such a server carries only if it did before.
 *
 * @module
 */
import type { IpAddress, State } from "../model.ts";

/** The server at the address that a reload replaced. It serves until the new one has its first verdict. */
export interface PreviousServer {
  /** Its address. */
  readonly address: IpAddress;
  /** State of the backend when it had this address. */
  readonly state: State;
  /** Whether the backend was known then. */
  readonly known: boolean;
}

/** A member before it is known which server serves for it. */
export interface Claim {
  /** State of the backend. */
  readonly state: State;
  /** Not null: its new address waits for a verdict. */
  readonly previous: PreviousServer | null;
  /** The configured address; null: the configuration has no such backend. */
  readonly address: IpAddress | null;
}

/**
 * The server of each member, in the order of the claims; null: none.
 *
 * @param has whether VPP has a server of this address on the VIP
 */
export function memberServers(
  claims: readonly Claim[],
  has: (address: IpAddress) => boolean,
): readonly (IpAddress | null)[] {
  const waiting = claims.filter((claim) => claim.previous !== null);
  if (waiting.length === 0) return claims.map(({ address }) => address);
  const taken = new Map<IpAddress, Claim>();
  const take = (address: IpAddress | null, claim: Claim) => {
    if (address !== null && !taken.has(address)) taken.set(address, claim);
  };
  const rest = claims.filter((claim) => claim.previous === null);
  for (const claim of rest) if (claim.state !== "unknown") take(claim.address, claim);
  for (const claim of waiting) take(claim.previous?.address ?? null, claim);
  for (const claim of waiting) {
    if (claim.previous === null || taken.get(claim.previous.address) === claim) continue;
    const free = [claim, ...waiting].map(({ address }) => address)
      .find((address) => address !== null && !taken.has(address) && has(address));
    take(free ?? null, claim);
  }
  for (const claim of rest) if (claim.state === "unknown") take(claim.address, claim);
  const servers = new Map([...taken].map(([address, claim]) => [claim, address]));
  return claims.map((claim) => servers.get(claim) ?? null);
}
