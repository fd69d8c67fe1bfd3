import assert from "node:assert/strict";
import { authTable } from "../../routes/auth.ts";
import { docsPage, type OpenApiDocument } from "../../routes/docs_page.ts";
import type { Problem } from "../../src/api/mod.ts";
import { sha256 } from "./calls.ts";
import { FakeClock } from "../fake_clock.ts";
import { makeWorld } from "./world.ts";

async function problem(answer: Response): Promise<Problem> {
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  return await answer.json();
}

Deno.test("an unknown path is 404 and an unknown method 405 with Allow, both as problems", async () => {
  const { ask } = makeWorld();
  const unknown = await ask("/v1/backend");
  assert.equal(unknown.status, 404);
  assert.equal((await problem(unknown)).type, "urn:maglev:problem:not-found");
  const method = await ask("/v1/backends/b1/pause", { method: "PUT" });
  assert.equal(method.status, 405);
  assert.equal(method.headers.get("allow"), "POST");
  assert.equal((await ask("/v1/backends", { method: "DELETE" })).headers.get("allow"), "GET, HEAD");
  assert.equal((await ask("/v1/backends", { method: "OPTIONS" })).status, 405);
});

Deno.test("a name that is nearly right is named", async () => {
  const { ask } = makeWorld();
  const backend = await problem(await ask("/v1/backends/b4"));
  assert.match(backend.detail, /no backend "b4"; did you mean "b1"\?/);
  const parameter = await problem(await ask("/v1/vpp/lb/plan?frontned=web"));
  assert.equal(parameter.status, 422);
  assert.deepEqual(parameter.errors?.map(({ path, hint }) => [path, hint]), [[
    "frontned",
    'did you mean "frontend"?',
  ]]);
});

Deno.test("mistakes in a JSON body come with their place", async () => {
  const { ask } = makeWorld();
  const put = async (body: string) =>
    await problem(
      await ask("/v1/frontends/web/pools/main/backends/b1/weight", {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body,
      }),
    );
  const broken = await put('{\n  "weight": 5,\n  oops\n}');
  assert.equal(broken.status, 400);
  assert.deepEqual(broken.errors?.map(({ line, column }) => [line, column]), [[3, 3]]);
  const wrong = await put('{"weight": 101, "flsh": true}');
  assert.equal(wrong.status, 422);
  assert.deepEqual(wrong.errors?.map(({ path, message }) => [path, message]), [
    ["weight", "must be at most 100"],
    ["flsh", 'unknown key "flsh"'],
  ]);
  const missing = await put("{}");
  assert.match(missing.errors?.[0]?.message ?? "", /is missing/);
  assert.equal((await put('{"weight": 1.5}')).status, 422);
});

Deno.test("a body of wrong keys gets a thousand findings at most, and how many there were", async () => {
  const { ask } = makeWorld();
  const keys = 90_000;
  const wrong = Object.fromEntries(Array.from({ length: keys }, (_, i) => [`k${i}`, 0]));
  const answer = await ask("/v1/frontends/web/pools/main/backends/b1/weight", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ weight: 1, ...wrong }),
  });
  assert.equal(answer.status, 422);
  const text = await answer.text();
  assert.ok(text.length < 500_000, `${text.length} octets`);
  const { detail, errors = [] }: Problem = JSON.parse(text);
  assert.equal(errors.length, 1000);
  assert.equal(errors[0]?.path, "k0");
  assert.equal(errors.at(-1)?.message, `${keys} errors in all, the first 999 are shown`);
  assert.match(detail, /^k0: unknown key "k0"; .*; and 89995 more$/);
});

Deno.test("a weight of a pool or member that is not there is 404 and changes nothing", async () => {
  const { ask, control } = makeWorld();
  const put = async (path: string) =>
    (await ask(path, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: '{"weight":1}',
    })).status;
  assert.equal(await put("/v1/frontends/web/pools/main/backends/b3/weight"), 404);
  assert.equal(await put("/v1/frontends/web/pools/other/backends/b1/weight"), 404);
  assert.equal(await put("/v1/frontends/other/pools/main/backends/b1/weight"), 404);
  assert.deepEqual(control.commands, []);
  assert.equal(await put("/v1/frontends/web/pools/main/backends/b1/weight"), 200);
});

