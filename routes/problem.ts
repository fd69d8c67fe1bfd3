/**
 * Problem documents (RFC 9457): the table of types, the one error that routes throw, and the translation of
 * refusals and of zod's findings.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type * as api from "../src/api/mod.ts";
import type { Refusal } from "../src/control.ts";
import { FINDINGS_LIMIT, limitFindings } from "../src/config/findings.ts";
import { didYouMean } from "../src/config/nearest.ts";
import { instanceOf } from "./instance.ts";
import { type ProblemKind, problemKinds, type ProblemType } from "./problem_kinds.ts";

export { type ProblemKind, problemKinds, type ProblemType } from "./problem_kinds.ts";

/** What a problem document carries besides its type. */
export interface ProblemExtras {
  /** Places of the mistakes. */
  readonly errors?: readonly api.Finding[];
  /** What is not ready. */
  readonly readiness?: api.Ready;
  /** What VPP refused. */
  readonly sync?: api.SyncResult;
  /** Digest of the plan now. */
  readonly plan_digest?: string;
  /** What another operator has set everywhere. */
  readonly override?: api.Override;
}

/** Thrown by routes and middleware; becomes a problem document. */
export class ProblemError extends Error {
  /** Tells it from other errors. */
  override readonly name = "ProblemError";
  /** Row of the table. */
  readonly type: ProblemType;
  /** Keys of the document besides the standard ones. */
  readonly extras: ProblemExtras;
  /** Headers of the answer besides the standard ones. */
  readonly headers: Readonly<Record<string, string>>;

  /** `detail` is one sentence for humans. */
  constructor(
    type: ProblemType,
    detail: string,
    extras: ProblemExtras = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.type = type;
    this.extras = extras;
    this.headers = headers;
  }
}

/** The problem of a refusal by the daemon. */
export function problemOfRefusal(refusal: Refusal): ProblemError {
  const errors = refusal.errors ?? refusal.check?.errors;
  return new ProblemError(refusal.type, refusal.detail, {
    ...(errors === undefined ? {} : { errors }),
    ...(refusal.readiness === undefined ? {} : { readiness: refusal.readiness }),
    ...(refusal.sync === undefined ? {} : { sync: refusal.sync }),
    ...(refusal.override === undefined ? {} : { override: refusal.override }),
    ...(refusal.planDigest === undefined ? {} : { plan_digest: refusal.planDigest }),
  });
}

/** The answer for a problem; `path` is that of the request, as it was sent. */
export function problemResponse(problem: ProblemError, path: string): Response {
  const { status, title, retryAfter }: ProblemKind = problemKinds[problem.type];
  const { errors, ...extras } = problem.extras;
  const body: api.Problem = {
    type: `urn:maglev:problem:${problem.type}`,
    title,
    status,
    detail: problem.message,
    instance: instanceOf(path),
    ...(errors === undefined ? {} : { errors: [...errors] }),
    ...extras,
  };
  return Response.json(body, {
    status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...(retryAfter === null ? {} : { "retry-after": String(retryAfter) }),
      ...problem.headers,
    },
  });
}

/** The answer to an error that nobody expected: its text goes to the log only. */
export function internalErrorResponse(path: string): Response {
  const body: api.Problem = {
    type: "about:blank",
    title: "Internal Server Error",
    status: 500,
    detail: "maglevd failed on this request; its log has the reason",
    instance: instanceOf(path),
  };
  return Response.json(body, { status: 500, headers: { "content-type": "application/problem+json" } });
}

/** A finding about a request: a parameter, or a key of a JSON body. */
export function finding(
  path: string,
  message: string,
  hint: string | null = null,
  pass: "structural" | "semantic" = "structural",
): api.Finding {
  return { severity: "error", pass, file: null, line: null, column: null, path, message, hint };
}

/** One thing that a schema found. */
export type Issue = z.core.$ZodIssue;

function sentence(issue: Issue): { message: string; hint: string | null; pass: "structural" | "semantic" } {
  switch (issue.code) {
    case "invalid_type":
      return {
        // The input itself is not reported; only zod's own sentence tells what was there.
        message: /received undefined$/.test(issue.message)
          ? `is missing; must be ${issue.expected}`
          : `must be ${issue.expected}`,
        hint: null,
        pass: "structural",
      };
    case "too_big":
      return { message: `must be at most ${issue.maximum}`, hint: null, pass: "semantic" };
    case "too_small":
      return { message: `must be at least ${issue.minimum}`, hint: null, pass: "semantic" };
    case "invalid_value":
      return {
        message: "is none of the known words",
        hint: `one of ${issue.values.map(String).join(", ")}`,
        pass: "structural",
      };
    default:
      return { message: issue.message, hint: null, pass: "semantic" };
  }
}

/** The problem of a request that a schema refused, with at most `FINDINGS_LIMIT` findings. */
export function problemOfIssues(issues: readonly Issue[]): ProblemError {
  const found: api.Finding[] = [];
  let total = 0;
  for (const issue of issues) {
    const path = issue.path.map(String);
    const keys = issue.code === "unrecognized_keys" ? issue.keys : null;
    total += keys?.length ?? 1;
    // A body of a megabyte may have a hundred thousand wrong keys; what will not be shown is not made.
    if (found.length >= FINDINGS_LIMIT) continue;
    if (keys === null) {
      const { message, hint, pass } = sentence(issue);
      found.push(finding(path.join("."), message, hint, pass));
      continue;
    }
    for (const key of keys.slice(0, FINDINGS_LIMIT - found.length)) {
      found.push(unknownKey([...path, key].join("."), key, []));
    }
  }
  return problemOfFindings(found, total);
}

/**
 * The problem of what is wrong with a request, of which the first few are told in its sentence.
 *
 * @param total how many there are, with those that are not in `found`
 */
export function problemOfFindings(found: readonly api.Finding[], total: number = found.length): ProblemError {
  const told = found.slice(0, TOLD).map(({ path, message }) => path === "" ? message : `${path}: ${message}`);
  const more = total > told.length ? [`and ${total - told.length} more`] : [];
  return new ProblemError("invalid", [...told, ...more].join("; "), { errors: limitFindings(found, total) });
}

/** Findings that the sentence of a problem tells itself. */
const TOLD = 5;

/** The finding for a key or parameter that does not exist. */
export function unknownKey(path: string, key: string, known: readonly string[]): api.Finding {
  return finding(path, `unknown key "${key}"`, didYouMean(key, known));
}
