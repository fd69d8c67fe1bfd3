/**
 * What the daemon holds, before and after.
 *
 * @module
 */
import { systemClock } from "../../src/clock.ts";
import type { Millis } from "../../src/model.ts";
import { MAX_IDLE } from "../../src/probes/tcp_sockets.ts";
import { floorSlope, type Holdings, holdings, type Sample } from "./measure.ts";
import type { Inside, Maglevd } from "./process.ts";

/**
 * Most that the heap may hold more afterwards, garbage aside: the events and transitions that are kept, up to
 * their limits, and what is counted by name. A leak of 35 octets a probe is as much in a quarter of an hour.
 */
const heapGrowthKib = 16 * 1024;
/** The heap is judged in runs of this length, which end with a longer rest. */
export const heapMs: Millis = 60_000;
/** Memory of the process is judged in runs of this length; in shorter ones it still grows to its usual size. */
const memoryMs: Millis = 10 * 60_000;
/** Collections of all garbage are less than this apart, so that each span of it has a floor. */
const spanSeconds = 120;
/**
 * Most that the floor may grow. The collector's floors differ by some 10 MiB from one to the next, and a leak of 70
 * octets a probe at 500 probes a second is 2 MiB a minute.
 */
const memoryKibPerMinute = 2048;

/** What the daemon holds when it is at rest. */
export interface AtRest extends Holdings, Inside {}

/** The least of some looks, since probes come and go. */
export async function atRest(daemon: Maglevd): Promise<AtRest> {
  let { descriptors, kinds, spare } = holdings(daemon.pid);
  let { timers, heapKib } = await daemon.inside();
  for (let look = 0; look < 60; look++) {
    await systemClock.sleep(50);
    const now = holdings(daemon.pid);
    if (now.descriptors < descriptors) ({ descriptors, kinds } = now);
    spare = Math.min(spare, now.spare);
    if (look % 10 > 0) continue;
    const inside = await daemon.inside();
    if (inside.timers.length < timers.length) timers = inside.timers;
    heapKib = Math.min(heapKib, inside.heapKib);
  }
  return { ...holdings(daemon.pid), descriptors, kinds, spare, timers, heapKib };
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
  forMs: Millis,
  figures: Map<string, string>,
  problems: string[],
): void {
  const same = (what: string, was: number, is: number, details: string) => {
    figures.set(what, `${was} before, ${is} after`);
    if (is > was) problems.push(`leaked ${what}: ${was} before, ${is} after: ${details}`);
  };
  same("descriptors", before.descriptors, after.descriptors, `${text(before.kinds)}; ${text(after.kinds)}`);
  figures.set("spare sockets", `${before.spare} before, ${after.spare} after (bound ${MAX_IDLE})`);
  if (after.spare > MAX_IDLE) problems.push(`leaked spare sockets: ${after.spare}`);
  same("mappings of counters", before.sharedMappings, after.sharedMappings, "");
  figures.set("timers", `${before.timers.length} before, ${after.timers.length} after`);
  // One that waits now and then is no leak: the deadline of VPP's last request stays for a while. Two are.
  for (const [maker, times] of makers(after)) {
    if (times > Math.max(1, makers(before).get(maker) ?? 0)) {
      problems.push(`leaked timers: ${times} by ${maker}`);
    }
  }
  const grown = after.heapKib - before.heapKib;
  const [was, is] = [before.heapKib, after.heapKib].map((kib) => (kib / 1024).toFixed(1));
  figures.set("heap without garbage", `${was} MiB before, ${is} MiB after (bound +${heapGrowthKib / 1024})`);
  if (grown > heapGrowthKib && forMs >= heapMs) {
    problems.push(`leaked heap: ${was} MiB before, ${is} MiB after`);
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
  const [first, last] = [judged[0], judged.at(-1)];
  const seconds = first === undefined || last === undefined ? 0 : last.at - first.at;
  const slope = floorSlope(judged, Math.floor(seconds / spanSeconds));
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
