import { systemClock } from "../../src/clock.ts";
import type { Millis } from "../../src/model.ts";
import type { Simulator } from "../../src/simulator/simulator.ts";
import type { SoakApi } from "./api.ts";
import type { Maglevd } from "./process.ts";
import type { Random } from "./random.ts";
import type { TinyServer } from "./servers.ts";
import type { Site } from "./site.ts";

/** What the parts of a soak share. */
export interface SoakWorld {
  /** The daemon. */
  readonly daemon: Maglevd;
  /** Its API. */
  readonly api: SoakApi;
  /** The simulated VPP. */
  readonly simulator: Simulator;
  /** Every application server, configured or not. */
  readonly servers: readonly TinyServer[];
  /** What the file says. */
  readonly site: Site;
  /** Backends that operators paused or disabled. */
  readonly held: Map<string, "paused" | "disabled">;
  /** How often what was done. */
  readonly tally: Map<string, number>;
  /** What must not have happened, as sentences. */
  readonly problems: string[];
  /** Aborts when quiet begins. */
  readonly quiet: AbortSignal;
}

/** One who makes trouble until quiet begins. */
export type Actor = (world: SoakWorld, random: Random) => Promise<void>;

/** Counts what was done. */
export function count({ tally }: SoakWorld, what: string): void {
  tally.set(what, (tally.get(what) ?? 0) + 1);
}

/** Waits for a random time; false when quiet began meanwhile. */
export async function pause(
  world: SoakWorld,
  random: Random,
  fromMs: Millis,
  toMs: Millis,
): Promise<boolean> {
  try {
    await systemClock.sleep(random.int(fromMs, toMs), world.quiet);
    return true;
  } catch (error) {
    if (world.quiet.aborted) return false;
    throw error;
  }
}
