// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/** What the benchmarks of the VPP link run against: a simulated VPP in a process of its own, and a real one if given. */
import { cpuUsage } from "node:process";
import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log/mod.ts";
import type { ActualLb, Millis } from "../../src/model.ts";
import { connectUnix } from "../../src/vpp/link.ts";
import { Session } from "../../src/vpp/session.ts";
import { onOwnCore } from "./own_core.ts";

/** A VPP to measure against. */
export interface BenchTarget extends AsyncDisposable {
  readonly name: string;
  readonly api: string;
  readonly stats: string;
}

/** A simulated VPP whose work is not counted as ours. */
export async function simulatedVpp(workers = 0): Promise<BenchTarget> {
  const dir = await Deno.makeTempDir({ prefix: "maglev-bench-" });
  const api = `${dir}/api.sock`;
  const stats = `${dir}/stats.sock`;
  const main = new URL("../../src/simulator/main.ts", import.meta.url).pathname;
  const sockets = ["--api", api, "--stats", stats, "--workers", `${workers}`];
  const { args, command } = onOwnCore(["run", "-A", main, ...sockets, "--until-stdin-closes"]);
  const child = new Deno.Command(command, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  return {
    name: "simulated VPP",
    api,
    stats,
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await reader.cancel();
      await child.status;
      await Deno.remove(dir, { recursive: true });
    },
  };
}

/** The real VPP that the environment names, or null. */
export function realVpp(): BenchTarget | null {
  const api = Deno.env.get("MAGLEV_TEST_VPP_API") ?? "";
  const stats = Deno.env.get("MAGLEV_TEST_VPP_STATS") ?? "";
  if (api === "" || stats === "") return null;
  return { name: "real VPP", api, stats, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/**
 * A simulated VPP, and then the real one if the environment names one. That one must have no VIPs, which a benchmark could
 * take for its own; it gets its settings back. Throws when it has some.
 */
export async function* eachVpp(): AsyncGenerator<BenchTarget> {
  {
    await using simulated = await simulatedVpp();
    yield simulated;
  }
  const real = realVpp();
  if (real === null) {
    console.log("real VPP skipped: MAGLEV_TEST_VPP_API and MAGLEV_TEST_VPP_STATS are not set");
    return;
  }
  const before = await stateOf(real);
  if (before.vips.length > 0) throw new Error(`the real VPP has ${before.vips.length} VIPs of somebody else`);
  try {
    yield real;
  } finally {
    await using session = await openSession(real);
    await session.lb.apply({ kind: "conf-set", conf: before.conf });
  }
}

async function stateOf(target: BenchTarget): Promise<ActualLb> {
  await using session = await openSession(target);
  return await session.lb.readAll();
}

/** A session with it; `connect` opens its API socket. */
export function openSession({ api, stats }: BenchTarget, connect = connectUnix): Promise<Session> {
  return Session.open({
    apiAddress: api,
    statsAddress: stats,
    clock: systemClock,
    log: silentLog,
    deadlineMs: 60_000,
    onMessage: () => {},
    connect,
  }, new AbortController().signal);
}

/** CPU time of this process, all its threads, in ms. */
export function cpuMs(): Millis {
  const { user, system } = cpuUsage();
  return (user + system) / 1000;
}

/** Middle of an odd number of runs. */
export function median(runs: readonly number[]): number {
  return runs.toSorted((a, b) => a - b)[runs.length >> 1] ?? NaN;
}
