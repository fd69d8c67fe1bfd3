import { createRoute, z } from "@hono/zod-openapi";
import { notFound } from "./backends.ts";
import { jsonBody } from "./body.ts";
import type { Api, ApiOptions } from "./env.ts";
import * as vppExamples from "./examples_vpp.ts";
import { changeErrors, json, problems, readErrors, security, unwrap, unwrapChange } from "./operation.ts";
import { sharedJson } from "./shared_text.ts";
import { LbCounters, LbState, Plan, SyncRequest, SyncResult, VppInfo } from "./schemas_vpp.ts";

const tags = ["vpp"];
const frontendQuery = z.object({
  frontend: z.string().optional().openapi({
    param: { name: "frontend", in: "query", description: "this VIP only" },
    example: "web",
  }),
});

const getVppInfo = createRoute({
  method: "get",
  path: "/v1/vpp/info",
  operationId: "getVppInfo",
  summary: "The VPP that maglevd is connected to",
  tags,
  security,
  responses: {
    200: json(VppInfo, "version and times", vppExamples.vppInfo),
    ...problems(...readErrors, "vpp-unavailable"),
  },
});

const getLbState = createRoute({
  method: "get",
  path: "/v1/vpp/lb/state",
  operationId: "getLbState",
  summary: "What VPP has, read now",
  description: "A VIP that VPP lacks gives `vips: []`.",
  tags,
  security,
  request: { query: frontendQuery },
  responses: {
    200: json(LbState, "settings, VIPs and servers", vppExamples.lbState),
    ...problems(...readErrors, "not-found", "vpp-unavailable", "busy"),
  },
});

const getLbCounters = createRoute({
  method: "get",
  path: "/v1/vpp/lb/counters",
  operationId: "getLbCounters",
  summary: "Packet and byte counters, read every 5 s",
  tags,
  security,
  responses: {
    200: json(LbCounters, "counters of VIPs and servers", vppExamples.lbCounters),
    ...problems(...readErrors, "vpp-unavailable"),
  },
});

const getLbPlan = createRoute({
  method: "get",
  path: "/v1/vpp/lb/plan",
  operationId: "getLbPlan",
  summary: "What a sync would change now, and what that does to the flows",
  tags,
  security,
  request: { query: frontendQuery },
  responses: {
    200: json(Plan, "the changes, in the order they would be sent", vppExamples.plan),
    ...problems(...readErrors, "not-found", "vpp-unavailable", "busy"),
  },
});

const syncLb = createRoute({
  method: "post",
  path: "/v1/vpp/lb/sync",
  operationId: "syncLb",
  summary: "Make VPP what it should be",
  description:
    "Held changes are sent only with the digest of the plan that shows them. A missing body is `{}`.",
  tags,
  security,
  middleware: [jsonBody("{}")] as const,
  request: {
    body: {
      required: false,
      content: { "application/json": { schema: SyncRequest, example: { frontend: "web" } } },
    },
  },
  responses: {
    200: json(SyncResult, "every change was accepted", vppExamples.syncResult),
    ...problems(
      ...changeErrors,
      "not-found",
      "conflict",
      "plan-changed",
      "vpp-refused",
      "vpp-unavailable",
      "busy",
    ),
  },
});

/** Mounts /v1/vpp. */
export function mountVpp(app: Api, { control, log }: ApiOptions): void {
  const known = (name: string | undefined): string | null => {
    if (name === undefined) return null;
    if (control.frontend(name) === null) {
      throw notFound("frontend", name, control.frontends().map((f) => f.name));
    }
    return name;
  };

  app.openapi(getVppInfo, (c) => c.json(unwrap(control.vppInfo()), 200));
  app.openapi(
    getLbState,
    async (c) => sharedJson(c, unwrap(await control.lbState(known(c.req.valid("query").frontend)))),
  );
  app.openapi(getLbCounters, (c) => c.json(unwrap(control.counters()), 200));
  app.openapi(
    getLbPlan,
    async (c) => sharedJson(c, unwrap(await control.plan(known(c.req.valid("query").frontend)))),
  );
  app.openapi(syncLb, async (c) => {
    const request = c.req.valid("json");
    known(request.frontend);
    return c.json(unwrapChange(c, log, await control.sync(request, c.get("actor"))), 200);
  });
}
