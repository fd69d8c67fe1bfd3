/**
 * What a request is answered with that was not done.
 *
 * @module
 */
import type { Finding, Ready } from "./base.ts";
import type { Override } from "./memory.ts";
import type { SyncResult } from "./vpp.ts";

/**
 * Every error of the API (RFC 9457). `type` is `urn:maglev:problem:` and one of: bad-request 400, unauthorized 401,
 * forbidden 403, not-found 404, method-not-allowed 405, conflict 409, plan-changed 409, too-large 413,
 * unsupported-media-type 415, invalid 422, vpp-refused 502, vpp-unavailable 503, not-ready 503, busy 503.
 */
export interface Problem {
  /** Stable; tells what to do about it. */
  type: string;
  /** The type in words. */
  title: string;
  /** HTTP status. */
  status: number;
  /** One sentence about this occurrence. */
  detail: string;
  /** Path of the request. */
  instance: string;
  /** Places of the mistakes, with 400 and 422. */
  errors?: Finding[];
  /** With not-ready. */
  readiness?: Ready;
  /** With vpp-refused. */
  sync?: SyncResult;
  /** With plan-changed: the digest now. */
  plan_digest?: string;
  /** With conflict: what another operator has set everywhere. */
  override?: Override;
}
