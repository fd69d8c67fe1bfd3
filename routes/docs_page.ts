/**
 * The page at /docs: the OpenAPI document as plain HTML. It holds no script and asks nothing of the network, so
 * it can be read in a text browser, on a phone and in the dark.
 *
 * @module
 */

/** Part of a JSON Schema that the page shows. */
export interface Schema {
  /** As in the document. */
  readonly $ref?: string;
  /** As in the document. */
  readonly type?: string | readonly string[];
  /** As in the document. */
  readonly format?: string;
  /** As in the document. */
  readonly enum?: readonly unknown[];
  /** As in the document. */
  readonly const?: unknown;
  /** As in the document. */
  readonly anyOf?: readonly Schema[];
  /** As in the document. */
  readonly oneOf?: readonly Schema[];
  /** As in the document. */
  readonly items?: Schema;
  /** As in the document. */
  readonly properties?: Readonly<Record<string, Schema>>;
  /** As in the document. */
  readonly required?: readonly string[];
  /** As in the document. */
  readonly additionalProperties?: boolean | Schema;
  /** As in the document. */
  readonly minimum?: number;
  /** As in the document. */
  readonly maximum?: number;
  /** As in the document. */
  readonly default?: unknown;
  /** As in the document. */
  readonly description?: string;
}

/** An example of the document. */
export interface Example {
  /** As in the document. */
  readonly $ref?: string;
  /** As in the document. */
  readonly value?: unknown;
}

/** A body of one media type of the document. */
export interface Media {
  /** As in the document. */
  readonly schema?: Schema;
  /** As in the document. */
  readonly example?: unknown;
  /** As in the document. */
  readonly examples?: Readonly<Record<string, Example>>;
}

/** A parameter of the document. */
export interface Parameter {
  /** As in the document. */
  readonly $ref?: string;
  /** As in the document. */
  readonly name?: string;
  /** As in the document. */
  readonly in?: string;
  /** As in the document. */
  readonly required?: boolean;
  /** As in the document. */
  readonly description?: string;
  /** As in the document. */
  readonly schema?: Schema;
}

/** A response of the document. */
export interface Response {
  /** As in the document. */
  readonly description?: string;
  /** As in the document. */
  readonly content?: Readonly<Record<string, Media>>;
}

/** An operation of the document. */
export interface Operation {
  /** As in the document. */
  readonly operationId?: string;
  /** As in the document. */
  readonly summary?: string;
  /** As in the document. */
  readonly description?: string;
  /** As in the document. */
  readonly tags?: readonly string[];
  /** As in the document. */
  readonly security?: readonly Readonly<Record<string, unknown>>[];
  /** As in the document. */
  readonly parameters?: readonly Parameter[];
  /** As in the document. */
  readonly requestBody?: { readonly required?: boolean; readonly content?: Readonly<Record<string, Media>> };
  /** As in the document. */
  readonly responses?: Readonly<Record<string, Response>>;
}

/** Part of an OpenAPI 3.1 document that the page shows. */
export interface OpenApiDocument {
  /** Title, version, description. */
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  /** Groups of operations, in the order of the page. */
  readonly tags?: readonly { readonly name: string; readonly description?: string }[];
  /** Path -> method -> operation. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  /** Named parts. */
  readonly components?: {
    readonly schemas?: Readonly<Record<string, Schema>>;
    readonly parameters?: Readonly<Record<string, Parameter>>;
  };
}

const methods = ["get", "put", "post", "delete"] as const;

/** Style sheet of the page; a file of its own, so that the page needs no inline style. */
export const docsStyle = `:root{color-scheme:light dark;--line:#8886;--soft:#8882}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
code,pre{font:14px/1.4 ui-monospace,monospace}
pre{background:var(--soft);padding:.6rem;overflow-x:auto;overflow-wrap:normal}
h2{border-bottom:1px solid var(--line);margin-top:2.5rem}
h3{margin:2rem 0 .3rem;font-size:1.05rem}
h3 b{display:inline-block;min-width:4.5rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-top:1px solid var(--line)}
nav ul{columns:18rem;padding-left:1.2rem}
summary{cursor:pointer}
`;

