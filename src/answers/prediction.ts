/**
 * What a plan does to new flows: shares before and after, buckets that move, and the least that could.
 * Computed only when somebody asks, never on the way to VPP.
 *
 * @module
 */
import type * as api from "../api/mod.ts";
import type { DesiredVip } from "../lb/desired.ts";
import type { SyncPlan } from "../lb/plan.ts";
import type { Step } from "../lb/steps.ts";
import {
  bucketCounts,
  leastMoved,
  LONGEST_COMPUTED,
  movedBuckets,
  type TableSpec,
  weightsHaveEffect,
} from "../lb/table/table.ts";
import { protocolName } from "../lb/vips.ts";
import type { ActualVip, IpAddress, Millis, UnixMillis, VipKey } from "../model.ts";
import { lengthLimitLint, lengthLint, type LossOfOne, tableLints } from "./table_lints.ts";
import { actualTable, isRecreated, tableAfter, type TableSlices } from "./vip_table.ts";

/** Time after which a plan is answered with the predictions that are ready. */
export const predictionLimitMs: Millis = 5_000;

/** What predictions are made from. */
export interface PredictionInput {
  /** The plan to tell of. */
  readonly plan: SyncPlan;
  /** What the plan was made to reach. */
  readonly desired: readonly DesiredVip[];
  /** VIPs of VPP as they were read for the plan, by `vipId`. */
  readonly actual: ReadonlyMap<string, ActualVip>;
  /** When VPP was read for the plan. */
  readonly readAt: UnixMillis;
}

/** A table without a server: a VIP that is not there. */
function emptyTable(length: number): TableSpec {
  return { length, servers: [] };
}

/**
 * How many buckets move between two tables; null when the deadline passed first. Where one of them is too long to be
 * computed, the least that could move is told, and `lengthLimitLint` says so.
 */
export async function compare(
  before: TableSpec,
  after: TableSpec,
  slices: TableSlices,
  deadline: Millis = Infinity,
): Promise<api.Moved | null> {
  const length = Math.max(before.length, after.length);
  const least = leastMoved(before, after);
  const moved = length > LONGEST_COMPUTED ? least : await countMoved(before, after, slices, deadline);
  if (moved === null) return null;
  return {
    moved_buckets: moved,
    moved_share: moved / length,
    least_buckets: least,
    least_share: least / length,
  };
}

async function countMoved(
  before: TableSpec,
  after: TableSpec,
  slices: TableSlices,
  deadline: Millis,
): Promise<number | null> {
  const from = await slices.table(before, deadline);
  const to = from === null ? null : await slices.table(after, deadline);
  return from === null || to === null ? null : movedBuckets(from, to);
}

function sharesOf(spec: TableSpec): ReadonlyMap<IpAddress, { weight: number; share: number }> {
  const counts = bucketCounts(spec.length, spec.servers);
  return new Map(spec.servers.map(({ address, weight }, index) => {
    return [address, { weight, share: (counts[index] ?? 0) / spec.length }];
  }));
}

interface Vip {
  readonly key: VipKey;
  readonly desired: DesiredVip | null;
  readonly actual: ActualVip | null;
  /** Every change of it is held: then it is told what the held ones would do. */
  readonly held: boolean;
}

function changedVips(input: PredictionInput): Vip[] {
  const desired = new Map(input.desired.map((vip) => [vip.id, vip]));
  const steps = input.plan.steps.filter((step) => step.vip !== null);
  return [...Map.groupBy(steps, (step: Step) => step.vip ?? "")].flatMap(([id, list]) => {
    const want = desired.get(id) ?? null;
    const has = input.actual.get(id) ?? null;
    const key = want?.vip ?? has;
    if (key === null) return [];
    return [{ key, desired: want, actual: has, held: list.every((step) => step.holds.length > 0) }];
  });
}

/** What moves when the first of the heaviest servers is lost. */
async function lossOfOne(spec: TableSpec, slices: TableSlices, deadline: Millis): Promise<LossOfOne | null> {
  const heaviest = spec.servers.reduce((most, { weight }) => Math.max(most, weight), 0);
  const lost = spec.servers.findIndex(({ weight }) => weight === heaviest);
  const servers = spec.servers.filter((_, index) => index !== lost);
  const moved = await compare(spec, { ...spec, servers }, slices, deadline);
  return moved === null ? null : { moved: moved.moved_share, least: moved.least_share };
}

async function lengthGain(vip: Vip, slices: TableSlices, deadline: Millis): Promise<api.Finding | null> {
  const { desired, actual } = vip;
  if (desired === null || actual === null || isRecreated(desired, actual)) return null;
  const kept = tableAfter(desired, actual, false);
  const released = tableAfter(desired, actual, true);
  if (kept.length === released.length) return null;
  const before = await lossOfOne(kept, slices, deadline);
  const after = await lossOfOne(released, slices, deadline);
  if (before === null || after === null) return null;
  return lengthLint(desired.frontend, kept, released, before, after);
}

async function predictVip(vip: Vip, slices: TableSlices, deadline: Millis): Promise<api.Prediction | null> {
  const { desired, actual, held, key } = vip;
  const after = desired === null ? emptyTable(actual?.tableLength ?? 1) : tableAfter(desired, actual, held);
  const before = actual === null ? emptyTable(after.length) : actualTable(actual);
  const moved = await compare(before, after, slices, deadline);
  if (moved === null) return null;
  const was = sharesOf(before);
  const will = sharesOf(after);
  const effects = new Map(
    weightsHaveEffect(after).map((effect, index) => [after.servers[index]?.address, effect]),
  );
  const nameOf = (address: IpAddress) =>
    desired?.servers.find((server) => server.address === address)?.backend ?? null;
  const addresses = [...new Set([...will.keys(), ...was.keys()])];
  const frontend = desired?.frontend ?? null;
  const lints = frontend === null
    ? []
    : tableLints(frontend, after, (index) => desired?.servers[index]?.backend ?? "");
  const limit = lengthLimitLint(frontend === null ? `vips.${key.prefix}` : `frontends.${frontend}`, [
    before,
    after,
  ]);
  const gain = limit === null ? await lengthGain(vip, slices, deadline) : null;
  lints.push(...[limit, gain].filter((one) => one !== null));
  return {
    frontend,
    prefix: key.prefix,
    protocol: protocolName(key.protocol),
    port: key.port,
    ...moved,
    servers: addresses.map((address) => ({
      address,
      backend: nameOf(address),
      weight_before: was.get(address)?.weight ?? 0,
      weight_after: will.get(address)?.weight ?? 0,
      share_before: was.get(address)?.share ?? 0,
      share_after: will.get(address)?.share ?? 0,
      has_effect: effects.get(address) ?? true,
    })),
    lints,
  };
}

/** Predictions for the VIPs that a plan changes, in the plan's order; those that were ready at `deadline`. */
export async function predict(
  input: PredictionInput,
  slices: TableSlices,
  deadline: Millis,
): Promise<api.Prediction[]> {
  const predictions: api.Prediction[] = [];
  for (const vip of changedVips(input)) {
    const prediction = await predictVip(vip, slices, deadline);
    if (prediction === null) break;
    predictions.push(prediction);
  }
  return predictions;
}
