/**
 * Probes web servers by a design that the product does not use, for comparison, and prints its figures: sockets made
 * by `ffi/` and handed to Deno (`adopted`), or Deno's own from the start (`own`). Schedule and verdict are reduced to
 * the least: one timer a target, and the status line of the first octets that arrive.
 *
 * @module
 */
import { Socket } from "node:net";
import process from "node:process";
import { sockaddr } from "../../ffi/sockaddr.ts";
import { connect, openTcp } from "../../ffi/socket.ts";
import { ip, octets } from "../../src/net/ip.ts";
import { type Figures, quantile } from "./probe_child.ts";

/** What to do; the targets are those of the task in probe_world. */
export interface DesignTask {
  readonly design: "adopted" | "own";
  readonly count: number;
  readonly port: number;
  readonly warmSeconds: number;
  readonly seconds: number;
}

if (import.meta.main) {
  const task = JSON.parse(Deno.args[0] ?? "") as DesignTask;
  const { design, count, port } = task;
  let late: number[] = [];
  let took: number[] = [];
  let failed = 0;

  const adopted = (host: string): Promise<boolean> => {
    const fd = openTcp(4, null);
    connect(fd, sockaddr(octets(ip(host)), port));
    const socket = new Socket({ fd: fd.release() });
    const { promise, resolve } = Promise.withResolvers<boolean>();
    socket.once("data", (data: Uint8Array) => {
      resolve(new TextDecoder().decode(data.subarray(0, 12)) === "HTTP/1.1 200");
      socket.resetAndDestroy();
    });
    socket.once("error", () => resolve(false));
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    return promise;
  };

  const own = async (host: string): Promise<boolean> => {
    using conn = await Deno.connect({ hostname: host, port });
    await conn.write(
      new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
    );
    const buffer = new Uint8Array(4096);
    const length = await conn.read(buffer);
    return length !== null && new TextDecoder().decode(buffer.subarray(0, 12)) === "HTTP/1.1 200";
  };

  const probe = design === "adopted" ? adopted : own;
  const run = async (host: string, due: number): Promise<void> => {
    const start = performance.now();
    if (!await probe(host).catch(() => false)) failed++;
    late.push(start - due);
    took.push(performance.now() - start);
    const next = due + 1000;
    setTimeout(() => run(host, next), Math.max(0, next - performance.now()));
  };
  const begin = performance.now();
  for (let i = 0; i < count; i++) {
    const due = begin + (i / count) * 1000;
    const host = `127.66.${Math.floor(i / 250)}.${1 + i % 250}`;
    setTimeout(() => run(host, due), Math.max(0, due - performance.now()));
  }
  const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  await sleep(task.warmSeconds);
  [late, took, failed] = [[], [], 0];
  const start = performance.now();
  const before = process.cpuUsage();
  await sleep(task.seconds);
  const { user, system } = process.cpuUsage(before);
  const lateness = late.toSorted((a, b) => a - b);
  const durations = took.toSorted((a, b) => a - b);
  const figures: Figures = {
    cpuUs: user + system,
    seconds: (performance.now() - start) / 1000,
    rssMib: Deno.memoryUsage().rss / 2 ** 20,
    groups: {
      all: {
        probes: lateness.length,
        failed,
        voided: 0,
        lateMs: { p50: quantile(lateness, 0.5), p99: quantile(lateness, 0.99), max: lateness.at(-1) ?? 0 },
        tookMs: { p50: quantile(durations, 0.5), p99: quantile(durations, 0.99) },
      },
    },
  };
  await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(figures)}\n`));
  Deno.exit(0);
}
