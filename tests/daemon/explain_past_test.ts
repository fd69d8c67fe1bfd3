/** Explanations of the past, from the journal of a daemon that runs. */
import assert from "node:assert/strict";
import type { Explain, Journal, Problem } from "../../src/api/mod.ts";
import { Inside } from "./inside.ts";

const config = (backends: string, pool: string) =>
  `maglev:
  vpp: { lb: { ipv4-src-address: 192.0.2.254, ipv6-src-address: "2001:db8::254" } }
  healthchecks: {}
  backends: { ${backends} }
  frontends:
    web: { address: 192.0.2.1, protocol: tcp, port: 80, pools: [{ name: main, backends: { ${pool} } }] }
`;

/** Time of the newest entry; the next one comes at least 2 ms later. */
async function newest(inside: Inside): Promise<string> {
  const { entries: [last] } = await inside.json<Journal>("/v1/journal?limit=1");
  await new Promise((resolve) => setTimeout(resolve, 2));
  return last?.at ?? assert.fail("no entry");
}

const chain = ({ members }: Explain) =>
  members.map((one) => [
    one.backend,
    one.state,
    one.file_weight,
    one.override?.kind ?? null,
    one.effective_weight,
    one.in_vpp,
  ]);

Deno.test("explain at a moment: states, overrides and configuration of then, also of names that are gone", async () => {
  await using inside = await Inside.start({
    config: config("b1: { address: 127.0.0.2 }, b2: { address: 127.0.0.3 }", "b1: {}, b2: { weight: 50 }"),
    vpp: null,
  });
  const start = await newest(inside);
  await inside.send("POST", "/v1/backends/b2/pause", { reason: "kernel update" });
  const paused = await newest(inside);
  await inside.send("POST", "/v1/backends/b2/resume");
  await inside.send("PUT", "/v1/frontends/web/pools/main/backends/b1/weight", { weight: 7 });
  const weighed = await newest(inside);
  await Deno.writeTextFile(inside.config, config("b2: { address: 127.0.0.3 }", "b2: {}"));
  await inside.send("POST", "/v1/config/reload");

  const at = async (time: string) =>
    chain(await inside.json<Explain>(`/v1/frontends/web/explain?at=${time}`));
  assert.deepEqual(await at(start), [["b1", "up", 100, null, 100, null], ["b2", "up", 50, null, 50, null]]);
  assert.deepEqual(await at(paused), [["b1", "up", 100, null, 100, null], [
    "b2",
    "paused",
    50,
    "pause",
    0,
    null,
  ]]);
  assert.deepEqual(await at(weighed), [["b1", "up", 100, "weight", 7, null], [
    "b2",
    "up",
    50,
    null,
    50,
    null,
  ]]);
  const now = await inside.json<Explain>("/v1/frontends/web/explain");
  assert.deepEqual(chain(now), [["b2", "up", 100, null, 100, null]]);

  const gone = await inside.json<Explain>(`/v1/backends/b1/explain?at=${paused}`);
  assert.equal(gone.at, paused);
  assert.match(gone.text, /^backend b1 is up .*; it has weight 100 in web\/main$/);
  const then = await inside.json<Explain>(`/v1/backends/b2/explain?at=${paused}`);
  assert.match(then.text, /^backend b2 is paused \(paused by local\); it has weight 0 in web\/main$/);
});

Deno.test("a moment before the journal or to come, an unknown name and a wrong time are refused", async () => {
  await using inside = await Inside.start({
    config: config("b1: { address: 127.0.0.2 }", "b1: {}"),
    vpp: null,
  });
  const start = await newest(inside);
  const refusal = async (path: string, status: number) => {
    const answer = await inside.ask(path, {});
    assert.equal(answer.status, status, path);
    return (await answer.json() as Problem).detail;
  };
  assert.match(
    await refusal("/v1/frontends/web/explain?at=2001-01-01T00:00:00Z", 404),
    /does not reach so far/,
  );
  assert.match(
    await refusal("/v1/frontends/web/explain?at=2101-01-01T00:00:00Z", 404),
    /nothing is known of 2101-01-01T00:00:00\.000Z: it is still to come/,
  );
  assert.match(await refusal(`/v1/backends/b9/explain?at=${start}`, 404), /there was no backend "b9"/);
  assert.match(await refusal("/v1/backends/b9/explain", 404), /There is no backend "b9"/);
  assert.match(await refusal("/v1/frontends/web/explain?at=yesterday", 422), /at: "yesterday" is no time/);
});

Deno.test("explain at a moment after many files that were refused: the configuration before them ran", async () => {
  await using inside = await Inside.start({
    config: config("b1: { address: 127.0.0.2 }", "b1: {}"),
    vpp: null,
  });
  await Deno.writeTextFile(inside.config, "maglev: { nonsense: 1 }");
  for (let n = 0; n < 25; n++) await inside.send("POST", "/v1/config/reload", undefined, 422);
  const explain = await inside.json<Explain>(`/v1/frontends/web/explain?at=${await newest(inside)}`);
  assert.deepEqual(chain(explain), [["b1", "up", 100, null, 100, null]]);
});
