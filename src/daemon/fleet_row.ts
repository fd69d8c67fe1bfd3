/**
 * What a daemon tells the others of its fleet about itself: digests of its configuration and of its tables. Pure.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { exportConfig } from "../config/export.ts";
import { tableDigest } from "../fleet/node_row.ts";
import type { DesiredVip } from "../lb/desired.ts";
import type { Config } from "../configuration.ts";

/** Keys that differ between the nodes of a fleet by design: their own addresses, namespaces and files. */
const ofNode: readonly string[] = [
  "netns",
  "ipv4-src-address",
  "ipv6-src-address",
  "probe-ipv4-src",
  "probe-ipv6-src",
  "ca-file",
  "cert-file",
  "key-file",
];

/** A value without the keys of a node; the order of names does not matter, that of lists does. */
function common(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(common);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => !ofNode.includes(key));
  return entries.sort(([a], [b]) => a < b ? -1 : 1).map(([key, inner]) => [key, common(inner)]);
}

/** 16 hexadecimal digits that are the same wherever the file says the same, but for what is of a node by design. */
export function configDigest(config: Config): string {
  // Without secrets: the digest is in the store, where a short one could be guessed.
  const { fleet: _, ...rest } = exportConfig(config).maglev;
  return createHash("sha256").update(JSON.stringify(common(rest))).digest("hex").slice(0, 16);
}

/** Digests of tables; each is computed again only when its inputs have changed. */
export class TableDigests {
  #known = new Map<string, { readonly inputs: string; readonly digest: string }>();

  /**
   * Frontend -> digest of its table.
   *
   * @param length of the table that VPP has for a frontend; null: VPP has none, or was not read
   */
  of(
    desired: readonly DesiredVip[],
    length: (frontend: string) => number | null,
  ): Record<string, string> {
    const next = new Map<string, { readonly inputs: string; readonly digest: string }>();
    const digests: Record<string, string> = {};
    for (const { frontend, servers, srcIpSticky, tableLength } of desired) {
      const inputs = { servers, srcIpSticky, tableLength: length(frontend) ?? tableLength };
      const text = `${inputs.tableLength} ${srcIpSticky} ${
        servers.map(({ address, weight }) => `${address} ${weight}`).join()
      }`;
      const before = this.#known.get(frontend);
      const entry = before?.inputs === text ? before : { inputs: text, digest: tableDigest(inputs) };
      next.set(frontend, entry);
      digests[frontend] = entry.digest;
    }
    this.#known = next;
    return digests;
  }
}
