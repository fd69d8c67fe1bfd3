/** The load of the benchmarks of the VPP link: 1,000 VIPs in 198.18.0.0/15, each with the same number of servers. */
import type { Op } from "../../src/lb/balancer.ts";
import type { VipKey } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import type { Session } from "../../src/vpp/session.ts";

const VIPS = 1000;
const IN_FLIGHT = 32;

/** Its VIPs. */
export const keys: readonly VipKey[] = Array.from({ length: VIPS }, (_, i) => ({
  prefix: `198.18.${i >> 8}.${i & 255}/32`,
  protocol: 6,
  port: 443,
}));

/** Sends operations with a bounded number in flight. */
export async function send(session: Session, ops: readonly Op[]): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    for (let op = ops[next++]; op !== undefined; op = ops[next++]) {
      const { error } = await session.lb.apply(op);
      if (error !== null) throw new Error(`${JSON.stringify(op)}: ${error}`);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
}

/** The operations that make it: VIPs with tables of a length, then their servers. */
export function additions(
  tableLength: number,
  servers: number,
): { readonly vips: Op[]; readonly servers: Op[] } {
  return {
    vips: keys.map((vip): Op => ({ kind: "vip-add", vip, encap: "gre4", tableLength, srcIpSticky: false })),
    servers: keys.flatMap((vip, n) =>
      Array.from({ length: servers }, (_, m): Op => ({
        kind: "as-add",
        vip,
        address: ip(`10.0.${(n + m) & 63}.${m}`),
        weight: 10,
      }))
    ),
  };
}

/** Takes it away, as far as it is there; or what another benchmark made, whose addresses begin so. */
export async function clear(session: Session, begin = "198.18."): Promise<void> {
  const there = (await session.lb.readAll()).vips.filter((vip) => vip.prefix.startsWith(begin));
  await send(session, there.map((vip): Op => ({ kind: "vip-delete", vip, encap: vip.encap })));
}
