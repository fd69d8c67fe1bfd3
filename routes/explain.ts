import { createRoute, z } from "@hono/zod-openapi";
import { readTime } from "../src/api/text.ts";
import { notFound } from "./backends.ts";
import type { Api, ApiOptions } from "./env.ts";
import * as examples from "./examples.ts";
import { json, nameParameter, problems, readErrors, security, unwrap } from "./operation.ts";
import { finding, ProblemError } from "./problem.ts";
import { Explain } from "./schemas_answers.ts";

const description =
  "The chain from the file to VPP for each member: weight in the file, override, state with the results that led to " +
  "it, pool in use, effective weight, the last message to VPP, what VPP has. Made from what is known; VPP is not " +
  "read, and `read_at` says how old it is. With `at` the same of a moment that the journal covers, also of names " +
  "that the configuration does not have any more; what VPP had is then null unless an entry tells.";

const query = z.object({
  at: z.string().optional().openapi({
    format: "date-time",
    param: { name: "at", in: "query", description: "RFC 3339; left out: now" },
    example: "2026-01-31T03:00:00Z",
  }),
});

const explainFrontend = createRoute({
  method: "get",
  path: "/v1/frontends/{name}/explain",
  operationId: "explainFrontend",
  summary: "Why a frontend is as it is, now or then",
  description,
  tags: ["frontends"],
  security,
  request: { params: z.object({ name: nameParameter("name", "frontend", "web") }), query },
  responses: {
    200: json(Explain, "the explanation", examples.explain),
    ...problems(...readErrors, "not-found"),
  },
});

const explainBackend = createRoute({
  method: "get",
  path: "/v1/backends/{name}/explain",
  operationId: "explainBackend",
  summary: "Why a backend is as it is, now or then",
  description,
  tags: ["backends"],
  security,
  request: { params: z.object({ name: nameParameter("name", "backend", "b2") }), query },
  responses: {
    200: json(Explain, "the explanation, one member for each of its frontends", {
      ...examples.explain,
      frontend: null,
      state: "down",
      text: "backend b2 is down (3 failures in a row, at 2026-01-31T12:00:00.000Z: L7STS HTTP 503); " +
        "it has weight 0 in web/main",
    }),
    ...problems(...readErrors, "not-found"),
  },
});

function momentOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const at = readTime(text);
  if (at !== null) return at;
  const message = `"${text}" is no time`;
  throw new ProblemError("invalid", `at: ${message}`, {
    errors: [finding("at", message, "as in 2026-01-31T03:00:00Z", "semantic")],
  });
}

/** Mounts the explanations of frontends and backends. */
export function mountExplain(app: Api, { control }: Pick<ApiOptions, "control">): void {
  app.openapi(explainFrontend, async (c) => {
    const { name } = c.req.valid("param");
    const at = momentOf(c.req.valid("query").at);
    if (at === null && control.frontend(name) === null) {
      throw notFound("frontend", name, control.frontends().map((frontend) => frontend.name));
    }
    return c.json(unwrap(await control.explain("frontend", name, at)), 200);
  });

  app.openapi(explainBackend, async (c) => {
    const { name } = c.req.valid("param");
    const at = momentOf(c.req.valid("query").at);
    if (at === null && control.backend(name) === null) {
      throw notFound("backend", name, control.backends().map((backend) => backend.name));
    }
    return c.json(unwrap(await control.explain("backend", name, at)), 200);
  });
}
