import assert from "node:assert/strict";
import { Attempt, type AttemptState, Defect, type Ending } from "../../src/probes/attempt.ts";
import { probePlan } from "../../src/probes/plan.ts";
import { lateable, verdict } from "../../src/probes/result.ts";
import type { Machine, Step } from "../../src/probes/step.ts";
import { SHARE_MS, TURN_MS, Turns } from "../../src/probes/turns.ts";
import { FakeClock } from "../fake_clock.ts";
import { target, tcpCheck } from "./helpers.ts";

const plan = probePlan(target("b", tcpCheck(80)), "test");
const FOUND = verdict("L4OK", "connected");
const LATE = lateable("L4TOUT", "no connection");

/** A probe whose machine does what a test says, step by step; without a word from it, it waits. */
class Bench extends Attempt implements Machine {
  readonly clock: FakeClock;
  readonly turns: Turns;
  /** What the next steps do; a number is the time that one takes before it goes on. */
  readonly steps: (Step | number | Error | ((attempt: Bench) => Step))[] = [];
  /** Steps, disposal and the end, in their order. */
  readonly done: string[] = [];
  ending: Ending | null = null;

  constructor() {
    const clock = new FakeClock(0);
    const turns = new Turns(clock);
    super(plan, turns, 0, 0);
    this.clock = clock;
    this.turns = turns;
  }

  step(): Step {
    this.done.push("step");
    const next = this.steps.shift() ?? "wait";
    if (next instanceof Error) throw next;
    if (typeof next === "function") return next(this);
    if (typeof next !== "number") return next;
    this.clock.stall(next);
    return "again";
  }

  late() {
    return LATE;
  }

  [Symbol.dispose](): void {
    this.done.push("disposed");
  }

  protected override ended(ending: Ending): void {
    this.done.push("ended");
    this.ending = ending;
  }

  /** Brings it into a state. */
  into(state: AttemptState): this {
    if (state === "new") return this;
    if (state === "queued") this.steps.push(TURN_MS);
    if (state === "ended") this.steps.push(FOUND);
    this.run(this);
    assert.equal(this.state, state);
    this.done.length = 0;
    return this;
  }
}

interface Row {
  readonly from: AttemptState;
  readonly event: string;
  readonly to: AttemptState | "same";
  readonly follows: string;
  /** What the machine does from then on. */
  readonly steps?: Bench["steps"];
  readonly act: (attempt: Bench) => void;
  /** What must have happened, and how it must have ended. */
  readonly done: readonly string[];
  readonly ending?: Ending | "defect";
  /** Where it is afterwards, where the row is only a moment of a run. */
  readonly then?: AttemptState;
}

const run = (attempt: Bench) => attempt.run(attempt);
const told = ["disposed", "ended"];

// The rows of the header of src/probes/attempt.ts, in its order; a test below compares the two.
const rows: readonly Row[] = [
  { from: "new", event: "run", to: "running", follows: "steps", act: run, done: ["step"], then: "waiting" },
  {
    from: "running",
    event: "step: again",
    to: "same",
    follows: "the next step",
    steps: ["again", "again"],
    act: run,
    done: ["step", "step", "step"],
    then: "waiting",
  },
  {
    from: "running",
    event: "step: again, turn is over",
    to: "queued",
    follows: "",
    steps: [TURN_MS / 2, TURN_MS / 2, FOUND],
    act: run,
    done: ["step", "step"],
  },
  {
    from: "running",
    event: "step: wait",
    to: "waiting",
    follows: "",
    steps: ["wait"],
    act: run,
    done: ["step"],
  },
  {
    from: "running",
    event: "step: wait, woken before",
    to: "same",
    follows: "the next step",
    steps: [(attempt) => {
      attempt.wake();
      return "wait";
    }],
    act: run,
    done: ["step", "step"],
    then: "waiting",
  },
  {
    from: "running",
    event: "step: verdict",
    to: "ended",
    follows: "told",
    steps: [FOUND],
    act: run,
    done: ["step", ...told],
    ending: FOUND,
  },
  {
    from: "running",
    event: "step throws",
    to: "ended",
    follows: "told as a defect",
    steps: [new Error("boom")],
    act: run,
    done: ["step", ...told],
    ending: "defect",
  },
  {
    from: "running",
    event: "wake",
    to: "same",
    follows: "remembered until the step waits",
    steps: [
      (attempt) => {
        attempt.wake();
        attempt.wake();
        return "again";
      },
      "again",
      "wait",
    ],
    act: run,
    done: ["step", "step", "step"],
    then: "waiting",
  },
  {
    from: "running",
    event: "deadline",
    to: "same",
    follows: "remembered until the turn ends: late",
    steps: [
      (attempt) => {
        attempt.expire();
        return "again";
      },
      "again",
      "wait",
    ],
    act: run,
    done: ["step", "step", "step", ...told],
    ending: LATE,
    then: "ended",
  },
  {
    from: "running",
    event: "cancel",
    to: "same",
    follows: "remembered until the step ends: cancelled",
    steps: [(attempt) => {
      attempt.cancel();
      attempt.done.push("still running");
      return FOUND;
    }],
    act: run,
    done: ["step", "still running", ...told],
    ending: "cancelled",
    then: "ended",
  },
  {
    from: "waiting",
    event: "wake",
    to: "running",
    follows: "steps",
    act: (attempt) => attempt.wake(),
    done: ["step"],
    then: "waiting",
  },
  {
    from: "waiting",
    event: "wake, share is used up",
    to: "queued",
    follows: "",
    act: (attempt) => {
      attempt.turns.begin(attempt.clock.now());
      attempt.clock.stall(SHARE_MS);
      attempt.wake();
    },
    done: [],
  },
  {
    from: "waiting",
    event: "wake later",
    to: "queued",
    follows: "",
    act: (attempt) => attempt.wakeLater(),
    done: [],
  },
  {
    from: "waiting",
    event: "deadline",
    to: "ended",
    follows: "told as late",
    act: (attempt) => attempt.expire(),
    done: told,
    ending: LATE,
  },
  {
    from: "queued",
    event: "turn",
    to: "running",
    follows: "steps",
    steps: ["again"],
    act: (attempt) => attempt.turns.run(),
    done: ["step", "step"],
    then: "waiting",
  },
  { from: "queued", event: "wake", to: "same", follows: "", act: (attempt) => attempt.wake(), done: [] },
  {
    from: "queued",
    event: "deadline",
    to: "same",
    follows: "remembered until the turn ends: what has arrived is heard",
    steps: ["again", FOUND],
    act: (attempt) => attempt.expire(),
    done: [],
  },
  ...(["waiting", "queued"] as const).map((from): Row => ({
    from,
    event: "cancel",
    to: "ended",
    follows: "told as cancelled",
    act: (attempt) => attempt.cancel(),
    done: told,
    ending: "cancelled",
  })),
  {
    from: "ended",
    event: "anything",
    to: "same",
    follows: "",
    act: (attempt) => {
      attempt.wake();
      attempt.turn();
      attempt.expire();
      attempt.cancel();
    },
    done: [],
    ending: FOUND,
  },
];

