/** The page's model against a daemon that changes at random: equal to a fresh read whenever it is quiet. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Backend, Frontend, Override, ProblemList } from "../../src/api/mod.ts";
import { ApiClient } from "../../src/dashboard/state/client.ts";
import { Live, type PageClock } from "../../src/dashboard/state/live.ts";
import { emptyModel, type Model } from "../../src/dashboard/state/model.ts";
import { settle } from "../fake_clock.ts";

const at = "2026-01-01T00:00:00.000Z";
const names = ["b1", "b2", "b3"];
const states = ["up", "down", "paused"] as const;

/** A clock that a test moves. */
class Clock implements PageClock {
  #now = 0;
  #timers = new Set<{ due: number; run: () => void }>();

  after(ms: number, run: () => void): () => void {
    const timer = { due: this.#now + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#timers].filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = next.due;
      next.run();
      await settle();
    }
    this.#now = end;
  }
}

/** A daemon in memory: what it has, and a stream of what changes. */
class FakeDaemon {
  readonly state = new Map<string, (typeof states)[number]>(names.map((name) => [name, "up"]));
  readonly weight = new Map<string, number>(names.map((name) => [name, 100]));
  overrides: Override[] = [];
  epoch = 1;
  #seq = 0;
  #stream: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | null = null;
  /** Reads that wait for their answer; what they answer is taken when they are answered or when they came, at random. */
  readonly waiting: ((refused?: boolean) => void)[] = [];
  fresh = true;

  backends(): Backend[] {
    return names.map((name) =>
      ({
        name,
        address: "192.0.2.1",
        state: this.state.get(name),
        since: at,
        transitions: [],
        frontends: [],
      }) as unknown as Backend
    );
  }

  frontends(): Frontend[] {
    const members = names.map((name) => ({
      name,
      state: this.state.get(name),
      weight: this.weight.get(name),
      effective_weight: this.state.get(name) === "up" ? this.weight.get(name) : 0,
    }));
    return [
      {
        name: "www",
        state: this.up() ? "up" : "down",
        since: at,
        pools: [{ name: "p", active: true, backends: members }],
      } as unknown as Frontend,
    ];
  }

  problems(): ProblemList {
    const down = names.filter((name) => this.state.get(name) === "down");
    const problems = down.map((object) => ({
      severity: "warning",
      kind: "backend-down",
      object,
      since: at,
      text: object,
      show: null,
      fix: null,
    }));
    return { problems, critical: 0, warnings: down.length } as unknown as ProblemList;
  }

  up(): boolean {
    return names.some((name) => this.state.get(name) === "up" && (this.weight.get(name) ?? 0) > 0);
  }

  emit(event: Record<string, unknown>): void {
    const data = JSON.stringify({ at, at_unix_ns: "0", synthetic: false, ...event });
    const frame = `event: ${event.kind}\nid: ${this.epoch}-${++this.#seq}\ndata: ${data}\n\n`;
    this.#stream?.enqueue(new TextEncoder().encode(frame));
  }

  change(name: string, to: (typeof states)[number]): void {
    const from = this.state.get(name);
    if (from === to) return;
    const before = this.up();
    this.state.set(name, to);
    const weight = this.weight.get(name) ?? 0;
    const effects = [{
      frontend: "www",
      pool: "p",
      weight_before: from === "up" ? weight : 0,
      weight_after: to === "up" ? weight : 0,
      flush: false,
    }];
    this.emit({
      kind: "backend",
      backend: name,
      frontends: ["www"],
      transition: { from, to, at, at_unix_ns: "0", code: "L4OK", detail: "", by: null, effects },
    });
    if (this.up() !== before) {
      this.emit({
        kind: "frontend",
        frontend: "www",
        from: before ? "up" : "down",
        to: this.up() ? "up" : "down",
        active_pool: "p",
        reason: "",
      });
    }
    this.emit({ kind: "change", what: "problems", backend: name, frontend: null });
  }

  weigh(name: string, weight: number): void {
    const before = this.up();
    this.weight.set(name, weight);
    this.overrides = [{ id: name, kind: "weight", backend: name, weight } as unknown as Override];
    if (this.up() !== before) {
      this.emit({
        kind: "frontend",
        frontend: "www",
        from: before ? "up" : "down",
        to: this.up() ? "up" : "down",
        active_pool: "p",
        reason: "",
      });
    }
    this.emit({ kind: "change", what: "weight", backend: name, frontend: "www" });
  }

  /** The stream ends; another run of the daemon has another epoch. */
  breakStream(restart: boolean): void {
    if (restart) this.epoch++;
    const stream = this.#stream;
    this.#stream = null;
    stream?.close();
  }

