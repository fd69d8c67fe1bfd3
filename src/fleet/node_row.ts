/**
 * What each daemon of a fleet tells the others: one row in the store. Pure.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { VPP_STANDINGS, type VppStanding } from "../model.ts";
import { err, ok, type Result } from "../result.ts";

/** The row of one daemon. */
export interface NodeRow {
  /** Name of the node. */
  readonly node: string;
  /** Random for each start, so that two daemons with one name see each other. */
  readonly instance: string;
  /** Version of the program. */
  readonly version: string;
  /** Digest of the configuration. */
  readonly configDigest: string;
  /** Revisions of the intents that the daemon acts on. */
  readonly intents: readonly string[];
  /** Frontend -> digest of its table; null: left out, since the row would be too large. */
  readonly tables: Readonly<Record<string, string>> | null;
  /** Backends that are not up, with their state. */
  readonly notUp: Readonly<Record<string, string>>;
  /** Connection to VPP. */
  readonly vpp: VppStanding;
}

/** Greatest length of a row in octets. */
export const rowLimit = 1024 * 1024;

/** A row as text, without `tables` where it would be over the limit. */
export function rowText(row: NodeRow): string {
  const text = (tables: NodeRow["tables"]) =>
    JSON.stringify({
      instance: row.instance,
      version: row.version,
      config_digest: row.configDigest,
      intents: row.intents,
      tables,
      not_up: row.notUp,
      vpp: row.vpp,
    });
  const whole = text(row.tables);
  return new TextEncoder().encode(whole).length <= rowLimit ? whole : text(null);
}

function strings(value: unknown): Record<string, string> | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const entries = Object.entries(value);
  return entries.every(([, text]) => typeof text === "string") ? Object.fromEntries(entries) : null;
}

/** Reads a row; an error says in a sentence why it is none. Keys that are not known are ignored. */
export function parseRow(node: string, text: string): Result<NodeRow, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return err("it is no JSON");
  }
  if (typeof value !== "object" || value === null) return err("it is no object");
  const raw: Record<string, unknown> = { ...value };
  const { instance, intents, version, vpp } = raw;
  const tables = raw.tables === null ? null : strings(raw.tables);
  const notUp = strings(raw.not_up);
  if (typeof instance !== "string" || instance === "") return err("instance is missing");
  if (typeof version !== "string") return err("version is missing");
  if (typeof raw.config_digest !== "string") return err("config_digest is missing");
  if (!Array.isArray(intents) || !intents.every((one) => typeof one === "string" && /^\d{1,20}$/.test(one))) {
    return err("intents is no list of revisions");
  }
  if (tables === null && raw.tables !== null) return err("tables is no map of digests");
  if (notUp === null) return err("not_up is no map of states");
  const standing = VPP_STANDINGS.find((known) => known === vpp);
  if (standing === undefined) return err("vpp is no known state");
  const configDigest = raw.config_digest;
  return ok({ node, instance, version, configDigest, intents, tables, notUp, vpp: standing });
}

/** What a new-flow table is computed from; nothing that differs between nodes by design (GRE sources, files). */
export interface TableInputs {
  /** Entries of the table. */
  readonly tableLength: number;
  /** Whether flows are hashed by addresses alone. */
  readonly srcIpSticky: boolean;
  /** Servers with their effective weights. */
  readonly servers: readonly { readonly address: string; readonly weight: number }[];
}

/** 16 hexadecimal digits that are the same wherever the table is the same. */
export function tableDigest({ servers, srcIpSticky, tableLength }: TableInputs): string {
  // Servers without a weight have no bucket, and the order of servers in a file does not matter to the table.
  const rows = servers.filter(({ weight }) => weight > 0).map(({ address, weight }) => `${address} ${weight}`)
    .sort();
  return createHash("sha256").update(JSON.stringify([tableLength, srcIpSticky, rows])).digest("hex").slice(
    0,
    16,
  );
}
