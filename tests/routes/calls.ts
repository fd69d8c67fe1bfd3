/** Calls to the API that make some sense, and calls that make none. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { type Peer, tcpPeer } from "../../routes/access.ts";
import { authTable } from "../../routes/auth.ts";
import * as vppExamples from "../../routes/examples_vpp.ts";
import type { Refusal } from "../../src/control.ts";
import type { Operation } from "./document.ts";
import { localToken } from "../secrets.ts";
import { local } from "./world.ts";

/** A token of each role. */
export const tokens = { viewer: "viewer-token", operator: "operator-token", admin: "admin-token" } as const;
/** SHA-256 in hexadecimal. */
export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
/** Knows the tokens. */
export const auth = authTable(
  Object.entries(tokens).map(([role, token]) => ({
    name: `some-${role}`,
    sha256: sha256(token),
    role: role as keyof typeof tokens,
  })),
);

/** A client of another host. */
export const remote: Peer = tcpPeer("192.0.2.99", 40000);
const names = [
  "b1",
  "b2",
  "b3",
  "b9",
  "web",
  "dns",
  "main",
  "fallback",
  "http",
  "start.js",
  "__proto__",
  "constructor",
];
const hostileText = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom(
    "",
    ".",
    "..",
    "/",
    "%",
    "%ff",
    "%2e%2e",
    "a/b",
    "\u0000",
    "é",
    "𝕏",
    "x".repeat(3000),
    "-1",
    "1e9",
    "null",
  ),
);
const segment = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...names) },
  { weight: 2, arbitrary: hostileText.map((text) => encodeURIComponent(text.toWellFormed())) },
  { weight: 1, arbitrary: fc.constantFrom("%ff", "%", "%2e%2e", "..", "%00", "b1;x", "b1%2Fpause") },
);

const goodValues: ReadonlyMap<string, readonly string[]> = new Map(Object.entries({
  frontend: ["web", "dns", "b9", "web,dns"],
  backend: ["b1", "b1,b2"],
  kinds: ["backend", "log,vpp", "backend,frontend,vpp,log", "nothing"],
  level: ["debug", "info", "error"],
  state: ["b1:down", "b2:up", "b9:up", "b1:sideways", "b1"],
  weight: ["b1:0", "b2:100", "b2:101"],
  buckets: ["true", "false"],
  client: ["192.0.2.7", "2001:db8::1", "10.0.0.1"],
  client_port: ["1", "65535", "65536", "0", "x"],
}));

function queryOf(operation: Operation): fc.Arbitrary<string> {
  const known = operation.parameters.filter((parameter) => parameter.in === "query").map((p) => p.name);
  const name = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...(known.length > 0 ? known : ["nothing"])) },
    { weight: 1, arbitrary: fc.constantFrom("unknown", "frontned", "__proto__", "toString", "") },
  );
  const pair = name.chain((key) =>
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...(goodValues.get(key) ?? ["x"])) },
      { weight: 1, arbitrary: hostileText.map((text) => text.toWellFormed()) },
    ).map((value) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
  );
  const needed = operation.parameters.filter((p) => p.in === "query" && p.required === true)
    .map((p) => `${p.name}=${goodValues.get(p.name)?.[0] ?? ""}`);
  const pairs = fc.oneof(
    { weight: known.length > 0 ? 1 : 5, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(pair, { maxLength: 3 }) },
  );
  return fc.tuple(pairs, fc.boolean(), fc.nat(30)).map(
    ([pairs, required, broken]) => {
      const all = [...(required ? needed : []), ...pairs, ...(broken === 0 ? ["x=%ff"] : [])];
      return all.length === 0 ? "" : `?${all.join("&")}`;
    },
  );
}

const jsonBody = fc.oneof(
  fc.constantFrom("{}", '{"frontend":"web"}', '{"weight":50}'),
  fc.constantFrom(
    '{"weight":50}',
    '{"weight":50,"flush":true}',
    '{"weight":101}',
    '{"weight":"5"}',
    "{}",
    '{"frontend":"web"}',
    '{"frontend":"b9"}',
    `{"plan_digest":"${vppExamples.plan.digest}"}`,
    '{"plan_digest":"old"}',
    "null",
    "[]",
    "{",
    "",
    '{"__proto__":{"weight":1},"weight":1}',
    '{"weight":1e400}',
  ),
  fc.json(),
  hostileText,
);

