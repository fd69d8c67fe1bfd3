// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * The journal: what a counted result costs the main thread, what a day takes on the disk, how long a page out of two
 * million entries takes, and how long a large journal takes to open. One JSON line a case.
 *
 * A day: 4,000 backends, of which 400 change their answer once a minute, so that their state changes; each with the
 * sync that tells VPP of it.
 *
 *   deno run -A tests/bench/journal_bench.ts [result] [pages] [day] [syncs]
 */
import { DatabaseSync } from "node:sqlite";
import { backendEntry, syncEntries } from "../../src/daemon/entries.ts";
import type { SyncResult, Transition } from "../../src/api/mod.ts";
import { freshHealth, step } from "../../src/health/backend.ts";
import { type Entry, type NewEntry, nextSeq } from "../../src/memory/journal/entry.ts";
import { JournalFile } from "../../src/memory/journal/file.ts";
import { pack } from "../../src/memory/journal/pack.ts";
import { type Run, Runs } from "../../src/memory/journal/runs.ts";
import type { LatencyRow, PageQuery } from "../../src/memory/journal/tables.ts";
import { LatencyTens } from "../../src/memory/journal/tens.ts";
import { all } from "../memory/pages.ts";

const RUNS = 5;
const begin = 1_800_000_000_000;
const monthMs = 30 * 86_400_000;
const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

function report(name: string, figures: Record<string, number | number[]>): void {
  const rounded = Object.entries(figures).map(([key, value]) => [
    key,
    typeof value === "number" ? Number(value.toFixed(3)) : value.map((one) => Number(one.toFixed(3))),
  ]);
  const loadavg = Deno.loadavg().map((load) => Number(load.toFixed(2)));
  console.log(JSON.stringify({ name, ...Object.fromEntries(rounded), loadavg }));
}

function costOfResults(): void {
  const names = Array.from({ length: 4_000 }, (_, i) => `backend-${i}`);
  const costs: number[] = [];
  for (let n = 0; n < RUNS; n++) {
    const runs = new Runs();
    const tens = new LatencyTens();
    const up = step(freshHealth({ rise: 2, fall: 3 }, begin, "none"), {
      kind: "pass",
      code: "L4OK",
      detail: "",
    }, begin);
    const rounds = 100;
    const start = performance.now();
    for (let round = 0; round < rounds; round++) {
      for (const name of names) {
        runs.add(name, true, "L4OK", begin + round * 1_000, up.health, up.health);
        tens.add(name, begin + round * 1_000, 0.8, true);
      }
    }
    costs.push((performance.now() - start) * 1_000 / rounds / names.length);
  }
  report("a counted result, of 4,000 backends", { median_us: median(costs), limit_us: 1, runs_us: costs });
}

function transitionEntry(i: number, backend: number): NewEntry {
  const down = i % 2 === 0;
  const transition: Transition = {
    from: down ? "up" : "down",
    to: down ? "down" : "up",
    at: "",
    at_unix_ns: "",
    code: down ? "L4CON" : "L4OK",
    detail: down ? "connection refused" : "",
    by: null,
    effects: [{
      frontend: `frontend-${backend % 100}`,
      pool: "main",
      weight_before: down ? 100 : 0,
      weight_after: down ? 0 : 100,
      flush: down,
    }],
  };
  return backendEntry({ kind: "backend", backend: `backend-${backend}`, frontends: [], transition }, null);
}

function syncEntry(i: number, backend: number): NewEntry[] {
  const down = i % 2 === 0;
  const result: SyncResult = {
    scope: "vip",
    frontend: `frontend-${backend % 100}`,
    digest: "0123456789abcdef",
    started_at: "",
    took_ns: "1000000",
    done: 1,
    failed: 0,
    skipped: 0,
    changes: [{
      kind: "as_weight_updated",
      frontend: `frontend-${backend % 100}`,
      prefix: `192.0.2.${backend % 100}/32`,
      protocol: "tcp",
      port: 443,
      address: `198.51.${backend >> 8}.${backend & 255}`,
      backend: `backend-${backend}`,
      weight_before: down ? 100 : 0,
      weight_after: down ? 0 : 100,
      flush: down,
      reason: `backend backend-${backend} ${down ? "down (L4CON connection refused)" : "up (L4OK)"}`,
      held: null,
      traffic_affecting: false,
      status: "done",
      retval: 0,
      error: null,
    }],
  } as unknown as SyncResult;
  return syncEntries(result);
}

