import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type BackendHealth,
  freshHealth,
  type HealthEvent,
  type Rule,
  step,
} from "../../src/health/backend.ts";
import { type Run, Runs } from "../../src/memory/journal/runs.ts";
import { downsOf, type Recorded, replay } from "../../src/answers/replay.ts";

/** What may happen to a backend between two results, and the results. */
type Happening =
  | {
    readonly kind: "results";
    readonly ok: boolean;
    readonly code: "L4OK" | "L4CON" | "L4TOUT";
    readonly n: number;
  }
  | { readonly kind: "pause" | "resume" | "disable" | "enable" | "restart" | "no-witness" | "rule" };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("results" as const),
      ok: fc.boolean(),
      code: fc.constantFrom("L4CON" as const, "L4TOUT" as const),
      n: fc.integer({ min: 1, max: 6 }),
    }, { noNullPrototype: true }).map((one) => one.ok ? { ...one, code: "L4OK" as const } : one),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom("pause", "resume", "disable", "enable", "restart", "no-witness", "rule").map((
      kind,
    ) => ({
      kind,
    } as Happening)),
  },
);

const anyRule: fc.Arbitrary<Rule> = fc.record({
  rise: fc.integer({ min: 1, max: 4 }),
  fall: fc.integer({ min: 1, max: 4 }),
}, { noNullPrototype: true });

const began = 1_800_000_000_000;

/** A backend's life as the tracker leads it, and what the journal has of it. */
class Life {
  readonly recorded: Recorded[] = [];
  readonly #runs = new Runs();
  readonly #written = new Map<number, Run>();
  #health: BackendHealth;
  #failure: { code: "L4CON" | "L4TOUT"; detail: string } | null = null;
  #now = began;

  constructor(private rule: Rule, private readonly sameTime: boolean) {
    this.#health = freshHealth(rule, began, "not-read");
  }

