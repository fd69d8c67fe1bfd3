/**
 * The paths of the API: which route a path belongs to, which methods it takes, which parameters it knows.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import type { Api } from "./env.ts";

/** One path of the API. */
export interface Place {
  /** As in the document, e.g. `/v1/backends/{name}`. */
  readonly pattern: string;
  /** Upper case, HEAD with GET. */
  readonly methods: ReadonlySet<string>;
  /** Query parameters by method. */
  readonly queries: ReadonlyMap<string, readonly Parameter[]>;
  /** Methods that take a body. */
  readonly bodies: ReadonlySet<string>;
}

/** A query parameter. */
export interface Parameter {
  /** Its name. */
  readonly name: string;
  /** Whether it may be given more than once. */
  readonly repeatable: boolean;
}

/** Finds the place of a path; null if the API has none. */
export type Directory = (path: string) => Place | null;

function parametersOf(schema: unknown): Parameter[] {
  if (!(schema instanceof z.ZodObject)) return [];
  const shape: Readonly<Record<string, unknown>> = schema.shape;
  return Object.entries(shape).map(([name, value]) => ({
    name,
    // A list is asked for by a list of what a single value may be.
    repeatable: value instanceof z.ZodType && value.safeParse(["", ""]).success,
  }));
}

/** Makes the directory of every route that is mounted. */
export function directoryOf(app: Api): Directory {
  const places = new Map<
    string,
    { methods: Set<string>; queries: Map<string, Parameter[]>; bodies: Set<string> }
  >();
  for (const definition of app.openAPIRegistry.definitions) {
    if (definition.type !== "route") continue;
    const { method, path, request } = definition.route;
    const place = places.get(path) ??
      { methods: new Set<string>(), queries: new Map<string, Parameter[]>(), bodies: new Set<string>() };
    const parameters = parametersOf(request?.query);
    if (request?.body !== undefined) place.bodies.add(method.toUpperCase());
    for (const each of method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()]) {
      place.methods.add(each);
      place.queries.set(each, parameters);
    }
    places.set(path, place);
  }
  const rows = [...places].map(([pattern, place]) => ({
    place: { pattern, ...place },
    expression: new RegExp(`^${pattern.replace(/[.]/g, "\\.").replace(/\{[^}]+\}/g, "[^/]+")}$`),
  }));
  const find: Directory = (path) => rows.find((row) => row.expression.test(path))?.place ?? null;
  return (path) => {
    const through = throughPeer(path);
    return through === null ? find(path) : peerPlace(find(`/v1/${through.path}`));
  };
}

/** Peer and path below `/v1/` of a request that another daemon answers; null: this one does. */
export function throughPeer(path: string): { readonly peer: string; readonly path: string } | null {
  const [, peer, rest] = /^\/v1\/peers\/([^/]+)\/(.+)$/.exec(path) ?? [];
  return peer === undefined || rest === undefined ? null : { peer, path: rest };
}

/** What may be asked of a peer: the documented GETs, with their own parameters; not its peers. */
function peerPlace(place: Place | null): Place | null {
  if (place === null || !place.methods.has("GET") || place.pattern.startsWith("/v1/peers")) return null;
  return {
    pattern: peerPattern,
    methods: new Set(["GET", "HEAD"]),
    queries: place.queries,
    bodies: new Set(),
  };
}

/** The path in the document. */
export const peerPattern = "/v1/peers/{name}/{path}";
