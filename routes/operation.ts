/**
 * What every operation of the API has in common: how it is described, and how its outcome is answered.
 *
 * @module
 */
import { z } from "@hono/zod-openapi";
import type { Changed } from "../src/control.ts";
import type { Refusal } from "../src/control.ts";
import type { Log } from "../src/log/mod.ts";
import type { Result } from "../src/result.ts";
import type { Schema } from "./contract.ts";
import type { ApiContext } from "./env.ts";
import { problemKinds, problemOfRefusal, type ProblemType } from "./problem.ts";
import { Problem } from "./schemas.ts";

/**
 * A JSON answer of the document.
 *
 * @internal
 */
export function json<S extends z.ZodType>(
  schema: S,
  description: string,
  example: z.output<S>,
): { description: string; content: { "application/json": { schema: S; example: z.output<S> } } } {
  return { description, content: { "application/json": { schema, example } } };
}

/**
 * The errors of an operation by status. The type says "none": handlers throw them, so they are no part of what
 * a handler may return.
 */
export function problems(...types: ProblemType[]): Record<never, never> {
  const byStatus = new Map<number, ProblemType[]>();
  for (const type of new Set(types)) {
    const { status } = problemKinds[type];
    byStatus.set(status, [...(byStatus.get(status) ?? []), type]);
  }
  return Object.fromEntries([...byStatus].map(([status, names]) => [status, {
    description: names.map((name) => `${problemKinds[name].title} (\`urn:maglev:problem:${name}\`)`).join(
      "; or: ",
    ),
    headers: headersOf(names),
    content: {
      "application/problem+json": {
        schema: Problem,
        examples: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/examples/${name}` }])),
      },
    },
  }]));
}

function headersOf(
  names: readonly ProblemType[],
): Record<string, { description: string; schema: { type: "string" } }> {
  const header = (description: string) => ({ description, schema: { type: "string" as const } });
  return {
    ...(names.some((n) => problemKinds[n].retryAfter !== null) ? { "Retry-After": header("seconds") } : {}),
    ...(names.includes("unauthorized") ? { "WWW-Authenticate": header("`Bearer`") } : {}),
  };
}

/** Errors of every read under /v1: a path that is no UTF-8, no token, a foreign host, an unknown parameter. */
export const readErrors = ["bad-request", "unauthorized", "forbidden", "invalid"] as const;

/** Errors of every change; `busy` when the journal can take no further one. */
export const changeErrors = [...readErrors, "too-large", "unsupported-media-type", "busy"] as const;

/** Security of every operation but the open ones: a bearer token, or none without an auth file. */
export const security: { [name: string]: string[] }[] = [{ bearer: [] }, {}];

/** A name in a path. */
export function nameParameter(name: string, what: string, example: string): Schema<string> {
  return z.string().openapi({ param: { name, in: "path", description: `name of the ${what}` }, example });
}

/** The parameter of a change that can be tried. */
export const dryRun: Schema<"true" | "false" | undefined> = z.enum(["true", "false"]).optional().openapi({
  param: {
    name: "dry_run",
    in: "query",
    description: "true: nothing changes, and `consequences` says what would",
  },
});

/** The value of an outcome; a refusal is thrown as its problem. */
export function unwrap<T>(result: Result<T, Refusal>): T {
  if (!result.ok) throw problemOfRefusal(result.error);
  return result.value;
}

/**
 * The value of a change that took place, after the `api-change` line; a refusal is thrown as its problem.
 *
 * @param reason why, as the caller says
 */
export function unwrapChange<T>(
  c: ApiContext,
  log: Log,
  result: Result<Changed<T>, Refusal>,
  reason?: string,
): T {
  if (result.ok) {
    const { before, after, value } = result.value;
    // A request that left everything as it was is no change.
    if (JSON.stringify(before) !== JSON.stringify(after)) logChange(c, log, before, after, reason);
    return value;
  }
  // A sync that VPP refused in part has changed VPP all the same.
  const partly = result.error.sync;
  if (partly !== undefined && partly.done > 0) {
    logChange(c, log, null, { digest: partly.digest, done: partly.done, failed: partly.failed }, reason);
  }
  throw problemOfRefusal(result.error);
}

function logChange(c: ApiContext, log: Log, before: unknown, after: unknown, reason = ""): void {
  const { principal, peer, claimed } = c.get("actor");
  const parameters: Readonly<Record<string, string>> = c.req.param();
  const { name = null } = parameters;
  const place = c.get("changes")?.change({
    principal,
    claimed: claimed ?? null,
    peer,
    method: c.req.method,
    path: c.req.path,
    reason: reason === "" ? null : reason,
    backend: parameters.backend ?? (c.req.path.startsWith("/v1/backends/") ? name : null),
    frontend: parameters.frontend ?? (c.req.path.startsWith("/v1/frontends/") ? name : null),
    before,
    after,
  });
  log.info("api-change", {
    principal,
    ...(claimed == null ? {} : { claimed }),
    peer,
    method: c.req.method,
    path: c.req.path,
    ...(reason === "" ? {} : { reason }),
    before,
    after,
    ...(place === undefined ? {} : { seq: place.seq, chain: place.chain }),
  });
}