/** Text as HTML: what a name or an example holds is never markup. */
function escape(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** Text of the document with `code` marked. */
function prose(text: string): string {
  return escape(text).replace(/`([^`]+)`/g, "<code>$1</code>");
}

function refName(ref: string): string {
  return ref.slice(ref.lastIndexOf("/") + 1);
}

/** A schema in one line, e.g. `array of Transition` or `integer 0...100`; names link to their section. */
function typeText(schema: Schema): string {
  if (schema.$ref !== undefined) {
    const name = escape(refName(schema.$ref));
    return `<a href="#schema-${name}">${name}</a>`;
  }
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return choices.map(typeText).join(" or ");
  if (schema.const !== undefined) return `<code>${escape(JSON.stringify(schema.const))}</code>`;
  if (schema.enum !== undefined) {
    return schema.enum.map((value) => `<code>${escape(String(value))}</code>`).join(" ");
  }
  if (schema.items !== undefined) return `array of ${typeText(schema.items)}`;
  const type = typeof schema.type === "string" ? schema.type : (schema.type ?? ["any"]).join(" or ");
  if (type === "object" && typeof schema.additionalProperties === "object") {
    return `map of ${typeText(schema.additionalProperties)}`;
  }
  const { minimum, maximum } = schema;
  const range = minimum === undefined && maximum === undefined
    ? ""
    : ` ${minimum ?? ""}\u2026${maximum ?? ""}`;
  return escape(type + (schema.format === undefined ? "" : ` (${schema.format})`) + range);
}

function row(name: string, schema: Schema, required: boolean, note: string): string {
  const fallback = schema.default === undefined
    ? ""
    : ` Default: <code>${escape(JSON.stringify(schema.default))}</code>.`;
  return `<tr><td><code>${escape(name)}</code>${required ? "" : "?"}</td><td>${typeText(schema)}</td>` +
    `<td>${prose(note)}${fallback}</td></tr>`;
}

/** Properties of an object, those of nested objects with a dotted name. */
function properties(schema: Schema, prefix = ""): string {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const path = prefix + name;
    const own = row(path, property, required.has(name), property.description ?? "");
    const choices = property.anyOf ?? [property];
    const nested = choices.map((choice) => choice.items ?? choice).filter((choice) =>
      choice.properties !== undefined
    );
    return own + nested.map((choice) => properties(choice, `${path}.`)).join("");
  }).join("");
}

function table(rows: string): string {
  return rows === "" ? "" : `<table><tr><th>name</th><th>type</th><th></th></tr>${rows}</table>`;
}

function mediaText(type: string, media: Media): string {
  const schema = media.schema === undefined ? "" : `: ${typeText(media.schema)}`;
  const inline = media.schema?.properties === undefined ? "" : table(properties(media.schema));
  const example = media.example === undefined
    ? ""
    : `<details><summary>example</summary><pre>${
      escape(typeof media.example === "string" ? media.example : JSON.stringify(media.example, null, 2))
    }</pre></details>`;
  return `<p><code>${escape(type)}</code>${schema}</p>${inline}${example}`;
}

function content(media: Readonly<Record<string, Media>> | undefined): string {
  return Object.entries(media ?? {}).map(([type, one]) => mediaText(type, one)).join("");
}

function operationId(method: string, path: string, operation: Operation): string {
  return operation.operationId ?? `${method}-${path.replace(/[^a-z0-9]+/gi, "-")}`;
}

function operationText(
  document: OpenApiDocument,
  method: string,
  path: string,
  operation: Operation,
): string {
  const parameters = (operation.parameters ?? []).map((parameter) =>
    parameter.$ref === undefined
      ? parameter
      : document.components?.parameters?.[refName(parameter.$ref)] ?? parameter
  );
  const rows = parameters.map((parameter) =>
    row(
      parameter.name ?? "",
      parameter.schema ?? {},
      parameter.required === true,
      `in ${parameter.in ?? "query"}. ${parameter.description ?? ""}`,
    )
  ).join("");
  const body = operation.requestBody === undefined
    ? ""
    : `<h4>Body${operation.requestBody.required === true ? "" : " (may be missing)"}</h4>` +
      content(operation.requestBody.content);
  const responses = Object.entries(operation.responses ?? {});
  const good = responses.filter(([code]) => code.startsWith("2")).map(([code, response]) =>
    `<h4>${escape(code)} ${prose(response.description ?? "")}</h4>${content(response.content)}`
  ).join("");
  const bad = responses.filter(([code]) => !code.startsWith("2")).map(([code, response]) =>
    `<tr><td>${escape(code)}</td><td>${prose(response.description ?? "")}</td></tr>`
  ).join("");
  return `<h3 id="${escape(operationId(method, path, operation))}"><b>${method.toUpperCase()}</b> <code>${
    escape(path)
  }</code></h3><p>${prose(operation.summary ?? "")}. ${prose(operation.description ?? "")}</p>` +
    table(rows) + body + good +
    (bad === "" ? "" : `<details><summary>errors</summary><table>${bad}</table></details>`);
}

/** The whole page. The document's texts are escaped; nothing of it can be markup. */
export function docsPage(document: OpenApiDocument): string {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [{ method, path, operation }];
    })
  );
  const tags = document.tags ?? [];
  const ofTag = (name: string) => operations.filter(({ operation }) => operation.tags?.[0] === name);
  const index = tags.map(({ name }) =>
    `<p>${escape(name)}</p><ul>${
      ofTag(name).map(({ method, path, operation }) =>
        `<li><a href="#${escape(operationId(method, path, operation))}">${method.toUpperCase()} ${
          escape(path)
        }</a></li>`
      ).join("")
    }</ul>`
  ).join("");
  const sections = tags.map(({ name, description }) =>
    `<h2>${escape(name)}</h2><p>${prose(description ?? "")}</p>` +
    ofTag(name).map(({ method, path, operation }) => operationText(document, method, path, operation)).join(
      "",
    )
  ).join("");
  const schemas = Object.entries(document.components?.schemas ?? {}).map(([name, schema]) =>
    `<h3 id="schema-${escape(name)}"><code>${escape(name)}</code></h3><p>${prose(schema.description ?? "")} ${
      schema.properties === undefined ? typeText(schema) : ""
    }</p>${table(properties(schema))}`
  ).join("");
  const { title, version, description } = document.info;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} ${escape(version)}: API</title>
<link rel="stylesheet" href="docs/style.css">
</head>
<body>
<h1>${escape(title)} ${escape(version)}</h1>
<p>${prose(description ?? "")}. A program reads <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
<nav>${index}</nav>
${sections}
<h2>Schemas</h2>
<p>A name with ? may be missing.</p>
${schemas}
</body>
</html>
`;
}
