/**
 * Rules between frontends: what VPP cannot have on one address.
 *
 * @module
 */
import type { Family, IpAddress } from "../model.ts";
import type { Findings } from "./findings.ts";
import type { RawFrontend } from "./schema.ts";
import { quote } from "./tree.ts";

/** A frontend with the family of its backends. */
export interface JudgedFrontend {
  /** Its name in the file. */
  readonly name: string;
  /** As it was read. */
  readonly fields: RawFrontend;
  /** Null if that is not known. */
  readonly family: Family | null;
}

/** What earlier frontends did with one address. */
interface Use {
  /** Frontend by service. */
  readonly services: Map<string, string>;
  /** The first frontend with a known family. */
  encap: { readonly name: string; readonly family: Family } | null;
}

const ALL_PORTS = "all ports";

/** `tcp port 80`, or ALL_PORTS; null if that could not be read. */
function service({ protocol, port }: RawFrontend): string | null {
  if (!protocol.present && !port.present) return ALL_PORTS;
  if (protocol.value === undefined || port.value === undefined) return null;
  return `${protocol.value} port ${port.value}`;
}

/** The first earlier service that excludes `mine`. */
function conflict(mine: string, use: Use): { readonly service: string; readonly name: string } | null {
  const same = use.services.get(mine);
  if (same !== undefined) return { service: mine, name: same };
  const all = use.services.get(ALL_PORTS);
  if (all !== undefined) return { service: ALL_PORTS, name: all };
  if (mine !== ALL_PORTS) return null;
  for (const [theirs, name] of use.services) return { service: theirs, name };
  return null;
}

/** Checks all frontends, each against those before it; says one thing of each. */
export function checkVips(frontends: readonly JudgedFrontend[], out: Findings): void {
  const uses = new Map<IpAddress, Use>();
  for (const frontend of frontends) {
    const { value: address, place } = frontend.fields.address;
    if (address === undefined) continue;
    const use: Use = uses.get(address) ?? { services: new Map(), encap: null };
    uses.set(address, use);
    const mine = service(frontend.fields);
    const other = mine === null ? null : conflict(mine, use);
    if (mine !== null && !use.services.has(mine)) use.services.set(mine, frontend.name);
    const encap = use.encap;
    if (frontend.family !== null) use.encap ??= { name: frontend.name, family: frontend.family };
    if (other !== null && other.service === mine) {
      out.semantic(place, `frontend ${quote(other.name)} has the VIP ${address} on ${mine} already`);
    } else if (other !== null) {
      out.semantic(
        place,
        `frontend ${quote(other.name)} has ${address} on ${other.service}, which excludes ${mine}`,
        "VPP has either one all-port VIP or per-port VIPs on an address",
      );
    } else if (encap !== null && frontend.family !== null && frontend.family !== encap.family) {
      out.semantic(
        place,
        `the backends are IPv${frontend.family}, but frontend ${
          quote(encap.name)
        } on ${address} has IPv${encap.family} ones`,
        "VPP has one encapsulation for all VIPs of an address",
      );
    }
  }
}
