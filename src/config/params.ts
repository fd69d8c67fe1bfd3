/**
 * `params` of a health check: which keys there are depends on its type.
 *
 * @module
 */
import type { CheckType } from "../configuration.ts";
import type { Result } from "../result.ts";
import type { NamedFiles } from "./files.ts";
import type { Findings } from "./findings.ts";
import { boolean, text, word } from "./kinds.ts";
import { nearest } from "./nearest.ts";
import {
  checkHeaderName,
  checkHeaderValue,
  checkHost,
  checkPath,
  checkPattern,
  type Complaint,
  parseResponseCodes,
} from "./patterns.ts";
import {
  type Deferred,
  type Field,
  type Fields,
  type JsonSchema,
  mapOf,
  object,
  type ObjectSpec,
  optional,
  refine,
  scalar,
  type Shape,
  type Spec,
  withDefault,
} from "./spec.ts";
import { scalarType } from "./tree.ts";

/** A spec with a rule that may complain; the value stays what it was. */
function checked<T>(
  spec: Spec<T>,
  schema: JsonSchema,
  rule: (value: T) => Result<unknown, Complaint>,
): Spec<T> {
  return refine(spec, schema, (value, place, out) => {
    const verdict = rule(value);
    if (verdict.ok) return value;
    out.semantic(place, verdict.error.message, verdict.error.hint);
    return undefined;
  });
}

/** Text or a bare status such as `200`, which YAML takes for an integer. */
const responseCode = scalar("text", { type: ["string", "integer"] }, (node, place, out) => {
  const type = scalarType(node);
  if (type === "text" || type === "integer") return node.text;
  out.structure(
    place,
    `expected text, found ${type === "boolean" ? "a boolean" : "a number"}`,
    'like "200-399"',
  );
  return undefined;
});

/** A header's value: never shown in a message, since it may be a secret. */
const headerValue = checked(
  scalar("text", { type: "string" }, (node, place, out) => {
    if (scalarType(node) === "text") return node.text;
    out.structure(place, "expected text", "put it in quotes");
    return undefined;
  }),
  {},
  checkHeaderValue,
);

const headers = refine(
  mapOf(headerValue, {}, (name, place, out) => {
    const verdict = checkHeaderName(name);
    if (!verdict.ok) out.semantic(place, verdict.error.message, verdict.error.hint);
  }),
  {},
  (list, _place, out) => {
    const seen = new Map<string, string>();
    for (const { name, place } of list) {
      const first = seen.get(name.toLowerCase());
      if (first !== undefined) out.semantic(place, `is the same header as "${first}"`);
      else seen.set(name.toLowerCase(), name);
    }
    return list;
  },
);

const host = checked(text, {}, checkHost);

/** Keys that name the files of TLS. */
export const TLS_FILES = {
  "ca-file": optional(text, "PEM file of the authorities to trust instead of the system's."),
  "cert-file": optional(text, "PEM file of the client certificate; with key-file."),
  "key-file": optional(text, "PEM file of the client certificate's private key; with cert-file."),
};

/** Keys of TLS. */
export const TLS = {
  "server-name": optional(host, "Name sent in the handshake and looked for in the certificate."),
  "insecure-skip-verify": withDefault(boolean, false, "false", "Accept any certificate."),
  ...TLS_FILES,
};

/** Keys of an http check. */
export const HTTP = {
  "path": withDefault(
    checked(text, { pattern: "^/" }, checkPath),
    "/",
    "/",
    "Path and query of the request.",
  ),
  "host": optional(host, "Host header; default: the backend's address."),
  "method": withDefault(word("GET", "HEAD"), "GET", "GET", "Method of the request."),
  "response-code": withDefault(
    checked(responseCode, {}, parseResponseCodes),
    "200-399",
    "200-399",
    "Accepted statuses: a code, a range, or several with commas.",
  ),
  "response-regexp": optional(
    checked(text, {}, checkPattern),
    "RE2 pattern that the first 64 KiB of the body must match.",
  ),
  "headers": optional(headers, "Request headers by name."),
};

const HTTPS = { ...HTTP, ...TLS };

/** Keys of a tcp check. */
export const TCP = {
  "ssl": withDefault(boolean, false, "false", "Do a TLS handshake after the connect."),
  ...TLS,
};

/** The keys of `params`, by type. */
export const PARAMS: Readonly<Record<CheckType, Shape>> = { icmp: {}, tcp: TCP, http: HTTP, https: HTTPS };

const TYPES: readonly CheckType[] = ["icmp", "tcp", "http", "https"];