const headersOf = fc.record({
  "content-type": fc.option(
    fc.constantFrom(
      "application/json",
      "application/json",
      "application/json",
      "application/json",
      "application/json; charset=utf-8",
      "text/yaml",
      "application/yaml",
      "text/plain",
      "x",
    ),
    { nil: undefined, freq: 8 },
  ),
  authorization: fc.option(
    fc.constantFrom(
      ...Object.values(tokens).map((t) => `Bearer ${t}`),
      `Bearer ${tokens.admin}`,
      `Bearer ${localToken}`,
      `Bearer ${localToken}`,
      `Bearer ${localToken}`,
      `Bearer ${localToken}`,
      "Bearer nobody",
      "Basic eDp5",
      "Bearer",
      "Bearer a, Bearer b",
    ),
    { nil: undefined, freq: 3 },
  ),
  origin: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(undefined, "http://localhost:3000") },
    { weight: 1, arbitrary: fc.constantFrom("https://evil.example", "null") },
  ),
  "last-event-id": fc.option(fc.constantFrom("e1-0", "e1-1", "e1-99", "e0-1", "x", "e1--1"), {
    nil: undefined,
    freq: 3,
  }),
});

/** One call. */
export interface Call {
  readonly operation: Operation;
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string | null;
  readonly peer: Peer;
  readonly auth: boolean;
  readonly vpp: Refusal | null;
  readonly ready: boolean;
  readonly wrongFile: boolean;
  /** Whether b1 is disabled. */
  readonly disabled: boolean;
}

const unavailable: Refusal = { type: "vpp-unavailable", detail: "VPP is not connected" };
const syncRefusals: Refusal[] = [
  { type: "vpp-refused", detail: "VPP refused 1 of 1 changes", sync: vppExamples.syncResult },
  { type: "busy", detail: "Another sync is waiting already" },
  { type: "conflict", detail: "The change is held" },
];

/** Calls of any of the operations, valid and hostile. */
export function callsOf(operations: readonly Operation[]): fc.Arbitrary<Call> {
  // The operation with the most ways to fail comes more often.
  const sync = operations.filter((operation) => operation.operationId === "syncLb");
  return fc.constantFrom(...operations, ...sync, ...sync, ...sync).chain(callOf);
}

function segmentOf(operation: Operation, parameter: string): fc.Arbitrary<string> {
  const example = operation.parameters.find((p) => p.name === parameter)?.schema.example;
  return fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(String(example), "b1") },
    { weight: 1, arbitrary: segment },
  );
}

function callOf(operation: Operation): fc.Arbitrary<Call> {
  const parts = operation.path.split("/").map((part) =>
    part.startsWith("{") ? segmentOf(operation, part.slice(1, -1)) : fc.constant(part)
  );
  return fc.record({
    operation: fc.constant(operation),
    method: fc.oneof(
      { weight: 9, arbitrary: fc.constant(operation.method) },
      { weight: 1, arbitrary: fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH") },
    ),
    target: fc.tuple(fc.tuple(...parts), queryOf(operation)).map(([path, query]) => path.join("/") + query),
    headers: headersOf,
    body: fc.option(jsonBody, { nil: null }),
    peer: fc.oneof({ weight: 9, arbitrary: fc.constant(local) }, {
      weight: 1,
      arbitrary: fc.constant(remote),
    }),
    auth: fc.boolean(),
    vpp: fc.constantFrom(
      null,
      null,
      unavailable,
      ...(operation.operationId === "syncLb" ? syncRefusals : []),
    ),
    ready: fc.boolean(),
    wrongFile: fc.boolean(),
    disabled: fc.boolean(),
  });
}

/** The call that the document's examples make. */
export function exampleRequest(
  operation: Operation,
  headers: Readonly<Record<string, string>> = {},
): Request {
  const parameter = (name: string) => operation.parameters.find((p) => p.name === name)?.schema.example ?? "";
  const path = operation.path.replace(/\{([^}]+)\}/g, (_all, name) => String(parameter(name)));
  const query = operation.parameters.filter((p) =>
    p.in === "query" && (p.required || p.name === "client_port")
  )
    .map((p) => `${p.name}=${parameter(p.name)}`);
  const [body] = Object.entries(operation.requestBody?.content ?? {});
  const text = typeof body?.[1].example === "string" ? body[1].example : JSON.stringify(body?.[1].example);
  return new Request(`http://127.0.0.1:9090${path}${query.length === 0 ? "" : `?${query.join("&")}`}`, {
    method: operation.method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": body[0] }) },
    ...(body === undefined ? {} : { body: text }),
  });
}
