import assert from "node:assert/strict";
import manifest from "../../deno.json" with { type: "json" };
import { memoryEnvironment, memoryFlags, permissionFlags } from "../../src/deno_flags.ts";

Deno.test("the tasks that start a program give it the rights and the heap of deno.json, written out", () => {
  const { permissions, tasks } = manifest;
  const environment = Object.entries(memoryEnvironment).map(([name, value]) => `${name}=${value}`);
  const wanted = {
    start: [...environment, "deno run", ...permissionFlags(permissions.daemon), ...memoryFlags, "main.ts"],
    demo: ["deno run", ...permissionFlags(permissions.demo), "src/demo/main.ts"],
    maglevc: ["deno run", ...permissionFlags(permissions.client), "src/cli/main.ts"],
  };
  for (const name of ["start", "demo", "maglevc"] as const) {
    assert.equal(tasks[name].command, wanted[name].join(" "), name);
  }
});

Deno.test("what only tests import is not in the imports of the product, so that the demo does not fetch it", () => {
  const forTests = Object.values(manifest.scopes["./tests/"]);
  const forAll = Object.values<string>(manifest.imports);
  assert.deepEqual(forTests.filter((specifier) => forAll.includes(specifier)), []);
  for (const name of ["test", "bench", "openapi"] as const) {
    assert.ok(manifest.tasks[name].command.includes("--lock=tests/deno.lock"), name);
  }
});
