/**
 * A process that does nothing but probe, for the benchmarks: its targets and times come as JSON, its figures go out
 * as one line of JSON.
 *
 * @module
 */
import process from "node:process";
import { silentLog } from "../../src/log/mod.ts";
import type { HealthCheck } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";
import { startProber } from "../../src/probes/runner.ts";
import { target } from "../probes/helpers.ts";
import { readFiles } from "../probes/local.ts";

/** What to do. */
export interface Task {
  /** Groups of targets with one check each; figures are told apart by group. */
  readonly groups: readonly {
    readonly name: string;
    readonly check: HealthCheck;
    readonly count: number;
    /** Network of the addresses, three octets; each group takes 250 addresses of each third octet. */
    readonly network: string;
    readonly netns?: string;
  }[];
  /** Seconds before figures are taken, and of the figures. */
  readonly warmSeconds: number;
  readonly seconds: number;
}

/** Figures of one group. */
export interface GroupFigures {
  readonly probes: number;
  readonly failed: number;
  readonly voided: number;
  /** How late probes began, in ms. */
  readonly lateMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** How long they took, in ms. */
  readonly tookMs: { readonly p50: number; readonly p99: number };
}

/** Figures of a run. */
export interface Figures {
  /** Processor time of the whole process, both threads, in microseconds. */
  readonly cpuUs: number;
  readonly seconds: number;
  /** Resident memory at the end, in MiB. */
  readonly rssMib: number;
  readonly groups: Readonly<Record<string, GroupFigures>>;
}

/** A quantile of sorted numbers; 0 of none. */
export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
}

if (import.meta.main) {
  const task = JSON.parse(Deno.args[0] ?? "") as Task;
  /** What is told of the probes of a group. */
  interface Sum {
    late: number[];
    took: number[];
    failed: number;
    voided: number;
  }
  const sums = new Map(
    task.groups.map(({ name }): [string, Sum] => [name, { late: [], took: [], failed: 0, voided: 0 }]),
  );
  /** By backend, so that a report costs this process little beside the prober. */
  const sumOf = new Map<string, Sum>();
  await using prober = startProber({
    log: silentLog,
    sink: (reports) => {
      for (const { backend, result } of reports) {
        const sum = sumOf.get(backend);
        if (sum === undefined) continue;
        sum.late.push(result.startedAt - result.scheduledAt);
        sum.took.push(result.totalMs);
        if (result.void !== null) sum.voided++;
        else if (!result.ok) sum.failed++;
      }
    },
  });
  for (const { check } of task.groups) prober.files(await readFiles(check), []);
  prober.start(
    task.groups.flatMap(({ name, check, count, network, netns = "" }) =>
      Array.from({ length: count }, (_, i) => {
        const sum = sums.get(name);
        if (sum !== undefined) sumOf.set(`${name}-${i}`, sum);
        const [a, b, c] = network.split(".").map(Number);
        const address = ip(`${a}.${b}.${(c ?? 0) + Math.floor(i / 250)}.${1 + i % 250}`);
        return target(`${name}-${i}`, check, {
          address,
          netns,
          firstDelayMs: (i / count) * check.intervalMs,
        });
      })
    ),
  );
  const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  await sleep(task.warmSeconds);
  for (const sum of sums.values()) Object.assign(sum, { late: [], took: [], failed: 0, voided: 0 });
  const start = performance.now();
  const before = process.cpuUsage();
  await sleep(task.seconds);
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - start) / 1000;
  const groups = Object.fromEntries(task.groups.map(({ name }): [string, GroupFigures] => {
    const sum = sums.get(name) ?? { late: [], took: [], failed: 0, voided: 0 };
    const lateness = sum.late.toSorted((a, b) => a - b);
    const durations = sum.took.toSorted((a, b) => a - b);
    const { failed, voided } = sum;
    return [name, {
      probes: lateness.length,
      failed,
      voided,
      lateMs: { p50: quantile(lateness, 0.5), p99: quantile(lateness, 0.99), max: lateness.at(-1) ?? 0 },
      tookMs: { p50: quantile(durations, 0.5), p99: quantile(durations, 0.99) },
    }];
  }));
  const figures: Figures = {
    cpuUs: user + system,
    seconds,
    rssMib: Deno.memoryUsage().rss / 2 ** 20,
    groups,
  };
  await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(figures)}\n`));
}
