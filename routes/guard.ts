/**
 * What every request passes before its route: counting, a readable URL, an existing path and method, access, known
 * parameters, a bounded body.
 *
 * @module
 */
import { decide, isRead } from "./access.ts";
import { claimedActor } from "./actor.ts";
import { bearerToken, type Tokens } from "./auth.ts";
import { announcesBody, checkContentEncoding, limitBody, noBody, unwantedBody } from "./body.ts";
import type { Directory } from "./directory.ts";
import type { ApiContext, ApiOptions, ChangeRecorder, Middleware } from "./env.ts";
import { finding, ProblemError, problemOfFindings, unknownKey } from "./problem.ts";
import { RefusalLog, type Refused } from "./unauthorized.ts";

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

/** Who asks, and whether they may. A refusal is counted, logged and thrown. */
function checkAccess(c: ApiContext, url: URL, tokens: Tokens, refused: (refusal: Refused) => void): void {
  const { headers } = c.req.raw;
  const { method } = c.req;
  const peer = c.env?.peer ?? null;
  const given = bearerToken(headers.get("authorization"));
  const credential = given === null ? null : tokens.identify(given, peer);
  const decision = decide({
    method,
    path: url.pathname,
    peer,
    host: headers.get("host"),
    authority: url.host,
    origin: headers.get("origin"),
    token: credential?.who ?? null,
  }, tokens.authFile);
  if (decision.kind === "allowed") {
    c.set("who", decision.who);
    c.set("credential", credential);
    c.set("reads", decision.reads);
    if (decision.who !== null) {
      const claimed = claimedActor(headers.get("x-maglev-actor"));
      c.set("actor", { principal: decision.who.name, peer: peer?.address ?? "unknown", claimed });
    }
    return;
  }
  const problem = decision.kind === "forbidden"
    ? new ProblemError("forbidden", decision.detail)
    : tokenNeeded(given !== null, isRead(method), tokens.hint);
  refused({
    code: decision.kind === "forbidden" ? 403 : 401,
    peer,
    principal: credential?.who.name ?? null,
    method,
    path: url.pathname,
    detail: decision.kind === "forbidden"
      ? decision.detail
      : given === null
      ? "no token"
      : "nobody has this token",
  });
  throw problem;
}

function tokenNeeded(given: boolean, read: boolean, hint: string): ProblemError {
  const what = given
    ? "Nobody has this token, and this needs one"
    : read
    ? "This needs a token"
    : "A change needs a token";
  const challenge = given ? 'Bearer realm="maglevd", error="invalid_token"' : 'Bearer realm="maglevd"';
  return new ProblemError("unauthorized", `${what}: ${hint}`, {}, { "www-authenticate": challenge });
}

function checkQuery(c: ApiContext, url: URL, path: string, directory: Directory): void {
  // Scrapers and probes may add parameters of their own; the API proper must not ignore a misspelt one.
  if (!path.startsWith("/v1/")) return;
  checkEncoding("query", url.search);
  const parameters = directory(path)?.queries.get(c.req.method) ?? [];
  const known = parameters.map(({ name }) => name);
  const errors = [...new Set(url.searchParams.keys())].flatMap((name) => {
    const parameter = parameters.find((one) => one.name === name);
    if (parameter === undefined) return [unknownKey(name, name, known)];
    const times = url.searchParams.getAll(name).length;
    if (times === 1 || parameter.repeatable) return [];
    return [finding(name, `is given ${times === 2 ? "twice" : `${times} times`}; it can be given once`)];
  });
  if (errors.length > 0) throw problemOfFindings(errors);
}

/** Refuses a change that the journal cannot take; a check and a dry run are in no journal. */
function checkChanges(c: ApiContext, changes: ChangeRecorder | undefined): void {
  c.set("changes", changes);
  if (changes === undefined || changes.takesChanges) return;
  if (c.req.path === "/v1/config/check" || c.req.query("dry_run") === "true") return;
  throw new ProblemError(
    "busy",
    "The journal has no room for a further change: its disk is too slow or full",
  );
}

/** Refuses what must not reach a route. */
export function guard(
  { tokens, log, clock, recorder, changes }: ApiOptions,
  directory: Directory,
): Middleware {
  const records = new RefusalLog(log, clock);
  const refused = (refusal: Refused) => {
    recorder?.unauthorized(refusal.code);
    records.refused(refusal);
  };
  return async (c, next) => {
    const url = new URL(c.req.url);
    const path = url.pathname;
    checkEncoding("path", path);
    // First: a stranger learns nothing, not even which paths exist.
    if (tokens === null) c.set("reads", false);
    else checkAccess(c, url, tokens, refused);
    checkPlace(c, path, directory);
    checkQuery(c, url, path, directory);
    const { method } = c.req;
    const { headers, body } = c.req.raw;
    if (isRead(method)) {
      if (announcesBody(headers)) throw unwantedBody(method, headers);
      return await next();
    }
    checkChanges(c, changes);
    if (body !== null) checkContentEncoding(headers);
    const takesBody = directory(path)?.bodies.has(method) === true;
    await limitBody(c, takesBody ? next : async () => void await noBody(c, next));
  };
}
