// deno-lint-ignore-file no-console -- its parent reads what it records
/**
 * A process that writes a journal until it is killed: a change and a transition every 10 ms. It prints the place of
 * each change as soon as it is recorded.
 *
 *   journal_child.ts FILE
 */
import { systemClock } from "../../src/clock.ts";
import { Journal } from "../../src/memory/journal/journal.ts";
import { journalThread } from "../../src/memory/journal/thread.ts";

const journal = new Journal({
  clock: systemClock,
  start: journalThread(() => null),
  path: Deno.args[0] ?? "",
  limit: 1e9,
  keepMs: 1e12,
  onState: (state) => {
    if (state.kind === "failing") console.error(state.failure.detail);
  },
});
await journal.open();
const nobody = { backend: null, frontend: null, by: null, claimed: null, reason: null, data: {} };
setInterval(() => {
  const { seq } = journal.record({ ...nobody, kind: "change", text: "a change" });
  journal.record({ ...nobody, kind: "backend", backend: "b1", text: "a transition" });
  console.log(seq);
}, 10);
