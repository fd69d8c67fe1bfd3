import type { RawFrontend } from "./schema.ts";

const AUTO_LEAST = 1024;
const AUTO_MOST = 65536;
const WEIGHT_MOST = 100;
/** Buckets a unit of weight needs so that no share is off by more than an eighth. */
const BUCKETS_PER_WEIGHT = 8;

/**
 * Length of a new-flow table that is left to the daemon: room for every member of every pool at full weight,
 * so that neither failover nor a weight at run time ever wants another length. A power of two, 1024...65536.
 *
 * @param members of all pools together
 */
export function autoTableLength(members: number): number {
  const wanted = BUCKETS_PER_WEIGHT * WEIGHT_MOST * members;
  let length = AUTO_LEAST;
  while (length < wanted && length < AUTO_MOST) length *= 2;
  return length;
}

/** The table length of a frontend, given or computed; undefined if that cannot be told. */
export function tableLength(frontend: RawFrontend): number | undefined {
  const given = frontend["new-flows-table-length"].value;
  if (given !== null) return given;
  let members = 0;
  for (const { value: pool } of frontend.pools.value ?? []) {
    if (pool?.backends.value === undefined) return undefined;
    members += pool.backends.value.length;
  }
  return frontend.pools.value === undefined ? undefined : autoTableLength(members);
}
