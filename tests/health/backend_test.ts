import assert from "node:assert/strict";
import { type BackendHealth, type HealthEvent, type Rule, step } from "../../src/health/backend.ts";
import type { Code, State } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import { healthOf } from "./kit.ts";

// max = 6, so every region of the counter has more than one value.
const rule: Rule = { rise: 3, fall: 4 };
const other: Rule = { rise: 2, fall: 5 };
const NOW = 1_000;
const LATER = 2_000;

const pass: HealthEvent = { kind: "pass", code: "L7OK", detail: "HTTP 200" };
const failure: HealthEvent = { kind: "fail", code: "L7STS", detail: "HTTP 503" };
const probed: State[] = ["unknown", "up", "down"];
const held: State[] = ["paused", "disabled"];

function health(state: State, counter: number, changes: Partial<BackendHealth> = {}): BackendHealth {
  return healthOf(state, counter, rule, { since: NOW, ...changes });
}

interface Row {
  readonly from: string;
  readonly event: string;
  readonly start: readonly BackendHealth[];
  readonly send: readonly HealthEvent[];
  /** Null: the same. */
  readonly to: State | null;
  readonly counter: (h: number) => number;
  readonly code?: Code;
  readonly refused?: boolean;
}

const h = (n: number) => n;
const at = (state: State, ...counters: number[]) => counters.map((counter) => health(state, counter));
const kinds = (...names: ("pause" | "resume" | "disable" | "enable" | "remove")[]): HealthEvent[] =>
  names.map((kind) => ({ kind }));
const changed: HealthEvent = { kind: "check-changed", rule: other };
const given: HealthEvent = { kind: "check-given", rule };
const taken: HealthEvent = { kind: "check-taken" };
const address = ip("10.0.0.1");
const moved: HealthEvent = { kind: "address-changed", from: address, to: ip("10.0.0.2") };
const back: HealthEvent = { kind: "address-changed", from: ip("10.0.0.2"), to: address };
/** Waits for the verdict on a new address. */
const waiting = (was: State, known = true) =>
  [4, 6].map((counter) =>
    health("unknown", counter, { known: false, flows: "possible", previous: { address, state: was, known } })
  );
const inStates = (states: readonly State[], ...counters: number[]) =>
  states.flatMap((s) => at(s, ...counters));
const notRead = (...counters: number[]) =>
  counters.map((counter) => health("unknown", counter, { flows: "not-read", known: false }));
const unchecked = (...states: State[]) => states.map((s) => health(s, 0, { rule: null }));

