import type { Millis } from "../../src/model.ts";
import type { LogLine } from "./process.ts";
import { count, type SoakWorld } from "./world.ts";

/** A backend whose server has been well for so long must not go down. */
const surelyWellMs: Millis = 5_000;
/** Where this process itself did not run for so long, its servers may have been too slow, ... */
const ownStallMs: Millis = 250;
/** ... for as long as the failures of one backend take to add up. */
const failuresMs: Millis = 10_000;

/** Watches when this process, and the servers in it, did not run. */
export class Stalls implements Disposable {
  readonly #seen: { at: number; ms: number }[] = [];
  /** Longest time in which it did not run, in ms. */
  longest = 0;
  #last = performance.now();
  readonly #timer = setInterval(() => {
    const now = performance.now();
    if (now - this.#last > 50) this.#seen.push({ at: now, ms: now - this.#last });
    this.longest = Math.max(this.longest, now - this.#last);
    this.#last = now;
    while ((this.#seen[0]?.at ?? now) < now - 2 * failuresMs) this.#seen.shift();
  }, 10);

  /** The same over the last `windowMs`. */
  worst(windowMs: Millis): number {
    const since = performance.now() - windowMs;
    return Math.max(
      performance.now() - this.#last,
      ...this.#seen.filter(({ at }) => at > since).map(({ ms }) => ms),
    );
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Records that tell of a defect, whatever the world did. */
const defects = new Set(["unhandled-error", "probe-defect", "worker-restart", "vpp-conflict"]);

/** Looks for what the daemon must not log: defects, and healthy backends that go down. */
export function watchLog(world: SoakWorld, stalls: Stalls): Disposable {
  return world.daemon.watch((line: LogLine) => {
    if (defects.has(line.msg)) world.problems.push(`the daemon logged ${JSON.stringify(line)}`);
    if (line.msg !== "backend-transition" || line.to !== "down") return;
    count(world, "backend down");
    const server = world.site.server(String(line.backend));
    if (server?.healthy !== true || performance.now() - server.since < surelyWellMs) return;
    if (stalls.worst(failuresMs) > ownStallMs) {
      return count(world, "backend down while this process stood still");
    }
    world.problems.push(`a healthy backend went down: ${JSON.stringify(line)}`);
  });
}
