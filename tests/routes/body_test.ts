import assert from "node:assert/strict";
import fc from "fast-check";
import { duplicateKeys } from "../../routes/json_keys.ts";
import type { Problem } from "../../src/api/mod.ts";
import { exchange, request } from "./raw.ts";
import { first, start } from "./serving.ts";
import { bearer, makeWorld } from "./world.ts";

const weightPath = "/v1/frontends/web/pools/main/backends/b1/weight";
const json = { "content-type": "application/json" };

async function problem(answer: Response, status: number): Promise<Problem> {
  const body: Problem = await answer.json();
  assert.equal(body.status, status, body.detail);
  return body;
}

Deno.test("a body where none is taken is refused and changes nothing", async () => {
  const { ask, control } = makeWorld();
  const reload = (init: RequestInit) => ask("/v1/config/reload", { method: "POST", ...init });
  // curl -d sends a form unless it is told otherwise.
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const asForm = await problem(await reload({ headers: form, body: '{"dry_run":true}' }), 415);
  assert.match(asForm.detail, /takes no body/);
  const asJson = await problem(await reload({ headers: json, body: '{"dry_run":true}' }), 422);
  assert.deepEqual(asJson.errors?.map(({ message }) => message), ["no body is taken here"]);
  assert.equal((await reload({ headers: json, body: "{}" })).status, 422);
  assert.deepEqual(control.commands, []);
  assert.equal((await reload({ headers: json })).status, 200);
});

