/**
 * Restarts of the probe worker give everything back: descriptors, and memory.
 */
import assert from "node:assert/strict";
import { systemClock } from "../../src/clock.ts";
import { type Log, silentLog } from "../../src/log/mod.ts";
import { startProber } from "../../src/probes/runner.ts";
import { httpCheck, icmpCheck, Reports, target, tcpCheck } from "./helpers.ts";
import { mute, ScriptedServer } from "./servers.ts";

const FULL = Deno.env.get("MAGLEV_TEST_RUNS") === "full";
/** Descriptors of one worker in the middle of its forty probes, and of the server that hears them. */
const SHARE = 90;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Descriptors of this process that are sockets, epolls or eventfds. */
function descriptors(): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (/^(socket|anon_inode)/.test(Deno.readLinkSync(`/proc/self/fd/${name}`))) count++;
    } catch { /* the one that lists the folder */ }
  }
  return count;
}

/** Time in which the main thread looks after the worker twice as often, and waits half as long. */
const fast = { ...systemClock, after: (ms: number, run: () => void) => systemClock.after(ms / 2, run) };

// Both end their thread in the middle of forty probes: by an error, and by silence while it is busy.
for (const [script, restarts] of [["crashing", FULL ? 50 : 5], ["absent", FULL ? 10 : 2]] as const) {
  Deno.test(`${restarts} restarts of a worker that is ${script} leave nothing behind`, async () => {
    await using server = new ScriptedServer(mute);
    const slow = { timeoutMs: 60_000 };
    const targets = Array.from({ length: 40 }, (_, i) => {
      if (i % 8 === 0) return target(`b${i}`, icmpCheck(slow));
      return target(`b${i}`, i % 8 === 1 ? tcpCheck(server.port) : httpCheck(server.port, {}, slow));
    });
    const before = descriptors();
    const restarted = Array.from({ length: restarts }, () => Promise.withResolvers<void>());
    let count = 0;
    const gone = Promise.withResolvers<void>();
    let left: number = restarts;
    const log: Log = {
      ...silentLog,
      debug: (msg) => {
        if (msg === "worker-gone" && --left === 0) gone.resolve();
      },
    };
    const reports = new Reports();
    const memory: number[] = [];
    {
      await using prober = startProber({
        clock: fast,
        log,
        sink: reports.sink,
        spawn: () => new Worker(new URL(`workers/${script}.ts`, import.meta.url), { type: "module" }),
        events: { restart: () => restarted[count++]?.resolve() },
      });
      prober.start(targets);
      for (const { promise } of restarted) {
        await promise;
        memory.push(Deno.memoryUsage().rss);
      }
      await gone.promise;
      assert.ok(reports.all.some(({ result }) => result.void === "worker-restart"));
    }
    // The server needs a moment to hear of it. A thread that is busy when all ends leaves its share: it is not waited for.
    for (let tries = 0; descriptors() > before + SHARE && tries < 200; tries++) await sleep(20);
    assert.ok(descriptors() <= before + SHARE, `${before} descriptors before, ${descriptors()} after`);
    // Without giving back each restart kept some 10 MB and a hundred descriptors.
    const early = Math.min(...memory.slice(0, 5));
    const late = Math.min(...memory.slice(-5));
    assert.ok(late - early < 60_000_000, `${memory.map((octets) => Math.round(octets / 1e6)).join(" ")} MB`);
  });
}
