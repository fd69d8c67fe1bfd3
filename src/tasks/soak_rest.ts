/**
 * What the daemon holds, before and after.
 *
 * @module
 */
import { systemClock } from "../clock.ts";
import type { Millis } from "../model.ts";
import { floorSlope, type Holdings, holdings, type Sample } from "./soak_measure.ts";
import type { Maglevd } from "./soak_process.ts";

/** Memory is judged in runs of this length; in shorter ones it still grows to its usual size. */
const memoryMs: Millis = 5 * 60_000;
/**
 * Most that the memory's floor may grow. The daemon makes some 500 probes a second, 30,000 a minute: a leak of
 * 35 octets a probe is 1 MiB a minute.
 */
const memoryKibPerMinute = 1024;

/** What the daemon holds when it is at rest. */
export interface AtRest extends Holdings {
  /** Timers that wait: length and who made each. */
  readonly timers: readonly string[];
}

/** The least of some looks, since probes come and go. */
export async function atRest(daemon: Maglevd): Promise<AtRest> {
  let { descriptors, kinds } = holdings(daemon.pid);
  let timers = await daemon.timers();
  for (let look = 0; look < 60; look++) {
    await systemClock.sleep(50);
    const now = holdings(daemon.pid);
    if (now.descriptors < descriptors) ({ descriptors, kinds } = now);
    if (look % 6 > 0) continue;
    const waiting = await daemon.timers();
    if (waiting.length < timers.length) timers = waiting;
  }
  return { ...holdings(daemon.pid), descriptors, kinds, timers };
}

/** Samples the daemon's resident memory every second, in KiB. */
export function sampleMemory(daemon: Maglevd, samples: Sample[]): Disposable {
  const timer = setInterval(() => {
    if (daemon.ended === null) {
      samples.push({ at: performance.now() / 1000, value: holdings(daemon.pid).residentKib });
    }
  }, 1000);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Tells what was held before and after, and what leaked. */
export function compare(
  before: AtRest,
  after: AtRest,
  figures: Map<string, string>,
  problems: string[],
): void {
  const same = (what: string, was: number, is: number, details: string) => {
    figures.set(what, `${was} before, ${is} after`);
    if (is > was) problems.push(`leaked ${what}: ${was} before, ${is} after: ${details}`);
  };
  same("descriptors", before.descriptors, after.descriptors, `${text(before.kinds)}; ${text(after.kinds)}`);
  same("mappings of counters", before.sharedMappings, after.sharedMappings, "");
  figures.set("timers", `${before.timers.length} before, ${after.timers.length} after`);
  // One that waits now and then is no leak: the deadline of VPP's last request stays for a while. Two are.
  for (const [maker, times] of makers(after)) {
    if (times > Math.max(1, makers(before).get(maker) ?? 0)) {
      problems.push(`leaked timers: ${times} by ${maker}`);
    }
  }
  figures.set("mappings", `${before.mappings} before, ${after.mappings} after`);
  figures.set(
    "memory",
    `${Math.round(before.residentKib / 1024)} MiB before, ${Math.round(after.residentKib / 1024)} MiB after`,
  );
}

/** Timers by who made them. */
function makers({ timers }: AtRest): Map<string, number> {
  const found = new Map<string, number>();
  for (const timer of timers) {
    const maker = timer.replace(/^\d+ ms by /, "");
    found.set(maker, (found.get(maker) ?? 0) + 1);
  }
  return found;
}

function text(kinds: ReadonlyMap<string, number>): string {
  return [...kinds].map(([kind, times]) => `${times} ${kind}`).join(", ");
}

/** Tells how the memory's floor grew over the last two thirds of the trouble. */
export function judgeMemory(
  samples: readonly Sample[],
  forMs: Millis,
  figures: Map<string, string>,
  problems: string[],
): void {
  const judged = samples.slice(Math.floor(samples.length / 3));
  const slope = floorSlope(judged, 20);
  if (slope === null || forMs < memoryMs) {
    figures.set("memory's floor", `not judged in less than ${memoryMs / 60_000} minutes`);
    return;
  }
  const perMinute = Math.round(slope * 60);
  figures.set(
    "memory's floor",
    `${perMinute} KiB a minute over the last two thirds (bound ${memoryKibPerMinute})`,
  );
  if (perMinute > memoryKibPerMinute) problems.push(`memory grows by ${perMinute} KiB a minute`);
}
