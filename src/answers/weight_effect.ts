/**
 * Weights that lose their effect, since the new-flow table has fewer buckets than the weights ask for. Pure.
 *
 * @module
 */
import { weightsHaveEffect } from "../lb/table/table.ts";
import type { Config, Frontend } from "../configuration.ts";

/**
 * Backends of the pool in use whose weight has no full effect, in the file's order, as if all of them were up.
 *
 * @param length buckets of the table
 */
export function weightsWithoutEffect(
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
