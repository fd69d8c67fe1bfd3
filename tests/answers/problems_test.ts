import assert from "node:assert/strict";
import type { CurrentProblem, ProblemKind } from "../../src/api/mod.ts";
import { timeText } from "../../src/api/text.ts";
import type { Known } from "../../src/answers/known.ts";
import { worstFirst } from "../../src/answers/problem.ts";
import { problemCounts, problemList, problems } from "../../src/answers/problems.ts";
import { ageText } from "../../src/cli/units.ts";
import { problemLines } from "../../src/text.ts";
import { CurrentProblem as Schema } from "../../routes/schemas_answers.ts";
import { backend, everything, frontend, healthy, now, override, transition } from "./world.ts";

/** Every kind of section "Answers", once and in their order. */
const severities: Readonly<Record<ProblemKind, CurrentProblem["severity"]>> = {
  "frontend-down": "critical",
  "vpp-gone": "critical",
  "vpp-refused": "critical",
  "all-blind": "critical",
  "pool-fallback": "warning",
  "backend-down": "warning",
  "backend-blind": "warning",
  "backend-void": "warning",
  "flapping": "warning",
  "certificate": "warning",
  "out-of-sync": "warning",
  "held": "warning",
  "drift": "warning",
  "file-refused": "warning",
  "file-kept": "warning",
  "address-wait": "warning",
  "disk": "warning",
  "journal": "warning",
  "clock": "warning",
  "fleet-store": "warning",
  "fleet-node": "warning",
  "vpp-memory": "warning",
  "paused": "info",
  "disabled": "info",
  "override": "info",
  "weight-without-effect": "info",
  "warm-up": "info",
  "file-differs": "info",
};

/** All problems of all worlds, each once. */
function all(): CurrentProblem[] {
  const lists = Object.values(everything).flatMap((known) => problems(known));
  return worstFirst([...new Map(lists.map((one) => [`${one.kind} ${one.object}`, one])).values()]);
}

async function golden(name: string, text: string): Promise<void> {
  const file = new URL(`../fixtures/answers/${name}`, import.meta.url);
  if (Deno.env.get("MAGLEV_UPDATE_GOLDEN") === "1") await Deno.writeTextFile(file, text);
  assert.equal(text, await Deno.readTextFile(file));
}

Deno.test("a world in which everything is wrong: every kind, with its severity, worst first, in JSON and text", async () => {
  const found = all();
  assert.deepEqual(new Set(found.map(({ kind }) => kind)), new Set(Object.keys(severities)));
  for (const one of found) {
    assert.equal(one.severity, severities[one.kind], one.kind);
    assert.ok(Schema.safeParse(one).success, one.kind);
    assert.ok(Date.parse(one.since) <= now, one.kind);
    assert.doesNotMatch(one.text, /\n|undefined|null/, one.kind);
  }
  const rank = ["critical", "warning", "info"];
  const ranks = found.map(({ severity }) => rank.indexOf(severity));
  assert.deepEqual(ranks, ranks.toSorted());
  await golden("problems.json", JSON.stringify(problemList(found), null, 2) + "\n");
  const age = (since: string) => ageText((now - Date.parse(since)) / 1000);
  await golden("problems.txt", problemLines(found, age).join("\n") + "\n");
});

Deno.test("nothing is wrong in a healthy world, nor without a VPP", () => {
  assert.deepEqual(problemList(problems(healthy())), { problems: [], critical: 0, warnings: 0 });
  const vpp = { ...healthy().vpp, link: "off" as const, reason: "no API address is configured" };
  assert.deepEqual(problems(healthy({ vpp })), []);
});

Deno.test("the counts are those of the list", () => {
  const list = all();
  const { critical, info, warning } = problemCounts(list);
  assert.deepEqual([critical + info + warning, problemList(list).critical, problemList(list).warnings], [
    list.length,
    critical,
    warning,
  ]);
});

/** Kinds and objects of a world's problems. */
function kinds(parts: Partial<Known>): string[] {
  return problems(healthy(parts)).map(({ kind, object }) => `${kind} ${object}`.trim());
}

Deno.test("a backend has one problem for its state: flapping in place of down", () => {
  const down = { state: "down" as const, newest: transition("b1", "down") };
  assert.deepEqual(kinds({ backends: [backend("b1", down)] }), ["backend-down b1"]);
  assert.deepEqual(kinds({ backends: [backend("b1", { ...down, flapping: now - 1000 })] }), ["flapping b1"]);
  assert.deepEqual(kinds({ backends: [backend("b1", { flapping: now - 1000 })] }), ["flapping b1"], "up now");
});

