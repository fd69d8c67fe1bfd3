/** One random life: what happens to a site, and what must never happen in it. */
import assert from "node:assert/strict";
import type { BackendAction } from "../../src/control.ts";
import type { Op } from "../../src/lb/balancer.ts";
import { changesOf } from "../../src/lb/report.ts";
import { desiredVips } from "../../src/lb/desired.ts";
import { frontendVip, vipId } from "../../src/lb/vips.ts";
import { type LeftOverrides, noOverrides } from "../../src/memory/overrides/override.ts";
import type { IpAddress, Millis, Transition, VipRecord } from "../../src/model.ts";
import type { Backend, Config } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";
import type { ProbeTarget } from "../../src/probes/prober.ts";
import { FakeClock, settle } from "../fake_clock.ts";
import { alice } from "../health/kit.ts";
import { FakeBalancer } from "../lb/fake_balancer.ts";
import { Core, words } from "./core.ts";
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

const key = (vip: string, address: string) => `${vip} ${address}`;

/** A life of one site. */
export class Life implements AsyncDisposable {
  readonly #clock = new FakeClock();
  readonly #health = new Map<IpAddress, "alive" | "dead" | "blind">(hosts.map((host) => [host, "alive"]));
  /** What was found wrong, as sentences. */
  readonly wrong: string[] = [];
  #file: SiteFile;
  #core: Core | null = null;
  #vpp = new FakeBalancer();
  #connected = false;
  #slow = false;
  /** Events since all was settled: a plan may be older than the last of them. */
  #unsettled = 0;
  #refusing = 0;
  readonly #dice: () => number;
  #gates: (() => void)[] = [];
  readonly #pending: Promise<unknown>[] = [];
  #record: VipRecord | null = null;
  #left: LeftOverrides = noOverrides;
  /** Servers of backends that are disabled because an override ended: their flows stay. */
  readonly #ended = new Set<string>();
  /** Weights above 0 of the first full read of this process, while the server stays in VPP; null: not read yet. */
  #witnesses: Set<string> | null = null;
  /** Failures in a row by address. */
  readonly #failures = new Map<IpAddress, { backend: string; generation: number; row: number }>();
  /** Names of backends that an operator paused or disabled and nobody put back since. */
  #held = new Set<string>();
  /** Old address of each backend that was up when a reload gave it another. */
  readonly #moving = new Map<string, IpAddress>();
  /** Servers that carried when their VIP was deleted. */
  readonly #deleted = new Set<string>();
  /** Servers whose weight somebody else changed. */
  readonly #drifted = new Set<string>();
  /** Flushes that were told, by VIP and server. */
  readonly #told = new Set<string>();

  constructor(file: SiteFile, dice: () => number) {
    this.#file = file;
    this.#dice = dice;
    this.#wire();
    this.#start(false);
  }

  get core(): Core {
    return this.#core ?? assert.fail("no daemon runs");
  }

