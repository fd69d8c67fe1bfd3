import assert from "node:assert/strict";
import { step } from "../../src/health/backend.ts";
import { rows } from "./backend_rows.ts";
import { LATER, NOW } from "./backend_states.ts";

for (const row of rows) {
  Deno.test(`${row.from}: ${row.event} -> ${row.refused ? "refused" : row.to ?? "same"}`, () => {
    for (const start of row.start) {
      for (const event of row.send) {
        const done = step(start, event, LATER);
        assert.equal(done.health.state, row.to ?? start.state);
        assert.equal(done.health.counter, row.counter(start.counter));
        assert.equal(done.refused !== null, row.refused ?? false);
        assert.equal(done.health.since, row.to === null ? NOW : LATER);
        if (row.to === null) {
          assert.equal(done.change, null);
        } else {
          const { from, to, code } = done.change ?? assert.fail("no change was told");
          assert.deepEqual({ from, to, code }, { from: start.state, to: row.to, code: row.code });
        }
      }
    }
  });
}

Deno.test("the header of backend.ts lists the same transitions in the same order", async () => {
  const source = await Deno.readTextFile(new URL("../../src/health/backend.ts", import.meta.url));
  const lines = source.slice(0, source.indexOf("*/")).split("\n");
  const heading = lines.findIndex((line) => /from +event +to +counter h +code/.test(line));
  const written = lines.slice(heading + 1).filter((line) => line.startsWith(" *   "));
  const from = lines[heading]?.indexOf("from") ?? 0;
  const cells = written.map((line) =>
    [from, from + 18, from + 36, from + 46, from + 66].map((start, i, all) =>
      line.slice(start, all[i + 1]).trim()
    )
  );
  assert.deepEqual(
    cells.map(([state, event, to, , code]) => ({ state, event, to, coded: code !== "" })),
    rows.map((row) => ({
      state: row.from,
      event: row.event,
      to: row.refused ? "refused" : row.to ?? "same",
      coded: row.code !== undefined,
    })),
  );
});
