/**
 * What VPP does not have as it should: what full syncs left, and drift. Drift is what somebody else changed in VPP,
 * found by a read.
 *
 *   as it should be --a read finds a difference that nothing of ours explains--> drifted
 *   drifted  --the next read does not find it--> as it should be
 *   drifted  --a sync sends the repair--> repaired
 *   repaired --a read does not find it--> as it should be
 *   repaired --a read finds it again--> drifted, not mended: VPP is out of sync until a read does not find it
 *
 * @module
 */
import type { UnixMillis } from "../model.ts";
import type { DesiredVip } from "./desired.ts";
import { drift, notConfigured } from "./diff.ts";
import type { FrontendSync } from "./frontend_record.ts";
import {
  differenceText,
  type HeldGroup,
  heldGroups,
  type Planned,
  subjectOf,
  type Synced,
} from "./outcome.ts";
import type { Step, VipSettings } from "./steps.ts";

/** Something that VPP does not have as it should. */
export interface Unsynced {
  /** Name of the frontend, a VIP that none has, or "" for VPP as a whole. */
  readonly object: string;
  /** Since when. */
  readonly since: UnixMillis;
  /** What VPP said. */
  readonly detail: string;
}

/**
 * The outcome of the last full sync, as far as it belongs to no single frontend: whether one is through, what it held,
 * and what VPP refused.
 */
export class FullSync {
  #complete = false;
  #heldChanges = 0;
  #held: readonly HeldGroup[] = [];
  #refused: readonly Unsynced[] = [];
  /** Not null: the last one could not even read. */
  #unread: Unsynced | null = null;

  /** Whether one of this session is through, but for what belongs to frontends. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Changes that the last one held. */
  get heldChanges(): number {
    return this.#heldChanges;
  }

  /** The same by reason, without what time alone releases. */
  get held(): readonly HeldGroup[] {
    return this.#held;
  }

  /** What the last one could not do that belongs to no frontend. */
  get unsynced(): readonly Unsynced[] {
    return this.#unread === null ? this.#refused : [this.#unread, ...this.#refused];
  }

  /** The session ended. */
  disconnected(): void {
    this.#complete = false;
    this.#heldChanges = 0;
    this.#held = [];
    this.#refused = [];
    this.#unread = null;
  }

  /** A full sync could not even read. */
  failed(detail: string, now: UnixMillis): void {
    this.#complete = false;
    this.#unread = { object: "", since: this.#unread?.since ?? now, detail };
  }

  /** A full sync is through. */
  through({ others, plan, results }: Pick<Synced, "others" | "plan" | "results">, now: UnixMillis): void {
    this.#complete = others.size === 0;
    this.#unread = null;
    const before = this.#refused;
    this.#refused = [...others].map(([object, detail]) => ({
      object,
      since: before.find((one) => one.object === object)?.since ?? now,
      detail,
    }));
    const held = results.filter(({ step, status }) => step.holds.length > 0 && status === "skipped");
    this.#heldChanges = held.length;
    this.#held = heldGroups(held.map(({ step }) => step), plan.shortages, this.#held, now);
  }
}

/** What the judgement depends on besides the plan. */
export interface DriftContext {
  /** What is known of the VIP of a frontend; null: there is no such frontend. */
  readonly known: (frontend: string) => Pick<FrontendSync, "asked" | "lastInSync"> | null;
  /** Whether a full sync under this configuration is through, so that VIPs of nobody are new ones. */
  readonly isSettled: boolean;
}

function sameSettings(a: VipSettings, b: VipSettings): boolean {
  return a.encap === b.encap && a.tableLength === b.tableLength && a.srcIpSticky === b.srcIpSticky;
}

