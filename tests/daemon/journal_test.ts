/**
 * What a whole daemon writes into its journal, and what it answers from it.
 */
import assert from "node:assert/strict";
import type { Backend, Frontend, Journal, JournalEntry, Problem, Replay } from "../../src/api/mod.ts";
import { linkOf, verifyChain } from "../../src/chain.ts";
import { Inside } from "./inside.ts";
import { Backends, Vpp, wwwConfig } from "../e2e/world.ts";
import { TcpServers } from "../e2e/tcp_servers.ts";

const config = (address: string, more = "") =>
  `maglev:
  vpp: { lb: { ipv4-src-address: 192.0.2.254, ipv6-src-address: "2001:db8::254" } }
  healthchecks:
    tcp: { type: tcp, port: 9, interval: 50ms, timeout: 40ms, rise: 1, fall: 1 }
  backends:
    b1: { address: ${address}, healthcheck: tcp }
    b2: { address: 127.0.0.3 }
  frontends:
    web: { address: 192.0.2.1, protocol: tcp, port: 80, pools: [{ name: main, backends: { b1: {}, b2: {} } }] }
${more}`;

async function page(inside: Inside, query = ""): Promise<Journal> {
  return await inside.json<Journal>(`/v1/journal?${query}`);
}

async function oldestFirst(inside: Inside, query = ""): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for (let before: number | null = null;;) {
    const next: Journal = await page(inside, `limit=2&${query}${before === null ? "" : `&before=${before}`}`);
    entries.push(...next.entries);
    if (next.before === null) return entries.reverse();
    before = next.before;
  }
}

