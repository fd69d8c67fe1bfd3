/** What must never happen in a random life, whatever is sent to VPP and told of backends. */
import type { Op } from "../../src/lb/balancer.ts";
import { frontendVip, vipId } from "../../src/lb/vips.ts";
import type { HealthChanges } from "../../src/health/transitions.ts";
import type { Backend } from "../../src/configuration.ts";
import type { ActualLb, IpAddress, Transition, VipKey } from "../../src/model.ts";
import type { ProbeTarget } from "../../src/probes/prober.ts";
import type { FakeBalancer } from "../lb/fake_balancer.ts";
import { type Core, words } from "./core.ts";

/** The life that is watched, as it is now. */
export interface WatchedLife {
  readonly core: Core;
  readonly vpp: FakeBalancer;
  /** Failures in a row that take a backend down. */
  readonly fall: number;
  /** What is sent may be older than what is known by now. */
  readonly isStale: boolean;
}

const key = (vip: string, address: string) => `${vip} ${address}`;

/** Keeps what was told and read, and finds what contradicts it. */
export class Watch {
  readonly #life: WatchedLife;
  /** What was found wrong, as sentences. */
  readonly wrong: string[] = [];
  /** Servers of backends that are disabled because an override ended: their flows stay. */
  readonly #ended = new Set<string>();
  /** Weights above 0 of the first full read of this process, while the server stays in VPP; null: not read yet. */
  #witnesses: Set<string> | null = null;
  /** Failures in a row by address. */
  readonly #failures = new Map<IpAddress, { backend: string; generation: number; row: number }>();
  /** Old address of each backend that was up when a reload gave it another. */
  readonly #moving = new Map<string, IpAddress>();
  /** Servers that carried when their VIP was deleted. */
  readonly #deleted = new Set<string>();
  /** Servers whose weight somebody else changed. */
  readonly #drifted = new Set<string>();
  /** Flushes that were told, by VIP and server. */
  readonly #told = new Set<string>();

  constructor(life: WatchedLife) {
    this.#life = life;
  }

  /** Another process begins. */
  begin(): void {
    this.#witnesses = null;
    this.#failures.clear();
    this.#told.clear();
    this.#moving.clear();
  }

