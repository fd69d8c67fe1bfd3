import type { BackendList, FrontendList, HealthCheckList } from "../api/mod.ts";
import { clean, couldBeName } from "./clean.ts";
import type { Client } from "./client.ts";
import type { NameSource } from "./grammar.ts";

/** Looks up the names for an argument, given the arguments before it. */
export type NameLookup = (
  source: NameSource,
  values: ReadonlyMap<string, string>,
  partial: string,
) => Promise<string[]>;

/** Somebody waits at the keyboard: a server that is slower than this gives no names. */
const patienceMs = 1_500;
/** Names asked for again within this time are those of the last answer. */
const freshMs = 2_000;

/** Files and folders that begin with `partial`; none where the folder cannot be read. */
function files(partial: string): string[] {
  const folder = partial.slice(0, partial.lastIndexOf("/") + 1);
  try {
    return [...Deno.readDirSync(folder === "" ? "." : folder)]
      .map((entry) => `${folder}${entry.name}${entry.isDirectory ? "/" : ""}`)
      .filter((name) => clean(name) === name);
  } catch {
    // A folder that is not there or is closed to us has nothing to offer.
    return [];
  }
}

/**
 * Names from the API, for completion. A pool is one of the frontend already typed, a backend one of the pool already
 * typed. A server that is away has no names; completion never fails.
 *
 * @param ticks monotonic time in milliseconds
 */
export function liveNames(client: Client, ticks: () => number): NameLookup {
  const cache = new Map<string, { readonly at: number; readonly answer: Promise<unknown> }>();
  const get = async <T>(path: string): Promise<T | null> => {
    const known = cache.get(path);
    const answer = known !== undefined && ticks() - known.at < freshMs
      ? known.answer
      : client.json<T>({ path, timeoutMs: patienceMs }).then((r) => r.ok ? r.value.value : null);
    if (answer !== known?.answer) cache.set(path, { at: ticks(), answer });
    return await answer as T | null;
  };
  const lookup = async (
    source: Exclude<NameSource, "file">,
    values: ReadonlyMap<string, string>,
  ): Promise<unknown[]> => {
    switch (source) {
      case "healthcheck":
        return (await get<HealthCheckList>("/v1/healthchecks"))?.healthchecks.map((h) => h.name) ?? [];
      case "frontend":
        return (await get<FrontendList>("/v1/frontends"))?.frontends.map((f) => f.name) ?? [];
      case "pool":
      case "backend": {
        const frontend = values.get("frontend");
        if (frontend === undefined) {
          return (await get<BackendList>("/v1/backends"))?.backends.map((b) => b.name) ?? [];
        }
        const list = await get<FrontendList>("/v1/frontends");
        const pools = list?.frontends.find((f) => f.name === frontend)?.pools ?? [];
        if (source === "pool") return pools.map((pool) => pool.name);
        return pools.find((pool) => pool.name === values.get("pool"))?.backends.map((b) => b.name) ?? [];
      }
    }
  };
  // What no configuration can hold is no name: it would be typed into the user's shell.
  return async (source, values, partial) => {
    if (source === "file") return files(partial);
    try {
      return (await lookup(source, values)).filter(couldBeName);
    } catch (error) {
      // An answer of another shape than the API's has no names.
      if (!(error instanceof TypeError)) throw error;
      return [];
    }
  };
}