Deno.test("a new address whose probes are blind is told as that; the moment when all became blind is the last one's", () => {
  const blind = (since: number, detail = "netns gone") => ({ since, cause: "netns" as const, detail });
  const [b1, b2] = [backend("b1", { blind: blind(1000) }), backend("b2", { blind: blind(2000) })];
  const [first, ...rest] = problems(healthy({ backends: [b1, b2] }));
  assert.deepEqual([first?.kind, first?.since, first?.severity], ["all-blind", timeText(2000), "critical"]);
  assert.match(first?.text ?? "", /all probed backends \(2\) are blind: netns gone/);
  assert.deepEqual(rest.map(({ object }) => object), ["b1", "b2"]);
  assert.deepEqual(kinds({ backends: [b1, b2], probed: 3 }), ["backend-blind b1", "backend-blind b2"]);
  const other = backend("b2", { blind: blind(2000, "raw socket: EPERM") });
  assert.match(problems(healthy({ backends: [b1, other] }))[0]?.text ?? "", /for several reasons/);
  const moved = { ...b1, previous: healthy().frontends[0]?.frontend.address ?? null };
  assert.deepEqual(kinds({ backends: [moved, backend("b2")] }), ["address-wait b1"]);
});

Deno.test("one void result is no problem, two in a row are", () => {
  const run = (count: number) => ({ cause: "late" as const, detail: "late", since: now, count });
  assert.deepEqual(kinds({ backends: [backend("b1", { void: run(1) })] }), []);
  assert.deepEqual(kinds({ backends: [backend("b1", { void: run(2) })] }), ["backend-void b1"]);
});

Deno.test("a certificate is a problem from 14 days before its end on, and after it", () => {
  const day = 86_400_000;
  const at = (end: number) => problems(healthy({ backends: [backend("b1", { certificateEnd: end })] }));
  assert.deepEqual(at(now + 14 * day + 1), []);
  const [first] = at(now + 14 * day);
  assert.deepEqual([first?.kind, first?.since], ["certificate", timeText(now)]);
  assert.match(first?.text ?? "", /ends in 14 days, on 2026-02-14$/);
  assert.match(at(now + day)[0]?.text ?? "", /ends in 1 day,/);
  assert.match(at(now + day - 1)[0]?.text ?? "", /ends today or tomorrow/);
  assert.match(at(now)[0]?.text ?? "", /ended on 2026-01-31$/);
});

Deno.test("an override is told when it is older than a day and has no end, or when it ends within ten minutes", () => {
  const minute = 60_000;
  const at = (since: number, until: number | null) => {
    const untilText = until === null ? null : timeText(until);
    return kinds({ overrides: [override("o1", { since: timeText(since), until: untilText })] }).length;
  };
  const day = 86_400_000;
  assert.deepEqual([at(now - day, null), at(now - day - 1, null)], [0, 1]);
  assert.deepEqual([at(now, now + 10 * minute + 1), at(now, now + 10 * minute)], [0, 1]);
  assert.equal(at(now - 9 * day, now + day), 0, "it has an end");
  const sleeping = { since: timeText(now), why: "b1 is not in the configuration" };
  assert.deepEqual(kinds({ overrides: [override("o1", { sleeping })] }), []);
});

Deno.test("a frontend whose fallback is down, too, is down and nothing else", () => {
  const pools = { main: { b1: 100 }, spare: { b2: 0 } };
  const down = frontend("web", pools, { state: "down", activePool: "spare" });
  const list = problems(
    healthy({ frontends: [down], backends: [backend("b1", { state: "paused" }), backend("b2")] }),
  );
  assert.deepEqual(list.map(({ kind }) => kind), ["frontend-down", "paused"]);
  assert.match(list[0]?.text ?? "", /1 paused, 1 up with weight 0$/);
});

Deno.test("what is held names the digest that sends it, and none where no digest does", () => {
  const held = { why: "mass deletion", memory: false, since: now, changes: 1, vips: ["old"], detail: "" };
  const at = (digest: string | null) =>
    problems(healthy({ vpp: { ...healthy().vpp, held: [{ ...held, digest }] } }))[0];
  assert.deepEqual([at("abc")?.fix, at("abc")?.object], ["sync vpp lb state plan abc", "old"]);
  assert.equal(at(null)?.fix, null);
});
