/**
 * maglevd as the soak starts it: it ends when its standard input closes, and SIGUSR2 has it log how many timers
 * of its main thread wait. Nothing outside of a process can count those.
 *
 * @module
 */
import { runDaemon } from "../daemon/run.ts";

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

Deno.addSignalListener("SIGUSR2", () => {
  const line = JSON.stringify({
    level: "INFO",
    msg: "soak-timers",
    waiting: [...timers.values()].map(describe),
  });
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
});
Deno.stdin.readable.pipeTo(new WritableStream()).finally(() => Deno.kill(Deno.pid, "SIGTERM"));
Deno.exit(await runDaemon(Deno.args));
