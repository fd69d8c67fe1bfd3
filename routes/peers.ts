/**
 * Other daemons, read through this one.
 *
 * @module
 */
import { createRoute, z } from "@hono/zod-openapi";
import type { PeerAnswer, PeerReader } from "../src/peers/peers.ts";
import { PeerError } from "../src/peers/peers.ts";
import { peerPattern, throughPeer } from "./directory.ts";
import type { Api, ApiOptions } from "./env.ts";
import * as examples from "./examples.ts";
import { json, nameParameter, problems, readErrors, security } from "./operation.ts";
import { ProblemError } from "./problem.ts";
import { PeerList } from "./schemas_peers.ts";

const listPeers = createRoute({
  method: "get",
  path: "/v1/peers",
  operationId: "listPeers",
  summary: "The daemons of --peer, and whether they answer",
  tags: ["daemon"],
  security,
  responses: { 200: json(PeerList, "the peers", examples.peers), ...problems(...readErrors) },
});

const readPeer = createRoute({
  method: "get",
  path: peerPattern,
  operationId: "readPeer",
  summary: "A GET of another daemon, read through this one",
  description:
    "`path` is that of any documented GET below `/v1/`, with its parameters, e.g. `/v1/peers/lb2/vpp/lb/plan`. The peer " +
    "gets the token that --peer-token-file has for it, never the caller's. Its answer has to be there within 5 s, has at " +
    "most 8 MiB, and is JSON or events. Redirects are not followed. Four requests and four streams go to a peer at a time.",
  tags: ["daemon"],
  security,
  request: {
    params: z.object({
      name: nameParameter("name", "peer", "lb2"),
      path: z.string().openapi({ param: { name: "path", in: "path" }, example: "backends" }),
    }),
  },
  responses: {
    200: {
      description: "what the peer answered",
      content: {
        "application/json": { schema: z.record(z.string(), z.unknown()), example: { backends: [] } },
        "text/event-stream": { schema: z.string(), example: examples.events },
      },
    },
    ...problems(...readErrors, "not-found", "peer-failed"),
  },
});

const noPeers: PeerReader = {
  list: () => Promise.resolve({ peers: [] }),
  read: () => Promise.reject(new PeerError("unknown", "this daemon has no peers")),
  follow: () => Promise.reject(new PeerError("unknown", "this daemon has no peers")),
};

function problemOf(name: string, error: unknown): unknown {
  if (!(error instanceof PeerError)) return error;
  if (error.kind === "unknown") {
    return new ProblemError("not-found", `There is no peer "${name}": ${error.message}`);
  }
  return new ProblemError("peer-failed", `The peer ${name}: ${error.message}`);
}

/** The answer of a peer, if it is one that the API of maglevd could have given. Throws PeerError. */
export function peerResponse({ status, text }: PeerAnswer): Response {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new PeerError("failed", "it answered no JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new PeerError("failed", "it answered JSON that is no object");
  }
  if (status >= 400 && !String(Reflect.get(value, "type")).startsWith("urn:maglev:problem:")) {
    throw new PeerError("failed", `it answered ${status} and no problem of maglevd`);
  }
  const type = status >= 400 ? "application/problem+json" : "application/json";
  return new Response(text, { status, headers: { "content-type": type } });
}

/** Mounts /v1/peers. */
export function mountPeers(app: Api, { peers = noPeers }: ApiOptions): void {
  app.openapi(listPeers, async (c) => c.json(await peers.list(), 200));
  // The path may have slashes, which a parameter of the document cannot say.
  app.openAPIRegistry.registerPath(readPeer);
  app.get("/v1/peers/:name/:path{.+}", async (c) => {
    const { pathname, search } = new URL(c.req.url);
    const through = throughPeer(pathname);
    if (through === null) throw new ProblemError("not-found", `The API has no path ${pathname}`);
    const name = decodeURIComponent(through.peer);
    const path = `v1/${through.path}${search}`;
    const { signal } = c.req.raw;
    try {
      if (through.path !== "events") return peerResponse(await peers.read(name, path, signal));
      const headers = {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
      };
      // Nobody would ever end the stream of an answer to HEAD.
      if (c.req.method === "HEAD") return new Response(null, { headers });
      const lastId = c.req.header("last-event-id") ?? null;
      const answer = await peers.follow(name, path, lastId, signal);
      return answer instanceof ReadableStream ? new Response(answer, { headers }) : peerResponse(answer);
    } catch (error) {
      throw problemOf(name, error);
    }
  });
}
