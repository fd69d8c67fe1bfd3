/**
 * The HTTP application: middleware, routes, problem documents, the OpenAPI document.
 *
 * @module
 */
import { OpenAPIHono } from "@hono/zod-openapi";
import { errorText } from "../src/log/error_text.ts";
import { version } from "../src/version.ts";
import { mountBackends } from "./backends.ts";
import { mountConfig } from "./config.ts";
import { directoryOf } from "./directory.ts";
import { mountDashboard } from "./dashboard.ts";
import { mountDocs } from "./docs.ts";
import { compressLarge, lengthForHead } from "./encoding.ts";
import type { Api, ApiEnv, ApiOptions } from "./env.ts";
import { problemExample } from "./examples.ts";
import { mountEvents } from "./events.ts";
import { mountExplain } from "./explain.ts";
import { mountOverrides } from "./overrides.ts";
import { mountFleet } from "./fleet.ts";
import { mountFrontends } from "./frontends.ts";
import { count, guard } from "./guard.ts";
import { mountHealth } from "./health.ts";
import { mountPeers } from "./peers.ts";
import { mountHealthchecks } from "./healthchecks.ts";
import { internalErrorResponse, ProblemError, problemOfIssues, problemResponse } from "./problem.ts";
import { problemKinds, type ProblemType } from "./problem_kinds.ts";
import {
  BackendEvent,
  ChangeEvent,
  DroppedEvent,
  FrontendEvent,
  LogEvent,
  ResyncEvent,
  VppEvent,
} from "./schemas_events.ts";
import { mountProblems } from "./problems.ts";
import { mountJournal } from "./journal.ts";
import { mountVpp } from "./vpp.ts";

export type { Api, ApiEnv, ApiOptions, RequestRecorder } from "./env.ts";

function bareApp({ log }: Pick<ApiOptions, "log">): Api {
  const app = new OpenAPIHono<ApiEnv>({
    strict: true,
    defaultHook: (result) => {
      if (!result.success) throw problemOfIssues(result.error.issues);
    },
  });
  app.notFound((c) =>
    problemResponse(new ProblemError("not-found", `The API has no path ${c.req.path}`), pathOf(c.req.raw))
  );
  app.onError((error, c) => {
    if (error instanceof ProblemError) return problemResponse(error, pathOf(c.req.raw));
    log.error("api-error", { method: c.req.method, path: c.req.path, error: errorText(error) });
    return internalErrorResponse(pathOf(c.req.raw));
  });
  return app;
}

/** Path of a request as it was sent; the one of Hono is decoded. */
function pathOf({ url }: Request): string {
  return new URL(url).pathname;
}

/** Puts the common middleware in front of routes that are mounted later. */
function useMiddleware(app: Api, options: ApiOptions): void {
  // Asked only when requests come, so it sees the routes that are mounted later.
  let directory: ReturnType<typeof directoryOf> | null = null;
  const places = (path: string) => (directory ??= directoryOf(app))(path);
  app.use(
    count(options, places),
    lengthForHead,
    compressLarge,
    async (c, next) => {
      await next();
      c.res.headers.set("x-content-type-options", "nosniff");
      if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store");
    },
    guard(options, places),
  );
}

/** Makes the application with every route of the API. */
export function createApp(options: ApiOptions): Api {
  const app = bareApp(options);
  useMiddleware(app, options);
  mountHealth(app, options);
  mountDashboard(app, options);
  mountDocs(app, () => describe(app));
  mountProblems(app, options);
  mountConfig(app, options);
  mountHealthchecks(app, options);
  mountBackends(app, options);
  mountFrontends(app, options);
  mountExplain(app, options);
  mountVpp(app, options);
  mountFleet(app, options);
  mountOverrides(app, options);
  mountEvents(app, options);
  mountJournal(app, options);
  mountPeers(app, options);
  return app;
}

/** Makes the application of the metrics listener: /metrics, /healthz and /readyz, open to everybody. */
export function createMetricsApp(options: Omit<ApiOptions, "tokens">): Api {
  const app = bareApp(options);
  useMiddleware(app, { ...options, tokens: null });
  mountHealth(app, options);
  return app;
}

/** The OpenAPI 3.1 document of the application. */
export function describe(app: Api): Record<string, unknown> {
  const registry = app.openAPIRegistry;
  registry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description:
      "A token of the auth file, or from this host the local token. Without an auth file, reads need none.",
  });
  for (const [name, { title }] of Object.entries(problemKinds)) {
    registry.registerComponent("examples", name, {
      summary: title,
      value: problemExample(name as ProblemType),
    });
  }
  const events = { BackendEvent, FrontendEvent, VppEvent, LogEvent, ChangeEvent, ResyncEvent, DroppedEvent };
  for (const [name, schema] of Object.entries(events)) registry.register(name, schema);
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "maglevd",
      version,
      description: "Health checks and control of VPP's Maglev load balancer",
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    servers: [{ url: "/" }],
    tags: [
      { name: "daemon", description: "liveness, metrics and this description" },
      { name: "configuration", description: "the running configuration and the file" },
      { name: "health checks", description: "how backends are probed" },
      { name: "backends", description: "states of application servers" },
      { name: "frontends", description: "VIPs, pools and weights" },
      { name: "vpp", description: "what VPP has, and making it what it should be" },
      { name: "overrides", description: "what operators set at run time" },
      { name: "fleet", description: "other daemons of the same fleet" },
      { name: "events", description: "everything that happens, as it happens" },
      { name: "journal", description: "what happened" },
    ],
  });
  return JSON.parse(JSON.stringify(document));
}