for (const { from, event, to, follows, steps = [], act, done, ending = null, then } of rows) {
  Deno.test(`Attempt: ${from}, ${event}: ${to} ${follows}`, () => {
    const attempt = new Bench().into(from === "running" ? "new" : from);
    attempt.steps.push(...steps);
    act(attempt);
    assert.equal(attempt.state, then ?? (to === "same" ? from : to));
    assert.deepEqual(attempt.done, done);
    if (ending === "defect") assert.ok(attempt.ending instanceof Defect);
    else assert.equal(attempt.ending, ending);
  });
}

Deno.test("the table in the header of attempt.ts has these rows", async () => {
  const source = await Deno.readTextFile(new URL("../../src/probes/attempt.ts", import.meta.url));
  const header = source.slice(0, source.indexOf(" * @module"));
  const lines = header.slice(header.indexOf("   from ")).split("\n").slice(1);
  const table = lines.map((line) => line.replace(/^ \*\s*/, "")).filter((line) => /\S {2,}\S/.test(line));
  assert.deepEqual(
    table.map((line) => line.split(/ {2,}/).map((cell) => cell.trim()).join(" | ")),
    rows.map(({ from, event, to, follows }) =>
      [from, event, to, follows].filter((cell) => cell !== "").join(" | ")
    ),
  );
});

Deno.test("Attempt: a queued probe whose deadline passed hears what has arrived, for one turn", () => {
  const heard = new Bench().into("queued");
  heard.steps.push("again", FOUND);
  heard.expire();
  heard.turns.run();
  assert.equal(heard.ending, FOUND);
  const endless = new Bench().into("queued");
  endless.steps.push(TURN_MS, FOUND);
  endless.expire();
  endless.turns.run();
  assert.equal(endless.ending, LATE);
});

Deno.test("Turns: those that wait go on in their order, one turn each, until the share is used up", () => {
  const clock = new FakeClock(0);
  let attended = 0;
  const turns = new Turns(clock, () => attended++);
  const order: string[] = [];
  const endless = (name: string) => ({
    turn() {
      order.push(name);
      clock.stall(TURN_MS);
      turns.add(this);
    },
  });
  for (const name of "abcdef") turns.add(endless(name));
  assert.equal(attended, 6, "nobody else would look after them");
  turns.run();
  assert.equal(order.join(""), "abcd");
  assert.equal(turns.size, 6);
  turns.run();
  turns.run();
  assert.equal(order.join(""), "abcdefabcdef");
  turns.end();
  assert.equal(attended, 7);
});

Deno.test("Attempt: what begins anew has no hurry left from before", () => {
  const bench = new Bench();
  bench.hurry(50);
  assert.equal(bench.hurryAt, 50);
  bench.anew();
  assert.equal(bench.hurryAt, Infinity);
});