// The rows of the header of src/health/backend.ts, in its order; a test below compares the two.
const rows: readonly Row[] = [
  {
    from: "unknown",
    event: "pass",
    start: at("unknown", 2),
    send: [pass],
    to: "up",
    counter: () => 6,
    code: "L7OK",
  },
  {
    from: "unknown",
    event: "failure, h>rise",
    start: at("unknown", 4, 6),
    send: [failure],
    to: null,
    counter: (n) => n - 1,
  },
  {
    from: "unknown",
    event: "failure, h<=rise",
    start: at("unknown", 2, 3),
    send: [failure],
    to: "down",
    counter: () => 0,
    code: "L7STS",
  },
  {
    from: "unknown",
    event: "witness",
    start: [...notRead(3, 6), ...at("unknown", 2, 6)],
    send: [{ kind: "witness" }],
    to: null,
    counter: h,
  },
  {
    from: "unknown",
    event: "no witness, h=max",
    start: notRead(6),
    send: [{ kind: "no-witness", failure: null }],
    to: null,
    counter: () => 2,
  },
  {
    from: "unknown",
    event: "no witness, h<max",
    start: notRead(3, 5),
    send: [{ kind: "no-witness", failure: { code: "L7STS", detail: "HTTP 503" } }],
    to: "down",
    counter: () => 0,
    code: "L7STS",
  },
  {
    from: "up",
    event: "pass",
    start: at("up", 3, 5, 6),
    send: [pass],
    to: null,
    counter: () => 6,
  },
  {
    from: "up",
    event: "failure, h>rise",
    start: at("up", 4, 6),
    send: [failure],
    to: null,
    counter: (n) => n - 1,
  },
  {
    from: "up",
    event: "failure, h=rise",
    start: at("up", 3),
    send: [failure],
    to: "down",
    counter: () => 0,
    code: "L7STS",
  },
  {
    from: "down",
    event: "pass, h<rise-1",
    start: at("down", 0, 1),
    send: [pass],
    to: null,
    counter: (n) => n + 1,
  },
  {
    from: "down",
    event: "pass, h=rise-1",
    start: at("down", 2),
    send: [pass],
    to: "up",
    counter: () => 6,
    code: "L7OK",
  },
  {
    from: "down",
    event: "failure",
    start: at("down", 0, 1, 2),
    send: [failure],
    to: null,
    counter: () => 0,
  },
  {
    from: "unknown, up, down",
    event: "void result",
    start: [...at("unknown", 2), ...at("up", 3, 6), ...at("down", 0, 2)],
    send: [{ kind: "void" }],
    to: null,
    counter: h,
  },
  {
    from: "paused, disabled",
    event: "pass, failure",
    start: inStates(held, 0, 4),
    send: [pass, failure],
    to: null,
    counter: h,
  },
  {
    from: "unknown, up, down",
    event: "pause",
    start: inStates(probed, 2, 5),
    send: kinds("pause"),
    to: "paused",
    counter: h,
    code: "paused",
  },
  { from: "paused", event: "pause", start: at("paused", 5), send: kinds("pause"), to: null, counter: h },
  {
    from: "disabled",
    event: "pause",
    start: at("disabled", 5),
    send: kinds("pause"),
    to: null,
    counter: h,
    refused: true,
  },
  {
    from: "unknown, up, down",
    event: "resume",
    start: inStates(probed, 2, 5),
    send: kinds("resume"),
    to: null,
    counter: h,
  },
  {
    from: "paused",
    event: "resume",
    start: at("paused", 0, 6),
    send: kinds("resume"),
    to: "unknown",
    counter: () => 6,
    code: "resumed",
  },
  {
    from: "disabled",
    event: "resume",
    start: at("disabled", 5),
    send: kinds("resume"),
    to: null,
    counter: h,
    refused: true,
  },
  {
    from: "any but disabled",
    event: "disable",
    start: inStates([...probed, "paused"], 5),
    send: kinds("disable"),
    to: "disabled",
    counter: h,
    code: "disabled",
  },
  {
    from: "disabled",
    event: "disable",
    start: at("disabled", 5),
    send: kinds("disable"),
    to: null,
    counter: h,
  },
  {
    from: "any but disabled",
    event: "enable",
    start: inStates([...probed, "paused"], 5),
    send: kinds("enable"),
    to: null,
    counter: h,
  },
  {
    from: "disabled",
    event: "enable",
    start: at("disabled", 0, 6),
    send: kinds("enable"),
    to: "unknown",
    counter: () => 2,
    code: "enabled",
  },
  {
    from: "unknown",
    event: "check changed",
    start: [...at("unknown", 2), health("unknown", 1, { flows: "none" })],
    send: [changed],
    to: null,
    counter: () => 1,
  },
  { from: "up", event: "check changed", start: at("up", 3, 6), send: [changed], to: null, counter: () => 6 },
  {
    from: "down",
    event: "check changed",
    start: at("down", 0, 2),
    send: [changed],
    to: null,
    counter: () => 0,
  },
  {
    from: "paused, disabled",
    event: "check changed",
    start: inStates(held, 0, 6),
    send: [changed],
    to: null,
    counter: () => 1,
  },
  {
    from: "up (static)",
    event: "check given",
    start: unchecked("up"),
    send: [given],
    to: null,
    counter: () => 6,
  },
  {
    from: "paused, disabled",
    event: "check given",
    start: unchecked("paused", "disabled"),
    send: [given],
    to: null,
    counter: () => 2,
  },
  {
    from: "unknown, down",
    event: "check taken away",
    start: [...at("unknown", 2), ...at("down", 0, 2)],
    send: [taken],
    to: "up",
    counter: () => 0,
    code: "static",
  },
  { from: "up", event: "check taken away", start: at("up", 3, 6), send: [taken], to: null, counter: () => 0 },
  {
    from: "paused, disabled",
    event: "check taken away",
    start: inStates(held, 5),
    send: [taken],
    to: null,
    counter: () => 0,
  },
  {
    from: "unknown",
    event: "address changed",
    start: at("unknown", 2),
    send: [moved],
    to: null,
    counter: () => 6,
  },
  {
    from: "up, down",
    event: "address changed",
    start: inStates(["up", "down"], 0, 6),
    send: [moved],
    to: "unknown",
    counter: () => 6,
    code: "reload",
  },
  {
    from: "unknown",
    event: "back, was up",
    start: waiting("up"),
    send: [back],
    to: "up",
    counter: () => 6,
    code: "reload",
  },
  {
    from: "unknown",
    event: "back, was down",
    start: waiting("down"),
    send: [back],
    to: "down",
    counter: () => 0,
    code: "reload",
  },
  {
    from: "unknown",
    event: "back, was unknown",
    start: waiting("unknown", false),
    send: [back],
    to: null,
    counter: () => 6,
  },
  {
    from: "paused, disabled",
    event: "address changed",
    start: inStates(held, 5),
    send: [moved],
    to: null,
    counter: h,
  },
  {
    from: "up (static)",
    event: "address changed",
    start: unchecked("up"),
    send: [moved],
    to: null,
    counter: () => 0,
  },
  {
    from: "any",
    event: "remove",
    start: inStates([...probed, ...held], 2, 5),
    send: kinds("remove"),
    to: "removed",
    counter: h,
    code: "removed",
  },
  {
    from: "removed",
    event: "anything",
    start: at("removed", 5),
    send: [
      pass,
      failure,
      { kind: "void" },
      ...kinds("pause", "resume", "disable", "enable", "remove"),
      changed,
      given,
      taken,
      moved,
    ],
    to: null,
    counter: h,
  },
];

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
