/**
 * What health does while the overrides of an earlier process are not read yet: the memory is late.
 *
 * VPP has what those overrides made of it, and nobody here knows them. So a backend serves as VPP had it at the first
 * full read of this process:
 *
 *   backend                              weight on a VIP that had it with a weight   on one that had it at 0, or not
 *   up                                   that of the first read                      configured; 0 is not raised
 *   disabled by the file, at the start   that of the first read, no flush            0, no flush
 *   unknown, down, paused                as ever: a dead server is lowered at once
 *   weight, pause, disable or enable by
 *   an operator of this process          as ever: it is newer than what is not read
 *
 * A weight of 0 is held by the guard of the plan; see lb/write_gate.ts. A file that says `enabled: false` may be
 * overridden by an `enable`. Such a backend is not probed meanwhile, but VPP is not told.
 *
 *   start, memory late ──▶ unread ──overrides came──▶ in force, as after a start on time
 *                             └─given up, with the guard──▶ the file is in force: weights follow, disabled ones are flushed
 *
 * @module
 */
import type { OverrideChange } from "../memory/overrides/override.ts";
import { complete } from "./late_flush.ts";
import type { Entry } from "./entry.ts";
import type { LateFlush } from "./hooks.ts";
import { concerns, leaving } from "./override_book.ts";
import { withWeights } from "./running.ts";
import type { HealthSteps } from "./steps.ts";
import { Batch, because } from "./transitions.ts";

/** Marks a backend as one with overrides that may not be read yet, once its first events are through. */
export function markUnread(entry: Entry, isStart: boolean): void {
  const isFiles = isStart && entry.health.state === "disabled";
  entry.health = { ...entry.health, unread: isFiles ? "state" : "weights" };
}

/**
 * The file's `enabled: false` of a backend is in force: no override says otherwise. Decides the flushes that its
 * transition did not tell.
 */
export function confirmDisabled(entry: Entry, { judgement, parts }: HealthSteps): readonly LateFlush[] {
  if (entry.health.unread !== "state") return [];
  entry.health = { ...entry.health, unread: "weights" };
  const [told] = entry.history;
  // Before the first full read nobody knows what VPP has; the read decides then.
  if (!entry.toldUnread || told === undefined || parts.vpp.firstRead === "awaited") return [];
  entry.toldUnread = false;
  const { late, transition } = complete(told, entry.backend.name, judgement);
  entry.history[0] = transition;
  return late;
}

/**
 * Ends the wait for the overrides.
 *
 * @param change what they bring; null: they did not come
 */
export function endUnread(steps: HealthSteps, change: OverrideChange | null): void {
  const { align, finish, judgement, overrides, parts, targets, tell, world } = steps;
  const decidedAt = parts.clock.now();
  const now = parts.clock.wall();
  const frontends = [...world.running.frontends.keys()];
  const batch = new Batch(judgement);
  batch.observe(frontends);
  world.unread = false;
  const concerned = new Set(change === null ? [] : concerns(change).backends);
  if (change !== null) world.running = withWeights(world.file, overrides.weights());
  const late: LateFlush[] = [];
  for (const entry of world.entries.values()) {
    const { name } = entry.backend;
    if (change !== null && concerned.has(name)) {
      const isSet = change.set.some((one) => one.kind !== "weight" && one.backend === name);
      align(entry, batch, now, leaving(change, name), null, isSet ? "late" : "ended");
    }
    late.push(...confirmDisabled(entry, steps));
    const { unread: _, ...health } = entry.health;
    entry.health = health;
  }
  targets.align(world.entries.values(), world.running.healthchecker.netns);
  const why = change === null
    ? "what operators set before is not known"
    : "what operators set before is known";
  finish(batch, frontends, because(why), decidedAt, now, late, frontends);
  if (change !== null) tell(change, null, null);
}
