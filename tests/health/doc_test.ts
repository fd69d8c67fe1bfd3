import assert from "node:assert/strict";
import fc from "fast-check";
import { checkConfig } from "../../src/config/check.ts";
import {
  type BackendHealth,
  counterMax,
  type Flows,
  freshHealth,
  type HealthEvent,
  step,
} from "../../src/health/backend.ts";
import { blindAfter } from "../../src/health/blind.ts";
import { intervalFor } from "../../src/health/probing.ts";
import { type Code, type Millis, type State, VOID_CAUSES } from "../../src/model.ts";
import type { Config, HealthCheck } from "../../src/configuration.ts";
import { PROBE_CODES } from "../../src/probes/result.ts";
import { nextDue } from "../../src/probes/schedule.ts";
import { ip } from "../../src/net/ip.ts";
import { healthOf } from "./kit.ts";

const text = await Deno.readTextFile(new URL("../../docs/healthchecks.md", import.meta.url));

/** Rows of the first table after a heading or sentence, its head left out. */
function table(after: string): string[][] {
  const from = text.indexOf(after);
  assert.ok(from >= 0, after);
  const lines = text.slice(from).split("\n");
  const first = lines.findIndex((line) => line.startsWith("|"));
  const rows: string[][] = [];
  for (const line of lines.slice(first + 2)) {
    if (!line.startsWith("|")) break;
    rows.push(line.split("|").slice(1, -1).map((cell) => cell.trim().replaceAll("`", "")));
  }
  return rows;
}