  readonly fetch = (path: string, init: RequestInit): Promise<Response> => {
    if (path.startsWith("v1/events")) {
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        start: (controller) => void (this.#stream = controller),
      });
      init.signal?.addEventListener("abort", () => {
        this.#stream?.error(init.signal?.reason);
        this.#stream = null;
      });
      this.emit({ kind: "resync", reason: "ring" });
      return Promise.resolve(new Response(body));
    }
    const answer = () => {
      const value = {
        "v1/backends": () => ({ backends: this.backends() }),
        "v1/frontends": () => ({ frontends: this.frontends() }),
        "v1/problems": () => this.problems(),
        "v1/overrides": () => ({ overrides: this.overrides }),
      }[path];
      return value === undefined
        ? Response.json({ detail: "no" }, {
          status: 404,
          headers: { "content-type": "application/problem+json" },
        })
        : Response.json(value());
    };
    // The answer is of the moment at which the daemon made it, which may be long before it arrives.
    const { promise, resolve } = Promise.withResolvers<Response>();
    const early = this.fresh ? null : answer();
    this.fresh = !this.fresh;
    const failure = () => new Response(null, { status: 500 });
    this.waiting.push((refused = false) => resolve(refused ? failure() : early ?? answer()));
    return promise;
  };
}

const step = fc.oneof(
  fc.record({
    kind: fc.constant("state" as const),
    name: fc.constantFrom(...names),
    to: fc.constantFrom(...states),
  }),
  fc.record({
    kind: fc.constant("weight" as const),
    name: fc.constantFrom(...names),
    weight: fc.constantFrom(0, 50, 100),
  }),
  fc.record({ kind: fc.constant("answer" as const), which: fc.nat(5) }),
  fc.record({ kind: fc.constant("refuse" as const), which: fc.nat(5) }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(10, 60, 500) }),
  fc.record({ kind: fc.constant("break" as const), restart: fc.boolean() }),
);

function facts(model: Model) {
  return {
    states: [...model.backends.values()].map(({ name, state }) => [name, state]),
    frontends: [...model.frontends.values()].map((
      { pools, state },
    ) => [
      state,
      pools[0]?.backends.map(({ effective_weight, state, weight }) => [state, weight, effective_weight]),
    ]),
    problems: model.problems?.problems.map(({ object }) => object),
    overrides: model.overrides?.map(({ backend, weight }) => [backend, weight]),
  };
}

Deno.test("when it is quiet, the page has what a fresh read has, whatever happened and in whatever order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const daemon = new FakeDaemon();
      const clock = new Clock();
      let model: Model = emptyModel;
      const api = new ApiClient({ fetch: daemon.fetch, token: () => null });
      const live = new Live({ api, clock, update: (change) => model = change(model) });
      live.start();
      try {
        for (const one of steps) {
          if (one.kind === "state") daemon.change(one.name, one.to);
          else if (one.kind === "weight") daemon.weigh(one.name, one.weight);
          else if (one.kind === "answer") {
            daemon.waiting.splice(one.which % Math.max(1, daemon.waiting.length), 1)[0]?.();
          } else if (one.kind === "refuse") {
            daemon.waiting.splice(one.which % Math.max(1, daemon.waiting.length), 1)[0]?.(true);
          } else if (one.kind === "wait") {
            await clock.advance(one.ms);
          } else daemon.breakStream(one.restart);
          await settle();
        }
        for (let i = 0; i < 40; i++) {
          daemon.waiting.splice(0).forEach((answer) => answer());
          await settle();
          await clock.advance(500);
        }
        daemon.fresh = true;
        const wanted = facts({
          ...emptyModel,
          backends: new Map(daemon.backends().map((one) => [one.name, one])),
          frontends: new Map(daemon.frontends().map((one) => [one.name, one])),
          problems: daemon.problems(),
          overrides: daemon.overrides,
        });
        assert.deepEqual(facts(model), wanted);
        assert.equal(model.connection, "live");
      } finally {
        live.stop();
        daemon.waiting.splice(0).forEach((answer) => answer());
        daemon.breakStream(false);
        await settle();
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("a stream that is silent for 35 s is stale, and is opened again", async () => {
  const daemon = new FakeDaemon();
  const clock = new Clock();
  const seen: string[] = [];
  let model: Model = emptyModel;
  const api = new ApiClient({ fetch: daemon.fetch, token: () => null });
  const live = new Live({
    api,
    clock,
    update: (change) => {
      model = change(model);
      if (seen.at(-1) !== model.connection) seen.push(model.connection);
    },
  });
  live.start();
  await settle();
  assert.equal(model.connection, "live");
  await clock.advance(36_000);
  await settle();
  assert.deepEqual(seen.slice(0, 3), ["live", "stale", "live"]);
  live.stop();
  daemon.waiting.splice(0).forEach((answer) => answer());
  daemon.breakStream(false);
  await settle();
});
