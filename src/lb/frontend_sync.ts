/**
 * What the reconciler knows of each configured frontend: one record for each, in one map, dropped with the frontend.
 *
 * Each record has a revision, which changes with all that the frontend is planned from. A plan takes the revisions
 * along. A result is written only to a record that still has the revision of its plan. So it never reaches a frontend
 * that left, came back, or changed meanwhile.
 *
 * @module
 */
import type { IpAddress, Millis, Transition, UnixMillis, WeightEffect } from "../model.ts";
import type { Config } from "../configuration.ts";
import type { DesiredVip } from "./desired.ts";
import {
  addFlush,
  type FlushCause,
  flushed,
  keepFlushes,
  leaveState,
  type Membership,
  type Memberships,
  memberships,
  type PendingFlushes,
} from "./pending_flushes.ts";
import type { ReasonContext } from "./diff.ts";
import { frontendVip, vipId } from "./vips.ts";
import type { Release } from "./write_gate.ts";

/** What the last sync made of a frontend's VIP. */
export type SyncStanding = "in-sync" | "held" | "error";

/** All that is known of one frontend. */
export interface FrontendSync {
  /** Its name. */
  readonly name: string;
  /** `vipId` of its VIP. */
  vip: string;
  /** Changes with the configuration, and with each state and weight of a member. No two are the same. */
  revision: number;
  /** When its sync is due; monotonic. Null: none waits. */
  dueAt: Millis | null;
  /** When the VIP is read after a change that was sent without a read. Null: it need not be. */
  readBackAt: Millis | null;
  /** Syncs that failed in a row. */
  failures: number;
  /** What the last sync of this session made of it; null: none is through since the configuration runs. */
  standing: SyncStanding | null;
  /** What VPP said, with standing `error`, or what holds it; else null. */
  detail: string | null;
  /** When the standing began. */
  since: UnixMillis;
  /** When the oldest change that VPP does not have yet was decided; monotonic. */
  decidedAt: Millis | null;
  /** Requests that wait for the next sync. */
  waiters: (() => void)[];
  /** How far the warm-up lets it be written. */
  release: Release;
  /** Flushes that VPP has not carried out yet. */
  pendingFlushes: PendingFlushes;
  /** The VIP as it was when it was in sync last; null: it never was on this VPP. */
  lastInSync: DesiredVip | null;
  /** Syncs of its VIP under way. */
  running: number;
  /** A member changed in this turn of the event loop. */
  changed: boolean;
  /** It changed while messages for its VIP are under way, so it is looked at again after them. */
  postponed: boolean;
  /** VPP does not have a run-time weight yet. Outlasts a session. */
  weightUnsent: boolean;
  /** The last message for each server that VPP answered. Outlasts a session, and goes with the server. */
  readonly sent: Map<IpAddress, SentMessage>;
}

/** A message for a server that VPP answered. */
export interface SentMessage {
  /** When VPP answered it. */
  readonly at: UnixMillis;
  /** The weight in it, 0…255. */
  readonly weight: number;
  /** Whether it ended the server's flows. */
  readonly flush: boolean;
  /** VPP's answer; 0: done. */
  readonly retval: number;
  /** Why it was sent. */
  readonly reason: string;
}

/** What a sync made of one frontend. */
export type FrontendOutcome = Pick<FrontendSync, "standing" | "detail">;

/** Revisions of what a plan was made from. */
export interface Revisions {
  /** Of the configuration. */
  readonly configuration: number;
  /** By frontend. */
  readonly frontends: ReadonlyMap<string, number>;
}

/** A change of a backend's state and what it means for flows. */
export interface FlushingTransition extends Pick<Transition, "backend" | "to"> {
  /** One for each frontend that has the backend. */
  readonly effects: readonly Pick<WeightEffect, "frontend" | "flush">[];
}

/** Those whom one sync answers. */
export interface TakenWaits {
  /** By frontend, when its change was decided; monotonic. */
  readonly decided: ReadonlyMap<string, Millis>;
  /** The sync is through or has failed. */
  readonly done: () => void;
}

/** The records of all frontends of the running configuration. */
export class FrontendSyncs {
  #config: Config | null = null;
  #configuration = 0;
  #revision = 0;
  #serial = 1;
  #records = new Map<string, FrontendSync>();
  #byVip = new Map<string, FrontendSync>();
  #byPrefix = new Map<string, string[]>();
  #members: Memberships = new Map();

