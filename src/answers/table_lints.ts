/**
 * What a table tells an operator: weights without effect, shares that are off, and what a longer table gains. Pure.
 *
 * @module
 */
import type { Finding } from "../api/mod.ts";
import type { Config, Frontend } from "../configuration.ts";
import { bucketCounts, LONGEST_COMPUTED, type TableSpec, weightsHaveEffect } from "../lb/table/table.ts";

/** Says that a table is too long to be computed; null: each of them is computed. */
export function lengthLimitLint(path: string, specs: readonly TableSpec[]): Finding | null {
  const longest = Math.max(...specs.map(({ length }) => length));
  if (longest <= LONGEST_COMPUTED) return null;
  const message =
    `the table of ${longest} buckets is not computed, only those up to ${LONGEST_COMPUTED} are: ` +
    "what moves is at least what is told";
  return { ...lint("", message, null), path };
}

function lint(frontend: string, message: string, hint: string | null): Finding {
  return {
    severity: "warning",
    pass: "lint",
    file: null,
    line: null,
    column: null,
    path: `frontends.${frontend}`,
    message,
    hint,
  };
}

/** A share 0...1 in percent, e.g. `12.5 %`. */
export function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}

/** The greatest error of a server's share, relative to the share that its weight asks for; 0.... */
export function worstError(spec: TableSpec): number {
  const sum = sumOfWeights(spec);
  const counts = bucketCounts(spec.length, spec.servers);
  let worst = 0;
  spec.servers.forEach(({ weight }, index) => {
    if (weight === 0) return;
    const wanted = weight / sum;
    worst = Math.max(worst, Math.abs((counts[index] ?? 0) / spec.length - wanted) / wanted);
  });
  return worst;
}

/** Sum of the weights of all servers. */
export function sumOfWeights(spec: TableSpec): number {
  return spec.servers.reduce((sum, { weight }) => sum + weight, 0);
}

/** The least length at which no share is off by more than an eighth, or null when no table is long enough. */
function enough(sum: number): number | null {
  const length = 2 ** Math.ceil(Math.log2(Math.max(1, 8 * sum)));
  return length <= LONGEST_COMPUTED ? length : null;
}

/** What is to be said about a table; `nameOf` gives a server's name for people. */
export function tableLints(
  frontend: string,
  spec: TableSpec,
  nameOf: (index: number) => string,
): Finding[] {
  const sum = sumOfWeights(spec);
  if (sum === 0) return [lint(frontend, "no server has a weight above 0: new flows are dropped", null)];
  if (8 * sum <= spec.length) return [];
  const length = enough(sum);
  const hint = length === null
    ? "use smaller weights: what counts is their ratio"
    : `use new-flows-table-length ${length}, or smaller weights`;
  const idle = weightsHaveEffect(spec).flatMap((effect, index) => effect ? [] : [nameOf(index)]);
  const what = idle.length > 0
    ? `the weights of ${idle.join(", ")} lose their effect`
    : `shares are off by up to ${percent(worstError(spec))}`;
  return [
    lint(frontend, `sum of weights ${sum} is more than table length ${spec.length} / 8: ${what}`, hint),
  ];
}

/** What the loss of one server moves, as shares of the table. */
export interface LossOfOne {
  /** What the table moves, 0...1. */
  readonly moved: number;
  /** What any table must move, 0...1. */
  readonly least: number;
}

/** What a held change of the table's length would gain: truer shares, and fewer flows that move with a failure. */
export function lengthLint(
  frontend: string,
  now: TableSpec,
  then: TableSpec,
  lossNow: LossOfOne,
  lossThen: LossOfOne,
): Finding {
  const message =
    `the live VIP keeps table length ${now.length}; with ${then.length} the greatest error of a ` +
    `share goes from ${percent(worstError(now))} to ${
      percent(worstError(then))
    }, and the loss of one server ` +
    `moves ${percent(lossThen.moved)} of new flows instead of ${percent(lossNow.moved)} ` +
    `(least possible: ${percent(lossThen.least)})`;
  const hint = "a sync that carries the plan's digest recreates the VIP, which ends its flows";
  return lint(frontend, message, hint);
}

/**
 * Backends of the pool in use whose weight has no full effect, in the file's order, as if all of them were up.
 *
 * @param length buckets of the table
 */
function weightsWithoutEffect(
  { backends }: Pick<Config, "backends">,
  { pools }: Frontend,
  activePool: string,
  length: number,
): readonly string[] {
  const members = pools.find(({ name }) => name === activePool)?.members ?? [];
  // With a bucket for each unit of weight every weight has its effect.
  if (members.reduce((sum, { weight }) => sum + weight, 0) <= length) return [];
  const servers = members.flatMap(({ backend, weight }) => {
    const address = backends.get(backend)?.address;
    return address === undefined ? [] : [{ backend, address, weight }];
  });
  const effect = weightsHaveEffect({ length, servers });
  return servers.filter((_, index) => effect[index] === false).map(({ backend }) => backend);
}

interface Found {
  readonly backends: Config["backends"];
  readonly activePool: string;
  readonly length: number;
  readonly names: readonly string[];
}

/**
 * What `weightsWithoutEffect` answers, found once for as long as nothing of it changes: problems are looked for each
 * second, and it sorts the addresses of a pool.
 */
export class WeightEffects {
  readonly #found = new WeakMap<Frontend, Found>();

  /** The same list as the last time if nothing has changed. */
  without(
    { backends }: Pick<Config, "backends">,
    frontend: Frontend,
    activePool: string,
    length: number,
  ): readonly string[] {
    const last = this.#found.get(frontend);
    if (last?.backends === backends && last.activePool === activePool && last.length === length) {
      return last.names;
    }
    const names = weightsWithoutEffect({ backends }, frontend, activePool, length);
    this.#found.set(frontend, { backends, activePool, length, names });
    return names;
  }
}
