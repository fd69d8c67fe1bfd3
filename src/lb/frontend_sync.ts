/**
 * What the reconciler knows of each configured frontend: one record for each, in one map, dropped with the frontend.
 *
 * Each record has a revision, which changes with all that the frontend is planned from. A plan takes the revisions
 * along. A result is written only to a record that still has the revision of its plan. So it never reaches a frontend
 * that left, came back, or changed meanwhile.
 *
 * @module
 */
import type { IpAddress, Millis, Transition, UnixMillis, VipKey, WeightEffect } from "../model.ts";
import type { Config } from "../configuration.ts";
import type { Op } from "./balancer.ts";
import type { DesiredVip } from "./desired.ts";
import { freshRecord, type FrontendSync, type SentMessage } from "./frontend_record.ts";
import {
  addFlush,
  type FlushCause,
  flushed,
  keepFlushes,
  leaveState,
  type Membership,
  type Memberships,
  memberships,
} from "./pending_flushes.ts";
import { type ReasonContext, Reasons } from "./diff.ts";
import { frontendVip, sortedByVip, vipId } from "./vips.ts";
import type { Release } from "./write_gate.ts";

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

/** A frontend that may not be written yet must not gather what was decided meanwhile without end. */
const MOST_DECISIONS = 16;

const noDecisions: FrontendSync["decisions"] = [];

/** Those that a plan of this revision does not have. Thousands of records share the empty list. */
function later(decisions: FrontendSync["decisions"], revision: number): FrontendSync["decisions"] {
  const [only] = decisions;
  if (only !== undefined && decisions.length === 1 && only.revision <= revision) return noDecisions;
  const left = decisions.filter((one) => one.revision > revision);
  return left.length === 0 ? noDecisions : left;
}

