/**
 * The paths of the API: which route a path belongs to, which methods it takes, which parameters it knows.
 *
 * @module
 */
import type { Api } from "./env.ts";

/** One path of the API. */
export interface Place {
  /** As in the document, e.g. `/v1/backends/{name}`. */
  readonly pattern: string;
  /** Upper case, HEAD with GET. */
  readonly methods: ReadonlySet<string>;
  /** Query parameters by method. */
  readonly queries: ReadonlyMap<string, readonly string[]>;
}

/** Finds the place of a path; null if the API has none. */
export type Directory = (path: string) => Place | null;

function queryNames(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null || !("shape" in schema)) return [];
  return Object.keys(schema.shape ?? {});
}

/** Makes the directory of every route that is mounted. */
export function directoryOf(app: Api): Directory {
  const places = new Map<string, { methods: Set<string>; queries: Map<string, string[]> }>();
  for (const definition of app.openAPIRegistry.definitions) {
    if (definition.type !== "route") continue;
    const { method, path, request } = definition.route;
    const place = places.get(path) ?? { methods: new Set<string>(), queries: new Map<string, string[]>() };
    const names = queryNames(request?.query);
    for (const each of method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()]) {
      place.methods.add(each);
      place.queries.set(each, names);
    }
    places.set(path, place);
  }
  const rows = [...places].map(([pattern, place]) => ({
    place: { pattern, ...place },
    expression: new RegExp(`^${pattern.replace(/[.]/g, "\\.").replace(/\{[^}]+\}/g, "[^/]+")}$`),
  }));
  return (path) => rows.find((row) => row.expression.test(path))?.place ?? null;
}
