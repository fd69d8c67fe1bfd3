import assert from "node:assert/strict";
import fc from "fast-check";
import { closingLine, countsOf, groupsOf, sumOf } from "./groups.ts";

const name = fc.constantFrom("a", "b", "e2e", "lb", "probes", "soak");
const file = fc.tuple(fc.array(name, { maxLength: 2 }), fc.nat(30))
  .map(([folders, n]) => ["tests", ...folders, `${n === 0 ? "aarch64" : `f${n}`}_test.ts`].join("/"));

Deno.test("every file of tests is in one group of its folder, and no group is long", () => {
  fc.assert(fc.property(fc.uniqueArray(file, { maxLength: 60 }), (files) => {
    const groups = groupsOf(files);
    assert.deepEqual(groups.flatMap((group) => group.files).sort(), files.toSorted());
    for (const { files, name } of groups) {
      assert.ok(files.length >= 1 && files.length <= 8);
      if (name === "tests/aarch64_test.ts") {
        assert.deepEqual(files, [name]);
        continue;
      }
      for (const one of files) assert.equal(one.slice(0, one.lastIndexOf("/")), name);
    }
  }));
});

Deno.test("what takes longest begins first", () => {
  const names = groupsOf(["tests/vpp/a_test.ts", "tests/e2e/b_test.ts", "tests/aarch64_test.ts"]).map((
    group,
  ) => group.name);
  assert.deepEqual(names, ["tests/aarch64_test.ts", "tests/e2e", "tests/vpp"]);
});

Deno.test("the closing line of a process is counted, its last one, with colours or without", () => {
  const output =
    "ok | 1 passed | 0 failed (1ms)\n\n\x1b[31mFAILED\x1b[0m | 12 passed (3 steps) | 2 failed (1 step) | 4 ignored (1m2s)\n";
  assert.deepEqual(countsOf(output), { passed: 12, steps: 3, failed: 2, failedSteps: 1, ignored: 4 });
  assert.deepEqual(countsOf("ok | 1 passed (1 step) | 0 failed (0ms)"), {
    passed: 1,
    steps: 1,
    failed: 0,
    failedSteps: 0,
    ignored: 0,
  });
  assert.equal(countsOf("error: Test failed\n"), null);
});

Deno.test("a process that fails without counting a failed test is a failure in the sum", () => {
  const counts = { passed: 2, steps: 0, failed: 0, failedSteps: 0, ignored: 1 };
  const sum = sumOf([{ ok: true, counts }, { ok: false, counts }, { ok: false, counts: null }]);
  assert.deepEqual(sum, { passed: 4, steps: 0, failed: 2, failedSteps: 0, ignored: 2 });
  const line = closingLine(false, sum, 62_400);
  assert.equal(line, "FAILED | 4 passed | 2 failed | 2 ignored (1m2s)");
  assert.deepEqual(countsOf(line), sum);
});
