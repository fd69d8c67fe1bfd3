/**
 * Runs stories: scripts that read like the rules they prove. A line is one of
 *
 *   check, backend, frontend, history, netns, drop backend   the configuration file (see script.ts)
 *   vpp www b1=37 10.0.0.9=5                                 what VPP has
 *   start, reload, restart                                   of the daemon; restart forgets everything but VPP
 *   start unread, restart unread                             VPP was not read yet; `read` does it later
 *   start off                                                VPP is switched off
 *   [t=2s] probe b1 L4OK b2 late                             results that arrive together; `late` and its like are void
 *   [t=2s] operator pause b1 [-> refused | -> no change]
 *   [t=2s] operator weight www primary b1 50
 *   expect b1 up [h=4/4] [every=2s]                          `every=never`: no probes are sent
 *   expect b1 down effects=www:100->0:flush,api:0->0         what the newest entry of its history says
 *   expect late www b1                                       flushes that the first full read decided
 *   expect www up pool=primary b1=100 b2=0
 *   expect told b1 up -> down L4CON [by alice] [www 100->0 flush …]   the next transition, with its effects
 *   expect told nothing                                      and a story ends with everything told
 *   expect servers www 10.0.0.1=100                          the effective weights by address
 *   expect blind b1 | nothing
 *   expect forgotten b1 paused | www/primary/b1=50 | nothing
 *
 * @module
 */
import assert from "node:assert/strict";
import type { BackendAction } from "../../src/control.ts";
import type { ProbeCode, Transition, VoidCause } from "../../src/model.ts";
import { alice, World } from "../health/kit.ts";
import { duration, type Line, pairs, parse, StoryFile, word } from "./script.ts";

