import { createRoute, z } from "@hono/zod-openapi";
import type { BackendAction } from "../src/control.ts";
import { jsonBody } from "./body.ts";
import type { Api, ApiOptions } from "./env.ts";
import * as examples from "./examples.ts";
import { nearest } from "../src/config/nearest.ts";
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
import { ProblemError } from "./problem.ts";
import { ActionBody, Backend, BackendList } from "./schemas.ts";

/** The problem of a name that nothing has, with the name that was probably meant. `where`: of what it should be a part. */
export function notFound(what: string, name: string, known: Iterable<string>, where = ""): ProblemError {
  const place = where === "" ? "" : ` ${where}`;
  const meant = nearest(name, known);
  return new ProblemError(
    "not-found",
    `There is no ${what} "${name}"${place}${meant === null ? "" : `; did you mean "${meant}"?`}`,
  );
}

const backendName = z.object({ name: nameParameter("name", "backend", "b2") });

const listBackends = createRoute({
  method: "get",
  path: "/v1/backends",
  operationId: "listBackends",
  summary: "All backends, in the file's order",
  tags: ["backends"],
  security,
  responses: {
    200: json(BackendList, "the backends", { backends: [examples.backend] }),
    ...problems(...readErrors),
  },
});

const getBackend = createRoute({
  method: "get",
  path: "/v1/backends/{name}",
  operationId: "getBackend",
  summary: "One backend with its last probe and its history",
  tags: ["backends"],
  security,
  request: { params: backendName },
  responses: {
    200: json(Backend, "the backend", examples.backend),
    ...problems(...readErrors, "not-found"),
  },
});

const actions: Readonly<Record<BackendAction, { summary: string; description: string }>> = {
  pause: {
    summary: "Stop probing, weight 0, established flows stay",
    description:
      "Refused with `conflict` when the backend is disabled. Pausing a paused backend changes nothing.",
  },
  resume: {
    summary: "Probe a paused backend anew",
    description:
      "It starts as unknown and keeps its history. Refused with `conflict` when it is disabled; without effect when it is not paused.",
  },
  disable: {
    summary: "Stop probing, weight 0, established flows are dropped",
    description: "Disabling a disabled backend changes nothing.",
  },
  enable: {
    summary: "Probe a disabled backend anew",
    description: "It starts as unknown. Without effect when it is not disabled.",
  },
};

function actionRoute(action: BackendAction) {
  const { summary, description } = actions[action];
  return createRoute({
    method: "post",
    path: `/v1/backends/{name}/${action}`,
    operationId: `${action}Backend`,
    summary,
    description,
    tags: ["backends"],
    security,
    middleware: [jsonBody("{}")] as const,
    request: {
      params: backendName,
      query: z.object({ dry_run: dryRun }),
      body: {
        required: false,
        content: { "application/json": { schema: ActionBody, example: { reason: "kernel update" } } },
      },
    },
    responses: {
      200: json(Backend, "the backend, changed or not", examples.backend),
      ...problems(...changeErrors, "not-found", "conflict"),
    },
  });
}

/** Mounts /v1/backends. */
export function mountBackends(app: Api, { control, log }: ApiOptions): void {
  const backendNames = () => control.backends().map((backend) => backend.name);

  app.openapi(listBackends, (c) => c.json({ backends: control.backends() }, 200));

  app.openapi(getBackend, (c) => {
    const { name } = c.req.valid("param");
    const found = control.backend(name);
    if (found === null) throw notFound("backend", name, backendNames());
    return c.json(found, 200);
  });

  for (const action of ["pause", "resume", "disable", "enable"] as const) {
    app.openapi(actionRoute(action), async (c) => {
      const { name } = c.req.valid("param");
      if (control.backend(name) === null) throw notFound("backend", name, backendNames());
      const body = c.req.valid("json");
      const tried = c.req.valid("query").dry_run === "true";
      const result = await control.act(name, action, body, c.get("actor"), tried);
      return c.json(tried ? unwrap(result).value : unwrapChange(c, log, result, body.reason), 200);
    });
  }
}
