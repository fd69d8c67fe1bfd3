import assert from "node:assert/strict";
import fc from "fast-check";
import type { Peer } from "../routes/access.ts";
import * as examples from "../routes/examples.ts";
import { auth, type Call, callsOf, exampleRequest, remote, tokens } from "./routes/calls.ts";
import { checkAnswer, checkEvents, checkProblem, operationAt } from "./routes/answers.ts";
import { judges, loadDocument, type Operation, operationsOf } from "./routes/document.ts";
import { openapiText } from "./routes/update_openapi.ts";
import { local, makeWorld } from "./routes/world.ts";

const document = await loadDocument();
const operations = operationsOf(document);
const judgeAt = judges(document);

Deno.test("docs/openapi.json is what the schemas generate", async () => {
  const golden = await Deno.readTextFile(new URL("../docs/openapi.json", import.meta.url));
  assert.equal(golden, await openapiText(), "run: deno run -A tests/routes/update_openapi.ts");
});

Deno.test("every operation has a summary, an id, examples and its errors", () => {
  const ids = operations.map((operation) => operation.operationId);
  assert.equal(new Set(ids).size, operations.length);
  assert.ok(operations.length >= 27, String(operations.length));
  for (const operation of operations) {
    const { method, path, summary, responses, requestBody, parameters } = operation;
    const name = `${method} ${path}`;
    assert.ok((summary ?? "").length > 0, name);
    for (const parameter of parameters) {
      if (parameter.in === "path") {
        assert.ok(parameter.schema.example !== undefined, `${name} ${parameter.name}`);
      }
    }
    for (const [type, body] of Object.entries(requestBody?.content ?? {})) {
      assert.ok(body.example !== undefined, `${name} ${type}`);
      assert.equal(
        judgeAt(["paths", path, method.toLowerCase(), "requestBody", "content", type, "schema"])(
          body.example,
        ),
        null,
      );
    }
    for (const [type, body] of Object.entries(responses["200"]?.content ?? {})) {
      assert.ok(body.example !== undefined, `${name} 200 ${type}`);
      const judge = judgeAt([
        "paths",
        path,
        method.toLowerCase(),
        "responses",
        "200",
        "content",
        type,
        "schema",
      ]);
      assert.equal(judge(body.example), null, `${name} 200 ${type}`);
    }
    const errors = Object.keys(responses).filter((status) => Number(status) >= 400);
    if (path.startsWith("/v1/")) {
      for (const status of ["400", "401", "422"]) assert.ok(errors.includes(status), `${name} ${status}`);
      if (method !== "GET") {
        for (const status of ["403", "413"]) assert.ok(errors.includes(status), `${name} ${status}`);
      }
      if (requestBody !== undefined) assert.ok(errors.includes("415"), name);
    }
    for (const status of errors) {
      assert.ok(responses[status]?.content?.["application/problem+json"], `${name} ${status}`);
    }
    // VPP may be away, and any change may find the journal full.
    if (errors.includes("503") && method === "GET") assert.match(path, /^\/v1\/vpp\/|^\/readyz$/);
  }
});

