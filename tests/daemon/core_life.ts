/** One random life: what happens to a site, and what must never happen in it. */
import assert from "node:assert/strict";
import type { BackendAction } from "../../src/control.ts";
import { changesOf } from "../../src/lb/report.ts";
import { desiredVips } from "../../src/lb/desired.ts";
import { frontendVip, vipId } from "../../src/lb/vips.ts";
import { type LeftOverrides, noOverrides } from "../../src/memory/overrides/override.ts";
import type { IpAddress, Millis, VipRecord } from "../../src/model.ts";
import type { Backend, Config } from "../../src/configuration.ts";
import { FakeClock, settle } from "../fake_clock.ts";
import { alice } from "../health/kit.ts";
import type { FakeBalancer } from "../lb/fake_balancer.ts";
import { Core } from "./core.ts";
import { Watch, type WatchedLife } from "./core_watch.ts";
import { LifeVpp } from "./core_vpp.ts";
import { configOfFile, type Edit, edited, hosts, type SiteFile } from "./core_site.ts";

/** What can happen. */
export type Event =
  | { readonly kind: "probe"; readonly mask: number }
  | { readonly kind: "host"; readonly at: number; readonly health: "alive" | "dead" | "blind" }
  | { readonly kind: "act"; readonly at: number; readonly action: BackendAction; readonly for: Millis | null }
  | {
    readonly kind: "weight";
    readonly at: number;
    readonly weight: number;
    readonly flush: boolean;
    readonly for: Millis | null;
  }
  | { readonly kind: "clear"; readonly at: number }
  | { readonly kind: "reload"; readonly edits: readonly Edit[] }
  | { readonly kind: "restart"; readonly edits: readonly Edit[]; readonly memory: boolean }
  /** A restart while a host is dead: its first probe fails. */
  | { readonly kind: "crash"; readonly at: number; readonly memory: boolean }
  | { readonly kind: "away" | "back" | "reboot" | "slow" | "fast" | "refuse" | "accept" | "step" }
  | { readonly kind: "drift"; readonly at: number; readonly weight: number | null }
  | { readonly kind: "foreign"; readonly at: number }
  | { readonly kind: "drop"; readonly at: number }
  | { readonly kind: "sync"; readonly at: number | null }
  | { readonly kind: "wait"; readonly ms: number };

/** A life of one site. */
export class Life implements AsyncDisposable, WatchedLife {
  readonly #watch = new Watch(this);
  readonly #clock = new FakeClock();
  readonly #health = new Map<IpAddress, "alive" | "dead" | "blind">(hosts.map((host) => [host, "alive"]));
  readonly #vpp: LifeVpp;
  #file: SiteFile;
  #core: Core | null = null;
  /** Events since all was settled: a plan may be older than the last of them. */
  #unsettled = 0;
  readonly #pending: Promise<unknown>[] = [];
  #record: VipRecord | null = null;
  #left: LeftOverrides = noOverrides;
  /** Names of backends that an operator paused or disabled and nobody put back since. */
  #held = new Set<string>();

  constructor(file: SiteFile, dice: () => number) {
    this.#file = file;
    this.#vpp = new LifeVpp(dice, this.#watch, () => this.core.reconciler);
    this.#start(false);
  }

  get core(): Core {
    return this.#core ?? assert.fail("no daemon runs");
  }

