import { createRoute, z } from "@hono/zod-openapi";
import { notFound } from "./backends.ts";
import type { Api, ApiOptions } from "./env.ts";
import * as examples from "./examples.ts";
import { json, nameParameter, problems, readErrors, security } from "./operation.ts";
import { HealthCheck, HealthCheckList } from "./schemas.ts";

const listHealthchecks = createRoute({
  method: "get",
  path: "/v1/healthchecks",
  operationId: "listHealthchecks",
  summary: "All health checks, in the file's order",
  tags: ["health checks"],
  security,
  responses: {
    200: json(HealthCheckList, "the health checks", { healthchecks: [examples.healthcheck] }),
    ...problems(...readErrors),
  },
});

const getHealthcheck = createRoute({
  method: "get",
  path: "/v1/healthchecks/{name}",
  operationId: "getHealthcheck",
  summary: "One health check and the backends that use it",
  tags: ["health checks"],
  security,
  request: { params: z.object({ name: nameParameter("name", "health check", "http") }) },
  responses: {
    200: json(HealthCheck, "the health check", examples.healthcheck),
    ...problems(...readErrors, "not-found"),
  },
});

/** Mounts /v1/healthchecks. */
export function mountHealthchecks(app: Api, { control }: Pick<ApiOptions, "control">): void {
  app.openapi(listHealthchecks, (c) => c.json({ healthchecks: control.healthchecks() }, 200));

  app.openapi(getHealthcheck, (c) => {
    const { name } = c.req.valid("param");
    const found = control.healthcheck(name);
    if (found === null) {
      throw notFound("health check", name, control.healthchecks().map((check) => check.name));
    }
    return c.json(found, 200);
  });
}
