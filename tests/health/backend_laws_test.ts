import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type BackendHealth,
  counterMax,
  firstEvent,
  type Flows,
  freshHealth,
  type HealthEvent,
  isDegraded,
  isProbed,
  type Rule,
  step,
} from "../../src/health/backend.ts";
import type { State } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import { healthOf } from "./kit.ts";

const rule: Rule = { rise: 3, fall: 4 };
const other: Rule = { rise: 2, fall: 5 };
const NOW = 1_000;
const LATER = 2_000;
const pass: HealthEvent = { kind: "pass", code: "L7OK", detail: "HTTP 200" };
const failure: HealthEvent = { kind: "fail", code: "L7STS", detail: "HTTP 503" };
const changed: HealthEvent = { kind: "check-changed", rule: other };
const taken: HealthEvent = { kind: "check-taken" };
const moved: HealthEvent = { kind: "address-changed", from: ip("10.0.0.1"), to: ip("10.0.0.2") };
const back: HealthEvent = { kind: "address-changed", from: ip("10.0.0.2"), to: ip("10.0.0.1") };
const kinds = (...names: ("pause" | "resume" | "disable" | "enable")[]): HealthEvent[] =>
  names.map((kind) => ({ kind }));

function health(state: State, counter: number, changes: Partial<BackendHealth> = {}): BackendHealth {
  return healthOf(state, counter, rule, { since: NOW, ...changes });
}

Deno.test("without a health check the states are the same, and up stands where unknown would", () => {
  const expected: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    up: { pause: "paused paused", resume: "same", disable: "disabled disabled", enable: "same" },
    paused: { pause: "same", resume: "up static", disable: "disabled disabled", enable: "same" },
    disabled: { pause: "refused", resume: "refused", disable: "same", enable: "up static" },
  };
  for (const state of ["up", "paused", "disabled"] as const) {
    for (const kind of ["pause", "resume", "disable", "enable"] as const) {
      const done = step(health(state, 0, { rule: null }), { kind }, LATER);
      const got = done.refused !== null
        ? "refused"
        : done.change === null
        ? "same"
        : `${done.change.to} ${done.change.code}`;
      assert.equal(got, expected[state]?.[kind], `${state}: ${kind}`);
      assert.equal(done.health.counter, 0);
    }
    assert.equal(step(health(state, 0, { rule: null }), failure, LATER).change, null);
  }
});

Deno.test("a fresh backend follows from the configuration alone", () => {
  const first = (r: Rule | null, enabled: boolean) => {
    const event = firstEvent(r, enabled);
    const fresh = freshHealth(r, NOW, "none");
    return event === null ? fresh.state : step(fresh, event, NOW).change;
  };
  assert.equal(first(rule, true), "unknown");
  assert.deepEqual(first(null, true), {
    from: "unknown",
    to: "up",
    code: "static",
    detail: "no health check",
  });
  const off = {
    from: "unknown",
    to: "disabled",
    code: "disabled",
    detail: "enabled: false in the configuration",
  };
  assert.deepEqual(first(rule, false), off);
  assert.deepEqual(first(null, false), off);
  assert.equal(freshHealth(rule, NOW, "none").counter, 2);
});

Deno.test("known: a verdict or an operator's action, never a void result; a new address forgets it", () => {
  const fresh = freshHealth(rule, NOW, "none");
  const after = (...events: HealthEvent[]) =>
    events.reduce((now, event) => step(now, event, LATER).health, fresh).known;
  assert.equal(after(), false);
  assert.equal(after({ kind: "void" }), false);
  assert.equal(after({ kind: "resume" }), false, "an action that changed nothing");
  assert.equal(after(changed), false);
  assert.equal(after(pass), true);
  assert.equal(after(failure), true);
  assert.equal(after({ kind: "pause" }, { kind: "resume" }), true);
  assert.equal(after({ kind: "disable" }, { kind: "enable" }), true);
  assert.equal(after(pass, moved), false);
  assert.equal(after(pass, moved, back), true, "the server that was known");
  assert.equal(after(moved, back), false);
  assert.equal(
    after(pass, moved, failure),
    false,
    "one failure is no verdict on a server that may carry flows",
  );
  assert.equal(after(pass, moved, failure, failure, failure, failure), true);
});

const anyRule = fc.record({ rise: fc.integer({ min: 1, max: 100 }), fall: fc.integer({ min: 1, max: 100 }) });
const anyFlows = fc.constantFrom<Flows>("none", "possible", "not-read");
const smallRule = fc.record({ rise: fc.integer({ min: 1, max: 5 }), fall: fc.integer({ min: 1, max: 5 }) });