function configs(): Config[] {
  return [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map((block) => {
    const { config, findings } = checkConfig(block[1] ?? "", { file: "example", readFile: null });
    assert.deepEqual(findings.filter((finding) => finding.severity === "error"), []);
    return config ?? assert.fail("no configuration");
  });
}

Deno.test("every configuration in the document is a good one", () => {
  assert.equal(configs().length, 2);
});

Deno.test("every state, every code and every void cause is in the document, in words that exist", () => {
  const states: Record<State, true> = {
    unknown: true,
    up: true,
    down: true,
    paused: true,
    disabled: true,
    removed: true,
  };
  assert.deepEqual(table("## States").map(([state]) => state), Object.keys(states));
  const codes = table("## Result codes");
  assert.deepEqual(
    codes.map(([code, verdict]) => [code, verdict === "pass"]).sort(),
    Object.entries(PROBE_CODES).map(([code, row]) => [code, row.ok]).sort(),
  );
  const others: Record<Exclude<Code, keyof typeof PROBE_CODES>, true> = {
    paused: true,
    resumed: true,
    disabled: true,
    enabled: true,
    removed: true,
    reload: true,
    static: true,
    expired: true,
  };
  assert.deepEqual(table("Transitions that no probe caused").map(([code]) => code), Object.keys(others));
  assert.deepEqual(table("## Void results").map(([cause]) => cause), [...VOID_CAUSES]);
});

const pass: HealthEvent = { kind: "pass", code: "L4OK", detail: "" };
const failure: HealthEvent = { kind: "fail", code: "L4CON", detail: "" };

Deno.test("the counter's table is what the counter does", () => {
  const rows = table("## The counter");
  assert.equal(rows.length, 11);
  const parse = (cell: string): BackendHealth => {
    const [state, h] = cell.split(", ");
    return healthOf(state as State, Number(h));
  };
  for (const [before = "", result, after = ""] of rows) {
    const now: BackendHealth = step(parse(before), result === "pass" ? pass : failure, 1).health;
    const wanted = parse(after);
    assert.deepEqual([now.state, now.counter], [wanted.state, wanted.counter], before);
  }
});

Deno.test("the table of start values is what unknown starts with", () => {
  const rule = { rise: 2, fall: 3 };
  const fresh = (flows: Flows) => freshHealth(rule, 0, flows);
  const after = (health: BackendHealth, ...events: HealthEvent[]) =>
    events.reduce((now, event) => step(now, event, 1).health, health);
  const up = healthOf("up", 4);
  const moved: HealthEvent = { kind: "address-changed", from: ip("10.0.0.1"), to: ip("10.0.0.2") };
  const none: HealthEvent = { kind: "no-witness", failure: { code: "L4CON", detail: "" } };
  assert.equal(after(fresh("not-read"), failure, none).state, "down");
  const wanted: readonly (readonly [string, BackendHealth])[] = [
    ["a start, until VPP was read whole for the first time", fresh("not-read")],
    [
      "that first read, which showed the server with a weight > 0",
      after(fresh("not-read"), { kind: "witness" }),
    ],
    ["that first read, which did not", after(fresh("not-read"), none)],
    ["resume", after(up, { kind: "pause" }, { kind: "resume" })],
    ["a new address", after(up, moved)],
    ["enable", after(up, { kind: "disable" }, { kind: "enable" })],
    ["a reload that brings the backend", fresh("possible")],
    ["a start with VPP switched off", fresh("none")],
  ];
  const word = ({ counter }: BackendHealth) => counter === 4 ? "full" : counter === 1 ? "rise − 1" : counter;
  assert.deepEqual(
    table("`unknown` begins with h full").map(([when, h = ""]) => [when, h.split(/ if |; /)[0]]),
    wanted.map(([when, health]) => [when, word(health)]),
  );
});

Deno.test("the table of actions is what the actions do", () => {
  const rows = table("## Actions");
  assert.equal(rows.length, 5);
  const actions = ["pause", "resume", "disable", "enable"] as const;
  for (const [state, ...cells] of rows) {
    const health: BackendHealth = healthOf(state as State, 1);
    actions.forEach((kind, i) => {
      const { change, refused } = step(health, { kind }, 1);
      const written = refused !== null ? "refused, 409" : change === null ? "no change" : `→ ${change.to}`;
      assert.equal(cells[i], written, `${kind} while ${state}`);
    });
  }
});

Deno.test("the table of intervals is how the pace is chosen", () => {
  const check = { intervalMs: 3, fastIntervalMs: 2, downIntervalMs: 1 };
  const named: Readonly<Record<string, number>> = { "interval": 3, "fast-interval": 2, "down-interval": 1 };
  const at = (state: State, counter: number) => intervalFor(healthOf(state, counter), check);
  const [down, open, healthy] = table("## Intervals").map(([, interval = ""]) => named[interval]);
  assert.equal(at("down", 0), down);
  for (const [state, h] of [["down", 1], ["up", 2], ["up", 3], ["unknown", 1]] as const) {
    assert.equal(at(state, h), open);
  }
  assert.equal(at("up", 4), healthy);
});

type Timing = Pick<
  HealthCheck,
  "intervalMs" | "fastIntervalMs" | "downIntervalMs" | "timeoutMs" | "rise" | "fall"
>;

/**
 * Time from a backend's change of heart to its change of state: it changes just after a probe began, and every
 * later probe gives the new verdict after `takes` ms. The schedule is the daemon's own.
 */
function timeTo(state: "up" | "down", check: Timing, takes: Millis, factor: () => number): Millis {
  const rule = { rise: check.rise, fall: check.fall };
  const from: State = state === "down" ? "up" : "down";
  let health = healthOf(from, from === "up" ? counterMax(rule) : 0, rule);
  let due: Millis = 0;
  let now: Millis = 0;
  for (let probes = 0; health.state !== state; probes++) {
    assert.ok(probes < 200, "it takes for ever");
    due = nextDue({ lastDue: due, factor: factor() }, intervalFor(health, check), now);
    now = due + takes;
    health = step(health, state === "down" ? failure : pass, now).health;
  }
  return now;
}

// The formulas of the document.
const refuses = (c: Timing) => 1.1 * c.intervalMs + (c.fall - 1) * 1.1 * c.fastIntervalMs;
const silent = (c: Timing) =>
  1.1 * c.intervalMs + (c.fall - 1) * Math.max(1.1 * c.fastIntervalMs, c.timeoutMs) + c.timeoutMs;
const returns = (c: Timing) => 1.1 * c.downIntervalMs + (c.rise - 1) * 1.1 * c.fastIntervalMs;
const slowest = () => 1.1;

const close = (a: number, b: number, what: string) =>
  assert.ok(Math.abs(a - b) < 1e-6 * Math.max(1, b), `${what}: ${a}, not ${b}`);

Deno.test("the worst cases in the document are what schedule and counter give with every factor at 1.1", () => {
  const checks = configs()[1]?.healthchecks ?? assert.fail();
  const rows = table("| check      |");
  assert.deepEqual(rows.map(([name]) => name), [...checks.keys()]);
  const seconds = (cell: string | undefined) => Number(cell?.replace(/s$/, "")) * 1_000;
  for (const [name = "", dies, silently, back, blind] of rows) {
    const check = checks.get(name) ?? assert.fail(name);
    close(timeTo("down", check, 0, slowest), seconds(dies), `${name} dies and refuses`);
    close(timeTo("down", check, check.timeoutMs, slowest), seconds(silently), `${name} dies silently`);
    close(timeTo("up", check, 0, slowest), seconds(back), `${name} comes back`);
    close(blindAfter(check.intervalMs, check.timeoutMs), seconds(blind), `${name} is blind`);
  }
});

const anyTiming: fc.Arbitrary<Timing> = fc.record({
  intervalMs: fc.integer({ min: 10, max: 60_000 }),
  fastIntervalMs: fc.integer({ min: 10, max: 60_000 }),
  downIntervalMs: fc.integer({ min: 10, max: 60_000 }),
  timeoutMs: fc.integer({ min: 10, max: 60_000 }),
  rise: fc.integer({ min: 1, max: 10 }),
  fall: fc.integer({ min: 1, max: 10 }),
});

Deno.test("the formulas hold for any health check: reached with every factor at 1.1, never exceeded below", () => {
  fc.assert(
    fc.property(
      anyTiming,
      fc.array(fc.double({ min: 0.9, max: 1.1, noNaN: true }), { minLength: 20, maxLength: 20 }),
      (check, factors) => {
        const random = () => {
          let i = 0;
          return () => factors[i++ % factors.length] ?? 1;
        };
        const cases = [
          ["down", 0, refuses(check)],
          ["down", check.timeoutMs, silent(check)],
          ["up", 0, returns(check)],
        ] as const;
        for (const [state, takes, bound] of cases) {
          close(timeTo(state, check, takes, slowest), bound, state);
          assert.ok(timeTo(state, check, takes, random()) <= bound * (1 + 1e-9));
        }
      },
    ),
  );
});

Deno.test("the formulas that are written are the ones that are tested", () => {
  for (
    const formula of [
      "`1.1 × I + (fall - 1) × 1.1 × F`",
      "`1.1 × I + (fall - 1) × max(1.1 × F, T) + T`",
      "`1.1 × D + (rise - 1) × 1.1 × F`",
      "`10s + 3 × (interval + timeout)`",
    ]
  ) assert.ok(text.includes(formula), formula);
});
