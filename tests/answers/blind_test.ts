import assert from "node:assert/strict";
import { blindProblems } from "../../src/answers/blind.ts";
import type { BlindBackend } from "../../src/health/blind.ts";

const gone = "network namespace fe: does not exist";

function blind(name: string, since: number, detail = gone): BlindBackend {
  return { name, since, cause: "netns", detail };
}

Deno.test("each blind backend is a warning that says why", () => {
  assert.deepEqual(blindProblems([], 3), []);
  assert.deepEqual(blindProblems([blind("b2", 1000)], 3), [{
    severity: "warning",
    kind: "backend-blind",
    object: "b2",
    since: "1970-01-01T00:00:01.000Z",
    text: `b2 is blind, no result of its probes counts: ${gone}`,
    show: "show backend b2",
    fix: null,
  }]);
});

Deno.test("when all that are probed are blind, one critical problem comes first", () => {
  const [all, ...each] = blindProblems([blind("b1", 1000), blind("b2", 2000)], 2);
  assert.deepEqual(all, {
    severity: "critical",
    kind: "all-blind",
    object: "",
    since: "1970-01-01T00:00:02.000Z",
    text: `all probed backends (2) are blind: ${gone}`,
    show: "show backends",
    fix: null,
  });
  assert.deepEqual(each.map(({ object }) => object), ["b1", "b2"]);
});

Deno.test("several reasons are not told as one", () => {
  const [all] = blindProblems([blind("b1", 1000), blind("b2", 2000, "raw socket: EPERM")], 2);
  assert.equal(all?.text, "all probed backends (2) are blind: for several reasons");
});
