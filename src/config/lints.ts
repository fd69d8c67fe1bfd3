/**
 * Warnings: what is right and probably not meant.
 *
 * @module
 */
import type { IpAddress } from "../model.ts";
import { isLoopbackAddress } from "../net/loopback.ts";
import { bucketCounts, type TableServer, weightsHaveEffect } from "../lb/table/table.ts";
import { formatDuration } from "../duration.ts";
import type { Findings, Place } from "./findings.ts";
import type { RawFrontend, RawLb, RawMaglev, RawPool } from "./schema.ts";
import { quote } from "./tree.ts";
import { tableLength } from "./table_length.ts";

/** Sticky buckets from which on their memory is worth a warning: 64 MiB a thread, of a heap of 1 GiB by default. */
const MANY_BUCKETS = 2 ** 20;
/** Memory of one sticky bucket, measured with VPP's `lb` plugin. */
const BUCKET_OCTETS = 64;

/** Names that a message lists before it only counts them. */
const LISTED = 5;

/** Looks for everything that is probably not meant. */
export function lint(maglev: RawMaglev, out: Findings): void {
  lintHealthChecks(maglev, out);
  lintBackends(maglev, out);
  const addresses = new Map<string, IpAddress>();
  for (const { name, value } of maglev.backends.value ?? []) {
    if (value?.address.value !== undefined) addresses.set(name, value.address.value);
  }
  for (const { value: frontend } of maglev.frontends.value ?? []) {
    for (const { value: pool } of frontend?.pools.value ?? []) {
      if (frontend !== undefined && pool !== undefined) lintPool(frontend, pool, addresses, out);
    }
  }
  const lb = maglev.vpp.value?.lb.value;
  if (lb !== undefined) lintLb(lb, out);
}

function lintLb(lb: RawLb, out: Findings): void {
  const buckets = lb["sticky-buckets-per-core"];
  if (buckets.value !== undefined && buckets.value >= MANY_BUCKETS) {
    const mebibytes = buckets.value * BUCKET_OCTETS / 2 ** 20;
    out.lint(
      buckets.place,
      `${buckets.value} buckets take ${mebibytes} MiB of VPP's main heap for each thread that forwards`,
      "VPP ends when its heap is full; main-heap-size of its startup.conf must have room for them",
    );
  }
  for (const { value: address, place } of [lb["ipv4-src-address"], lb["ipv6-src-address"]]) {
    if (address === undefined || !isLoopbackAddress(address)) continue;
    const hint = "servers on other hosts drop packets from it; use an address of this host";
    out.lint(place, `${address} is a loopback address`, hint);
  }
}

function lintHealthChecks(maglev: RawMaglev, out: Findings): void {
  const used = new Set((maglev.backends.value ?? []).map(({ value }) => value?.healthcheck.value));
  for (const { name, place, value } of maglev.healthchecks.value ?? []) {
    if (!out.structural && !used.has(name)) out.lint(place, "no backend uses this health check");
    const interval = value?.interval.value;
    const timeout = value?.timeout.value;
    if (value === undefined || interval === undefined || timeout === undefined || timeout <= 10n * interval) {
      continue;
    }
    out.lint(
      value.timeout.present ? value.timeout.place : value.interval.place,
      `timeout ${formatDuration(timeout)} is more than ten times the interval ${formatDuration(interval)}`,
      "a dead backend is noticed late",
    );
  }
}

function lintBackends(maglev: RawMaglev, out: Findings): void {
  const used = new Set<string>();
  const vips = new Map<IpAddress, string>();
  for (const { name, value } of maglev.frontends.value ?? []) {
    for (const { value: pool } of value?.pools.value ?? []) {
      for (const member of pool?.backends.value ?? []) used.add(member.name);
    }
    const address = value?.address.value;
    if (address !== undefined && !vips.has(address)) vips.set(address, name);
  }
  for (const { name, place, value } of maglev.backends.value ?? []) {
    if (!out.structural && !used.has(name)) out.lint(place, "no frontend uses this backend");
    const address = value?.address.value;
    const vip = address === undefined ? undefined : vips.get(address);
    if (value === undefined || vip === undefined) continue;
    out.lint(
      value.address.place,
      `${address} is the VIP of frontend ${quote(vip)}`,
      "traffic would go round in circles",
    );
  }
}

interface Member {
  readonly name: string;
  readonly weight: number;
  readonly address: IpAddress | undefined;
}

function lintPool(
  frontend: RawFrontend,
  pool: RawPool,
  addresses: ReadonlyMap<string, IpAddress>,
  out: Findings,
): void {
  const members: Member[] = [];
  for (const { name, value } of pool.backends.value ?? []) {
    const weight = value?.weight.value;
    if (weight === undefined) return;
    members.push({ name, weight, address: addresses.get(name) });
  }
  if (members.length === 0) return;
  const { place } = pool.backends;
  if (members.every(({ weight }) => weight === 0)) {
    out.lint(place, "every weight of this pool is 0", "the pool never becomes active");
    return;
  }
  const length = tableLength(frontend);
  if (length !== undefined) lintWeights(length, members, place, out);
}

/** Weights are shares of buckets; with too few buckets for their sum they are rounded, in the end to nothing. */
function lintWeights(length: number, members: readonly Member[], place: Place, out: Findings): void {
  const sum = members.reduce((total, { weight }) => total + weight, 0);
  if (sum * 8 <= length) return;
  const head = `the sum of weights ${sum} is more than an eighth of the table length ${length}`;
  const servers: TableServer[] = [];
  for (const { address, weight } of members) {
    // Without every address, or with one twice, the table cannot be told; the rules have said why.
    if (address === undefined || servers.some((server) => server.address === address)) return;
    servers.push({ address, weight });
  }
  const hint = `${longer(sum)}smaller weights of the same ratio would do`;
  const effect = weightsHaveEffect({ length, servers });
  const lost = members.filter((_, index) => effect[index] === false);
  if (lost.length > 0) {
    const names = lost.slice(0, LISTED).map(({ name, weight }) => `${name} (${weight})`);
    const more = lost.length > LISTED ? ` and ${lost.length - LISTED} more` : "";
    out.lint(place, `${head}: weights lose their effect: ${names.join(", ")}${more}`, hint);
    return;
  }
  const counts = bucketCounts(length, servers);
  let worst = { name: "", off: 0 };
  members.forEach(({ name, weight }, index) => {
    const wanted = weight * length / sum;
    const off = wanted === 0 ? 0 : Math.abs((counts[index] ?? 0) - wanted) / wanted;
    if (off > worst.off) worst = { name: ` (${name})`, off };
  });
  out.lint(place, `${head}: shares are off by up to ${(worst.off * 100).toFixed(1)} %${worst.name}`, hint);
}

/** The table length that suits a sum of weights, as the start of a hint; nothing if none does. */
function longer(sum: number): string {
  const least = 2 ** Math.ceil(Math.log2(sum * 8));
  return least <= 65536 ? `a length of ${least} or ` : "";
}