Deno.test("each change writes one api-change line: who, from where, what, before and after", async () => {
  const auth = authTable([{ name: "ops", sha256: sha256("t0ken"), role: "admin" }]);
  const { ask, lines } = makeWorld({ auth });
  const headers = { authorization: "Bearer t0ken", "content-type": "application/json" };
  const change = async (method: string, path: string, body?: string) => {
    lines.length = 0;
    const answer = await ask(path, { method, headers, ...(body === undefined ? {} : { body }) });
    assert.equal(answer.status, 200, path);
    assert.ok(!JSON.stringify(lines).includes("t0ken"));
    return lines.map(({ time: _time, ...line }) => line);
  };
  const line = { level: "INFO", msg: "api-change", principal: "ops", peer: "127.0.0.1:40000" };
  assert.deepEqual(await change("POST", "/v1/backends/b1/pause"), [
    { ...line, method: "POST", path: "/v1/backends/b1/pause", before: "up", after: "paused" },
  ]);
  assert.deepEqual(await change("POST", "/v1/backends/b1/pause"), [], "nothing changed");
  const weight = "/v1/frontends/web/pools/main/backends/b1/weight";
  assert.deepEqual(await change("PUT", weight, '{"weight":50}'), [
    { ...line, method: "PUT", path: weight, before: 100, after: 50 },
  ]);
  assert.deepEqual(await change("POST", "/v1/config/check"), [], "a check changes nothing");
  assert.deepEqual((await change("POST", "/v1/config/reload")).map(({ before, after }) => [before, after]), [[
    "old",
    "new",
  ]]);
  assert.equal((await change("POST", "/v1/vpp/lb/sync")).length, 1);
});

Deno.test("a change that is refused writes no api-change line, one that VPP refused in part does", async () => {
  const { ask, lines, control } = makeWorld();
  await ask("/v1/backends/b1/disable", { method: "POST" });
  lines.length = 0;
  assert.equal((await ask("/v1/backends/b1/pause", { method: "POST" })).status, 409);
  assert.deepEqual(lines, []);
  const result = await control.sync({}, { principal: "x", peer: "y" });
  assert.ok(result.ok);
  const sync = { ...result.value.value, done: 2, failed: 1 };
  control.vppRefusal = { type: "vpp-refused", detail: "VPP refused 1 of 3 changes", sync };
  const answer = await ask("/v1/vpp/lb/sync", { method: "POST" });
  assert.equal(answer.status, 502);
  assert.deepEqual((await problem(answer)).sync, sync);
  assert.deepEqual(lines.map(({ msg, after }) => [msg, after]), [
    ["api-change", { digest: sync.digest, done: 2, failed: 1 }],
  ]);
});

Deno.test("not ready is 503 with Retry-After and says what is missing", async () => {
  const { ask, control } = makeWorld();
  control.readiness = {
    ready: false,
    problems: [],
    config: true,
    probes: "blind",
    vpp: "out-of-sync",
  };
  const answer = await ask("/readyz");
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get("retry-after"), "5");
  const { detail, readiness } = await problem(answer);
  assert.match(detail, /no counted result; VPP does not have what it should/);
  assert.deepEqual(readiness, control.readiness);
});

Deno.test("a plan that has changed is 409 with the digest now", async () => {
  const { ask } = makeWorld();
  const answer = await ask("/v1/vpp/lb/sync", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"plan_digest":"old"}',
  });
  assert.equal(answer.status, 409);
  const body = await problem(answer);
  assert.equal(body.type, "urn:maglev:problem:plan-changed");
  assert.match(body.plan_digest ?? "", /^[0-9a-f]+$/);
});

Deno.test("an unexpected failure is 500 without its text, which goes to the log", async () => {
  const { ask, control, lines } = makeWorld();
  control.backends = () => {
    throw new TypeError("inner detail");
  };
  const answer = await ask("/v1/backends");
  assert.equal(answer.status, 500);
  const body = await problem(answer);
  assert.equal(body.type, "about:blank");
  assert.ok(!JSON.stringify(body).includes("inner detail"));
  assert.deepEqual(lines.map(({ level, msg }) => [level, msg]), [["ERROR", "api-error"]]);
  assert.match(String(lines[0]?.error), /inner detail/);
});

Deno.test("YAML is checked as any of its media types, a form is not", async () => {
  const { ask, control } = makeWorld();
  const post = async (type: string) =>
    (await ask("/v1/config/check", { method: "POST", headers: { "content-type": type }, body: "maglev:" }))
      .status;
  for (const type of ["application/yaml", "text/yaml; charset=utf-8", "application/x-yaml", "Text/X-YAML"]) {
    assert.equal(await post(type), 200, type);
  }
  for (const type of ["application/x-www-form-urlencoded", "text/plain", "application/json", ""]) {
    assert.equal(await post(type), 415, type);
  }
  assert.deepEqual(control.commands, Array(4).fill("check body"));
});

Deno.test("a body may have 1 MiB and no byte more", async () => {
  const { ask } = makeWorld();
  const post = async (bytes: number) =>
    (await ask("/v1/config/check", {
      method: "POST",
      headers: { "content-type": "text/yaml" },
      body: "x".repeat(bytes),
    })).status;
  assert.equal(await post(1024 * 1024), 200);
  assert.equal(await post(1024 * 1024 + 1), 413);
});

