/** A whole daemon whose journal has trouble, and entries that tell who did something and what the clock did. */
import assert from "node:assert/strict";
import type {
  Backend,
  Consequences,
  CurrentProblem,
  Journal,
  JournalEntry,
  Override,
  Problem,
  ProblemList,
} from "../../src/api/mod.ts";
import { queueLimits } from "../../src/memory/journal/journal.ts";
import type { StartThread } from "../../src/memory/journal/parts.ts";
import { journalThread } from "../../src/memory/journal/thread.ts";
import type { Millis, UnixMillis } from "../../src/model.ts";
import { JumpClock } from "../e2e/jump_clock.ts";
import { Inside } from "./inside.ts";

const config = (more = "", weight = 100) =>
  `maglev:
  vpp: { lb: { ipv4-src-address: 192.0.2.254, ipv6-src-address: "2001:db8::254" } }
  backends:
    b1: { address: 127.0.0.2${more} }
    b2: { address: 127.0.0.3 }
  frontends:
    web: { address: 192.0.2.1, protocol: tcp, port: 80, pools: [{ name: main, backends: { b1: { weight: ${weight} }, b2: {} } }] }
`;
const weightOf = (backend: string) => `/v1/frontends/web/pools/main/backends/${backend}/weight`;

async function stateDir(): Promise<AsyncDisposable & { readonly path: string; readonly args: string[] }> {
  const path = await Deno.makeTempDir();
  const args = ["--state-dir", path];
  return { path, args, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** A clock that can be set, besides being run forward. */
class SetClock extends JumpClock {
  #set: Millis = 0;

  override wall(): UnixMillis {
    return super.wall() + this.#set;
  }

  /** Somebody sets the wall clock. */
  set(by: Millis): void {
    this.#set += by;
  }
}

/** The real thread, which a test can end or leave hanging. */
class Threads {
  started = 0;
  hangs = false;
  #kill: (() => void) | null = null;

  readonly start: StartThread = (onAnswer, onDeath) => {
    this.started++;
    const real = journalThread(() => null)(onAnswer, onDeath);
    if (typeof real === "string") return real;
    this.#kill = () => {
      real[Symbol.dispose]();
      onDeath("the journal's thread ended: killed");
    };
    return {
      send: (request) => {
        if (!this.hangs) real.send(request);
      },
      [Symbol.dispose]: () => real[Symbol.dispose](),
    };
  };

  kill(): void {
    this.#kill?.();
  }
}

const entries = async (inside: Inside, query: string): Promise<JournalEntry[]> =>
  (await inside.json<Journal>(`/v1/journal?limit=1000&${query}`)).entries;

async function trouble(inside: Inside): Promise<CurrentProblem[]> {
  return (await inside.json<ProblemList>("/v1/problems")).problems.filter(({ kind }) => kind === "journal");
}

Deno.test("the end of an override tells who asked for it, and nobody where time or the file ended it", async () => {
  await using folder = await stateDir();
  const clock = new SetClock();
  await using inside = await Inside.start({ config: config(), vpp: null, args: folder.args, clock });
  const by = (claimed: string, method: string, path: string, body?: unknown) =>
    inside.json<Backend>(path, {
      method,
      headers: {
        "x-maglev-actor": claimed,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  await by("ann", "POST", "/v1/backends/b1/pause");
  await by("bob", "POST", "/v1/backends/b1/resume");
  await by("ann", "PUT", weightOf("b2"), { weight: 5 });
  await by("cem", "PUT", weightOf("b2"), { weight: 6 });
  const { overrides: [six] } = await inside.json<{ overrides: Override[] }>("/v1/overrides");
  await by("dan", "DELETE", `/v1/overrides/${six?.id}`);
  await by("ann", "POST", "/v1/backends/b2/disable", { for_ns: "60000000000" });
  clock.jump(61_000);
  await by("ann", "PUT", weightOf("b1"), { weight: 7 });
  await Deno.writeTextFile(inside.config, config("", 9));
  await by("eve", "POST", "/v1/config/reload");
  const ended = (await entries(inside, "kinds=override")).filter(({ data }) => data.what === "ended")
    .reverse();
  assert.deepEqual(ended.map(({ by, claimed, text }) => [by, claimed, text.split(" ended")[0]]), [
    ["local", "bob", "pause of backend b1"],
    ["local", "cem", "weight 5 of web/main/b2"],
    ["local", "dan", "weight 6 of web/main/b2"],
    [null, null, "disable of backend b2"],
    [null, null, "weight 7 of web/main/b1"],
  ]);
});

Deno.test("a clock that is set is a WARN, an entry and a problem; an hour ends, a duration does not", async () => {
  await using folder = await stateDir();
  const clock = new SetClock();
  await using inside = await Inside.start({ config: config(), vpp: null, args: folder.args, clock });
  const hours = 3_600_000;
  await inside.send("POST", "/v1/backends/b1/pause", { for_ns: String(2 * hours * 1e6) });
  await inside.send("POST", "/v1/backends/b2/pause", {
    until: new Date(clock.wall() + 2 * hours).toISOString(),
  });
  clock.set(59_000);
  clock.jump(1_100);
  assert.equal(inside.log.filter(({ msg }) => msg === "clock-jump").length, 0);
  clock.set(3 * hours);
  clock.jump(11_000);
  const told = await inside.logged("clock-jump");
  assert.equal(told.level, "WARN");
  assert.match(String(told.detail), /^the clock jumped forward by (3h0m0|2h59m59)(\.\d+)?s$/);
  const [entry] = await entries(inside, "kinds=process");
  assert.equal(entry?.text, told.detail);
  assert.equal(Math.round(Number(entry?.data.jump_ns) / 1e9), 3 * hours / 1_000);
  const { problems } = await inside.json<ProblemList>("/v1/problems");
  assert.deepEqual(problems.filter(({ kind }) => kind === "clock").length, 1);
  const { overrides } = await inside.json<{ overrides: Override[] }>("/v1/overrides");
  assert.deepEqual(overrides.map(({ backend }) => backend), ["b1"]);
  clock.set(-5 * hours);
  clock.jump(1_100);
  assert.match(
    String(inside.log.findLast(({ msg }) => msg === "clock-jump")?.detail),
    / jumped back by (5h0m0|4h59m59)(\.\d+)?s$/,
  );
  const places = (await entries(inside, "")).map(({ seq }) => seq);
  assert.deepEqual(places, places.toSorted((a, b) => b - a));
  clock.jump(2 * hours);
  assert.deepEqual((await inside.json<{ overrides: Override[] }>("/v1/overrides")).overrides, []);
});

Deno.test("a journal that takes no more refuses changes with 503, and nothing else", async () => {
  await using folder = await stateDir();
  const clock = new JumpClock();
  const threads = new Threads();
  const parts = { config: config(), vpp: null, args: folder.args, clock, startJournal: threads.start };
  await using inside = await Inside.start(parts);
  threads.hangs = true;
  let taken = 0;
  const pause = () =>
    inside.ask("/v1/backends/b1/pause", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ reason: `reason ${taken}` }),
    });
  for (;;) {
    const answer = await pause();
    if (answer.status !== 200) {
      assert.deepEqual([answer.status, answer.headers.get("retry-after")], [503, "1"]);
      assert.equal((await answer.json() as Problem).type, "urn:maglev:problem:busy");
      break;
    }
    await answer.body?.cancel();
    assert.ok(++taken <= queueLimits.changes, "it never ends");
  }
  for (
    const [method, path] of [
      ["PUT", weightOf("b1")],
      ["DELETE", "/v1/overrides/none"],
      ["POST", "/v1/config/reload"],
      ["POST", "/v1/backends/b2/disable"],
    ] as const
  ) {
    const body = method === "PUT" ? { weight: 3 } : undefined;
    await inside.send(method, path, body, 503);
  }
  await inside.send("POST", "/v1/backends/b2/disable?dry_run=true");
  assert.equal((await inside.json<Backend>("/v1/backends/b1")).override?.reason, `reason ${taken - 1}`);
  assert.equal((await inside.json<Backend>("/v1/backends/b2")).state, "up");
  // The thread is ended, another one is started, and all that was answered is on the disk.
  threads.hangs = false;
  clock.jump(11_000);
  const told = await inside.logged((line) => line.msg === "memory-error" && line.level === "WARN");
  assert.match(String(told.detail), /the disk has not answered for 10 s/);
  assert.equal((await trouble(inside)).length, 1);
  clock.jump(61_000);
  await inside.logged((line) => line.msg === "memory-error" && line.level === "INFO");
  // The first batch is written; the rest follows, and then there is room again.
  await inside.until(async () => (await pause()).status === 200 ? true : undefined, "room in the journal");
  assert.deepEqual([await trouble(inside), threads.started], [[], 2]);
  const changes = (await entries(inside, "kinds=change")).map(({ reason }) => reason);
  assert.equal(changes.length, taken + 1);
});

Deno.test("the journal's thread is killed: nothing is lost, nobody waits, and a minute later it writes again", async () => {
  await using folder = await stateDir();
  const clock = new JumpClock();
  const threads = new Threads();
  const parts = { config: config(), vpp: null, args: folder.args, clock, startJournal: threads.start };
  {
    await using inside = await Inside.start(parts);
    await inside.send("POST", "/v1/backends/b1/pause", { reason: "before" });
    assert.equal((await entries(inside, "kinds=override")).length, 1);
    threads.kill();
    await inside.logged((line) => line.msg === "memory-error" && line.level === "WARN");
    assert.equal((await trouble(inside)).length, 1);
    const answer = await inside.send<{ consequences: Consequences }>("POST", "/v1/backends/b2/pause", {
      reason: "while it is away",
    });
    assert.equal(answer.consequences.durable, true);
    // What is in memory answers meanwhile.
    assert.deepEqual((await entries(inside, "kinds=override")).map(({ reason }) => reason), [
      "while it is away",
      "before",
    ]);
    clock.jump(61_000);
    await inside.logged((line) => line.msg === "memory-error" && line.level === "INFO");
    assert.deepEqual([await trouble(inside), threads.started], [[], 2]);
  }
  await using inside = await Inside.start({ ...parts, clock: new JumpClock() });
  assert.deepEqual((await entries(inside, "kinds=change")).map(({ reason }) => reason), [
    "while it is away",
    "before",
  ]);
});