  get config(): Config {
    return configOfFile(this.#file);
  }

  get vpp(): FakeBalancer {
    return this.#vpp;
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
        return await this.#away();
      case "back":
        return this.#back();
      case "reboot": {
        await this.#away();
        const { bootTime } = this.#vpp;
        this.#vpp = new FakeBalancer();
        this.#vpp.bootTime = bootTime + 1;
        this.#wire();
        return this.#back();
      }
      case "slow":
        this.#slow = true;
        return;
      case "fast":
        // What was planned before is old until all of it was answered.
        await this.#open();
        this.#slow = false;
        return await this.#open();
      case "step":
        this.#gates.shift()?.();
        return;
      case "refuse":
        this.#refusing = 0.3;
        return;
      case "accept":
        this.#refusing = 0;
        return;
      case "drift":
        return this.#drift(event.at, event.weight);
      case "foreign":
        return this.#foreign(event.at);
      case "drop": {
        const vip = this.#vpp.vips[event.at % Math.max(1, this.#vpp.vips.length)];
        if (vip !== undefined) this.#vpp.drop(vip);
        return;
      }
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
      if (health !== "blind") this.#count(target, health === "dead");
      const before = tracker.entry(target.backend)?.history[0];
      this.core.probe([target.backend, health === "alive" ? "L4OK" : health === "dead" ? "L4CON" : "late"]);
      const newest = tracker.entry(target.backend)?.history[0];
      if (newest !== undefined && newest !== before) this.#checkVerdict(newest, target.address);
    });
  }

  /** The daemon ends; another one starts, on the file as it is then. */
  async restart(memory: boolean, edits: readonly Edit[] = []): Promise<void> {
    await this.#away();
    await this.#end();
    const before = this.config.backends;
    this.#edit(edits);
    this.#held = memory ? this.#heldAfter(before) : new Set();
    this.#start(memory);
    this.#back();
  }

  /** VPP does what it is told; who is blind stays blind. */
  async calm(): Promise<void> {
    this.#refusing = 0;
    await this.#open();
    this.#slow = false;
    await this.#open();
    if (!this.#connected) this.#back();
    await this.settle();
    await this.#clock.advance(65_000);
    this.#checkUnseen();
    this.#checkMoving();
  }

  /** All is well again, and every server has said how it is. */
  async rest(): Promise<void> {
    this.#refusing = 0;
    await this.#open();
    this.#slow = false;
    await this.#open();
    for (const [host, health] of this.#health) if (health === "blind") this.#health.set(host, "alive");
    if (!this.#connected) this.#back();
    for (let round = 0; round < 8; round++) {
      await this.settle();
      this.probe(~0);
      await this.#open();
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
      const has = this.#vpp.vips.find((vip) => vipId(vip) === id);
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
    this.#slow = false;
    await this.#open();
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
    this.#witnesses = null;
    this.#failures.clear();
    this.#told.clear();
    this.#moving.clear();
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
    core.onChanges = ({ transitions, lateFlushes }) => {
      for (const { backend, effects, to } of transitions) {
        const servers = effects.flatMap(({ frontend }) => this.#serverKey(frontend, backend) ?? []);
        for (const one of servers) {
          if (to === "disabled" && effects.every(({ flush }) => !flush)) this.#ended.add(one);
          else this.#ended.delete(one);
        }
        // Who is stopped waits for no verdict, and has the new server from then on.
        if (to === "paused" || to === "disabled") this.#moving.delete(backend);
        // Its flows end, so that an enable begins anew.
        if (to === "disabled") this.#dropWitnesses(core.tracker.config.backends.get(backend)?.address);
        for (const { flush, frontend } of effects) if (flush) this.#tell(frontend, backend);
      }
      for (const { frontend, backend } of lateFlushes) this.#tell(frontend, backend);
    };
  }

  async #end(): Promise<void> {
    this.#record = this.core.reconciler.record;
    this.#left = this.core.tracker.overrides.left;
    await this.#core?.[Symbol.asyncDispose]();
  }

  /** A session that is new, on the VPP that is there. */
  #back(): void {
    if (this.#connected) return;
    const old = this.#vpp;
    this.#vpp = new FakeBalancer();
    this.#vpp.bootTime = old.bootTime;
    this.#vpp.conf = old.conf;
    for (const vip of old.vips) this.#vpp.place(vip);
    this.#wire();
    this.#connected = true;
    this.core.reconciler.connected(this.#vpp);
  }

  async #away(): Promise<void> {
    if (!this.#connected) return;
    this.#connected = false;
    this.#vpp.end();
    this.core.reconciler.disconnected();
    await this.#open();
  }

  #wire(): void {
    const gate = () => this.#slow ? new Promise<void>((open) => this.#gates.push(open)) : Promise.resolve();
    const vpp = this.#vpp;
    vpp.gate = gate;
    vpp.readGate = gate;
    const readAll = vpp.readAll.bind(vpp);
    vpp.readAll = async () => {
      const lb = await readAll();
      this.#witnesses ??= new Set(
        lb.vips.flatMap((vip) =>
          vip.servers.filter(({ weight }) => weight > 0).map(({ address }) => key(vipId(vip), address))
        ),
      );
      return lb;
    };
    vpp.fail = (op) => {
      if (vpp === this.#vpp) this.#check(op);
      return this.#dice() < this.#refusing ? -1 : 0;
    };
  }

  /** What is sent may be older than what is known by now. */
  get #isStale(): boolean {
    return this.#slow || this.#unsettled > 1;
  }

  /** What must not be sent. */
  #check(op: Op): void {
    if (op.kind === "conf-set") return;
    const id = vipId(op.vip);
    if (op.kind === "vip-delete" || op.kind === "as-delete") {
      for (const one of this.#witnesses ?? []) {
        if (op.kind === "vip-delete" ? one.startsWith(`${id} `) : one === key(id, op.address)) {
          this.#witnesses?.delete(one);
        }
      }
    }
    if (op.kind === "vip-delete") {
      const carried = this.#vpp.vip(op.vip)?.servers.filter(({ weight }) => weight > 0) ?? [];
      for (const { address } of carried) this.#deleted.add(key(id, address));
    }
    this.#checkRaise(op, id);
    if (op.kind !== "as-weight") return;
    const has = this.#vpp.vip(op.vip)?.servers.find(({ address }) => address === op.address)?.weight;
    if (has === op.weight && !op.flush && !this.#isStale) this.wrong.push(`needless: ${words(op)}`);
    const one = key(id, op.address);
    if (op.flush && !this.#told.has(one)) this.wrong.push(`nobody told of: ${words(op)}`);
    if (op.flush || op.weight > 0 || (has ?? 0) === 0) return;
    if (this.#drifted.has(one) || this.#ended.has(one)) return;
    const gone = this.#goneFrom(id, op.address);
    if (gone !== null && !this.#told.has(one) && !this.#isStale) {
      this.wrong.push(`the flows stay: ${words(op)}, ${gone}`);
    }
  }

  /** State of the backend of a server whose flows should end, or null. */
  #goneFrom(vip: string, address: IpAddress): string | null {
    const { config } = this.core.tracker;
    const frontend = [...config.frontends.values()].find((one) => vipId(frontendVip(one)) === vip);
    const member = frontend?.pools.flatMap((pool) => pool.members).find(({ backend }) =>
      config.backends.get(backend)?.address === address
    );
    const state = member === undefined ? null : this.core.state(member.backend);
    return state === "disabled" || (state === "down" && frontend?.flushOnDown === true) ? state : null;
  }

  #dropWitnesses(address: IpAddress | undefined): void {
    for (const one of this.#witnesses ?? []) {
      if (one.endsWith(` ${address}`)) this.#witnesses?.delete(one);
    }
  }

  /** Nobody is raised of whom nothing good is known. */
  #checkRaise(op: Op, vip: string): void {
    if ((op.kind !== "as-weight" && op.kind !== "as-add") || op.weight === 0) return;
    const has = this.#vpp.vip(op.vip)?.servers.find(({ address }) => address === op.address)?.weight;
    // VPP refuses the weight of a server that others took away. A VIP that is made anew has the weights of before.
    if ((has === undefined && op.kind === "as-weight") || (has ?? 0) > 0) return;
    if (this.#deleted.delete(key(vip, op.address))) return;
    const good = [...this.core.tracker.entries()].some(({ backend, health: { known, previous, state } }) => {
      if (previous !== null) return previous.address === op.address && previous.state !== "down";
      return backend.address === op.address && (state === "up" || (state === "unknown" && !known));
    });
    if (!good && !this.#isStale) this.wrong.push(`raised, and nobody knows why: ${words(op)} on ${vip}`);
  }

  #tell(frontend: string, backend: string): void {
    const server = this.#serverKey(frontend, backend);
    if (server !== null) this.#told.add(server);
  }

  #serverKey(frontend: string, backend: string): string | null {
    const { config } = this.core.tracker;
    const vip = config.frontends.get(frontend);
    const address = config.backends.get(backend)?.address;
    return vip === undefined || address === undefined ? null : key(vipId(frontendVip(vip)), address);
  }

  /** Counts failures in a row of one target; one that only has another name is the same. */
  #count({ address, backend, generation }: ProbeTarget, failed: boolean): void {
    const old = this.#failures.get(address);
    const same = old?.generation === generation || (old !== undefined && old.backend !== backend);
    this.#failures.set(address, { backend, generation, row: failed ? 1 + (same ? old.row : 0) : 0 });
  }

  /** A server that carries is not taken down by fewer failures in a row than `fall`. */
  #checkVerdict({ backend, from, to }: Transition, address: IpAddress): void {
    const row = this.#failures.get(address)?.row ?? 0;
    if (to !== "down" || row >= this.#file.fall) return;
    const carried = [...this.#witnesses ?? []].some((one) => one.endsWith(` ${address}`));
    if (carried || from === "up") {
      this.wrong.push(`${backend} went from ${from} to down after ${row} of ${this.#file.fall} failures`);
    }
  }

  /** Where VPP had a server that nobody has judged since, something carries. */
  #checkUnseen(): void {
    const { tracker } = this.core;
    for (const frontend of tracker.config.frontends.values()) {
      const vip = frontendVip(frontend);
      const unseen = frontend.pools.flatMap((pool) => pool.members).filter(
        ({ backend, byOperator, restored }) => {
          const entry = tracker.entry(backend);
          return (byOperator === undefined || restored === true) && entry?.health.state === "unknown" &&
            !entry.health.known &&
            entry.health.previous === null && this.#witnesses?.has(key(vipId(vip), entry.backend.address));
        },
      );
      const servers = this.#vpp.vip(vip)?.servers;
      if (unseen.length > 0 && servers !== undefined && servers.every(({ weight }) => weight === 0)) {
        this.wrong.push(`${frontend.name} carries nothing, and nobody has judged ${unseen[0]?.backend}`);
      }
    }
  }

  /** A backend that was up and waits for the verdict on a new address has its old server, unless another took it. */
  #checkMoving(): void {
    const { tracker } = this.core;
    for (const [name, address] of this.#moving) {
      const entry = tracker.entry(name);
      if (entry?.health.state !== "unknown") continue;
      for (const { frontend: frontendName } of entry.places) {
        const frontend = tracker.config.frontends.get(frontendName);
        if (frontend === undefined) continue;
        const members = frontend.pools.flatMap((pool) => pool.members.map(({ backend }) => backend));
        const taken = members.some((other) =>
          other !== name && tracker.config.backends.get(other)?.address === address
        );
        // A VIP of others may keep ours out of VPP.
        const servers = this.#vpp.vip(frontendVip(frontend))?.servers;
        if (!taken && servers !== undefined && servers.every((server) => server.address !== address)) {
          this.wrong.push(`${frontendName} lost ${address} before ${name} had a verdict on its new address`);
        }
      }
    }
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
    this.#noteMoves(before, this.config.backends);
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

  /** Which backends that were up get another address, and what they had. */
  #noteMoves(before: ReadonlyMap<string, Backend>, after: ReadonlyMap<string, Backend>): void {
    for (const [name, { address }] of before) {
      const is = after.get(name);
      const state = this.core.state(name);
      const old = state === "up" ? address : state === "unknown" ? this.#moving.get(name) : undefined;
      const moves = is !== undefined && is.healthcheck !== null && is.enabled && old !== undefined;
      if (moves && is.address !== old) this.#moving.set(name, old);
      else this.#moving.delete(name);
    }
    for (const name of [...this.#moving.keys()]) if (!after.has(name)) this.#moving.delete(name);
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
      this.#tell(frontend, backend);
      const server = tracker.weights(frontend)?.members.find((m) => m.backend === backend)?.address;
      const vip = tracker.config.frontends.get(frontend);
      if (server && vip !== undefined) this.#told.add(key(vipId(frontendVip(vip)), server));
    }
    const end = duration === null ? null : { kind: "duration", ms: duration } as const;
    if (!tracker.orders.setWeight(frontend, pool, backend, weight, alice, { end }).ok) return;
    this.#pending.push(reconciler.weightSet(frontend, backend, flush));
  }

  #drift(at: number, weight: number | null): void {
    const servers = this.#vpp.vips.flatMap((vip) =>
      vip.servers.map(({ address }) => [vip, address] as const)
    );
    const [vip, address] = servers[at % Math.max(1, servers.length)] ?? [];
    if (vip === undefined || address === undefined) return;
    this.#vpp.poke(vip, address, weight);
    this.#drifted.add(key(vipId(vip), address));
  }

  /** Somebody else makes a VIP, where VPP lets him. */
  #foreign(at: number): void {
    const prefix = `192.0.2.${1 + (at % 5)}/32`;
    const port = at % 7 === 0 ? 0 : 90 + (at % 3);
    const neighbours = this.#vpp.vips.filter((vip) => vip.prefix === prefix);
    const fits = neighbours.every((vip) =>
      (vip.port === 0) === (port === 0) && vip.port !== port && vip.encap === "gre4"
    );
    if (!fits) return;
    this.#vpp.place({
      prefix,
      protocol: port === 0 ? 255 : 6,
      port,
      encap: "gre4",
      srcIpSticky: false,
      tableLength: 1024,
      index: 1 + Math.max(0, ...this.#vpp.vips.map((vip) => vip.index ?? 0)),
      servers: [{ address: ip("10.0.0.99"), weight: 5 }],
    });
  }

  async #open(): Promise<void> {
    for (let i = 0; i < 10_000 && this.#gates.length > 0; i++) {
      this.#gates.shift()?.();
      await settle();
    }
  }
}