function send(start: BackendHealth, event: HealthEvent, times: number): BackendHealth {
  let now = start;
  for (let i = 0; i < times; i++) now = step(now, event, LATER).health;
  return now;
}

Deno.test("exactly `fall` failures take a healthy backend down, exactly `rise` passes bring a dead one up", () => {
  fc.assert(fc.property(anyRule, (r) => {
    const full = health("up", counterMax(r), { rule: r });
    assert.equal(send(full, failure, r.fall - 1).state, "up");
    assert.equal(send(full, failure, r.fall).state, "down");
    const dead = health("down", 0, { rule: r });
    assert.equal(send(dead, pass, r.rise - 1).state, "down");
    assert.equal(send(dead, pass, r.rise).state, "up");
  }));
});

// The rule once more, said in another way: it looks at whole rows of equal results and has no counter.
function naive(r: Rule, flows: Flows, results: readonly boolean[]): State {
  let state: State = "unknown";
  results.forEach((good, i) => {
    const wanted = good ? "up" : "down";
    const row = results.slice(0, i + 1).reverse();
    const other = row.indexOf(!good);
    const length = other < 0 ? row.length : other;
    const first = state === "unknown" && (good || flows === "none");
    if (first || (state !== wanted && length >= (good ? r.rise : r.fall))) state = wanted;
  });
  return state;
}

Deno.test("a server that answers every other probe makes no transition, whatever rise and fall above 1 are", () => {
  const above = fc.record({ rise: fc.integer({ min: 2, max: 100 }), fall: fc.integer({ min: 2, max: 100 }) });
  fc.assert(fc.property(above, fc.constantFrom<State>("up", "down"), (r, state) => {
    let now = health(state, state === "up" ? counterMax(r) : 0, { rule: r });
    for (let i = 0; i < 300; i++) now = step(now, i % 2 === 0 ? failure : pass, LATER).health;
    assert.equal(now.since, NOW, "the state that it began with");
  }));
});

Deno.test("any sequence of results, void ones between them, gives what the naive model gives", () => {
  const results = fc.array(fc.constantFrom("pass", "fail", "void"), { maxLength: 60 });
  fc.assert(
    fc.property(smallRule, fc.constantFrom<Flows>("none", "possible"), results, (r, flows, sequence) => {
      let now = freshHealth(r, NOW, flows);
      const counted: boolean[] = [];
      for (const kind of sequence) {
        const before = now;
        const done = step(now, kind === "pass" ? pass : kind === "fail" ? failure : { kind: "void" }, LATER);
        now = done.health;
        if (kind !== "void") counted.push(kind === "pass");
        assert.equal(now.state, naive(r, flows, counted));
        assert.equal(done.change !== null, before.state !== now.state);
        assert.equal(isDegraded(now), now.counter > 0 && now.counter < r.rise + r.fall - 1);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("whatever happens, the counter stays in its range and agrees with the state", () => {
  const events: fc.Arbitrary<HealthEvent> = fc.oneof(
    fc.constantFrom<HealthEvent>(pass, failure, failure, { kind: "void" }, moved, back, taken),
    fc.constantFrom<HealthEvent>({ kind: "witness" }, { kind: "no-witness", failure: null }),
    fc.constantFrom(...kinds("pause", "resume", "disable", "enable")),
    smallRule.map((r): HealthEvent => ({ kind: "check-changed", rule: r })),
  );
  fc.assert(
    fc.property(smallRule, anyFlows, fc.array(events, { maxLength: 60 }), (r, flows, sequence) => {
      let now = freshHealth(r, NOW, flows);
      for (const event of sequence) {
        // The check is changed only where there is one, and given where there is none.
        const fitting: HealthEvent = event.kind === "check-changed" && now.rule === null
          ? { kind: "check-given", rule: event.rule }
          : event;
        const done = step(now, fitting, LATER);
        assert.equal(done.change?.to ?? now.state, done.health.state);
        now = done.health;
        assert.ok(now.previous === null || (now.state === "unknown" && now.rule !== null));
        if (now.rule === null) {
          assert.ok(["up", "paused", "disabled"].includes(now.state));
          assert.equal(now.counter, 0);
          assert.equal(isProbed(now), false);
        } else {
          assert.ok(now.counter >= 0 && now.counter <= counterMax(now.rule));
          if (now.state === "up") assert.ok(now.counter >= now.rule.rise);
          if (now.state === "down") assert.ok(now.counter < now.rule.rise);
          if (now.state === "unknown") {
            if (now.flows === "none") assert.equal(now.counter, now.rule.rise - 1);
            else assert.ok(now.counter >= now.rule.rise);
          }
          assert.equal(isProbed(now), !["paused", "disabled"].includes(now.state));
        }
      }
    }),
    { numRuns: 500 },
  );
});