Deno.test("a GET with a body is refused, an empty one is none", async () => {
  const world = makeWorld();
  await using serving = await start(world);
  const get = (headers: string[], body: string) =>
    exchange(first(serving), request("GET /v1/backends", headers, body));
  assert.match(await get(["Content-Type: application/json"], "{}"), /^HTTP\/1\.1 422 [^]*GET takes no body/);
  assert.match(await get([], "x"), /^HTTP\/1\.1 415 [^]*This GET takes no body"/);
  assert.match(await get(["Content-Length: 0"], ""), /^HTTP\/1\.1 200 /);
});

Deno.test("a GET with a body is refused under deno serve, too", async () => {
  const world = makeWorld();
  // What Deno.serve hands over: the body is gone, the headers are there.
  for (const headers of [{ "content-length": "2", ...json }, { "transfer-encoding": "chunked", ...json }]) {
    await problem(await world.ask("/v1/backends", { headers }), 422);
  }
  assert.equal((await world.ask("/v1/backends", { headers: { "content-length": "0" } })).status, 200);
});

Deno.test("a body in another encoding is refused before it is read", async () => {
  const { ask, control } = makeWorld();
  const check = async (encoding: string) =>
    await ask("/v1/config/check", {
      method: "POST",
      headers: { "content-type": "text/yaml", "content-encoding": encoding },
      body: "maglev: {}",
    });
  for (const encoding of ["gzip", "br", "deflate", "GZIP", "identity, gzip"]) {
    const answer = await check(encoding);
    assert.equal(answer.headers.get("accept-encoding"), "identity");
    await problem(answer, 415);
  }
  assert.deepEqual(control.commands, []);
  for (const encoding of ["identity", " Identity "]) assert.equal((await check(encoding)).status, 200);
});

Deno.test("an action takes a reason and an end and nothing else, and logs the reason", async () => {
  const { ask, control, lines } = makeWorld();
  const pause = (body: string) => ask("/v1/backends/b1/pause", { method: "POST", headers: json, body });
  const wrong = async (body: string, status = 422) => {
    const { errors = [] } = await problem(await pause(body), status);
    return errors.map(({ path, message }) => `${path}: ${message}`);
  };
  assert.deepEqual(await wrong('{"frontend":"www"}'), ['frontend: unknown key "frontend"']);
  for (const kind of ['"for_ns":1', '"until":5', '"everywhere":"yes"', '"force":1']) {
    assert.equal((await wrong(`{${kind}}`)).length, 1, kind);
  }
  const [long] = await wrong(JSON.stringify({ reason: "x".repeat(501) }));
  assert.equal(long, "reason: must have at most 500 characters");
  for (const text of ["a\nb", "a\tb", "\x1b[31m", "a\u2028b", "a\u0085b"]) {
    const [found] = await wrong(JSON.stringify({ reason: text }));
    assert.equal(found, "reason: must not hold line breaks or control characters");
  }
  assert.deepEqual(await wrong('{"reason":1}'), ["reason: must be string"]);
  assert.deepEqual(await wrong("[]"), [": must be object"]);
  assert.equal((await wrong("{", 400)).length, 1);
  assert.deepEqual([control.commands, lines], [[], []]);
  const reason = "𝕏".repeat(500);
  assert.equal((await pause(JSON.stringify({ reason }))).status, 200);
  assert.equal(lines.find((line) => line.msg === "api-change")?.reason, reason);
  lines.length = 0;
  const put = { method: "PUT", headers: json, body: '{"weight":5,"reason":"less memory"}' };
  assert.equal((await ask(weightPath, put)).status, 200);
  assert.equal(lines.find((line) => line.msg === "api-change")?.reason, "less memory");
  lines.length = 0;
  for (const body of ["{}", '{"reason":""}', ""]) {
    const resumed = await ask("/v1/backends/b1/resume", { method: "POST", headers: json, body });
    assert.equal(resumed.status, 200);
    assert.equal((await pause(body)).status, 200);
  }
  assert.ok(lines.every((line) => !Object.hasOwn(line, "reason")));
});

Deno.test("a key that stands twice in a JSON body is refused with its place", async () => {
  const { ask, control } = makeWorld();
  const put = (body: string) => ask(weightPath, { method: "PUT", headers: json, body });
  const { errors = [] } = await problem(await put('{"weight": 5,\n  "weight": 50}'), 422);
  assert.deepEqual(errors.map(({ path, line, column }) => [path, line, column]), [["weight", 2, 3]]);
  // The same key, written in another way.
  await problem(await put('{"weight": 5, "we\\u0069ght": 50}'), 422);
  assert.deepEqual(control.commands, []);
  const many = `{"weight":5${',"weight":5'.repeat(90_000)}}`;
  const answer = await problem(await put(many), 422);
  assert.match(answer.detail, /and 89999 more$/);
  assert.equal(answer.errors?.length, 1_000);
});

Deno.test("keys twice are found in any JSON, and only there", () => {
  const paths = (text: string) => duplicateKeys(text, 10).first.map(({ path }) => path);
  assert.deepEqual(paths('{"a":{"b":1,"b":2},"c":[{"d":1},{"d":1,"d":2}],"a":0}'), ["a.b", "c.1.d", "a"]);
  assert.deepEqual(paths('{"a":"{\\"a\\":1,\\"a\\":2}","b":["a","a"],"c":{"a":1}}'), []);
  assert.deepEqual(paths('["a","a",{"":1,"":2}]'), ["2."]);
  fc.assert(fc.property(fc.json(), (text) => assert.equal(duplicateKeys(text, 10).total, 0, text)));
  fc.assert(fc.property(fc.json(), fc.json(), fc.string(), (one, two, key) => {
    const name = JSON.stringify(key);
    assert.deepEqual(paths(`{${name}:${one},${name}:${two}}`), [key]);
  }));
});

Deno.test("a parameter given twice is said to be, unless it may be given often", async () => {
  const { ask } = makeWorld();
  const twice = await problem(await ask("/v1/vpp/lb/plan?frontend=web&frontend=dns"), 422);
  assert.deepEqual(twice.errors?.map(({ path, message }) => [path, message]), [
    ["frontend", "is given twice; it can be given once"],
  ]);
  assert.match(
    (await problem(await ask("/v1/events?level=info&level=info&level=info"), 422)).detail,
    /3 times/,
  );
  assert.equal((await ask("/v1/frontends/web/table?state=b1:down&state=b2:up")).status, 200);
  const many = Array.from({ length: 2_000 }, (_, i) => `x${i}=`).join("&");
  const answer = await problem(await ask(`/v1/info?${many}`), 422);
  assert.equal(answer.errors?.length, 1_000);
  assert.match(answer.detail, /and 1995 more$/);
});

Deno.test("a filter of the events that names nothing is 404 with the name that was meant", async () => {
  const { ask, bus } = makeWorld();
  for (
    const [query, detail] of [
      ["backend=nope", /no backend "nope"/],
      ["backend=b1,b22", /no backend "b22"; did you mean "b2"\?/],
      ["frontend=wev", /no frontend "wev"; did you mean "web"\?/],
      ["frontend=", /no frontend ""/],
    ] as const
  ) {
    assert.match((await problem(await ask(`/v1/events?${query}`), 404)).detail, detail);
  }
  assert.equal(bus.subscribers, 0);
  const stream = await ask("/v1/events?backend=b1,b2&frontend=web");
  assert.equal(stream.status, 200);
  await stream.body?.cancel();
});

Deno.test("a body that is refused without being read does not disturb the answer", async () => {
  const world = makeWorld();
  await using serving = await start(world);
  const encoded = request("POST /v1/config/reload", [bearer, "Content-Encoding: gzip"], "abc");
  assert.match(await exchange(first(serving), encoded), /^HTTP\/1\.1 415 /);
  assert.deepEqual(world.control.commands, []);
});