/** Writes minutes of such a day until `enough`; answers how many. */
function fill(
  file: JournalFile,
  from: number,
  withSyncs: boolean,
  enough: (minute: number, entries: number) => boolean,
) {
  let seq = 0;
  let written = 0;
  let minute = from;
  for (; !enough(minute, written); minute++) {
    const at = begin + minute * 60_000;
    const entries: Entry[] = [];
    const runs: Run[] = [];
    const put = (what: NewEntry, when: number) => {
      seq = nextSeq(seq, when);
      entries.push({ ...what, seq, at: when, chain: null });
    };
    for (let i = 0; i < 400; i++) {
      const when = at + i * 150;
      const backend = i * 10;
      put(transitionEntry(minute, backend), when);
      if (withSyncs) { for (const entry of syncEntry(minute, backend)) put(entry, when + 2); }
      const run = {
        first: when - 60_000,
        last: when - 1_000,
        count: 60,
        rise: 2,
        fall: 3,
        counter: 4,
      } as const;
      runs.push({ ...run, backend: `backend-${backend}`, ok: minute % 2 === 1, code: "L4OK", state: "up" });
    }
    const latency: LatencyRow[] = minute % 10 !== 0 ? [] : Array.from({ length: 4_000 }, (_, i) => ({
      backend: `backend-${i}`,
      at,
      count: 600,
      failed: 0,
      p50: 812_345,
      p95: 1_234_567,
      p99: 2_345_678,
    }));
    file.write({ entries, runs, latency });
    written += entries.length;
  }
  return { minutes: minute - from, entries: written };
}

function dayOnDisk(folder: string, withSyncs: boolean): void {
  using file = new JournalFile(`${folder}/day-${withSyncs}.sqlite`);
  const { entries, minutes } = fill(file, 0, withSyncs, (minute) => minute >= 1_440);
  report(
    `a day on the disk, ${withSyncs ? "with a sync for each transition" : "transitions, runs and latency"}`,
    {
      mebibytes: file.size / 2 ** 20,
      limit_megabytes: 200,
      megabytes: file.size / 1e6,
      entries,
      minutes,
    },
  );
}

/** Entries of a month by statements of SQL alone, which takes seconds where the journal's own way takes minutes. */
function fillBySql(path: string, count: number): void {
  {
    using _made = new JournalFile(path);
  }
  using db = new DatabaseSync(path);
  const transition = pack(transitionEntry(0, 2_000));
  const [sync] = syncEntry(0, 2_000);
  const synced = sync === undefined ? transition : pack(sync);
  db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-262144; BEGIN");
  const numbers = (n: number) =>
    `WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM c WHERE i<${n - 1})`;
  db.exec(`${numbers(4_000)} INSERT INTO name SELECT i+1, 'backend-'||i FROM c`);
  db.exec(`${numbers(100)} INSERT INTO name SELECT i+4001, 'frontend-'||i FROM c`);
  const step = Math.floor(monthMs * 1_000 / count);
  // Half are transitions of 400 backends, half the syncs that follow.
  db.prepare(
    `${numbers(count)} INSERT INTO entry SELECT ${begin * 1_000}+i*${step}, ${begin * 1_000}+i*${step},
    CASE i%2 WHEN 0 THEN 0 ELSE 3 END, 1+(i/2)%400*10, CASE i%2 WHEN 0 THEN NULL ELSE 4001+(i/2)%400*10%100 END,
    CASE i%2 WHEN 0 THEN ? ELSE ? END, NULL FROM c`,
  ).run(transition, synced);
  db.exec("COMMIT");
}

function pages(folder: string): void {
  const path = `${folder}/large.sqlite`;
  fillBySql(path, 2_000_000);
  const opens: number[] = [];
  for (let n = 0; n < RUNS; n++) {
    const start = performance.now();
    using file = new JournalFile(path);
    void file.end;
    opens.push(performance.now() - start);
  }
  const { size } = Deno.statSync(path);
  report("opening", { median_ms: median(opens), limit_ms: 300, runs_ms: opens, mebibytes: size / 2 ** 20 });
  using file = new JournalFile(path);
  const any: PageQuery = { ...all, limit: 100 };
  const middle = begin + monthMs / 2;
  const queries: [string, PageQuery][] = [
    ["newest", any],
    ["a kind", { ...any, kinds: ["backend"] }],
    ["a kind that is rare", { ...any, kinds: ["change"] }],
    ["a backend", { ...any, backend: "backend-2000" }],
    ["a backend that is quiet", { ...any, backend: "backend-2001" }],
    ["a backend and its frontend", { ...any, backend: "backend-2000", frontend: "frontend-0" }],
    ["a range in the middle", { ...any, since: middle, until: middle + 3_600_000 }],
    ["a backend before the middle", { ...any, backend: "backend-2000", until: middle }],
    ["a page far back", { ...any, kinds: ["backend", "sync"], before: middle * 1_000 }],
  ];
  for (const [name, query] of queries) {
    const times: number[] = [];
    for (let n = 0; n < RUNS; n++) {
      const start = performance.now();
      file.page(query);
      times.push(performance.now() - start);
    }
    report(`a page of 100 out of 2 million: ${name}`, {
      median_ms: median(times),
      limit_ms: 20,
      runs_ms: times,
    });
  }
  const start = performance.now();
  for (let i = 0; i < 4_000; i++) file.history("backend", `backend-${i}`, 9);
  report("histories of 4,000 backends", { ms: performance.now() - start });
}

const wanted = (word: string) => Deno.args.length === 0 || Deno.args.includes(word);
const folder = await Deno.makeTempDir();
try {
  if (wanted("result")) costOfResults();
  if (wanted("pages")) pages(folder);
  if (wanted("day")) dayOnDisk(folder, false);
  if (wanted("syncs")) dayOnDisk(folder, true);
} finally {
  await Deno.remove(folder, { recursive: true });
}