  get config(): Config {
    return configOfFile(this.#file);
  }

  get vpp(): FakeBalancer {
    return this.#vpp.is;
  }

  /** Failures in a row that take a backend down. */
  get fall(): number {
    return this.#file.fall;
  }

  /** What was found wrong, as sentences. */
  get wrong(): string[] {
    return this.#watch.wrong;
  }

  /** Lets everything run that follows from what happened so far. */
  async settle(): Promise<void> {
    await settle();
    this.#unsettled = 0;
  }

  async live(event: Event): Promise<void> {
    this.#unsettled++;
    switch (event.kind) {
      case "probe":
        return this.probe(event.mask);
      case "host": {
        const host = hosts[event.at % hosts.length];
        if (host !== undefined) this.#health.set(host, event.health);
        return;
      }
      case "act": {
        const names = [...this.core.tracker.entries()].map((entry) => entry.backend.name);
        const name = names[event.at % Math.max(1, names.length)];
        if (name !== undefined) this.#act(name, event.action, event.for);
        return;
      }
      case "weight":
        return this.#weigh(event.at, event.weight, event.flush, event.for);
      case "clear": {
        const { list } = this.core.tracker.overrides;
        const override = list[event.at % Math.max(1, list.length)];
        if (override === undefined) return;
        this.#held.delete(override.backend);
        this.core.tracker.orders.clearOverride(override.id, alice);
        return;
      }
      case "reload":
        this.#edit(event.edits);
        this.#pending.push(this.#reload());
        return;
      case "restart":
        return await this.restart(event.memory, event.edits);
      case "crash":
        await this.live({ kind: "host", at: event.at, health: "dead" });
        await this.restart(event.memory);
        await this.settle();
        return this.probe(~0);
      case "away":
        return await this.#vpp.away();
      case "back":
        return this.#vpp.back();
      case "reboot":
        return await this.#vpp.reboot();
      case "slow":
        this.#vpp.slow = true;
        return;
      case "fast":
        // What was planned before is old until all of it was answered.
        return await this.#vpp.answerAll();
      case "step":
        this.#vpp.step();
        return;
      case "refuse":
        this.#vpp.refusing = 0.3;
        return;
      case "accept":
        this.#vpp.refusing = 0;
        return;
      case "drift":
        return this.#vpp.drift(event.at, event.weight);
      case "foreign":
        return this.#vpp.foreign(event.at);
      case "drop":
        return this.#vpp.drop(event.at);
      case "sync": {
        const names = [...this.core.tracker.config.frontends.keys()];
        const frontend = event.at === null ? undefined : names[event.at % Math.max(1, names.length)];
        this.#pending.push(this.core.reconciler.sync(frontend === undefined ? {} : { frontend }));
        return;
      }
      case "wait":
        return await this.#clock.advance(event.ms);
    }
  }

  /** Every probed backend whose bit is set reports what its server is like. */
  probe(mask: number): void {
    const { prober, tracker } = this.core;
    [...prober.targets.values()].forEach((target, i) => {
      if ((mask & (1 << i)) === 0) return;
      const health = this.#health.get(target.address) ?? "dead";
      if (health !== "blind") this.#watch.count(target, health === "dead");
      const before = tracker.entry(target.backend)?.history[0];
      this.core.probe([target.backend, health === "alive" ? "L4OK" : health === "dead" ? "L4CON" : "late"]);
      const newest = tracker.entry(target.backend)?.history[0];
      if (newest !== undefined && newest !== before) this.#watch.checkVerdict(newest, target.address);
    });
  }

  /** The daemon ends; another one starts, on the file as it is then. */
  async restart(memory: boolean, edits: readonly Edit[] = []): Promise<void> {
    await this.#vpp.away();
    await this.#end();
    const before = this.config.backends;
    this.#edit(edits);
    this.#held = memory ? this.#heldAfter(before) : new Set();
    this.#start(memory);
    this.#vpp.back();
  }

  /** VPP does what it is told; who is blind stays blind. */
  async calm(): Promise<void> {
    this.#vpp.refusing = 0;
    await this.#vpp.answerAll();
    this.#vpp.back();
    await this.settle();
    await this.#clock.advance(65_000);
    this.#watch.checkUnseen();
    this.#watch.checkMoving();
  }

  /** All is well again, and every server has said how it is. */
  async rest(): Promise<void> {
    this.#vpp.refusing = 0;
    await this.#vpp.answerAll();
    for (const [host, health] of this.#health) if (health === "blind") this.#health.set(host, "alive");
    this.#vpp.back();
    for (let round = 0; round < 8; round++) {
      await this.settle();
      this.probe(~0);
      await this.#vpp.open();
      await this.#clock.advance(31_000);
    }
  }

  /** Sends what is held, as an operator does. */
  async release(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      const planned = await this.core.reconciler.plan(null);
      assert.ok(planned.ok);
      if (changesOf(planned.value.plan).length === 0) return;
      await this.core.reconciler.sync({ plan_digest: planned.value.plan.digest });
      await this.#clock.advance(31_000);
    }
  }

  /** Takes back what operators did, for a restart that forgets it. */
  async forgive(): Promise<void> {
    for (const { backend, health } of [...this.core.tracker.entries()]) {
      if (health.state === "paused") this.#act(backend.name, "resume");
      if (health.state === "disabled" && backend.enabled) {
        this.#act(backend.name, "enable");
      }
      if (health.state !== "disabled" && !backend.enabled) {
        this.#act(backend.name, "disable");
      }
    }
    for (const { id } of this.core.tracker.overrides.list) this.core.tracker.orders.clearOverride(id, alice);
    await this.#reload();
  }

  /** VPP has what it should, and the plan has nothing but what is held for good. */
  async checkRest(): Promise<void> {
    const { reconciler, tracker } = this.core;
    const planned = await reconciler.plan(null);
    assert.ok(planned.ok);
    const left = changesOf(planned.value.plan);
    for (const { kind, held, reason } of left) {
      if (held === null || !/foreign VIP/.test(held)) {
        this.wrong.push(`left: ${kind} ${reason} (held: ${held})`);
      }
    }
    const wanted = desiredVips(tracker.config, (name) => tracker.status(name), reconciler.view.servers, null);
    for (const { frontend, id, servers } of wanted) {
      if (left.some((change) => change.frontend === frontend)) continue;
      const has = this.vpp.vips.find((vip) => vipId(vip) === id);
      const text = (list: readonly { readonly address: string; readonly weight: number }[] | undefined) =>
        (list ?? []).map(({ address, weight }) => `${address} ${weight}`).sort().join();
      if (text(has?.servers) !== text(servers)) {
        this.wrong.push(`${frontend}: wants ${text(servers)}, VPP has ${text(has?.servers)}`);
      }
    }
    for (const name of this.#held) {
      const state = this.core.state(name);
      if (state !== "paused" && state !== "disabled") {
        this.wrong.push(`${name} is ${state}, and nobody asked`);
      }
    }
    for (const { backend, health } of tracker.entries()) {
      const real = this.#health.get(backend.address);
      if (health.rule === null || (health.state !== "up" && health.state !== "down")) continue;
      if ((health.state === "up") !== (real === "alive")) {
        this.wrong.push(`${backend.name} is ${health.state}`);
      }
    }
  }

  /** Ends everything; nothing may be left waiting. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#vpp.slow = false;
    await this.#vpp.open();
    await this.#end();
    await settle();
    const late = Symbol();
    const hang = (async () => {
      for (let i = 0; i < 20; i++) await settle();
      return late;
    })();
    const all = Promise.allSettled(this.#pending);
    if (await Promise.race([all, hang]) === late) this.wrong.push("a promise hangs");
    if (this.#clock.pending > 0) this.wrong.push(`${this.#clock.pending} timers are left`);
  }

  #start(memory: boolean): void {
    this.#watch.begin();
    const core = new Core(this.config, memory ? this.#record : null, this.#clock, {
      left: "all",
      overrides: memory ? this.#left : noOverrides,
      changed() {},
    });
    this.#core = core;
    core.onOverrides = ({ ended }) => {
      for (const { cause, override: { backend } } of ended) {
        if (cause === "hour") this.#held.delete(backend);
      }
    };
    core.onChanges = (changes) => this.#watch.changed(changes);
  }

  async #end(): Promise<void> {
    this.#record = this.core.reconciler.record;
    this.#left = this.core.tracker.overrides.left;
    await this.#core?.[Symbol.asyncDispose]();
  }

  /** What is sent may be older than what is known by now. */
  get isStale(): boolean {
    return this.#vpp.slow || this.#unsettled > 1;
  }

  #act(name: string, action: BackendAction, duration: Millis | null = null): void {
    const end = duration === null ? null : { kind: "duration", ms: duration } as const;
    if (!this.core.tracker.orders.act(name, action, alice, { end }).ok) return;
    if (action === "pause" || action === "disable") this.#held.add(name);
    else this.#held.delete(name);
  }

