import { createRoute, z } from "@hono/zod-openapi";
import type { Api, ApiOptions } from "./env.ts";
import * as examples from "./examples.ts";
import { json, problems, security } from "./operation.ts";
import { ProblemError } from "./problem.ts";
import { Health, Ready } from "./schemas.ts";
import type * as api from "../src/api/mod.ts";

/** Media type of the Prometheus text format. */
export const metricsType = "text/plain; version=0.0.4; charset=utf-8";

const getHealthz = createRoute({
  method: "get",
  path: "/healthz",
  operationId: "getHealthz",
  summary: "Alive",
  tags: ["daemon"],
  security: [],
  responses: { 200: json(Health, "alive", { status: "ok" }) },
});

const getReadyz = createRoute({
  method: "get",
  path: "/readyz",
  operationId: "getReadyz",
  summary: "Ready: configuration loaded, no backend blind, VPP in sync or switched off",
  tags: ["daemon"],
  security: [],
  responses: { 200: json(Ready, "ready", examples.ready), ...problems("not-ready") },
});

const getMetrics = createRoute({
  method: "get",
  path: "/metrics",
  operationId: "getMetrics",
  summary: "Metrics in the Prometheus text format",
  tags: ["daemon"],
  security,
  responses: {
    200: {
      description: "the metrics",
      content: {
        "text/plain": {
          schema: z.string(),
          example: '# TYPE maglev_backend_health gauge\nmaglev_backend_health{backend="b1"} 4\n',
        },
      },
    },
    ...problems("unauthorized", "forbidden"),
  },
});

const vppSentence: Readonly<Record<api.Ready["vpp"], string | null>> = {
  "off": null,
  "in-sync": null,
  "disconnected": "VPP is not connected",
  "refused": "VPP lacks messages that maglevd needs",
  "warming-up": "the warm-up is not over",
  "out-of-sync": "VPP does not have what it should",
};

function whyNotReady(readiness: api.Ready): string {
  const reasons = [
    readiness.config ? null : "no configuration is loaded",
    readiness.probes === "blind" ? "some backend has no counted result" : null,
    vppSentence[readiness.vpp],
  ].filter((reason) => reason !== null);
  return reasons.length === 0 ? "not ready" : reasons.join("; ");
}

/** Mounts /healthz, /readyz and /metrics. */
export function mountHealth(app: Api, { control }: Pick<ApiOptions, "control">): void {
  app.openapi(getHealthz, (c) => c.json({ status: "ok" as const }, 200));
  app.openapi(getReadyz, (c) => {
    const ready = control.ready();
    // Names of backends and files are for those who may read.
    const readiness = c.get("reads") ? ready : { ...ready, problems: [] };
    if (!readiness.ready) throw new ProblemError("not-ready", whyNotReady(readiness), { readiness });
    return c.json(readiness, 200);
  });
  // A text in pieces has no type among the answers that `openapi` takes.
  app.openAPIRegistry.registerPath(getMetrics);
  app.get(getMetrics.getRoutingPath(), async () => {
    const headers = { "content-type": metricsType, "cache-control": "no-store" };
    return new Response(ReadableStream.from(await control.metrics()), { headers });
  });
}
