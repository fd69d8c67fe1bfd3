import assert from "node:assert/strict";
import { problemList, problems } from "../../src/answers/problems.ts";
import { largeSite } from "./large_site.ts";

Deno.test("2,000 backends: every one that is down is a problem, and each frontend is looked at once", () => {
  using site = largeSite(2000);
  const known = site.known.take();
  const list = problems(known);
  const down = list.filter(({ kind }) => kind === "backend-down").map(({ object }) => object);
  assert.deepEqual(down, Array.from({ length: 667 }, (_, i) => `b${3 * i}`), "in the file's order");
  const { critical, warnings } = problemList(list);
  assert.deepEqual([critical, warnings], [0, 667]);
  assert.equal(site.asked.length, 200);
  assert.equal(known.probed, 2000);
});

Deno.test("since of a problem stays the same for as long as it lasts, and is that of the object's state", async () => {
  using site = largeSite(30);
  const since = () => problems(site.known.take()).map(({ object, since }) => `${object} ${since}`);
  const first = since();
  await site.world.clock.advance(7_000);
  assert.deepEqual(since(), first);
});