function specFor<S extends Shape>(type: CheckType, shape: S): ObjectSpec<S> {
  return object(shape, {
    message: `unknown key for type ${type}`,
    hint(key) {
      const near = nearest(key, Object.keys(shape));
      if (near !== null) return null;
      const types = TYPES.filter((other) => Object.hasOwn(PARAMS[other], key));
      if (types.length > 0) return `only for type ${types.join(" and ")}`;
      return Object.keys(shape).length === 0 ? `type ${type} has no params` : null;
    },
  });
}

const SPECS = {
  icmp: specFor("icmp", {}),
  tcp: specFor("tcp", TCP),
  http: specFor("http", HTTP),
  https: specFor("https", HTTPS),
  any: object({ ...HTTPS, ...TCP }),
};

/** What was read of `params`. */
export type RawParams =
  | { readonly kind: "tcp"; readonly fields: Fields<typeof TCP> }
  | { readonly kind: "http"; readonly fields: Fields<typeof HTTP>; readonly tls: Fields<typeof TLS> | null };

/** `params` as an editor sees it: the keys of every type. The checker is stricter. */
export function paramsSchema(): JsonSchema {
  return SPECS.any.schema;
}

/** `params` of one type, for editors. */
export function paramsSchemaFor(type: CheckType): JsonSchema {
  return SPECS[type].schema;
}

/**
 * Reads `params`.
 *
 * @param source the node, or where it would stand
 * @param type undefined if the type is not known; then the keys of every type are allowed
 * @param files null: file rules are not applied
 * @returns null for icmp, undefined if unusable
 */
export function readParams(
  source: Deferred,
  type: CheckType | undefined,
  files: NamedFiles | null,
  out: Findings,
): RawParams | null | undefined {
  const { node, place } = source;
  switch (type) {
    case undefined:
      SPECS.any.read(node, place, out);
      return undefined;
    case "icmp":
      SPECS.icmp.read(node, place, out);
      return null;
    case "tcp": {
      const fields = SPECS.tcp.read(node, place, out);
      if (fields === undefined) return undefined;
      checkTls(fields, files, out);
      if (fields.ssl.value === false) requireSsl(fields, out);
      return { kind: "tcp", fields };
    }
    case "http": {
      const fields = SPECS.http.read(node, place, out);
      if (fields === undefined) return undefined;
      checkRequest(fields, out);
      return { kind: "http", fields, tls: null };
    }
    case "https": {
      const fields = SPECS.https.read(node, place, out);
      if (fields === undefined) return undefined;
      checkRequest(fields, out);
      checkTls(fields, files, out);
      return { kind: "http", fields, tls: fields };
    }
  }
}

function checkRequest(fields: Fields<typeof HTTP>, out: Findings): void {
  const pattern = fields["response-regexp"];
  if (fields.method.value === "HEAD" && pattern.present && pattern.value !== "") {
    out.semantic(pattern.place, "not allowed with method HEAD", "an answer to HEAD has no body");
  }
  const header = fields.headers.value?.find(({ name }) => name.toLowerCase() === "host");
  if (given(fields.host) && header !== undefined) {
    out.semantic(header.place, 'stands against the key "host"', "keep one of the two");
  }
}

function requireSsl(fields: Fields<typeof TCP>, out: Findings): void {
  for (const key of Object.keys(TLS) as (keyof typeof TLS)[]) {
    const { present, value, place } = fields[key];
    // Written, but as if it were not: that does no harm.
    if (present && value !== "" && value !== false) out.semantic(place, "needs ssl: true");
  }
}

/** Rules of the files of TLS; `files` null: only those that need no file. */
export function checkTls(
  fields: Fields<typeof TLS_FILES>,
  files: NamedFiles | null,
  out: Findings,
): void {
  const { "ca-file": ca, "cert-file": cert, "key-file": key } = fields;
  if (given(ca)) files?.check({ kind: "authorities", paths: [ca.value] }, [ca.place], out);
  if (given(cert) && given(key)) {
    files?.check({ kind: "pair", paths: [cert.value, key.value] }, [cert.place, key.place], out);
  }
  // A half that could not be read has been told.
  if (given(cert) && !given(key)) {
    if (!unreadable(key)) out.semantic(cert.place, "needs key-file too");
    files?.check({ kind: "authorities", paths: [cert.value] }, [cert.place], out);
  }
  if (given(key) && !given(cert)) {
    if (!unreadable(cert)) out.semantic(key.place, "needs cert-file too");
    files?.check({ kind: "key", paths: [key.value] }, [key.place], out);
  }
}

/** Whether a key is there with a value of the wrong kind. */
function unreadable({ present, value }: Field<string>): boolean {
  return present && value === undefined;
}

/** Whether a text was given; an empty one means none. */
export function given<T extends { readonly value: string | undefined }>(
  field: T,
): field is T & { value: string } {
  return field.value !== undefined && field.value !== "";
}
