import { createHash } from "node:crypto";
import type { Change } from "../api/mod.ts";

/**
 * Digest of a plan: equal for equal changes with equal settings in equal order, whatever their `seq`, reasons and
 * holds. 16 hex digits, short enough to be typed back by an operator.
 */
export function planDigest(changes: readonly Change[]): string {
  const rows = changes.map((c) => [
    c.kind,
    c.frontend,
    c.prefix,
    c.protocol,
    c.port,
    c.address,
    c.backend,
    c.weight_before,
    c.weight_after,
    c.flush,
    c.traffic_affecting,
    c.conf ?? null,
    c.encap ?? null,
    c.table_length ?? null,
    c.src_ip_sticky ?? null,
  ]);
  return createHash("sha256").update(JSON.stringify(rows)).digest("hex").slice(0, 16);
}
