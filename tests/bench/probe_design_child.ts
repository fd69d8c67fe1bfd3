/**
 * Probes by a design that the product does not use, for comparison, and prints its figures: the product's own probes
 * on the main thread (`main`), sockets made by `ffi/` and handed to Deno (`adopted`), or Deno's own from the start
 * (`own`). Schedule and verdict of the last two are reduced to the least: one timer a target, and for http the status
 * line of the first octets that arrive.
 *
 * @module
 */
import { Socket } from "node:net";
import process from "node:process";
import { sockaddr } from "../../ffi/sockaddr.ts";
import { connect, openTcp } from "../../ffi/socket.ts";
import { systemClock } from "../../src/clock.ts";
import type { HealthCheck } from "../../src/configuration.ts";
import { ip, octets } from "../../src/net/ip.ts";
import { Engine } from "../../src/probes/engine.ts";
import { Loop } from "../../src/probes/loop.ts";
import { Probes } from "../../src/probes/probe.ts";
import { TlsContents } from "../../src/probes/tls_contents.ts";
import { Reactor } from "../../src/probes/socket.ts";
import { target } from "../probes/helpers.ts";
import { type Figures, quantile } from "./probe_child.ts";

/** What to do; the targets are those of the task in probe_world. */
export interface DesignTask {
  readonly design: "main" | "adopted" | "own";
  readonly check: HealthCheck;
  readonly count: number;
  readonly warmSeconds: number;
  readonly seconds: number;
}

/** What was seen so far. */
class Seen {
  late: number[] = [];
  took: number[] = [];
  failed = 0;

  clear(): void {
    [this.late, this.took, this.failed] = [[], [], 0];
  }
}

const hostOf = (i: number) => `127.66.${Math.floor(i / 250)}.${1 + i % 250}`;

function onMainThread({ check, count }: DesignTask, seen: Seen): AsyncDisposable {
  const clock = systemClock;
  const resources = new AsyncDisposableStack();
  const reactor = resources.use(new Reactor());
  const probes = resources.use(
    new Probes(reactor, { certificate: () => {}, contents: new TlsContents(() => {}) }),
  );
  const engine = resources.use(
    new Engine({
      clock,
      random: Math.random,
      version: "bench",
      limit: 15_000,
      limited: () => {},
      machine: (attempt) => probes.machine(attempt),
      dropped: (plan) => probes.dropped(plan),
      review: (plan, found) => probes.review(plan, found),
      drain: () => reactor.wait(0),
      flush: (now) => probes.flush(now),
      changed: () => {},
      begin: () => {},
      report: (_target, { ok, totalMs }, _nextDueAt, lateMs) => {
        seen.late.push(lateMs);
        seen.took.push(totalMs);
        if (!ok) seen.failed++;
      },
      defect: (error) => {
        throw error;
      },
    }),
  );
  // The main thread has an API to serve: it must not wait in the kernel.
  resources.use(
    new Loop({
      clock,
      reactor,
      engine,
      expects: () => "message",
      turn: () => new Promise((resolve) => setTimeout(resolve, 1)),
      passed: () => {},
      stopped: () => false,
    }),
  );
  engine.start(Array.from({ length: count }, (_, i) =>
    target(`b-${i}`, check, {
      address: ip(hostOf(i)),
      firstDelayMs: (i / count) * check.intervalMs,
    })));
  return resources;
}

/** One probe of a host over Deno's sockets; whether it passed. */
function platformProbe({ design, check }: DesignTask): (host: string) => Promise<boolean> {
  const port = check.port ?? 0;
  const http = check.type === "http";
  const request = (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  const good = (octets: Uint8Array) => new TextDecoder().decode(octets.subarray(0, 12)) === "HTTP/1.1 200";
  if (design === "own") {
    return async (host) => {
      using conn = await Deno.connect({ hostname: host, port });
      if (!http) return true;
      await conn.write(new TextEncoder().encode(request(host)));
      const buffer = new Uint8Array(4096);
      return await conn.read(buffer) !== null && good(buffer);
    };
  }
  return (host) => {
    const fd = openTcp(4, null);
    connect(fd, sockaddr(octets(ip(host)), port));
    const socket = new Socket({ fd: fd.release() });
    const { promise, resolve } = Promise.withResolvers<boolean>();
    socket.once("error", () => resolve(false));
    const end = (passed: boolean) => {
      resolve(passed);
      socket.resetAndDestroy();
    };
    if (http) {
      socket.once("data", (data: Uint8Array) => end(good(data)));
      socket.write(request(host));
    } else socket.write("", () => end(true));
    return promise;
  };
}

function onPlatform(task: DesignTask, seen: Seen): void {
  const probe = platformProbe(task);
  const run = async (host: string, due: number): Promise<void> => {
    const start = performance.now();
    if (!await probe(host).catch(() => false)) seen.failed++;
    seen.late.push(start - due);
    seen.took.push(performance.now() - start);
    const next = due + 1000;
    setTimeout(() => run(host, next), Math.max(0, next - performance.now()));
  };
  const begin = performance.now();
  for (let i = 0; i < task.count; i++) {
    const due = begin + (i / task.count) * 1000;
    setTimeout(() => run(hostOf(i), due), Math.max(0, due - performance.now()));
  }
}

if (import.meta.main) {
  const task = JSON.parse(Deno.args[0] ?? "") as DesignTask;
  const seen = new Seen();
  if (task.design === "main") onMainThread(task, seen);
  else onPlatform(task, seen);
  const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  await sleep(task.warmSeconds);
  seen.clear();
  const start = performance.now();
  const before = process.cpuUsage();
  await sleep(task.seconds);
  const { user, system } = process.cpuUsage(before);
  const lateness = seen.late.toSorted((a, b) => a - b);
  const durations = seen.took.toSorted((a, b) => a - b);
  const figures: Figures = {
    cpuUs: user + system,
    seconds: (performance.now() - start) / 1000,
    rssMib: Deno.memoryUsage().rss / 2 ** 20,
    groups: {
      all: {
        probes: lateness.length,
        failed: seen.failed,
        voided: 0,
        lateMs: { p50: quantile(lateness, 0.5), p99: quantile(lateness, 0.99), max: lateness.at(-1) ?? 0 },
        tookMs: { p50: quantile(durations, 0.5), p99: quantile(durations, 0.99) },
      },
    },
  };
  await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(figures)}\n`));
  // What is on its way is of no interest any more.
  Deno.exit(0);
}