Deno.test("20,000 calls, valid and hostile: no 500, no undocumented status, no body that misses its schema", async () => {
  const seen = new Map<number, number>();
  const withAuth = makeWorld({ auth });
  const withoutAuth = makeWorld();
  const make = async ({ method, target, headers, body, peer, ...state }: Call) => {
    const url = new URL(`http://127.0.0.1:9090${target}`);
    // Making an application takes longer than a hundred calls; only a bus that gets closed needs a new one.
    const world = url.pathname === "/v1/events"
      ? makeWorld({ auth: state.auth ? auth : null })
      : state.auth
      ? withAuth
      : withoutAuth;
    world.control.reset();
    if (state.disabled) await world.control.act("b1", "disable", {}, { principal: "test", peer: "" }, false);
    world.control.vppRefusal = state.vpp;
    if (!state.ready) world.control.readiness = { ...examples.ready, ready: false, vpp: "disconnected" };
    if (state.wrongFile) {
      world.control.checkResult = { ...examples.configCheck, ok: false, errors: wrongFileErrors };
    }
    const plain = Object.entries(headers).filter((entry): entry is [string, string] =>
      entry[1] !== undefined
    );
    const bodiless = body === null || method === "GET" || method === "HEAD";
    const init = { method, headers: plain, ...(bodiless ? {} : { body: body.toWellFormed() }) };
    return { url, world, answer: await world.app.fetch(new Request(url, init), { peer }) };
  };
  await fc.assert(
    fc.asyncProperty(callsOf(operations), async (call) => {
      const { url, world, answer } = await make(call);
      seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
      assert.ok(answer.status < 500 || answer.status === 502 || answer.status === 503, `${answer.status}`);
      const place = operationAt(operations, call.method, url.pathname);
      if (place !== null && place !== "path") {
        if (place.operationId === "streamEvents" && answer.status === 200 && call.method !== "HEAD") {
          world.bus[Symbol.dispose]();
          await checkEvents(answer, judgeAt, /^e1-\d+$/);
        } else await checkAnswer(answer, place, call.method === "HEAD", judgeAt);
      } else {
        assert.ok([400, 401, 403, 404, 405].includes(answer.status), `${answer.status} for no operation`);
        if (answer.status === 405) assert.equal(place, "path");
        if (call.method !== "HEAD") checkProblem(answer, await answer.json());
      }
    }),
    { numRuns: 20_000 },
  );
  for (const status of [200, 400, 401, 403, 404, 405, 409, 415, 422, 502, 503]) {
    assert.ok(seen.has(status), `${status} never came, so nothing is proven about it`);
  }
});

const wrongFileErrors = [{
  severity: "error" as const,
  pass: "semantic" as const,
  file: "maglev.yaml",
  line: 3,
  column: 5,
  path: "maglev.backends.b1.address",
  message: "must not be multicast",
  hint: null,
}];

/* ---- who may do what ---- */

const openPaths = ["/healthz", "/readyz", "/docs", "/docs/style.css", "/openapi.json"]
  .concat(["/", "/dashboard.js", "/dashboard.css"]);
const adminPaths = ["/v1/config/check", "/v1/config/reload"];

/** Written down anew and not taken from the daemon, so that a mistake there shows here. */
function mayCall(operation: Operation, role: "nobody" | keyof typeof tokens): boolean {
  if (openPaths.includes(operation.path)) return true;
  if (role === "nobody") return false;
  if (operation.method === "GET" || role === "admin") return true;
  return role === "operator" && !adminPaths.includes(operation.path);
}

for (const operation of operations) {
  const name = `${operation.method} ${operation.path}`;
  Deno.test(`${name}: who may, with tokens and without`, async () => {
    const askAs = async (authorization: string | null, peer: Peer, withAuth: boolean) => {
      const world = makeWorld({ auth: withAuth ? auth : null });
      const request = exampleRequest(operation, authorization === null ? {} : { authorization });
      const answer = await world.app.fetch(request, { peer });
      await answer.body?.cancel();
      return { status: answer.status, world };
    };
    for (const peer of [local, remote]) {
      for (const role of ["viewer", "operator", "admin"] as const) {
        const { status, world } = await askAs(`Bearer ${tokens[role]}`, peer, true);
        assert.equal(status, mayCall(operation, role) ? 200 : 403, `${role} from ${peer.address}`);
        if (status === 403) assert.deepEqual(world.control.commands, []);
        const text = JSON.stringify(world.lines);
        for (const token of Object.values(tokens)) {
          assert.ok(!text.includes(token), "a token stands in the log");
        }
      }
      for (
        const authorization of [null, "Bearer wrong", `Basic ${tokens.admin}`, `Bearer ${tokens.admin}x`]
      ) {
        const { status, world } = await askAs(authorization, peer, true);
        assert.equal(
          status,
          mayCall(operation, "nobody") ? 200 : 401,
          `${authorization} from ${peer.address}`,
        );
        assert.deepEqual(world.control.commands, []);
      }
    }
    for (const peer of [local, remote]) {
      const open = await askAs(null, peer, false);
      assert.equal(open.status, operation.method === "GET" ? 200 : 401);
      assert.deepEqual(open.world.control.commands, []);
    }
  });
}