/** A plan of this revision is through. */
function answer(record: FrontendSync, revision: number): void {
  if (record.decisions.length > 0) record.decisions = later(record.decisions, revision);
  if (record.waiters.length === 0) return;
  const all = record.waiters;
  record.waiters = all.filter((one) => one.revision > revision);
  for (const one of all) if (one.revision <= revision) one.done();
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
  /** The same by backend and frontend; gathered when it is asked. */
  #places = new Map<string, Map<string, Membership>>();

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
    this.#places = new Map();
    const old = this.#records;
    const known = new Map(
      [...old.values()].map(({ asked, lastInSync, vip }) => [vip, { asked, lastInSync }]),
    );
    const pending = [...old.values()].filter(({ pendingFlushes }) => pendingFlushes.length > 0);
    const flushes = keepFlushes(
      new Map(pending.map(({ pendingFlushes, vip }) => [vip, pendingFlushes])),
      before,
      this.#members,
    );
    this.#records = new Map();
    this.#byVip = new Map();
    this.#byPrefix = new Map();
    const keys: { readonly record: FrontendSync; readonly key: VipKey }[] = [];
    let moved = old.size !== config.frontends.size;
    for (const frontend of config.frontends.values()) {
      const { name } = frontend;
      const key = frontendVip(frontend);
      const vip = vipId(key);
      const record = old.get(name) ?? freshRecord(name, release, ++this.#revision);
      moved ||= record.vip !== vip;
      keys.push({ record, key });
      record.vip = vip;
      record.pendingFlushes = flushes.get(vip) ?? [];
      record.lastInSync = known.get(vip)?.lastInSync ?? null;
      record.asked = known.get(vip)?.asked ?? new Map();
      this.#records.set(name, record);
      this.#byVip.set(vip, record);
      this.#byPrefix.set(key.prefix, [...(this.#byPrefix.get(key.prefix) ?? []), name]);
    }
    for (const [name, record] of old) if (!this.#records.has(name)) this.#answerAll(record);
    if (moved) sortedByVip(keys, ({ key }) => key).forEach(({ record }, place) => record.place = place);
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
      const same: FrontendSync = { ...record, asked: new Map(record.asked), waiters: [] };
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
          null;
      record.decisions = noDecisions;
      record.failures = 0;
      this.#answerAll(record);
    }
  }

  /** VPP restarted: it has no flows, and nothing of it was ever in sync. */
  vppRestarted(): void {
    for (const record of this.#records.values()) {
      record.pendingFlushes = [];
      record.lastInSync = null;
      record.asked.clear();
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
    const records: FrontendSync[] = [];
    for (const name of frontends) {
      const record = this.#records.get(name);
      if (record !== undefined) records.push(record);
    }
    return records;
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
    const record = this.#byVip.get(vip);
    return new Reasons(record, (backend) => this.#place(backend, record?.name));
  }

  /** Where a backend serves in a frontend. A backend may serve in thousands, each of which asks for it. */
  #place(backend: string, frontend: string | undefined): Membership | undefined {
    let places = this.#places.get(backend);
    if (places === undefined) {
      places = new Map(this.membersOf(backend).map((place) => [place.frontend, place]));
      this.#places.set(backend, places);
    }
    return frontend === undefined ? undefined : places.get(frontend);
  }

  /** States or weights of members changed. */
  changed(records: Iterable<FrontendSync>): void {
    for (const record of records) record.revision = ++this.#revision;
  }

  /** The revisions of this moment, for a plan of these frontends. */
  revisions(frontends: Iterable<string>): Revisions {
    const revisions = new Map<string, number>();
    for (const { name, revision } of this.some(frontends)) revisions.set(name, revision);
    return { configuration: this.#configuration, frontends: revisions };
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

  /**
   * VPP did all of a plan for a VIP: whoever waits for it is answered, and the record says so; null: the frontend left, or
   * changed since.
   */
  inSync(then: Revisions, vip: DesiredVip, now: UnixMillis): FrontendSync | null {
    const record = this.get(vip.frontend);
    const revision = then.frontends.get(vip.frontend);
    if (record === null || revision === undefined) return null;
    answer(record, revision);
    // VPP had it so, whatever changed since: reasons and drift are judged from there.
    if (record.vip === vip.id) record.lastInSync = vip;
    if (record.revision !== revision) return null;
    if (record.standing !== "in-sync") record.since = now;
    record.standing = "in-sync";
    record.detail = null;
    record.weightUnsent = false;
    return record;
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
    const place = this.#place(backend, frontend);
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

  /**
   * A message is about to be sent.
   *
   * @param wanted the VIP of its frontend as it should be; undefined: it should not be
   */
  asked(op: Op, frontend: string, wanted: DesiredVip | undefined): void {
    const record = this.get(frontend);
    if (record === null) return;
    if (op.kind === "vip-delete") record.asked.clear();
    else if (op.kind === "as-delete") record.asked.set(op.address, null);
    else if (wanted !== undefined && (op.kind === "as-add" || op.kind === "as-weight")) {
      record.asked.set(op.address, wanted);
    }
  }

  /** VPP answered a message for a server. */
  answered(vip: string, address: IpAddress, removed: boolean, message: SentMessage): void {
    const record = this.ofVip(vip);
    if (removed && message.retval === 0) record?.sent.delete(address);
    else record?.sent.set(address, message);
  }

  /** A change of these frontends was decided at `at`; their revisions change next. */
  decided(frontends: Iterable<string>, at: Millis): void {
    for (const record of this.some(frontends)) {
      const decision = { revision: record.revision + 1, at };
      if (record.decisions.length === 0) record.decisions = [decision];
      else if (record.decisions.length < MOST_DECISIONS) record.decisions = [...record.decisions, decision];
    }
  }

  /**
   * VPP answered a message of a plan of this revision.
   *
   * @returns when the oldest change that it carried was decided; null: that was told already
   */
  takeDecision(frontend: string, revision: number): Millis | null {
    const record = this.get(frontend);
    const oldest = record?.decisions[0];
    if (record === null || oldest === undefined || oldest.revision > revision) return null;
    record.decisions = later(record.decisions, revision);
    return oldest.at;
  }

  /** Resolves when VPP was told what the frontend is now, or cannot be told. */
  told(frontend: string): Promise<void> {
    return new Promise((resolve) => {
      const record = this.get(frontend);
      if (record === null) resolve();
      else record.waiters.push({ revision: record.revision, done: resolve });
    });
  }

  /** A plan of these frontends is through, or has failed: whoever waits for its revision, or an earlier one, is answered. */
  through({ frontends: revisions }: Revisions, frontends: Iterable<string>): void {
    for (const record of this.some(frontends)) {
      const revision = revisions.get(record.name);
      if (revision !== undefined) answer(record, revision);
    }
  }

  #answerAll({ waiters }: FrontendSync): void {
    for (const { done } of waiters.splice(0)) done();
  }
}
