/** A VPP, a state folder, and the daemons that come and go: what they send is held against plain rules. */
import assert from "node:assert/strict";
import { frontendVip, vipId } from "../../src/lb/vips.ts";
import { StateKeeper } from "../../src/memory/keeper.ts";
import { stateBefore, stateName } from "../../src/memory/load.ts";
import { noOverrides } from "../../src/memory/overrides/override.ts";
import { decodeState } from "../../src/memory/state.ts";
import type { IpAddress, State, VipKey, VipRecord } from "../../src/model.ts";
import type { Config } from "../../src/configuration.ts";
import { FakeClock, settle } from "../fake_clock.ts";
import { alice, FakeLog } from "../health/kit.ts";
import { FakeBalancer, type PlacedVip } from "../lb/fake_balancer.ts";
import { FakeFolder } from "../memory/fake_folder.ts";
import { Core } from "./core.ts";

/** What becomes of the files between two processes. */
export type Fate =
  /** Nothing. */
  | "kept"
  /** The last file is damaged, so that the one before it is taken. */
  | "before"
  /** Both are damaged. */
  | "damaged"
  /** Both are gone, and the lock file shows that they were there. */
  | "gone"
  /** The next process has a folder that nobody used. */
  | "none"
  /** They are read after 6 s. */
  | "late";

/** What others do to VPP, or an operator to the daemon. */
export type Action = "pause" | "resume" | "disable" | "enable";

const guardedMs = 30_000;

/** One VPP and its daemons, one at a time. */
export class Life implements AsyncDisposable {
  readonly clock = new FakeClock();
  vpp = new FakeBalancer();
  config: Config;
  /** Messages since it was emptied last, in words. */
  readonly sent: string[] = [];
  #folder = new FakeFolder();
  #keeper: StateKeeper | null = null;
  #core: Core | null = null;
  #fate: Fate = "none";
  /** VIPs that VPP had when the running configuration began to run. */
  #before: ReadonlySet<string> = new Set();
  /** Servers that must not be raised, while the memory is lost. */
  readonly #guarded = new Set<string>();
  #guardedUntil = 0;
  readonly #raised: string[] = [];
  /** Weights above 0 that VPP had at the start, while what operators set is not read yet. */
  readonly #asFound = new Map<string, number>();
  readonly #moved: string[] = [];
  /** VIPs that are held, as this process must know it. */
  #held: readonly string[] = [];

  constructor(config: Config, vips: readonly PlacedVip[]) {
    this.config = config;
    this.place(vips);
  }

  get core(): Core {
    return this.#core ?? assert.fail("no daemon runs");
  }

  /**
   * Starts a daemon; another one has ended.
   *
   * @param found what probes find before the memory comes, if it is late
   */
  async start(
    config: Config,
    fate: Fate,
    found: readonly (readonly [string, boolean])[] = [],
  ): Promise<void> {
    this.config = config;
    this.#fate = fate;
    const { clock } = this;
    this.#adapt(fate);
    const folder = this.#folder;
    if (fate === "late") folder.gate = () => clock.sleep(6_000);
    const log = new FakeLog();
    const opening = StateKeeper.open({ folder, used: fate !== "none", locked: true, clock, log });
    if (fate === "late") await clock.advance(5_000);
    const keeper = await opening;
    if (fate !== "before") assert.equal(keeper.left, fate === "kept" || fate === "none" ? "all" : "lost");
    this.#keeper = keeper;
    this.#begins();
    const { left, overrides, vips } = keeper;
    const { isLate } = keeper;
    const core = new Core(config, vips, clock, { left, overrides, isLate, changed: () => keeper.changed() });
    this.#core = core;
    keeper.begin({
      vips: () => core.reconciler.record,
      overrides: () => core.tracker.overrides.left,
      fleet: () => null,
      late: ({ overrides, vips }) => {
        this.#guarded.clear();
        this.#asFound.clear();
        core.tracker.recallOverrides(overrides);
        core.reconciler.recall(vips, keeper.left === "older");
      },
    });
    if (fate !== "kept" && fate !== "late") this.#held = [];
    this.#guard(keeper.left === "lost");
    core.reconciler.connected(this.vpp);
    await settle();
    if (fate !== "late") return;
    for (const one of found) {
      this.probe([one]);
      await clock.advance(10);
    }
    // The second file is read after the first.
    await clock.advance(13_000);
    folder.gate = () => Promise.resolve();
  }

