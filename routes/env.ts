import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import type { Bus } from "../src/bus/mod.ts";
import type { Clock } from "../src/clock.ts";
import type { ApiChange, Control } from "../src/control.ts";
import type { Log } from "../src/log/mod.ts";
import type { Actor } from "../src/model.ts";
import type { Peer, Principal } from "./access.ts";
import type { PeerReader } from "../src/peers/peers.ts";
import type { Credential, Tokens } from "./auth.ts";

/** What the server passes with each request, and what the middleware adds. */
export interface ApiEnv {
  /** From the server. */
  Bindings: {
    /** The other end; missing counts as remote. */
    peer?: Peer;
  };
  /** From the middleware. */
  Variables: {
    /** Who asks, for a change: set for every request that may change something. */
    actor: Actor;
    /** Who asks; null: nobody that is known. */
    who: Principal | null;
    /** Where the change is recorded. */
    changes: ChangeRecorder | undefined;
    /** The token that came with the request and is valid; null: none. */
    credential: Credential | null;
    /** Whether the caller may read the daemon's data; false on paths that are open to all. */
    reads: boolean;
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
  /** A request that was refused for lack of rights; 401 or 403. */
  unauthorized(code: number): void;
}

/** Where a change over the API is recorded. */
export interface ChangeRecorder {
  /** Whether another change may be made: each must find a place in the journal. */
  readonly takesChanges: boolean;
  /** Records a change that took place; answers its place and its link of the chain. */
  change(change: ApiChange): { readonly seq: number; readonly chain: string | null };
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
  /** Every token that is valid; null: the listener is open to all and changes nothing. */
  readonly tokens: Tokens | null;
  /** For the metrics. */
  readonly recorder?: RequestRecorder;
  /** For the journal. */
  readonly changes?: ChangeRecorder;
  /** Other daemons; missing: none. */
  readonly peers?: PeerReader;
  /** Event streams at a time, default 512; one more is told `dropped` and closed. */
  readonly maxStreams?: number;
}
