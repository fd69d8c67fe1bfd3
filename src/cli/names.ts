import { clean, couldBeName } from "./clean.ts";
import type { Client } from "./client.ts";
import type { NameSource } from "./grammar.ts";
import { any, list, object, type Shape } from "./shape.ts";

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

/** As much of an answer as has names in it; whether they are any is looked at last. */
const named = list(object<{ name: unknown }>({ name: any }));
const backendNames = object<{ backends: { name: unknown }[] }>({ backends: named });
const healthcheckNames = object<{ healthchecks: { name: unknown }[] }>({ healthchecks: named });
const overrideIds = object<{ overrides: { id: unknown }[] }>({
  overrides: list(object<{ id: unknown }>({ id: any })),
});
type NamedPool = { name: unknown; backends: { name: unknown }[] };
const frontendNames = object<{ frontends: { name: unknown; pools: NamedPool[] }[] }>({
  frontends: list(object<{ name: unknown; pools: NamedPool[] }>({
    name: any,
    pools: list(object<NamedPool>({ name: any, backends: named })),
  })),
});

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
  const get = async <T>(path: string, shape: Shape<T>): Promise<T | null> => {
    const known = cache.get(path);
    const answer = known !== undefined && ticks() - known.at < freshMs
      ? known.answer
      : client.json({ path, timeoutMs: patienceMs }, shape).then((r) => r.ok ? r.value.value : null);
    if (answer !== known?.answer) cache.set(path, { at: ticks(), answer });
    return await answer as T | null;
  };
  const lookup = async (
    source: Exclude<NameSource, "file">,
    values: ReadonlyMap<string, string>,
  ): Promise<unknown[]> => {
    switch (source) {
      case "healthcheck":
        return (await get("/v1/healthchecks", healthcheckNames))?.healthchecks.map((h) => h.name) ?? [];
      case "object":
        return [...await lookup("backend", new Map()), ...await lookup("frontend", new Map())];
      case "override":
        return (await get("/v1/overrides", overrideIds))?.overrides.map((o) => o.id) ?? [];
      case "frontend":
        return (await get("/v1/frontends", frontendNames))?.frontends.map((f) => f.name) ?? [];
      case "pool":
      case "backend": {
        const frontend = values.get("frontend");
        if (frontend === undefined) {
          return (await get("/v1/backends", backendNames))?.backends.map((b) => b.name) ?? [];
        }
        const list = await get("/v1/frontends", frontendNames);
        const pools = list?.frontends.find((f) => f.name === frontend)?.pools ?? [];
        if (source === "pool") return pools.map((pool) => pool.name);
        // Without a pool any member of the frontend is meant.
        const pool = values.get("pool");
        return pools.filter(({ name }) => pool === undefined || name === pool)
          .flatMap(({ backends }) => backends.map((b) => b.name));
      }
    }
  };
  // What no configuration can hold is no name: it would be typed into the user's shell.
  return async (source, values, partial) => {
    if (source === "file") return files(partial);
    return (await lookup(source, values)).filter(couldBeName);
  };
}
