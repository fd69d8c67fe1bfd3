/**
 * What the log says of a reload.
 *
 * @module
 */
import type { Log } from "../log/mod.ts";

/** Tells which backends only changed their name in a reload: old names by new names. */
export function tellReload(log: Log, renamed: ReadonlyMap<string, string>): void {
  for (const [name, was] of renamed) {
    log.info("config-reload", { detail: `backend ${was} is ${name} now; it keeps state and history` });
  }
}
