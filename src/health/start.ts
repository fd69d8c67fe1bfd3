/**
 * What health does at the start: with the configuration, with the first full read of VPP, and while the overrides of an
 * earlier process are not read yet because the memory is late.
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
 *   start, memory late --> unread --overrides came--> in force, as after a start on time
 *                             +-given up, with the guard--> the file is in force: weights follow, disabled ones are flushed
 *
 * @module
 */
import { isChange, noOverrides, type OverrideChange } from "../memory/overrides/override.ts";
import type { UnixMillis } from "../model.ts";
import type { HealthEvent } from "./backend.ts";
import { checkOf, firstEvents, memberships, withWeights } from "./config.ts";
import { Entry } from "./entry.ts";
import { because } from "./frontend.ts";
import { concerns, leaving } from "./override_book.ts";
import type { HealthSteps } from "./tracker_parts.ts";
import { Batch, complete, type LateFlush } from "./transitions.ts";

/** Begins: backends without a check come up, disabled ones are disabled, the others are probed, spread in time. */
export function start(steps: HealthSteps): void {
  const { finish, judgement, overrides: book, parts, states, targets, world } = steps;
  const now = parts.clock.wall();
  const { overrides = noOverrides } = parts;
  const restored = book.take(book.restored(overrides));
  world.running = withWeights(world.file, book.weights());
  const batch = new Batch(judgement);
  const places = memberships(world.running.frontends.values());
  for (const backend of world.running.backends.values()) {
    const check = checkOf(world.running, backend);
    const at = places.get(backend.name) ?? [];
    world.entries.set(
      backend.name,
      new Entry(backend, check, at, now, judgement.flows(backend.address)),
    );
  }
  states.keep(
    world.running.frontends.values(),
    now,
    world.running.healthchecker.transitionHistory,
  );
  for (const entry of world.entries.values()) {
    enterService(steps, entry, batch, now);
    if (world.unread) markUnread(entry, true);
  }
  targets.begin(world.entries.values(), world.running.healthchecker.netns);
  finish(batch, world.running.frontends.keys(), because("start"), parts.clock.now(), now);
  if (isChange(restored)) parts.onOverrides?.(restored, null, null);
}

/**
 * VPP was read whole for the first time in this process: what it showed is the witness from now on, and decides
 * the flushes of first states that were told before.
 */
export function firstRead(steps: HealthSteps): void {
  const { apply, finish, judgement, parts, targets, world } = steps;
  const { clock, vpp } = parts;
  const now = clock.wall();
  const batch = new Batch(judgement);
  const late: LateFlush[] = [];
  for (const entry of world.entries.values()) {
    const [told] = entry.history;
    // Whether the file's `disabled` is in force is decided later.
    const isOpen = entry.health.unread === "state";
    if (entry.toldUnread && told !== undefined && !isOpen) {
      const completed = complete(told, entry.backend.name, judgement);
      entry.history[0] = completed.transition;
      late.push(...completed.late);
    }
    entry.toldUnread &&= isOpen;
    const event: HealthEvent = vpp.hadWeight(entry.backend.address)
      ? { kind: "witness" }
      : { kind: "no-witness", failure: entry.lastFailure };
    apply(entry, [event], batch, now, null);
    targets.pace(entry);
  }
  const reason = (why: string) => why === "" ? "as read from VPP" : why;
  finish(batch, world.running.frontends.keys(), reason, clock.now(), now, late);
}

/** Steps a fresh backend to what the configuration and the overrides make of it. */
export function enterService(steps: HealthSteps, entry: Entry, batch: Batch, now: UnixMillis): void {
  const { apply, overrides } = steps;
  const orders = overrides.orders(entry.backend.name);
  const events = firstEvents(entry.health.rule, orders);
  apply(entry, events, batch, now, orders.override?.by ?? null);
}

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
