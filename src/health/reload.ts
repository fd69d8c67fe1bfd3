/**
 * What a configuration makes of health, at the start and in a reload, and what the first full read of VPP does.
 *
 * @module
 */
import type { Log } from "../log/mod.ts";
import { isChange, noOverrides } from "../memory/overrides/override.ts";
import type { Actor, Config, UnixMillis } from "../model.ts";
import type { HealthEvent } from "./backend.ts";
import { checkOf, reloadBackend, renamedBackends, sortEntries } from "./config_change.ts";
import { Entry } from "./entry.ts";
import type { LateFlush } from "./hooks.ts";
import { broughtFlushes, complete } from "./late_flush.ts";
import type { ReloadOutcome } from "./outcomes.ts";
import { leaving } from "./override_book.ts";
import { memberships, withWeights } from "./running.ts";
import type { HealthSteps } from "./steps.ts";
import { firstEvents, reloadEvents } from "./toward.ts";
import { Batch, because } from "./transitions.ts";
import { markUnread } from "./unread.ts";

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

/** Takes a new, checked configuration. Backends that stay the same go on, and so does what operators set. */
export function reload(steps: HealthSteps, config: Config, actor: Actor | null): ReloadOutcome {
  const { align, apply, finish, judgement, parts, states, targets, world } = steps;
  const decidedAt = parts.clock.now();
  const now = parts.clock.wall();
  const by = actor?.principal ?? null;
  const batch = new Batch(judgement);
  batch.observe(new Set([...world.running.frontends.keys(), ...config.frontends.keys()]));
  const before = world.running;
  const old = world.entries;
  const places = memberships(config.frontends.values());
  const renamed = renamedBackends(before.backends, config.backends);
  const overrides = steps.overrides.reloaded(config, renamed);
  world.file = config;
  world.running = withWeights(config, steps.overrides.weights());
  const { entries, fresh, removed } = sortEntries(
    old,
    before,
    config,
    (backend) =>
      new Entry(
        backend,
        checkOf(config, backend),
        places.get(backend.name) ?? [],
        now,
        judgement.flows(backend.address),
      ),
  );
  world.entries = entries;
  const restart = new Set<Entry>();
  const late: LateFlush[] = [];
  for (const [name, entry] of world.entries) {
    const is = config.backends.get(name);
    if (is === undefined || fresh.has(entry)) continue;
    if (renamed.has(name)) rename(steps, entry, name, batch);
    const was = entry.backend;
    const change = reloadBackend(before, config, was, is);
    const gone = entry.places;
    entry.backend = is;
    entry.check = checkOf(config, is);
    entry.places = places.get(is.name) ?? [];
    entry.trim(config.healthchecker.transitionHistory);
    const { state } = entry.health;
    const events = reloadEvents(change.events, steps.overrides.orders(name));
    apply(entry, events, batch, now, by, gone);
    align(entry, batch, now, leaving(overrides, name), by, "ended");
    if (entry.health.state === state && entry.health.unread !== "state") {
      late.push(...broughtFlushes(entry, was, gone, before, config, judgement));
    }
    if (change.restart) restart.add(entry);
    if (change.newAddress) entry.lastProbe = null;
    if (change.restart || entry.check === null) entry.certificate = entry.latency = null;
  }
  for (const entry of fresh) {
    enterService(steps, entry, batch, now);
    if (world.unread) markUnread(entry, false);
  }
  for (const entry of removed) apply(entry, [{ kind: "remove" }], batch, now, by);
  states.keep(config.frontends.values(), now, config.healthchecker.transitionHistory);
  targets.align([...removed, ...world.entries.values()], world.running.healthchecker.netns, restart);
  const { frontendChanges, transitions } = finish(
    batch,
    config.frontends.keys(),
    because("reload"),
    decidedAt,
    now,
    late,
  );
  tellReload(parts.log, renamed);
  steps.tell(overrides, by, null);
  return { transitions, frontendChanges, renamed, overrides };
}

/** Gives a backend another name; its old name is probed no more. */
function rename(steps: HealthSteps, entry: Entry, name: string, batch: Batch): void {
  const { parts, targets } = steps;
  const was = entry.backend.name;
  batch.rename(was, name);
  targets.forget(entry);
  parts.metrics.forgotten(was);
}

/** Tells which backends only changed their name in a reload: old names by new names. */
function tellReload(log: Log, renamed: ReadonlyMap<string, string>): void {
  for (const [name, was] of renamed) {
    log.info("config-reload", { detail: `backend ${was} is ${name} now; it keeps state and history` });
  }
}

function enterService(steps: HealthSteps, entry: Entry, batch: Batch, now: UnixMillis): void {
  const { apply, overrides } = steps;
  const orders = overrides.orders(entry.backend.name);
  const events = firstEvents(entry.health.rule, orders);
  apply(entry, events, batch, now, orders.override?.by ?? null);
}
