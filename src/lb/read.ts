/**
 * Reads VPP into the memory, as little of it as the question needs: reading holds VPP's workers too.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { ActualVip, Config, Encap, VipKey } from "../model.ts";
import { family } from "../net/ip.ts";
import type { LoadBalancer } from "./balancer.ts";
import { frontendEncap } from "./desired.ts";
import type { Memory } from "./memory.ts";
import { encapFamily, frontendVip, vipId } from "./vips.ts";

interface Wanted {
  readonly key: VipKey;
  readonly id: string;
  readonly encap: Encap;
}

function wantedVip(config: Config, name: string): Wanted | null {
  const frontend = config.frontends.get(name);
  if (frontend === undefined) return null;
  const key = frontendVip(frontend);
  return { key, id: vipId(key), encap: frontendEncap(config, frontend) };
}

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
 * @param thorough names of which nothing remembered is to be trusted
 * @returns names of the frontends whose VIPs were read
 */
export async function readFrontends(
  lb: LoadBalancer,
  memory: Memory,
  clock: Clock,
  config: Config,
  names: readonly string[],
  thorough: (name: string) => boolean,
): Promise<Set<string>> {
  const at = clock.wall();
  const wanted = names.flatMap((name) => wantedVip(config, name) ?? []);
  const quick = new Set(names.filter((name) => !thorough(name)).map((name) => memory.idOf(name)));
  const doubtful: Wanted[] = [];
  await Promise.all(wanted.map(async (one) => {
    const remembered = quick.has(one.id) ? memory.vip(one.id) : null;
    const vip = remembered === null ? null : await refreshed(lb, one.key, remembered);
    if (vip === null) doubtful.push(one);
    else memory.readVip(one.id, vip, at);
  }));
  const found = new Map((await readDoubtful(lb, doubtful)).map((vip) => [vipId(vip), vip]));
  for (const { id } of doubtful) memory.readVip(id, found.get(id) ?? null, at);
  const shown = new Set(names);
  const prefixes = wanted.filter(({ id, encap }) => memory.vip(id)?.encap !== encap).map(({ key }) =>
    key.prefix
  );
  for (const prefix of new Set(prefixes)) {
    const neighbours = new Map((await lb.readPrefix(prefix)).map((vip) => [vipId(vip), vip]));
    for (const vip of [...memory.vips]) {
      if (vip.prefix === prefix && !neighbours.has(vipId(vip))) memory.readVip(vipId(vip), null, at);
    }
    for (const [id, vip] of neighbours) memory.readVip(id, vip, at);
    for (const name of memory.frontendsOn(prefix)) shown.add(name);
  }
  return shown;
}

async function readDoubtful(lb: LoadBalancer, wanted: readonly Wanted[]): Promise<ActualVip[]> {
  const [only] = wanted;
  if (only === undefined) return [];
  if (wanted.length > 1) return await lb.readVips(wanted.map(({ key }) => key));
  const vip = await lb.readVip(only.key);
  return vip === null ? [] : [vip];
}