/** Runs one story. Throws an error that names the line. */
export async function runStory(name: string, text: string): Promise<void> {
  using story = new Story();
  let line: Line | null = null;
  try {
    for (line of parse(text)) await story.run(line);
    line = null;
    story.end();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${name}:${line?.number ?? "end"}: ${line?.words.join(" ") ?? ""}: ${reason}`, {
      cause: error,
    });
  }
}

class Story implements Disposable {
  readonly #file = new StoryFile();
  /** Weight in VPP by frontend and backend. */
  readonly #vpp = new Map<string, Map<string, number>>();
  #world: World | null = null;
  #startedAt = 0;
  #told = 0;
  #late = 0;

  async run(line: Line): Promise<void> {
    if (line.at !== null) {
      const wait = this.#startedAt + line.at - this.#running.clock.now();
      assert.ok(wait >= 0, "time goes forward");
      await this.#running.clock.advance(wait);
    }
    const [verb, ...rest] = line.words;
    if (this.#file.take(line.words)) return;
    switch (verb) {
      case "vpp":
        return this.#setVpp(rest);
      case "start":
      case "restart":
        return this.#start(rest[0] ?? "");
      case "read":
        return this.#running.read();
      case "reload":
        return void this.#running.tracker.reload(this.#file.read(), alice);
      case "probe":
        return this.#probe(rest);
      case "operator":
        return this.#operate(rest);
      case "expect":
        return this.#expect(rest);
      default:
        throw new Error(`unknown verb "${verb}"`);
    }
  }

  end(): void {
    assert.equal(this.#next(), null, "a transition that the story does not tell");
  }

  [Symbol.dispose](): void {
    this.#world?.[Symbol.dispose]();
  }

  get #running(): World {
    return this.#world ?? assert.fail("the story has not started");
  }

  #start(how: string): void {
    this.end();
    this.#world?.[Symbol.dispose]();
    this.#world = new World(this.#file.read());
    for (const [frontend, weights] of this.#vpp) {
      for (const [backend, weight] of weights) this.#world.place(frontend, backend, weight);
    }
    if (how === "off") this.#world.vpp.firstRead = "off";
    this.#world.tracker.start();
    if (how === "") this.#world.read();
    this.#startedAt = this.#world.clock.now();
    this.#told = this.#late = 0;
  }

  #setVpp([frontend = "", ...weights]: readonly string[]): void {
    const servers = this.#vpp.get(frontend) ?? new Map<string, number>();
    this.#vpp.set(frontend, servers);
    for (const [backend, weight] of pairs(weights)) {
      servers.set(backend, Number(weight));
      this.#world?.place(frontend, backend, Number(weight));
    }
  }

  #probe(words: readonly string[]): void {
    const reports: (readonly [string, ProbeCode | VoidCause])[] = [];
    for (let i = 0; i < words.length; i += 2) {
      reports.push([word(words, i, "backend"), word(words, i + 1, "code") as ProbeCode | VoidCause]);
    }
    this.#running.probe(...reports);
  }

  #operate(words: readonly string[]): void {
    const arrow = words.indexOf("->");
    const order = arrow < 0 ? words : words.slice(0, arrow);
    const expected = arrow < 0 ? "done" : words.slice(arrow + 1).join(" ");
    const { tracker } = this.#running;
    if (order[0] === "weight") {
      const [, frontend = "", pool = "", backend = "", weight = ""] = order;
      const answer = tracker.orders.setWeight(frontend, pool, backend, Number(weight), alice);
      return assert.equal(answer.ok ? "done" : "refused", expected);
    }
    const answer = tracker.orders.act(word(order, 1, "backend"), order[0] as BackendAction, alice);
    assert.equal(!answer.ok ? "refused" : answer.value.changed ? "done" : "no change", expected);
  }

  #expect(words: readonly string[]): void {
    const [what = "", ...rest] = words;
    const { tracker } = this.#running;
    const listed = rest[0] === "nothing" ? [] : rest;
    switch (what) {
      case "told":
        return assert.equal(this.#next(), rest[0] === "nothing" ? null : rest.join(" "));
      case "blind":
        return assert.deepEqual(tracker.blind().backends.map(({ name }) => name), listed);
      case "servers": {
        const [name = "", ...servers] = rest;
        const found = Object.entries(this.#running.servers(name)).map(([a, weight]) => `${a}=${weight}`);
        return assert.deepEqual(found, servers);
      }
      case "late": {
        const all = this.#running.told.flatMap(({ lateFlushes }) => lateFlushes);
        const late = all.slice(this.#late);
        this.#late = all.length;
        return assert.deepEqual(late.flatMap(({ frontend, backend }) => [frontend, backend]), listed);
      }
      case "forgotten":
        return assert.deepEqual(this.#forgotten(), listed);
    }
    if (tracker.weights(what) !== null) return this.#expectFrontend(what, rest);
    return this.#expectBackend(what, rest);
  }

  #expectBackend(name: string, [state = "", ...rest]: readonly string[]): void {
    const entry = this.#running.tracker.entry(name);
    assert.equal(entry?.health.state ?? "gone", state);
    for (const [key, value] of pairs(rest)) {
      if (key === "h") {
        const rule = entry?.health.rule;
        assert.equal(rule ? `${entry?.health.counter}/${rule.rise + rule.fall - 1}` : "none", value);
      } else if (key === "every") {
        const target = this.#running.prober.targets.get(name);
        assert.equal(target?.intervalMs ?? "never", value === "never" ? value : duration(value));
      } else if (key === "history") {
        assert.equal(entry?.history.map((t) => t.to).join(","), value);
      } else if (key === "effects") {
        const [newest] = entry?.history ?? [];
        const effects = newest?.effects.map((e) =>
          `${e.frontend}:${e.weightBefore}->${e.weightAfter}${e.flush ? ":flush" : ""}`
        );
        assert.equal(effects?.join(","), value);
      } else throw new Error(`unknown key ${key}`);
    }
  }

  #expectFrontend(name: string, [state = "", ...rest]: readonly string[]): void {
    const weights = this.#running.tracker.weights(name) ?? assert.fail("no such frontend");
    assert.equal(weights.state, state);
    for (const [key, value] of pairs(rest)) {
      if (key === "pool") assert.equal(weights.activePool, value);
      else {assert.equal(
          `${key}=${weights.members.find((m) => m.backend === key)?.effective}`,
          `${key}=${value}`,
        );}
    }
  }

  #forgotten(): string[] {
    const { paused, disabled, enabled, weights } = this.#running.tracker.runtimeState();
    return [
      ...paused.flatMap((name) => [name, "paused"]),
      ...disabled.flatMap((name) => [name, "disabled"]),
      ...enabled.flatMap((name) => [name, "enabled"]),
      ...weights.map((w) => `${w.frontend}/${w.pool}/${w.backend}=${w.weight}`),
    ];
  }

  #next(): string | null {
    const all = this.#world?.told.flatMap((told) => told.transitions) ?? [];
    const next = all[this.#told];
    if (next === undefined) return null;
    this.#told++;
    return written(next);
  }
}

function written(transition: Transition): string {
  const { backend, from, to, code, by, effects } = transition;
  const flows = effects.map((e) =>
    `${e.frontend} ${e.weightBefore}->${e.weightAfter}${e.flush ? " flush" : ""}`
  );
  return [`${backend} ${from} -> ${to} ${code}`, ...(by === null ? [] : [`by ${by}`]), ...flows].join(" ");
}