function isDrift(step: Step, wanted: DesiredVip | null, { isSettled, known }: DriftContext): boolean {
  const { frontend, kind, server } = step;
  if (kind === "conf_set") return step.reason === drift;
  if (frontend === null) return isSettled && kind === "vip_removed";
  const record = known(frontend);
  const last = record?.lastInSync ?? null;
  if (record === null || last === null) return false;
  if (kind === "vip_recreated") return wanted !== null && sameSettings(last, wanted);
  if (kind !== "as_removed") return step.reason === drift;
  if (server === null || step.reason !== notConfigured) return false;
  const asked = record.asked.get(server.address) ?? null;
  return asked === null && !last.servers.some(({ address }) => address === server.address);
}

/** What drifted, by the frontend's name, the VIP, or "" for the settings; in words. What is held is no drift. */
export function driftIn(
  { desired, plan }: Pick<Planned, "desired" | "plan">,
  context: DriftContext,
): Map<string, string> {
  const found = new Map<string, string>();
  const wanted = new Map(desired.map((vip) => [vip.frontend, vip]));
  for (const step of plan.steps) {
    if (step.holds.length > 0) continue;
    if (!isDrift(step, wanted.get(step.frontend ?? "") ?? null, context)) continue;
    const object = subjectOf(step);
    // One difference says enough; the plan has all of them.
    if (!found.has(object)) found.set(object, differenceText(step));
  }
  return found;
}

interface Found {
  readonly since: UnixMillis;
  readonly detail: string;
  /** It was there again after a sync had sent the repair. */
  readonly unmended: boolean;
}

/** What is known of drift in this session. */
export class Drifts {
  readonly #found = new Map<string, Found>();
  /** Repaired by a sync, and not read since. */
  readonly #repaired = new Set<string>();

  /** What has drifted. */
  get list(): readonly Unsynced[] {
    return [...this.#found].map(([object, { detail, since }]) => ({ object, since, detail }));
  }

  /** Why a frontend's VIP drifted; null: it did not. */
  of(frontend: string): string | null {
    return this.#found.get(frontend)?.detail ?? null;
  }

  /** What has drifted, or was repaired and not read since. */
  get objects(): ReadonlySet<string> {
    return new Set([...this.#found.keys(), ...this.#repaired]);
  }

  /** Whether a sync did not mend something. */
  get unmended(): boolean {
    return [...this.#found.values()].some(({ unmended }) => unmended);
  }

  /** The session ended. */
  disconnected(): void {
    this.#found.clear();
    this.#repaired.clear();
  }

  /**
   * A read was planned.
   *
   * @param covered frontends whose VIPs were read; null: everything
   * @returns what was not known before
   */
  read(
    found: ReadonlyMap<string, string>,
    covered: ReadonlySet<string> | null,
    now: UnixMillis,
  ): Unsynced[] {
    for (const object of [...this.#found.keys(), ...this.#repaired]) {
      if (found.has(object) || (covered !== null && !covered.has(object))) continue;
      this.#found.delete(object);
      this.#repaired.delete(object);
    }
    const fresh: Unsynced[] = [];
    for (const [object, detail] of found) {
      const old = this.#found.get(object);
      if (old === undefined) fresh.push({ object, since: now, detail });
      const unmended = (old?.unmended ?? false) || this.#repaired.has(object);
      this.#found.set(object, { since: old?.since ?? now, detail, unmended });
    }
    return fresh;
  }

  /** A sync is through: what it repaired is as it should be, unless the next read finds it again. */
  synced(
    { others, outcomes }: Pick<Synced, "others" | "outcomes">,
    covered: ReadonlySet<string> | null,
  ): void {
    for (const [object, { unmended }] of [...this.#found]) {
      if (covered !== null && !covered.has(object)) continue;
      const outcome = outcomes.get(object);
      // A frontend without an outcome changed meanwhile, and is planned anew.
      const isFailed = others.has(object) || outcome?.standing === "error";
      const isThrough = outcome !== undefined ? outcome.standing !== "error" : !isFailed;
      if (isFailed) this.#found.delete(object);
      else if (isThrough) {
        this.#repaired.add(object);
        if (!unmended) this.#found.delete(object);
      }
    }
  }
}
