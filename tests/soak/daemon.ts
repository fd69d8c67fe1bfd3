/**
 * maglevd as the soak starts it: it ends when its standard input closes, and SIGUSR2 has it log which timers of its
 * main thread wait, and what its heap holds once all garbage is gone. Nothing outside of a process can tell that.
 * Needs `--v8-flags=--expose-gc`.
 *
 * @module
 */
import { runDaemon } from "../../src/daemon/run.ts";

type Callback = (...args: unknown[]) => void;

/** A timer that waits. */
interface Waiting {
  readonly ms: number;
  /** Made where the timer was, for its stack. */
  readonly made: Error;
}

const timers = new Map<number, Waiting>();
const { setTimeout: begin, clearTimeout: end } = globalThis;

function beginCounted(callback: Callback, ms = 0, ...args: unknown[]): number {
  const timer = Number(begin(() => {
    timers.delete(timer);
    callback(...args);
  }, ms));
  timers.set(timer, { ms, made: new Error() });
  return timer;
}

function endCounted(timer?: number): void {
  if (timer !== undefined) timers.delete(timer);
  end(timer);
}

/** E.g. `5000 ms by src/vpp/link.ts:120`. */
function describe({ ms, made }: Waiting): string {
  const frames = (made.stack ?? "").split("\n").map((line) => /(?:src|routes)\/\S+:\d+(?=:)/.exec(line)?.[0]);
  const maker = frames.find((frame) => frame !== undefined && !/src\/(clock|tasks\/)/.test(frame));
  return `${Math.round(ms)} ms by ${maker ?? "?"}`;
}

Object.assign(globalThis, { setTimeout: beginCounted, clearTimeout: endCounted });

/** Collects all garbage. */
const { gc } = globalThis as { gc?: () => void };

Deno.addSignalListener("SIGUSR2", () => {
  gc?.();
  const line = JSON.stringify({
    level: "INFO",
    msg: "soak-inside",
    timers: [...timers.values()].map(describe),
    heap_kib: Math.round(Deno.memoryUsage().heapUsed / 1024),
  });
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
});
Deno.stdin.readable.pipeTo(new WritableStream()).finally(() => Deno.kill(Deno.pid, "SIGTERM"));
Deno.exit(await runDaemon(Deno.args));
