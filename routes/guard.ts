/**
 * What every request passes before its route: counting, a readable URL, an existing path and method, access, known
 * parameters, a bounded body.
 *
 * @module
 */
import { covers, isOpen, neededRole, whyNoChange } from "./access.ts";
import { type AuthTable, bearerToken } from "./auth.ts";
import { limitBody } from "./body.ts";
import type { Directory } from "./directory.ts";
import type { ApiContext, ApiOptions, Middleware } from "./env.ts";
import { finding, ProblemError, unknownKey } from "./problem.ts";

const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** Counts and times every request; the method and route of a stranger's request never become label values. */
export function count({ recorder, clock }: ApiOptions, directory: Directory): Middleware {
  return async (c, next) => {
    const start = clock.now();
    await next();
    if (recorder === undefined) return;
    const method = methods.has(c.req.method) ? c.req.method : "other";
    const route = directory(c.req.path)?.pattern ?? "unmatched";
    recorder.httpRequest(method, route, c.res.status, (clock.now() - start) / 1000);
  };
}

function checkEncoding(path: string, part: string): void {
  try {
    decodeURIComponent(part);
  } catch {
    const message = `"${part}" is no percent-encoded UTF-8`;
    throw new ProblemError("bad-request", message, { errors: [finding(path, message)] });
  }
}

function checkPlace(c: ApiContext, path: string, directory: Directory): void {
  const place = directory(path);
  if (place === null) throw new ProblemError("not-found", `The API has no path ${path}; /docs lists them`);
  if (!place.methods.has(c.req.method)) {
    const allowed = [...place.methods].join(", ");
    throw new ProblemError("method-not-allowed", `${path} takes ${allowed}`, {}, { allow: allowed });
  }
}

function checkToken(c: ApiContext, auth: AuthTable, path: string): void {
  const token = bearerToken(c.req.raw.headers.get("authorization"));
  const principal = token === null ? null : auth.identify(token);
  if (principal === null) {
    const challenge = token === null
      ? 'Bearer realm="maglevd"'
      : 'Bearer realm="maglevd", error="invalid_token"';
    const detail = token === null ? "This needs a bearer token" : "Nobody has this token";
    throw new ProblemError("unauthorized", detail, {}, { "www-authenticate": challenge });
  }
  const needed = neededRole(c.req.method, path);
  if (!covers(principal.role, needed)) {
    throw new ProblemError(
      "forbidden",
      `The token of ${principal.name} has role ${principal.role}; this needs ${needed}`,
    );
  }
  c.set("actor", { principal: principal.name, peer: peerAddress(c) });
}

function checkLoopback(c: ApiContext, url: URL): void {
  if (c.req.method !== "GET" && c.req.method !== "HEAD") {
    const reason = whyNoChange(c.env?.peer ?? null, c.req.raw.headers, url.host);
    if (reason !== null) throw new ProblemError("forbidden", reason);
  }
  c.set("actor", { principal: "local", peer: peerAddress(c) });
}

function peerAddress(c: ApiContext): string {
  return c.env?.peer?.address ?? "unknown";
}

function checkQuery(c: ApiContext, url: URL, path: string, directory: Directory): void {
  // Scrapers and probes may add parameters of their own; the API proper must not ignore a misspelt one.
  if (!path.startsWith("/v1/")) return;
  checkEncoding("query", url.search);
  const known = directory(path)?.queries.get(c.req.method) ?? [];
  const errors = [...new Set(url.searchParams.keys())]
    .filter((name) => !known.includes(name))
    .map((name) => unknownKey(name, name, known));
  if (errors.length > 0) {
    throw new ProblemError("invalid", errors.map((error) => error.message).join("; "), { errors });
  }
}

/** Refuses what must not reach a route. */
export function guard({ auth }: ApiOptions, directory: Directory): Middleware {
  return async (c, next) => {
    const url = new URL(c.req.url);
    const path = url.pathname;
    checkEncoding("path", path);
    // Without a token a stranger learns nothing, not even which paths exist.
    if (auth !== null && !isOpen(path)) checkToken(c, auth, path);
    checkPlace(c, path, directory);
    if (auth === null) checkLoopback(c, url);
    checkQuery(c, url, path, directory);
    if (c.req.method === "GET" || c.req.method === "HEAD") return await next();
    await limitBody(c, next);
  };
}
