/**
 * What another configuration makes of health: which backends stay, come and go.
 *
 * @module
 */
import type { Log } from "../log/mod.ts";
import type { OverrideChange } from "../memory/overrides/override.ts";
import type { Actor, Transition } from "../model.ts";
import type { Config } from "../configuration.ts";
import {
  checkOf,
  memberships,
  reloadBackend,
  reloadEvents,
  renamedBackends,
  sortEntries,
  withWeights,
} from "./config.ts";
import { Entry } from "./entry.ts";
import { because, type FrontendChange } from "./frontend.ts";
import { leaving } from "./override_book.ts";
import { enterService, markUnread } from "./start.ts";
import type { HealthSteps } from "./tracker_parts.ts";
import { Batch, broughtFlushes, type LateFlush } from "./transitions.ts";

/** Outcome of a reload. */
export interface ReloadOutcome {
  /** Changes of state, in the file's order; removed backends last. */
  readonly transitions: readonly Transition[];
  /** Changes of frontends. */
  readonly frontendChanges: readonly FrontendChange[];
  /** Backends that only changed their name: old names by new names. */
  readonly renamed: ReadonlyMap<string, string>;
  /** What ended, sleeps and wakes. */
  readonly overrides: OverrideChange;
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