  /** VPP was read. */
  read(lb: ActualLb): void {
    this.#witnesses ??= new Set(
      lb.vips.flatMap((vip) =>
        vip.servers.filter(({ weight }) => weight > 0).map(({ address }) => key(vipId(vip), address))
      ),
    );
  }

  /** Somebody else changes the weight of a server. */
  drift(vip: VipKey, address: IpAddress): void {
    this.#drifted.add(key(vipId(vip), address));
  }

  /** An operator told of a flush of this server. */
  tellServer(vip: VipKey, address: IpAddress): void {
    this.#told.add(key(vipId(vip), address));
  }

  /** A batch was handed on. */
  changed({ transitions, lateFlushes }: HealthChanges): void {
    for (const { backend, effects, to } of transitions) {
      const servers = effects.flatMap(({ frontend }) => this.#serverKey(frontend, backend) ?? []);
      for (const one of servers) {
        if (to === "disabled" && effects.every(({ flush }) => !flush)) this.#ended.add(one);
        else this.#ended.delete(one);
      }
      // Who is stopped waits for no verdict, and has the new server from then on.
      if (to === "paused" || to === "disabled") this.#moving.delete(backend);
      // Its flows end, so that an enable begins anew.
      if (to === "disabled") {
        this.#dropWitnesses(this.#life.core.tracker.config.backends.get(backend)?.address);
      }
      for (const { flush, frontend } of effects) if (flush) this.tell(frontend, backend);
    }
    for (const { frontend, backend } of lateFlushes) this.tell(frontend, backend);
  }

  /** What must not be sent. */
  check(op: Op): void {
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
      const carried = this.#life.vpp.vip(op.vip)?.servers.filter(({ weight }) => weight > 0) ?? [];
      for (const { address } of carried) this.#deleted.add(key(id, address));
    }
    this.#checkRaise(op, id);
    if (op.kind !== "as-weight") return;
    const has = this.#life.vpp.vip(op.vip)?.servers.find(({ address }) => address === op.address)?.weight;
    if (has === op.weight && !op.flush && !this.#life.isStale) this.wrong.push(`needless: ${words(op)}`);
    const one = key(id, op.address);
    if (op.flush && !this.#told.has(one)) this.wrong.push(`nobody told of: ${words(op)}`);
    if (op.flush || op.weight > 0 || (has ?? 0) === 0) return;
    if (this.#drifted.has(one) || this.#ended.has(one)) return;
    const gone = this.#goneFrom(id, op.address);
    if (gone !== null && !this.#told.has(one) && !this.#life.isStale) {
      this.wrong.push(`the flows stay: ${words(op)}, ${gone}`);
    }
  }

  /** State of the backend of a server whose flows should end, or null. */
  #goneFrom(vip: string, address: IpAddress): string | null {
    const { config } = this.#life.core.tracker;
    const frontend = [...config.frontends.values()].find((one) => vipId(frontendVip(one)) === vip);
    const member = frontend?.pools.flatMap((pool) => pool.members).find(({ backend }) =>
      config.backends.get(backend)?.address === address
    );
    const state = member === undefined ? null : this.#life.core.state(member.backend);
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
    const has = this.#life.vpp.vip(op.vip)?.servers.find(({ address }) => address === op.address)?.weight;
    // VPP refuses the weight of a server that others took away. A VIP that is made anew has the weights of before.
    if ((has === undefined && op.kind === "as-weight") || (has ?? 0) > 0) return;
    if (this.#deleted.delete(key(vip, op.address))) return;
    const good = [...this.#life.core.tracker.entries()].some(
      ({ backend, health: { known, previous, state } }) => {
        if (previous !== null) return previous.address === op.address && previous.state !== "down";
        return backend.address === op.address && (state === "up" || (state === "unknown" && !known));
      },
    );
    if (!good && !this.#life.isStale) this.wrong.push(`raised, and nobody knows why: ${words(op)} on ${vip}`);
  }

  /** An operator or a transition told of a flush. */
  tell(frontend: string, backend: string): void {
    const server = this.#serverKey(frontend, backend);
    if (server !== null) this.#told.add(server);
  }

  #serverKey(frontend: string, backend: string): string | null {
    const { config } = this.#life.core.tracker;
    const vip = config.frontends.get(frontend);
    const address = config.backends.get(backend)?.address;
    return vip === undefined || address === undefined ? null : key(vipId(frontendVip(vip)), address);
  }

  /** Counts failures in a row of one target; one that only has another name is the same. */
  count({ address, backend, generation }: ProbeTarget, failed: boolean): void {
    const old = this.#failures.get(address);
    const same = old?.generation === generation || (old !== undefined && old.backend !== backend);
    this.#failures.set(address, { backend, generation, row: failed ? 1 + (same ? old.row : 0) : 0 });
  }

  /** A server that carries is not taken down by fewer failures in a row than `fall`. */
  checkVerdict({ backend, from, to }: Transition, address: IpAddress): void {
    const row = this.#failures.get(address)?.row ?? 0;
    if (to !== "down" || row >= this.#life.fall) return;
    const carried = [...this.#witnesses ?? []].some((one) => one.endsWith(` ${address}`));
    if (carried || from === "up") {
      this.wrong.push(`${backend} went from ${from} to down after ${row} of ${this.#life.fall} failures`);
    }
  }

  /** Where VPP had a server that nobody has judged since, something carries. */
  checkUnseen(): void {
    const { tracker } = this.#life.core;
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
      const servers = this.#life.vpp.vip(vip)?.servers;
      if (unseen.length > 0 && servers !== undefined && servers.every(({ weight }) => weight === 0)) {
        this.wrong.push(`${frontend.name} carries nothing, and nobody has judged ${unseen[0]?.backend}`);
      }
    }
  }

  /** A backend that was up and waits for the verdict on a new address has its old server, unless another took it. */
  checkMoving(): void {
    const { tracker } = this.#life.core;
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
        const servers = this.#life.vpp.vip(frontendVip(frontend))?.servers;
        if (!taken && servers !== undefined && servers.every((server) => server.address !== address)) {
          this.wrong.push(`${frontendName} lost ${address} before ${name} had a verdict on its new address`);
        }
      }
    }
  }

  /** Which backends that were up get another address, and what they had. */
  noteMoves(before: ReadonlyMap<string, Backend>, after: ReadonlyMap<string, Backend>): void {
    for (const [name, { address }] of before) {
      const is = after.get(name);
      const state = this.#life.core.state(name);
      const old = state === "up" ? address : state === "unknown" ? this.#moving.get(name) : undefined;
      const moves = is !== undefined && is.healthcheck !== null && is.enabled && old !== undefined;
      if (moves && is.address !== old) this.#moving.set(name, old);
      else this.#moving.delete(name);
    }
    for (const name of [...this.#moving.keys()]) if (!after.has(name)) this.#moving.delete(name);
  }
}