  /** Another name is no reason to put a held backend back into traffic; leaving the file, or an edit of it, is. */
  #reload(): Promise<void> {
    const before = this.core.tracker.config.backends;
    this.#held = this.#heldAfter(before);
    this.#watch.noteMoves(before, this.config.backends);
    return this.core.reload(this.config);
  }

  #heldAfter(before: ReadonlyMap<string, Backend>): Set<string> {
    const after = this.config.backends;
    const held = new Set<string>();
    for (const name of this.#held) {
      const was = before.get(name);
      const renamed = [...after.values()].find((one) =>
        !before.has(one.name) && one.address === was?.address
      );
      const is = after.get(name) ?? renamed;
      if (is !== undefined && (was?.enabled === true || !is.enabled)) held.add(is.name);
    }
    return held;
  }

  #edit(edits: readonly Edit[]): void {
    for (const edit of edits) this.#file = edited(this.#file, edit);
  }

  #weigh(at: number, weight: number, flush: boolean, duration: Millis | null): void {
    const { tracker, reconciler } = this.core;
    const members = [...tracker.config.frontends.values()].flatMap((frontend) =>
      frontend.pools.flatMap((pool) =>
        pool.members.map((m) => [frontend.name, pool.name, m.backend] as const)
      )
    );
    const [frontend, pool, backend] = members[at % Math.max(1, members.length)] ?? [];
    if (frontend === undefined || pool === undefined || backend === undefined) return;
    if (flush) {
      this.#watch.tell(frontend, backend);
      const server = tracker.weights(frontend)?.members.find((m) => m.backend === backend)?.address;
      const vip = tracker.config.frontends.get(frontend);
      if (server && vip !== undefined) this.#watch.tellServer(frontendVip(vip), server);
    }
    const end = duration === null ? null : { kind: "duration", ms: duration } as const;
    if (!tracker.orders.setWeight(frontend, pool, backend, weight, alice, { end }).ok) return;
    this.#pending.push(reconciler.weightSet(frontend, backend, flush));
  }
}
