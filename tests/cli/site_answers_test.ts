/** What the site answers is what the API may answer. */
import assert from "node:assert/strict";
import { Consequences, Explain, Override, ProblemList } from "../../routes/schemas_answers.ts";
import { backends } from "./site.ts";
import * as answers from "./site_answers.ts";

Deno.test("the answers of the site are of the API's shapes", () => {
  const values = [
    [ProblemList, answers.problems],
    [ProblemList, answers.manyProblems],
    [Explain, answers.explanation],
    ...answers.overrides.map((override) => [Override, override] as const),
    ...backends.flatMap(({ name }) =>
      ["pause", "disable"].map((action) =>
        [Consequences, answers.consequences(`/v1/backends/${name}/${action}`, true)] as const
      )
    ),
  ] as const;
  for (const [schema, value] of values) {
    const read = schema.safeParse(value);
    assert.ok(read.success, JSON.stringify(read.error?.issues));
  }
});
