/** One row of the table of problems. */
export interface ProblemKind {
  /** HTTP status. */
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 502 | 503;
  /** The type in words. */
  readonly title: string;
  /** Seconds of Retry-After, or null. */
  readonly retryAfter: number | null;
}

/** Every problem type; the type's URI is `urn:maglev:problem:` and the key. */
export const problemKinds = {
  "bad-request": { status: 400, title: "The request cannot be parsed", retryAfter: null },
  "unauthorized": { status: 401, title: "A valid token is needed", retryAfter: null },
  "forbidden": { status: 403, title: "Not allowed", retryAfter: null },
  "not-found": { status: 404, title: "There is no such thing", retryAfter: null },
  "method-not-allowed": { status: 405, title: "The method does not fit", retryAfter: null },
  "conflict": { status: 409, title: "The present state does not allow it", retryAfter: null },
  "plan-changed": { status: 409, title: "The plan is another by now", retryAfter: null },
  "too-large": { status: 413, title: "The body is too large", retryAfter: null },
  "unsupported-media-type": { status: 415, title: "The body's type is not understood", retryAfter: null },
  "invalid": { status: 422, title: "The request is wrong", retryAfter: null },
  "vpp-refused": { status: 502, title: "VPP refused it", retryAfter: null },
  "peer-failed": { status: 502, title: "The other daemon cannot be read", retryAfter: null },
  // VPP is tried again every 5 s, so an earlier retry finds nothing new.
  "vpp-unavailable": { status: 503, title: "VPP is not connected", retryAfter: 5 },
  "not-ready": { status: 503, title: "maglevd is not ready", retryAfter: 5 },
  "busy": { status: 503, title: "maglevd is busy", retryAfter: 1 },
} as const satisfies Record<string, ProblemKind>;

/** Names of the problem types. */
export type ProblemType = keyof typeof problemKinds;
