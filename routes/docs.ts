import { createRoute, z } from "@hono/zod-openapi";
import type { Api } from "./env.ts";
import { problems, security } from "./operation.ts";
import { ProblemError } from "./problem.ts";

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>maglevd API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

// validatorUrl null: Swagger UI would otherwise ask a service on the internet.
const start = `SwaggerUIBundle({ url: "openapi.json", dom_id: "#swagger-ui", validatorUrl: null });\n`;

/** Files of the page: media type and text; the big ones are loaded when first asked for. */
const files: Readonly<Record<string, { type: string; load: () => Promise<string> }>> = {
  "start.js": { type: "text/javascript", load: () => Promise.resolve(start) },
  "swagger-ui.css": {
    type: "text/css",
    load: async () => (await import("swagger-ui-dist/swagger-ui.css", { with: { type: "text" } })).default,
  },
  "swagger-ui-bundle.js": {
    type: "text/javascript",
    load: async () =>
      (await import("swagger-ui-dist/swagger-ui-bundle.js", { with: { type: "text" } })).default,
  },
};

const headers = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
};

const text = (description: string, example: string) => ({
  description,
  content: { "text/html": { schema: z.string(), example } },
});

const getDocs = createRoute({
  method: "get",
  path: "/docs",
  operationId: "getDocs",
  summary: "This description as a page; needs nothing from the internet",
  tags: ["daemon"],
  security,
  responses: { 200: text("the page", "<!doctype html>…"), ...problems("unauthorized") },
});

const getDocsFile = createRoute({
  method: "get",
  path: "/docs/{file}",
  operationId: "getDocsFile",
  summary: "A script or style sheet of the page",
  tags: ["daemon"],
  security,
  request: {
    params: z.object({
      file: z.string().openapi({ param: { name: "file", in: "path" }, example: "start.js" }),
    }),
  },
  responses: {
    200: {
      description: "the file",
      content: {
        "text/javascript": { schema: z.string(), example: start },
        "text/css": { schema: z.string(), example: ".swagger-ui {}" },
      },
    },
    ...problems("bad-request", "unauthorized", "not-found"),
  },
});

const getOpenapi = createRoute({
  method: "get",
  path: "/openapi.json",
  operationId: "getOpenapi",
  summary: "This description",
  tags: ["daemon"],
  security,
  responses: {
    200: {
      description: "OpenAPI 3.1",
      content: {
        "application/json": { schema: z.record(z.string(), z.unknown()), example: { openapi: "3.1.0" } },
      },
    },
    ...problems("unauthorized"),
  },
});

/** Mounts /openapi.json and /docs; `describe` makes the document, once. */
export function mountDocs(app: Api, describe: () => Record<string, unknown>): void {
  let document: Record<string, unknown> | null = null;
  app.openapi(getOpenapi, (c) => c.json(document ??= describe(), 200));
  app.openapi(getDocs, (c) => c.html(page, 200, headers));
  app.openapi(getDocsFile, async (c) => {
    const { file } = c.req.valid("param");
    const found = Object.hasOwn(files, file) ? files[file] : undefined;
    if (found === undefined) throw new ProblemError("not-found", `The page has no file "${file}"`);
    return c.body(await found.load(), 200, { ...headers, "content-type": `${found.type}; charset=utf-8` });
  });
}