  /** Runs as the journal would answer them. */
  get runs(): Run[] {
    for (const run of this.#runs.open()) this.#written.set(run.first, run);
    return [...this.#written.values()].sort((a, b) => a.first - b.first);
  }

  get until(): number {
    return this.#now + 1;
  }

  take(what: Happening, other: Rule): void {
    switch (what.kind) {
      case "results":
        for (let i = 0; i < what.n; i++) this.#result(what.ok, what.code);
        break;
      case "restart":
        for (const run of this.#runs.open()) this.#written.set(run.first, run);
        this.#runs.end("b1");
        this.#health = freshHealth(this.rule, this.#now, "not-read");
        this.#failure = null;
        break;
      case "rule":
        [this.rule] = [other];
        this.#apply({ kind: "check-changed", rule: this.rule });
        break;
      case "no-witness":
        this.#apply({ kind: "no-witness", failure: this.#failure });
        break;
      default:
        this.#apply({ kind: what.kind });
    }
  }

  #result(ok: boolean, code: "L4OK" | "L4CON" | "L4TOUT"): void {
    // Nothing is probed while it is paused or disabled.
    if (this.#health.state === "paused" || this.#health.state === "disabled") return;
    if (!this.sameTime) this.#now += 1_000.7;
    const before = this.#health;
    if (!ok && code !== "L4OK") this.#failure = { code, detail: "" };
    this.#apply({ kind: ok ? "pass" : "fail", code, detail: "" });
    const run = this.#runs.add("b1", ok, code, this.#now, before, this.#health);
    if (run !== null) this.#written.set(run.first, run);
  }

  #apply(event: HealthEvent): void {
    if (event.kind !== "pass" && event.kind !== "fail" && !this.sameTime) this.#now += 10;
    const { change, health } = step(this.#health, event, this.#now);
    if (change !== null) {
      // Entries have whole milliseconds, runs do not.
      this.recorded.push({ at: Math.floor(this.#now), from: change.from, to: change.to, code: change.code });
    }
    this.#health = health;
  }
}

const parameters = { numRuns: Deno.env.get("MAGLEV_TEST_RUNS") === "full" ? 20_000 : 2_000 };

Deno.test("under the rule in force a replay gives the recorded states in their order", () => {
  fc.assert(
    fc.property(anyRule, fc.array(happening, { maxLength: 40 }), (rule, happenings) => {
      const life = new Life(rule, false);
      for (const one of happenings) if (one.kind !== "rule") life.take(one, rule);
      const { recorded, runs, until } = life;
      const outcome = replay({ runs, recorded, before: "unknown", rule, since: began, until });
      assert.ok(outcome.exact);
      assert.deepEqual(
        outcome.transitions.map(({ code, to }) => ({ code, to })),
        recorded.map(({ code, to }) => ({ code, to })),
      );
      const was = downsOf(recorded, "unknown", began, until);
      assert.equal(outcome.downs, was.downs);
      for (const [i, { at }] of outcome.transitions.entries()) {
        assert.ok(Math.abs(at - (recorded[i]?.at ?? 0)) <= 10 * happenings.length, "inside its run");
      }
    }),
    parameters,
  );
});

Deno.test("a rule that changed makes a replay an estimate, and so does another rule", () => {
  const life = new Life({ rise: 2, fall: 3 }, false);
  life.take({ kind: "results", ok: true, code: "L4OK", n: 10 }, { rise: 2, fall: 3 });
  for (let i = 0; i < 5; i++) {
    life.take({ kind: "results", ok: false, code: "L4CON", n: 3 }, { rise: 2, fall: 3 });
    life.take({ kind: "results", ok: true, code: "L4OK", n: 10 }, { rise: 2, fall: 3 });
  }
  const { recorded, runs, until } = life;
  const input = { runs, recorded, before: "unknown", since: began, until } as const;
  const exact = replay({ ...input, rule: { rise: 2, fall: 3 } });
  assert.deepEqual([exact.exact, exact.downs, exact.gaps], [true, 5, 0]);
  assert.deepEqual(
    exact.transitions.map(({ at, code, to }) => ({ at: Math.floor(at), to, code })),
    recorded.map(({ at, code, to }) => ({ at, to, code })),
    "results that come evenly have their times",
  );
  const other = replay({ ...input, rule: { rise: 2, fall: 4 } });
  assert.deepEqual([other.exact, other.downs, other.gaps], [false, 0, 0]);
  const nervous = replay({ ...input, rule: { rise: 1, fall: 1 } });
  assert.deepEqual([nervous.exact, nervous.downs], [false, 5]);
  assert.ok(nervous.downMs > exact.downMs);
  life.take({ kind: "rule" }, { rise: 1, fall: 1 });
  life.take({ kind: "results", ok: false, code: "L4CON", n: 1 }, { rise: 1, fall: 1 });
  const changed = replay({
    ...input,
    runs: life.runs,
    recorded: life.recorded,
    until: life.until,
    rule: { rise: 2, fall: 3 },
  });
  assert.equal(changed.exact, false);
});

Deno.test("any rule and any life gives an estimate without an error, and missing runs are gaps", () => {
  fc.assert(
    fc.property(
      anyRule,
      anyRule,
      fc.array(happening, { maxLength: 40 }),
      fc.boolean(),
      fc.func(fc.boolean()),
      (rule, tried, happenings, sameTime, lost) => {
        const life = new Life(rule, sameTime);
        for (const one of happenings) life.take(one, tried);
        const { recorded, runs, until } = life;
        const kept = runs.filter((run) => !lost(run.first));
        const outcome = replay({ runs: kept, recorded, before: null, rule: tried, since: began, until });
        assert.ok(outcome.downMs >= 0 && outcome.downMs <= until - began);
        assert.ok(outcome.gaps >= 0 && outcome.gaps <= kept.length);
        assert.equal(outcome.downs, outcome.transitions.filter(({ to }) => to === "down").length);
      },
    ),
    parameters,
  );
});

Deno.test("results that a restart separates are a gap, an operator's action is none", () => {
  const rule = { rise: 2, fall: 2 };
  const life = new Life(rule, false);
  life.take({ kind: "results", ok: true, code: "L4OK", n: 5 }, rule);
  life.take({ kind: "pause" }, rule);
  life.take({ kind: "resume" }, rule);
  life.take({ kind: "results", ok: true, code: "L4OK", n: 5 }, rule);
  const at = (one: Life) =>
    replay({
      runs: one.runs,
      recorded: one.recorded,
      before: "unknown",
      rule,
      since: began,
      until: one.until,
    });
  assert.equal(at(life).gaps, 0);
  life.take({ kind: "restart" }, rule);
  life.take({ kind: "results", ok: true, code: "L4OK", n: 5 }, rule);
  assert.equal(at(life).gaps, 1);
});