Deno.test("whereis and table: what is asked for must make sense", async () => {
  const { ask } = makeWorld();
  const paths: [string, number, RegExp][] = [
    ["/v1/frontends/web/whereis", 422, /client: is missing/],
    ["/v1/frontends/web/whereis?client=x", 422, /no IP address/],
    ["/v1/frontends/web/whereis?client=2001:db8::1&client_port=1", 422, /same family/],
    ["/v1/frontends/web/whereis?client=192.0.2.7", 422, /client_port: is missing/],
    ["/v1/frontends/web/whereis?client=192.0.2.7&client_port=65536", 422, /1 to 65535/],
    ["/v1/frontends/web/table?state=b9:up", 422, /names no backend/],
    ["/v1/frontends/web/table?state=b1:sideways", 422, /no state after the colon/],
    ["/v1/frontends/web/table?weight=b1:101", 422, /weight 0 to 100/],
    ["/v1/frontends/web/table?buckets=1", 422, /true, false|none of the known/],
    ["/v1/frontends/other/table", 404, /no frontend "other"/],
  ];
  for (const [path, status, detail] of paths) {
    const answer = await ask(path);
    assert.equal(answer.status, status, path);
    assert.match((await problem(answer)).detail, detail, path);
  }
  const repeated = await ask("/v1/frontends/web/table?state=b1:down&state=b2:up&weight=b1:7&buckets=true");
  const { assumed, buckets } = await repeated.json();
  assert.deepEqual([assumed, buckets], [true, [0, 1, -1]]);
});

Deno.test("every request is counted by pattern and never by what a stranger wrote", async () => {
  const clock = new FakeClock();
  const counted: [string, string, number][] = [];
  const { ask } = makeWorld({
    clock,
    recorder: {
      httpRequest: (method, route, code, seconds) => {
        assert.equal(seconds, 0);
        counted.push([method, route, code]);
      },
      unauthorized() {},
    },
  });
  await ask("/v1/backends/b1");
  await ask("/v1/backends/unknown");
  await ask("/some/path");
  await ask("/v1/backends/b1/pause", { method: "POST" });
  await ask("/v1/backends", { method: "BREW" });
  assert.deepEqual(counted, [
    ["GET", "/v1/backends/{name}", 200],
    ["GET", "/v1/backends/{name}", 404],
    ["GET", "unmatched", 404],
    ["POST", "/v1/backends/{name}/pause", 200],
    ["other", "/v1/backends", 405],
  ]);
});

Deno.test("the page of the API holds no script, names every operation and schema, and every link on it leads somewhere", async () => {
  const { ask } = makeWorld();
  const page = await ask("/docs");
  assert.match(page.headers.get("content-security-policy") ?? "", /^default-src 'none'; style-src 'self';/);
  const html = await page.text();
  assert.doesNotMatch(html, /<script|<[^>]* (?:style|on[a-z]+)=|(?:src|href)="(?!#|docs\/|openapi\.json)/);
  const document = await (await ask("/openapi.json")).json() as OpenApiDocument;
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of Object.keys(item)) {
      assert.ok(html.includes(`<b>${method.toUpperCase()}</b> <code>${path}</code>`), `${method} ${path}`);
    }
  }
  const ids = new Set([...html.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]));
  for (const name of Object.keys(document.components?.schemas ?? {})) {
    assert.ok(ids.has(`schema-${name}`), name);
  }
  for (const [, target] of html.matchAll(/href="#([^"]+)"/g)) assert.ok(ids.has(target), target);
  const style = /<link rel="stylesheet" href="([^"]+)">/.exec(html)?.[1] ?? "";
  const sheet = await ask(`/${style}`);
  assert.equal(sheet.status, 200);
  assert.match(sheet.headers.get("content-type") ?? "", /^text\/css/);
});

Deno.test("texts of the document are text on the page, whatever they hold", () => {
  const hostile = `<img src=x onerror=alert(1)>"'&`;
  const html = docsPage({
    info: { title: hostile, version: hostile, description: hostile },
    tags: [{ name: hostile, description: hostile }],
    paths: {
      [`/${hostile}`]: {
        get: {
          operationId: hostile,
          summary: hostile,
          tags: [hostile],
          parameters: [{ name: hostile, in: hostile, description: hostile, schema: { enum: [hostile] } }],
          requestBody: { content: { [hostile]: { example: { [hostile]: hostile } } } },
          responses: { 200: { description: hostile, content: { [hostile]: { example: hostile } } } },
        },
      },
    },
    components: {
      schemas: { [hostile]: { properties: { [hostile]: { const: hostile, default: hostile } } } },
    },
  });
  assert.doesNotMatch(html, /<img|"'/);
});

Deno.test("HEAD answers as GET does, without a body", async () => {
  const { ask } = makeWorld();
  const answer = await ask("/v1/backends", { method: "HEAD" });
  assert.equal(answer.status, 200);
  assert.equal(await answer.text(), "");
});