  /** The daemon ends with its files as they are at this moment. */
  async kill(): Promise<void> {
    const left = new FakeFolder();
    for (const [name, text] of this.#folder.files) left.files.set(name, text);
    await this.#core?.[Symbol.asyncDispose]();
    await this.#keeper?.[Symbol.asyncDispose]();
    this.#core = this.#keeper = null;
    this.#folder = left;
  }

  /** Time passes, in seconds; then the laws of deletions are looked at. */
  async pass(seconds: number): Promise<void> {
    const present = new Set(this.vpp.vips.map(vipId));
    const from = this.sent.length;
    await settle();
    await this.clock.advance(seconds * 1_000);
    await this.#isKept();
    assert.deepEqual(this.#moved, [], "weights stay while nobody knows what operators set");
    assert.deepEqual(this.#raised, [], "what VPP has at weight 0 may be an operator's word");
    const there = new Set(this.vpp.vips.map(vipId));
    // A VIP that is recreated is deleted, too, and comes back.
    const gone = new Set(
      this.sent.slice(from).flatMap((one) => one.startsWith("vip-delete ") ? [one.slice(11)] : [])
        .filter((id) => !there.has(id)),
    );
    const before = [...this.#before];
    if (gone.size > 1) {
      assert.ok(gone.size <= before.length / 2, `${gone.size} of ${before.length} are deleted`);
    }
    if (gone.size > 0) {
      assert.ok(there.size > 0, "no VIP is left");
      const left = before.some((id) => there.has(id)) || !before.some((id) => present.has(id));
      assert.ok(left, `all of ${before.length} are deleted`);
    }
    // One that VPP has no more is nobody's word; one that is made anew within a pass still is.
    for (const one of [...this.#guarded]) {
      if (!there.has(one.slice(0, one.lastIndexOf(" ")))) this.#guarded.delete(one);
    }
    for (const id of this.#held) assert.ok(!gone.has(id), `${id} was held`);
    this.#held = this.core.reconciler.record.held.map(vipId);
  }

  /** Whether the file before the last one has the same overrides. */
  sameOverridesBefore(): boolean {
    const [last, before] = [stateName, stateBefore].map((name) => {
      const read = decodeState(this.#folder.files.get(name) ?? "");
      return read.ok ? read.value.overrides : noOverrides;
    });
    return JSON.stringify(last) === JSON.stringify(before);
  }

  /** An operator acts; refusals are his. */
  act(backend: string, action: Action): void {
    const outcome = this.core.tracker.orders.act(backend, action, alice);
    if (!outcome.ok) return;
    this.core.reconciler.acted(backend, action);
    if (action === "enable" || action === "resume") this.#wants(backend);
  }

  /** An operator sets a weight. */
  async weigh(frontend: string, pool: string, backend: string, weight: number): Promise<void> {
    this.#wants(backend);
    await this.core.weigh(frontend, pool, backend, weight);
  }

  /** The file is read again. */
  async reload(config: Config): Promise<void> {
    this.config = config;
    this.#begins();
    await this.core.reload(config);
  }

  /** What probes find, for those that are probed; three of each decide. */
  probe(found: readonly (readonly [string, boolean])[]): void {
    for (const [backend, up] of found) {
      if (!this.core.prober.targets.has(backend)) continue;
      for (let i = 0; i < 3; i++) this.core.probe([backend, up ? "L4OK" : "L4CON"]);
    }
  }

  /** State of each backend that is configured. */
  states(): Map<string, State> {
    return new Map(
      [...this.config.backends.keys()].map((name) => [name, this.core.state(name) ?? "unknown"]),
    );
  }

  /** Others put VIPs into VPP, where it lets them. */
  place(vips: readonly PlacedVip[]): void {
    for (const vip of vips) {
      if (this.vpp.vip(vip) !== null) continue;
      const index = 1 + Math.max(0, ...this.vpp.vips.map((one) => one.index ?? 0));
      this.vpp.place({ ...vip, index });
    }
    this.#listen();
  }

  /** Others set a weight. */
  poke(vip: VipKey, address: IpAddress, weight: number): void {
    this.vpp.poke(vip, address, weight);
    if (weight > 0) this.#guarded.delete(`${vipId(vip)} ${address}`);
  }

  /** VPP restarts: its VIPs are gone. */
  async restartVpp(): Promise<void> {
    this.core.reconciler.disconnected();
    const { bootTime } = this.vpp;
    this.vpp = new FakeBalancer();
    this.vpp.bootTime = bootTime + 1;
    this.#listen();
    this.#begins();
    this.#guarded.clear();
    this.core.reconciler.connected(this.vpp);
    await settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    assert.equal(this.clock.pending, 0, "no timer is left");
  }

  #listen(): void {
    this.vpp.after = (op) => {
      if (op.kind === "conf-set") return void this.sent.push("conf-set");
      const server = "address" in op ? ` ${op.address}` : "";
      const weight = "weight" in op ? op.weight : null;
      this.sent.push(`${op.kind} ${vipId(op.vip)}${server}${weight === null ? "" : ` ${weight}`}`);
      if (!("address" in op)) return;
      const id = `${vipId(op.vip)} ${op.address}`;
      if (op.kind === "as-delete") this.#guarded.delete(id);
      if (op.kind === "as-weight") this.#checkMove(id, op.weight);
      if (weight !== null && weight > 0 && this.#guarded.has(id) && this.clock.now() < this.#guardedUntil) {
        this.#raised.push(this.sent.at(-1) ?? "");
      }
    };
  }

  /** A server that VPP had with a weight goes to 0 with its backend or its pool, and to no other weight. */
  #checkMove(id: string, weight: number): void {
    const had = this.#asFound.get(id);
    if (had === undefined || weight === had) return;
    const { tracker } = this.core;
    const is = [...tracker.config.frontends.values()].flatMap((frontend) => {
      const weights = tracker.weights(frontend.name);
      const member = weights?.members.find(({ address }) =>
        id === `${vipId(frontendVip(frontend))} ${address}`
      );
      return member === undefined ? [] : [{ ...member, isActive: member.pool === weights?.activePool }];
    })[0];
    if (weight === 0 && (is === undefined || is.state === "down" || !is.isActive)) return;
    this.#moved.push(`${this.sent.at(-1)}: it was ${had}, the backend is ${is?.state}`);
  }

  /** A configuration begins to run, on what VPP has. */
  #begins(): void {
    this.#before = new Set(this.vpp.vips.map(vipId));
  }

  #guard(lost: boolean): void {
    this.#guarded.clear();
    this.#asFound.clear();
    if (!lost) return;
    this.#guardedUntil = this.clock.now() + Math.max(guardedMs, this.config.lb.startupMaxDelayMs);
    for (const vip of this.vpp.vips) {
      for (const { address, weight } of vip.servers) {
        const id = `${vipId(vip)} ${address}`;
        if (weight === 0) this.#guarded.add(id);
        else if (this.#fate === "late") this.#asFound.set(id, weight);
      }
    }
  }

  /** An operator of this process wants a backend to serve. */
  #wants(backend: string): void {
    const address: IpAddress | undefined = this.config.backends.get(backend)?.address;
    for (const one of [...this.#guarded]) if (one.endsWith(` ${address}`)) this.#guarded.delete(one);
  }

  #adapt(fate: Fate): void {
    const { files } = this.#folder;
    if (fate === "none" || fate === "gone") files.clear();
    if (fate === "damaged" && !files.has(stateName)) files.set(stateName, "");
    for (const name of [stateName, stateBefore]) {
      const text = files.get(name);
      if (text === undefined) continue;
      const damaged = fate === "damaged" ||
        (fate === "before" && name === stateName && files.has(stateBefore));
      if (damaged) files.set(name, text.replace("e", "E").slice(0, -2));
    }
  }

  /** What the next process must know is on the disk a moment later. */
  async #isKept(): Promise<void> {
    const { record } = this.core.reconciler;
    await this.clock.advance(150);
    if (!equal(this.core.reconciler.record, record)) return;
    const read = decodeState(this.#folder.files.get(stateName) ?? "");
    assert.deepEqual(read.ok && read.value.vips, record, `memory: ${this.#fate}`);
  }
}

function equal(a: VipRecord, b: VipRecord): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
