/** Globs, states and order of the lists. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { backendColumns, columnOf, globPattern, selectBackends } from "../../src/cli/select.ts";
import { startDaemon } from "./daemon.ts";
import { run } from "./session.ts";
import { backends } from "./site.ts";

const none = { glob: null, state: null, check: null, sort: null };

Deno.test("a glob is what shells take for one", () => {
  const cases: [string, string[], string[]][] = [
    ["web*", ["web", "web1", "web.a-b_c"], ["aweb1", "we", "Web1"]],
    ["*", ["a", "b1"], []],
    ["web?", ["web1"], ["web", "web12"]],
    ["web[1-2]", ["web1", "web2"], ["web3", "web"]],
    ["web[!12]", ["web3"], ["web1", "web2"]],
    ["a.b", ["a.b"], ["axb"]],
    ["a-b", ["a-b"], ["ab"]],
    ["web[", ["web["], ["web"]],
    ["[]a", ["[]a"], ["a"]],
  ];
  for (const [glob, yes, no] of cases) {
    assert.deepEqual([...yes, ...no].filter((name) => globPattern(glob).test(name)), yes, glob);
  }
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(..."ab1.-_"), minLength: 1 }), (name) => {
    assert.ok(globPattern(name).test(name));
    assert.ok(globPattern(`${name.slice(0, 1)}*`).test(name));
    assert.ok(!globPattern(name).test(`${name}x`));
  }));
});

Deno.test("backends are sorted as operators look at them, and what is equal keeps its place", () => {
  const names = (sort: string) => selectBackends(backends, { ...none, sort }).map(({ name }) => name);
  assert.deepEqual(names("name"), ["ns1", "spare1", "web1", "web2", "web3"]);
  assert.deepEqual(names("address"), ["web1", "web2", "web3", "spare1", "ns1"]);
  assert.deepEqual(names("state"), ["web3", "web2", "ns1", "web1", "spare1"]);
  assert.deepEqual(names("for"), ["web3", "web2", "web1", "spare1", "ns1"]);
  assert.deepEqual(names("health"), ["web3", "ns1", "web2", "web1", "spare1"]);
  assert.deepEqual(names("check"), ["spare1", "ns1", "web1", "web2", "web3"]);
  assert.deepEqual(names("took"), ["web1", "ns1", "web2", "web3", "spare1"]);
  assert.deepEqual(backendColumns.map((column) => columnOf(column)), backendColumns);
  assert.deepEqual([columnOf("n"), columnOf("to"), columnOf("x"), columnOf("")], [
    "name",
    "took",
    null,
    null,
  ]);
  const [first] = backends;
  assert.ok(first !== undefined);
  const numbered = ["srv10", "srv2", "srv1"].map((name) => ({ ...first, name }));
  assert.deepEqual(selectBackends(numbered, { ...none, sort: "name" }).map(({ name }) => name), [
    "srv1",
    "srv2",
    "srv10",
  ]);
});

Deno.test("show frontends and show backends take a glob, a state, a check and an order, in JSON as well", async () => {
  await using daemon = startDaemon();
  const names = async (text: string) => {
    const { code, out } = await run(daemon, text);
    assert.equal(code, 0, text);
    const shown = out.split("\n").slice(1, -1).map((row) => row.split(" ")[0] ?? "").filter((name) =>
      name !== ""
    );
    const json = JSON.parse((await run(daemon, text, { json: true })).out);
    assert.deepEqual(
      (json.backends ?? json.frontends).map(({ name }: { name: string }) => name),
      shown,
      text,
    );
    return shown.join(" ");
  };
  assert.equal(await names("show backends web*"), "web1 web2 web3");
  assert.equal(await names("show backends down"), "web3");
  assert.equal(await names("show backends web* up"), "web1");
  assert.equal(await names("show backends check web sort state"), "web3 web2 web1");
  assert.equal(await names("sh back sort na check web"), "web1 web2 web3");
  assert.equal(await names('show backends "web[12]"'), "web1 web2");
  assert.equal(await names("show frontends www*"), "www www6");
  assert.equal(await names("sh front up"), "www www6");
  assert.equal(await names("show frontends *s down"), "dns");
  assert.equal((await run(daemon, "show backends zzz*")).out, "no backends\n");
  assert.equal((await run(daemon, "show backends sort x")).code, 2);
  // A name behind the shortened word is still the one backend.
  assert.match((await run(daemon, "sh back web1")).out, /^backend +web1\n/);
});
