import { createRoute, z } from "@hono/zod-openapi";
import { docsPage, docsStyle, type OpenApiDocument } from "./docs_page.ts";
import type { Api } from "./env.ts";
import { problems, security } from "./operation.ts";

const headers = {
  "content-security-policy":
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
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
  responses: { 200: text("the page", "<!doctype html>\u2026"), ...problems("forbidden") },
});

const getDocsStyle = createRoute({
  method: "get",
  path: "/docs/style.css",
  operationId: "getDocsStyle",
  summary: "The style sheet of the page",
  tags: ["daemon"],
  security,
  responses: {
    200: {
      description: "the file",
      content: {
        "text/css": { schema: z.string(), example: "body{}" },
      },
    },
    ...problems("forbidden"),
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
    ...problems("forbidden"),
  },
});

/** Mounts /openapi.json and /docs; `describe` makes the document, once. */
export function mountDocs(app: Api, describe: () => Record<string, unknown>): void {
  let document: Record<string, unknown> | null = null;
  let page: string | null = null;
  const described = () => document ??= describe();
  app.openapi(getOpenapi, (c) => c.json(described(), 200));
  // The document comes from this program's own routes, so its shape is known.
  app.openapi(
    getDocs,
    (c) => c.html(page ??= docsPage(described() as unknown as OpenApiDocument), 200, headers),
  );
  app.openapi(
    getDocsStyle,
    (c) => c.body(docsStyle, 200, { ...headers, "content-type": "text/css; charset=utf-8" }),
  );
}