  /**
   * Takes the running configuration into account; cheap when it is the one seen last.
   *
   * @param release of frontends that it brings
   * @returns whether it is another one
   */
  observe(config: Config, release: Release): boolean {
    if (config === this.#config) return false;
    this.#config = config;
    const before = this.#members;
    this.#members = memberships(config);
    const old = this.#records;
    const lastInSync = new Map([...old.values()].map((record) => [record.vip, record.lastInSync]));
    const pending = [...old.values()].filter(({ pendingFlushes }) => pendingFlushes.length > 0);
    const flushes = keepFlushes(
      new Map(pending.map(({ pendingFlushes, vip }) => [vip, pendingFlushes])),
      before,
      this.#members,
    );
    this.#records = new Map();
    this.#byVip = new Map();
    this.#byPrefix = new Map();
    for (const frontend of config.frontends.values()) {
      const { name } = frontend;
      const key = frontendVip(frontend);
      const vip = vipId(key);
      const record = old.get(name) ?? this.#fresh(name, release);
      record.vip = vip;
      record.pendingFlushes = flushes.get(vip) ?? [];
      record.lastInSync = lastInSync.get(vip) ?? null;
      this.#records.set(name, record);
      this.#byVip.set(vip, record);
      this.#byPrefix.set(key.prefix, [...(this.#byPrefix.get(key.prefix) ?? []), name]);
    }
    for (const [name, record] of old) if (!this.#records.has(name)) this.#answerAll(record);
    return true;
  }

  /** What is known now, for plans that are only made; nothing that happens later changes it, and nobody waits there. */
  copy(): FrontendSyncs {
    const copy = new FrontendSyncs();
    copy.#config = this.#config;
    copy.#configuration = this.#configuration;
    copy.#revision = this.#revision;
    copy.#serial = this.#serial;
    copy.#members = this.#members;
    copy.#byPrefix = this.#byPrefix;
    for (const record of this.#records.values()) {
      const same: FrontendSync = { ...record, waiters: [] };
      copy.#records.set(record.name, same);
      copy.#byVip.set(record.vip, same);
    }
    return copy;
  }

  /** Another configuration runs: what was planned from the one before is not wanted any more. */
  reloaded(): void {
    this.#configuration++;
    for (const record of this.#records.values()) {
      record.revision = ++this.#revision;
      record.standing = record.detail = null;
      record.weightUnsent = false;
    }
  }

  /** The session with VPP ended. Pending flushes, and what the warm-up released, stay. */
  disconnected(): void {
    for (const record of this.#records.values()) {
      record.dueAt =
        record.readBackAt =
        record.standing =
        record.detail =
        record.decidedAt =
          null;
      record.failures = 0;
      this.#answerAll(record);
    }
  }

  /** VPP restarted: it has no flows, and nothing of it was ever in sync. */
  vppRestarted(): void {
    for (const record of this.#records.values()) {
      record.pendingFlushes = [];
      record.lastInSync = null;
    }
  }

  /** One record; null: the configuration has no such frontend. */
  get(frontend: string): FrontendSync | null {
    return this.#records.get(frontend) ?? null;
  }

  /** All records, in the file's order. */
  all(): Iterable<FrontendSync> {
    return this.#records.values();
  }

  /** The records of these frontends; names that the configuration does not have are left out. */
  some(frontends: Iterable<string> | null): FrontendSync[] {
    if (frontends === null) return [...this.#records.values()];
    return [...frontends].flatMap((name) => this.#records.get(name) ?? []);
  }

  /** The record of the frontend that has a VIP, by `vipId`; null: none has. */
  ofVip(vip: string): FrontendSync | null {
    return this.#byVip.get(vip) ?? null;
  }

  /** Names of the frontends on a prefix. */
  namesOn(prefix: string): readonly string[] {
    return this.#byPrefix.get(prefix) ?? [];
  }

  /** Where a backend serves. */
  membersOf(backend: string): readonly Membership[] {
    return this.#members.get(backend) ?? [];
  }

  /** What the reasons of a VIP's changes depend on. */
  reasons(vip: string): ReasonContext {
    return {
      previous: this.#byVip.get(vip)?.lastInSync ?? null,
      weightBy: (backend) => this.membersOf(backend).find((place) => place.vip === vip)?.weightBy ?? null,
      isSetHere: (backend) =>
        this.membersOf(backend).find((place) => place.vip === vip)?.weightSetHere ?? false,
    };
  }

  /** States or weights of members changed. */
  changed(frontends: Iterable<string>): void {
    for (const record of this.some(frontends)) record.revision = ++this.#revision;
  }

  /** The revisions of this moment, for a plan of these frontends. */
  revisions(frontends: Iterable<string>): Revisions {
    const list = this.some(frontends).map(({ name, revision }): [string, number] => [name, revision]);
    return { configuration: this.#configuration, frontends: new Map(list) };
  }

  /** Whether the configuration is still the one of `then`. */
  sameConfiguration(then: Revisions): boolean {
    return then.configuration === this.#configuration;
  }

  /** The record to which a result of a plan may be written; null: the frontend left, or changed since. */
  current(then: Revisions, frontend: string): FrontendSync | null {
    const record = this.get(frontend);
    return record !== null && record.revision === then.frontends.get(frontend) ? record : null;
  }

  /**
   * Writes outcomes of a plan to the records that still have its revisions. A standing that stays keeps the time when
   * it began.
   *
   * @returns those records
   */
  commit(
    then: Revisions,
    outcomes: ReadonlyMap<string, FrontendOutcome>,
    now: UnixMillis,
  ): FrontendSync[] {
    return [...outcomes].flatMap(([frontend, { detail, standing }]) => {
      const record = this.current(then, frontend);
      if (record === null) return [];
      if (record.standing !== standing) record.since = now;
      record.standing = standing;
      record.detail = detail;
      record.weightUnsent = false;
      return record;
    });
  }

  /** Serial of the next flush: what a plan made now ends are those below. */
  get nextSerial(): number {
    return this.#serial;
  }

  /** Backends changed their states: leaving one drops the flush that it caused, and the transition tells a new one. */
  transitions(transitions: readonly FlushingTransition[]): void {
    for (const { backend, effects, to } of transitions) {
      for (const { frontend } of this.membersOf(backend)) {
        const record = this.get(frontend);
        if (record !== null) record.pendingFlushes = leaveState(record.pendingFlushes, backend);
      }
      if (to !== "down" && to !== "disabled") continue;
      for (const { frontend, flush } of effects) if (flush) this.flush(frontend, backend, to);
    }
  }

  /**
   * The flows of a backend's server in a frontend are to end.
   *
   * @param server where another one than the configured serves for it
   */
  flush(frontend: string, backend: string, cause: FlushCause, server: IpAddress | null = null): void {
    const place = this.membersOf(backend).find((one) => one.frontend === frontend);
    const record = this.get(frontend);
    if (place === undefined || record === null) return;
    const flush = { address: server ?? place.address, backend, cause, serial: this.#serial++ };
    record.pendingFlushes = addFlush(record.pendingFlushes, flush);
  }

  /** VPP ended flows of a VIP, those of one server or all; see `flushed`. */
  flushed(vip: string, address: IpAddress | null, before: number): void {
    const record = this.ofVip(vip);
    if (record !== null) record.pendingFlushes = flushed(record.pendingFlushes, address, before);
  }

  /** VPP answered a message for a server. */
  answered(vip: string, address: IpAddress, removed: boolean, message: SentMessage): void {
    const record = this.ofVip(vip);
    if (removed && message.retval === 0) record?.sent.delete(address);
    else record?.sent.set(address, message);
  }

  /** A change of these frontends was decided at `at`; the oldest one counts. */
  decided(frontends: Iterable<string>, at: Millis): void {
    for (const record of this.some(frontends)) record.decidedAt = Math.min(record.decidedAt ?? at, at);
  }

  /** Resolves when the next sync of the frontend that begins from now on is through. */
  nextSync(frontend: string): Promise<void> {
    return new Promise((resolve) => {
      const record = this.get(frontend);
      if (record === null) resolve();
      else record.waiters.push(resolve);
    });
  }

  /** A sync begins; what comes meanwhile waits for the one after it. Null: of all frontends. */
  takeWaits(frontends: Iterable<string> | null): TakenWaits {
    const decided = new Map<string, Millis>();
    const resolvers: (() => void)[] = [];
    for (const record of this.some(frontends)) {
      if (record.decidedAt !== null) decided.set(record.name, record.decidedAt);
      record.decidedAt = null;
      resolvers.push(...record.waiters.splice(0));
    }
    return {
      decided,
      done: () => {
        for (const resolve of resolvers) resolve();
      },
    };
  }

  #fresh(name: string, release: Release): FrontendSync {
    return {
      name,
      vip: "",
      revision: ++this.#revision,
      dueAt: null,
      readBackAt: null,
      failures: 0,
      standing: null,
      detail: null,
      since: 0,
      decidedAt: null,
      waiters: [],
      release,
      pendingFlushes: [],
      lastInSync: null,
      running: 0,
      changed: false,
      postponed: false,
      weightUnsent: false,
      sent: new Map(),
    };
  }

  #answerAll({ waiters }: FrontendSync): void {
    for (const resolve of waiters.splice(0)) resolve();
  }
}
