/**
 * The API's shapes of the configuration.
 *
 * @module
 */
import type { Finding } from "./base.ts";
import type { Consequences } from "./memory.ts";
import type { SyncResult } from "./vpp.ts";

/** GET /v1/config */
export interface Config {
  /** The file's own keys (kebab-case, durations as `1m30s`), defaults filled in, secret header values `***`. */
  maglev: Record<string, unknown>;
}

/** POST /v1/config/check: 200 whenever something was judged. */
export interface ConfigCheck {
  /** Whether it could run. */
  ok: boolean;
  /** Structural errors, lines joined by a newline; "" when none. */
  parse_error: string;
  /** Semantic errors, lines joined by a newline; "" when none. */
  semantic_error: string;
  /** All errors in the checker's order. */
  errors: Finding[];
  /** All lints. */
  warnings: Finding[];
}

/** One object that a reload changed. */
export interface ReloadChange {
  /** Kind of the object. */
  object: "healthchecker" | "healthcheck" | "backend" | "frontend" | "vpp" | "override" | "fleet";
  /** Its name; "" for those that are there once. */
  name: string;
  /** What happened to it. */
  change: "added" | "changed" | "removed";
  /** Keys that changed. */
  fields: string[];
  /** What that does, in words. */
  effect: string;
}

/** POST /v1/config/reload; a wrong file is 422 with errors. */
export interface ConfigReload extends ConfigCheck {
  /** What changed. */
  changes: ReloadChange[];
  /** The sync that followed; null: none yet. */
  sync: SyncResult | null;
  /** What it changes for traffic. */
  consequences?: Consequences;
}
