import { createRoute } from "@hono/zod-openapi";
import type { Api, ApiOptions } from "./env.ts";
import * as examples from "./examples.ts";
import { json, problems, readErrors, security } from "./operation.ts";
import { ProblemList } from "./schemas_answers.ts";

const listProblems = createRoute({
  method: "get",
  path: "/v1/problems",
  operationId: "listProblems",
  summary: "What is wrong now, worst first",
  description:
    "Made from what is known; VPP is not read. The severity follows from the kind. `since` stays the same for as long " +
    "as a problem lasts. `show` and `fix` are words of maglevc.",
  tags: ["daemon"],
  security,
  responses: {
    200: json(ProblemList, "the problems", examples.problemList),
    ...problems(...readErrors),
  },
});

/** Mounts /v1/problems. */
export function mountProblems(app: Api, { control }: Pick<ApiOptions, "control">): void {
  app.openapi(listProblems, (c) => c.json(control.problems(), 200));
}
