/**
 * Reads VPP into the known state, as little of it as the question needs: reading holds VPP's workers too.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { ActualVip, VipKey } from "../model.ts";
import { family } from "../net/ip.ts";
import type { LoadBalancer } from "./balancer.ts";
import type { DesiredVip } from "./desired.ts";
import { encapFamily, vipId } from "./vips.ts";
import type { VppState } from "./vpp_state.ts";

/**
 * The VIP with its servers read anew, and all else as remembered; null when that cannot be trusted: without
 * servers the VIP may be gone, and servers of another family mean another encapsulation.
 */
async function refreshed(lb: LoadBalancer, key: VipKey, remembered: ActualVip): Promise<ActualVip | null> {
  const servers = await lb.readServers(key);
  if (servers === null || servers.length === 0) return null;
  const carried = encapFamily(remembered.encap);
  return servers.every((server) => family(server.address) === carried) ? { ...remembered, servers } : null;
}

/**
 * Reads the VIPs of some frontends, and for one that is missing or has another encapsulation its whole prefix,
 * since it may be in conflict with its neighbours. Rejects when the session ends.
 *
 * @param namesOn names of the frontends on a prefix
 * @param thorough names of which nothing remembered is to be trusted
 * @returns names of the frontends whose VIPs were read
 */
export async function readFrontends(
  lb: LoadBalancer,
  state: VppState,
  clock: Clock,
  wanted: readonly DesiredVip[],
  namesOn: (prefix: string) => readonly string[],
  thorough: (name: string) => boolean,
): Promise<Set<string>> {
  const at = clock.wall();
  const { sent } = state;
  const doubtful: DesiredVip[] = [];
  await Promise.all(wanted.map(async (one) => {
    const remembered = thorough(one.frontend) ? null : state.vip(one.id);
    const vip = remembered === null ? null : await refreshed(lb, one.vip, remembered);
    if (vip === null) doubtful.push(one);
    else state.readVip(one.id, vip, at, sent);
  }));
  const found = new Map((await readDoubtful(lb, doubtful)).map((vip) => [vipId(vip), vip]));
  for (const { id } of doubtful) state.readVip(id, found.get(id) ?? null, at, sent);
  const shown = new Set(wanted.map(({ frontend }) => frontend));
  const prefixes = wanted.filter(({ id, encap }) => state.vip(id)?.encap !== encap).map(({ vip }) =>
    vip.prefix
  );
  for (const prefix of new Set(prefixes)) {
    const neighbours = new Map((await lb.readPrefix(prefix)).map((vip) => [vipId(vip), vip]));
    for (const vip of [...state.vips]) {
      if (vip.prefix === prefix && !neighbours.has(vipId(vip))) state.readVip(vipId(vip), null, at, sent);
    }
    for (const [id, vip] of neighbours) state.readVip(id, vip, at, sent);
    for (const name of namesOn(prefix)) shown.add(name);
  }
  return shown;
}

async function readDoubtful(lb: LoadBalancer, wanted: readonly DesiredVip[]): Promise<ActualVip[]> {
  const [only] = wanted;
  if (only === undefined) return [];
  if (wanted.length > 1) return await lb.readVips(wanted.map(({ vip }) => vip));
  const vip = await lb.readVip(only.vip);
  return vip === null ? [] : [vip];
}
