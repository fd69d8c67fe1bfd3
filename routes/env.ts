import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import type { Bus } from "../src/bus.ts";
import type { Clock } from "../src/clock.ts";
import type { Control } from "../src/control.ts";
import type { Log } from "../src/log.ts";
import type { Actor } from "../src/model.ts";
import type { Peer } from "./access.ts";
import type { AuthTable } from "./auth.ts";

/** What the server passes with each request, and what the middleware adds. */
export interface ApiEnv {
  /** From the server. */
  Bindings: {
    /** The other end; missing counts as remote. */
    peer?: Peer;
  };
  /** From the middleware. */
  Variables: {
    /** Who asks. */
    actor: Actor;
  };
}

/**
 * Context of a request to the API.
 *
 * @internal
 */
export type ApiContext = Context<ApiEnv>;

/**
 * A step before the routes.
 *
 * @internal
 */
export type Middleware = MiddlewareHandler<ApiEnv>;

/**
 * The application; `fetch(request, { peer })` answers a request.
 *
 * @internal
 */
export type Api = OpenAPIHono<ApiEnv>;

/** Takes note of every finished request, for the metrics. */
export interface RequestRecorder {
  /** `route` is the pattern, e.g. `/v1/backends/{name}`, or `unmatched`; `seconds` until the head of the answer. */
  httpRequest(method: string, route: string, code: number, seconds: number): void;
}

/** What the application is made of. */
export interface ApiOptions {
  /** The daemon. */
  readonly control: Control;
  /** For event streams. */
  readonly bus: Bus;
  /** For `api-change` and failures. */
  readonly log: Log;
  /** For durations and for comments in event streams. */
  readonly clock: Clock;
  /** Null: no auth file was given. */
  readonly auth: AuthTable | null;
  /** For the metrics. */
  readonly recorder?: RequestRecorder;
  /** Event streams at a time, default 512; one more is told `dropped` and closed. */
  readonly maxStreams?: number;
}
