/**
 * The dashboard: a page, its script and its style sheet. They hold no data; the script reads it by the API's rules.
 * Without JavaScript, and where the caller may read, the page holds a plain table that a browser loads anew every 5 s.
 *
 * @module
 */
import { createRoute, z } from "@hono/zod-openapi";
import script from "../src/dashboard/generated/dashboard.js.txt" with { type: "text" };
import style from "../src/dashboard/generated/dashboard.css.txt" with { type: "text" };
import type { Frontend } from "../src/api/mod.ts";
import type { Api, ApiOptions } from "./env.ts";
import { problems, security } from "./operation.ts";

const headers = {
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** Text as HTML: names and descriptions are never markup. Characters that turn the reading order are shown as codes. */
function escape(text: string): string {
  return text.replace(/[&<>"'\p{Cc}\p{Cf}]/gu, (c) => `&#x${(c.codePointAt(0) ?? 0).toString(16)};`)
    .replace(/&#x(?!26;|3c;|3e;|22;|27;)([0-9a-f]+);/g, "\\u{$1}");
}

/** Frontends and their members as a plain table. */
export function plainTable(frontends: readonly Frontend[]): string {
  const rows = frontends.flatMap((frontend) =>
    frontend.pools.flatMap((pool) =>
      pool.backends.map((backend) =>
        "<tr>" + [
          frontend.name,
          frontend.state,
          pool.name + (pool.active ? " (in use)" : ""),
          backend.name,
          backend.address,
          backend.state,
          String(backend.effective_weight),
        ].map((text) => `<td>${escape(text)}</td>`).join("") + "</tr>"
      )
    )
  );
  const head = ["frontend", "state", "pool", "backend", "address", "state", "weight"];
  return `<table><tr>${head.map((text) => `<th>${text}</th>`).join("")}</tr>${rows.join("")}</table>`;
}

function page(table: string | null): string {
  const refresh = table === null ? "" : `<noscript><meta http-equiv="refresh" content="5"></noscript>\n`;
  const plain = table ?? "<p>This page needs JavaScript where reads need a token.</p>";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>maglevd</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="dashboard.css">
${refresh}<script src="dashboard.js" defer></script>
</head>
<body>
<div id="app"></div>
<noscript>${plain}</noscript>
</body>
</html>
`;
}

const file = (path: string, operationId: string, summary: string, type: string, example: string) =>
  createRoute({
    method: "get",
    path,
    operationId,
    summary,
    tags: ["daemon"],
    security,
    responses: {
      200: { description: "the file", content: { [type]: { schema: z.string(), example } } },
      ...problems("unauthorized", "forbidden"),
    },
  });

const getPage = file("/", "getDashboard", "The dashboard", "text/html", "<!doctype html>\u2026");
const getScript = file(
  "/dashboard.js",
  "getDashboardScript",
  "Script of the dashboard",
  "text/javascript",
  "\u2026",
);
const getStyle = file(
  "/dashboard.css",
  "getDashboardStyle",
  "Style sheet of the dashboard",
  "text/css",
  "body{}",
);

/** Mounts the dashboard. */
export function mountDashboard(app: Api, { control }: ApiOptions): void {
  app.openapi(getPage, (c) => {
    const table = c.get("reads") === true ? plainTable(control.frontends()) : null;
    // What the page holds depends on the caller and on the moment.
    return c.body(page(table), 200, {
      ...headers,
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
    });
  });
  const text = (type: string) => ({
    ...headers,
    "content-type": `${type}; charset=utf-8`,
    "cache-control": "no-cache",
  });
  app.openapi(getScript, (c) => c.body(script, 200, text("text/javascript")));
  app.openapi(getStyle, (c) => c.body(style, 200, text("text/css")));
}
