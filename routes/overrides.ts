import { createRoute, z } from "@hono/zod-openapi";
import type * as api from "../src/api/mod.ts";
import { contract, type Schema } from "./contract.ts";
import type { Api, ApiOptions } from "./env.ts";
import * as examples from "./examples.ts";
import {
  changeErrors,
  dryRun,
  json,
  nameParameter,
  problems,
  readErrors,
  security,
  unwrap,
  unwrapChange,
} from "./operation.ts";
import { Consequences, Override } from "./schemas_answers.ts";

/** GET /v1/overrides */
export const OverrideList: Schema<api.OverrideList> = contract<api.OverrideList>()(
  "OverrideList",
  z.object({
    overrides: z.array(Override).openapi({ description: "oldest first" }),
    consequences: Consequences.optional().openapi({ description: "with DELETE" }),
  }),
);

const tags = ["overrides"];

const listOverrides = createRoute({
  method: "get",
  path: "/v1/overrides",
  operationId: "listOverrides",
  summary: "What operators set at run time and have not taken back",
  description:
    "It outlives reloads and restarts. An override whose backend is not in the configuration sleeps, and wakes " +
    "if that comes back with the same address within 30 days.",
  tags,
  security,
  responses: {
    200: json(OverrideList, "the overrides", { overrides: [examples.override] }),
    ...problems(...readErrors),
  },
});

const clearOverride = createRoute({
  method: "delete",
  path: "/v1/overrides/{id}",
  operationId: "clearOverride",
  summary: "End an override",
  description: "The file's own value counts again. No flow is flushed.",
  tags,
  security,
  request: {
    params: z.object({
      id: nameParameter("id", "override", "k7m2xp").openapi({ param: { description: "its id" } }),
    }),
    query: z.object({ dry_run: dryRun }),
  },
  responses: {
    200: json(OverrideList, "the overrides that are left", { overrides: [] }),
    ...problems(...changeErrors, "not-found", "conflict"),
  },
});

/** Mounts /v1/overrides. */
export function mountOverrides(app: Api, { control, log }: ApiOptions): void {
  app.openapi(listOverrides, (c) => c.json({ overrides: control.overrides() }, 200));
  app.openapi(clearOverride, async (c) => {
    const { id } = c.req.valid("param");
    const tried = c.req.valid("query").dry_run === "true";
    const result = await control.clearOverride(id, c.get("actor"), tried);
    return c.json(tried ? unwrap(result).value : unwrapChange(c, log, result), 200);
  });
}