async function stateDir(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("a life is in the journal: start, load, transitions, changes, reload, refused file, stop", async () => {
  await using folder = await stateDir();
  const args = ["--state-dir", folder.path];
  {
    await using inside = await Inside.start({ config: config("127.0.0.2"), vpp: null, args });
    await inside.logged((line) => line.msg === "backend-transition" && line.to === "down");
    await inside.send("POST", "/v1/backends/b2/pause", { reason: "kernel update" });
    // The same once more changes nothing, and is in no journal.
    await inside.send("POST", "/v1/backends/b2/pause", { reason: "kernel update" });
    await inside.send("PUT", "/v1/frontends/web/pools/main/backends/b2/weight", { weight: 7, flush: false });
    await Deno.writeTextFile(inside.config, config("127.0.0.2", "  nonsense: 1\n"));
    await inside.send("POST", "/v1/config/reload", undefined, 422);
    await Deno.writeTextFile(inside.config, config("127.0.0.4"));
    await inside.send("POST", "/v1/config/reload");
    const change = inside.log.filter(({ msg }) => msg === "api-change").at(-1);
    const links = (await oldestFirst(inside, "kinds=change,override")).flatMap((entry) =>
      linkOf(entry) ?? []
    );
    // A pause and a weight, each with its override, and a reload.
    assert.equal(links.length, 5);
    const head = { seq: Number(change?.seq), chain: String(change?.chain) };
    assert.deepEqual(verifyChain(links, head), { ok: true, checked: 5, head });
  }
  await using inside = await Inside.start({ config: config("127.0.0.4"), vpp: null, args });
  const entries = await oldestFirst(inside);
  const first = entries.findIndex(({ text }) => text === "maglevd stops");
  const life = entries.slice(0, first + 1);
  assert.match(life[0]?.text ?? "", /^maglevd .* is started$/);
  assert.match(life[1]?.text ?? "", /maglev\.yaml is loaded$/);
  assert.ok(JSON.stringify(life[1]?.data).includes("127.0.0.2"), "the whole configuration");
  assert.deepEqual(life.map(({ seq }) => seq), life.map(({ seq }) => seq).toSorted((a, b) => a - b));
  const one = (kind: string, text: RegExp) => {
    const found = life.find((entry) => entry.kind === kind && text.test(entry.text));
    assert.ok(
      found !== undefined,
      `${kind} ${text}: ${JSON.stringify(life.map((entry) => entry.text), null, 1)}`,
    );
    return found;
  };
  one("backend", /^backend b1 unknown -> down: L4CON/);
  assert.deepEqual(one("backend", /^backend b2 up -> paused: paused by operator$/).data.effects, [
    { frontend: "web", pool: "main", weight_before: 100, weight_after: 0, flush: false },
  ]);
  one("frontend", /^frontend web up -> down/);
  const pause = one("change", /^local: POST \/v1\/backends\/b2\/pause: up -> paused$/);
  assert.deepEqual([pause.backend, pause.by, pause.reason], ["b2", "local", "kernel update"]);
  const override = one("override", /^pause of backend b2 set by local$/);
  assert.deepEqual([override.backend, override.by], ["b2", "local"]);
  const weight = one("change", /weight/);
  assert.deepEqual([weight.frontend, weight.backend], ["web", "b2"]);
  one("config", /is refused: .*nonsense/);
  const reload = one("config", /is reloaded: backend b1 changed/);
  assert.ok(JSON.stringify(reload.data.config).includes("127.0.0.4"));
  // Filters, and names of the past.
  const only = (await page(inside, "kinds=backend&backend=b2")).entries;
  assert.deepEqual(new Set(only.map(({ backend, kind }) => `${kind} ${backend}`)), new Set(["backend b2"]));
  await Deno.writeTextFile(inside.config, config("127.0.0.4").replaceAll("b2", "b9"));
  await inside.send("POST", "/v1/config/reload");
  assert.ok((await page(inside, "backend=b2")).entries.length > 0);
  await inside.json("/v1/journal?backend=never", {}, 404);
  await inside.json("/v1/backends/never/replay", {}, 404);
});

Deno.test("without a folder the newest entries are in memory, and the end names what is forgotten", async () => {
  const inside = await Inside.start({ config: config("127.0.0.2"), vpp: null });
  await inside.logged((line) => line.msg === "backend-transition" && line.to === "down");
  const { dropped, entries, oldest } = await page(inside);
  assert.ok(entries.length >= 4);
  assert.equal(dropped, 0);
  assert.equal(oldest, entries.at(-1)?.at);
  const replay = await inside.json<Replay>("/v1/backends/b1/replay");
  assert.deepEqual([replay.exact, replay.replayed.downs, replay.rule], [true, 1, { rise: 1, fall: 1 }]);
  await inside[Symbol.asyncDispose]();
  const stop = inside.log.find(({ msg }) => msg === "stopping");
  assert.ok(Number(stop?.journal_entries) >= 4, JSON.stringify(stop));
});

Deno.test("a wrong filter is 422 with its place", async () => {
  await using inside = await Inside.start({ config: config("127.0.0.2"), vpp: null });
  const wrong: readonly [string, string][] = [
    ["/v1/journal?since=yesterday", "since"],
    ["/v1/journal?since=2026-13-01T00:00:00Z", "since"],
    ["/v1/journal?until=2026-01-01T00:00:00", "until"],
    ["/v1/journal?kinds=backends", "kinds"],
    ["/v1/journal?limit=0", "limit"],
    ["/v1/journal?limit=1001", "limit"],
    ["/v1/journal?before=x", "before"],
    ["/v1/journal?page=2", "page"],
    ["/v1/backends/b1/replay?since=1", "since"],
    ["/v1/backends/b1/replay?rise=0", "rise"],
    ["/v1/backends/b1/replay?fall=101", "fall"],
  ];
  for (const [path, place] of wrong) {
    const { errors } = await inside.json<Problem>(path, {}, 422);
    assert.deepEqual(errors?.map((error) => error.path), [place], path);
  }
});

Deno.test("under the rule in force a replay of a live backend gives its transitions", async () => {
  await using folder = await stateDir();
  using servers = new TcpServers(["127.0.0.2"]);
  const text = config("127.0.0.2").replace("port: 9,", `port: ${servers.port},`);
  await using inside = await Inside.start({ config: text, vpp: null, args: ["--state-dir", folder.path] });
  const state = (wanted: string) =>
    inside.until(
      async () => (await inside.json<Backend>("/v1/backends/b1")).state === wanted ? true : undefined,
      wanted,
    );
  await state("up");
  for (let i = 0; i < 3; i++) {
    servers.stop("127.0.0.2");
    await state("down");
    servers.start("127.0.0.2");
    await state("up");
  }
  await inside.send("POST", "/v1/backends/b1/pause");
  await inside.send("POST", "/v1/backends/b1/resume");
  await state("up");
  const { transitions } = await inside.json<Backend>("/v1/backends/b1");
  const replay = await inside.json<Replay>("/v1/backends/b1/replay");
  assert.deepEqual([replay.exact, replay.gaps, replay.recorded.downs, replay.replayed.downs], [
    true,
    0,
    3,
    3,
  ]);
  assert.deepEqual(
    replay.replayed.transitions.map(({ code, to }) => ({ code, to })).slice(-transitions.length),
    transitions.toReversed().map(({ code, to }) => ({ code, to })),
  );
  const other = await inside.json<Replay>("/v1/backends/b1/replay?rise=100&fall=100");
  assert.deepEqual([other.exact, other.rule], [false, { rise: 100, fall: 100 }]);
});

Deno.test("after a restart histories go on, and a first state that is the same keeps its hour", async () => {
  await using folder = await stateDir();
  const args = ["--state-dir", folder.path];
  const text = config("127.0.0.2");
  const life = async (wanted: string): Promise<[Backend, Backend, Frontend]> => {
    await using inside = await Inside.start({ config: text, vpp: null, args });
    const get = (name: string) => inside.json<Backend>(`/v1/backends/${name}`);
    await inside.until(async () => (await get("b1")).state === wanted ? true : undefined, wanted);
    return [await get("b1"), await get("b2"), await inside.json<Frontend>("/v1/frontends/web")];
  };
  const [down, fixed, web] = await life("down");
  for (let restarts = 1; restarts <= 2; restarts++) {
    const [b1, b2, frontend] = await life("down");
    assert.equal(b1.since, down.since);
    assert.equal(b2.since, fixed.since);
    const limit = 5;
    assert.deepEqual(b1.transitions.map(({ to }) => to), Array(restarts + 1).fill("down").slice(0, limit));
    assert.deepEqual(b1.transitions.at(-1), down.transitions[0]);
    assert.deepEqual(frontend.transitions.at(-1), web.transitions.at(-1));
  }
  using servers = new TcpServers(["127.0.0.2"]);
  const up = config("127.0.0.2").replace("port: 9,", `port: ${servers.port},`);
  await using inside = await Inside.start({ config: up, vpp: null, args });
  await inside.logged((line) =>
    line.msg === "backend-transition" && line.to === "up" && line.backend === "b1"
  );
  const { since, transitions } = await inside.json<Backend>("/v1/backends/b1");
  assert.equal(since, transitions[0]?.at, "another state than the last one begins now");
});

Deno.test("VPP, syncs and repaired drift are in the journal", async () => {
  await using vpp = await Vpp.start();
  await using servers = new Backends("77.118");
  await using inside = await Inside.start({ config: wwwConfig("77.118", servers.port), vpp: vpp.paths });
  for (const backend of ["b1", "b2", "b3"]) {
    await inside.logged((line) =>
      line.msg === "backend-transition" && line.backend === backend && line.to === "up"
    );
  }
  await inside.synced();
  const drift = { pfx: "198.51.100.10/32", protocol: 6, port: 80, weight: 7, is_flush: false } as const;
  const { lb } = vpp.simulator.vpp;
  const key = { ...drift, as_address: "127.77.118.1" };
  assert.equal(lb.lb_as_set_weight(key as Parameters<typeof lb.lb_as_set_weight>[0]), 0);
  await inside.send("POST", "/v1/vpp/lb/sync");
  await vpp.simulator.kill();
  await inside.logged("vpp-disconnect");
  const entries = await oldestFirst(inside, "kinds=vpp,sync,drift");
  const texts = entries.map(({ kind, text }) => `${kind}: ${text}`);
  assert.match(texts[0] ?? "", /^vpp: VPP connected: version 26\.10/);
  assert.ok(texts.some((text) => /^sync: .*VIP www added/.test(text)), texts.join("\n"));
  const repaired = entries.find(({ kind }) => kind === "drift");
  assert.match(repaired?.text ?? "", /^drift repaired: www: b1 weight 7 -> \d+/);
  assert.equal(repaired?.frontend, "www");
  assert.match(texts.at(-1) ?? "", /^vpp: VPP disconnected: /);
});
