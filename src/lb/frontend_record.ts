/**
 * The one record of a frontend: all that the daemon knows of its VIP but what VPP has.
 *
 * @module
 */
import type { IpAddress, Millis, UnixMillis } from "../model.ts";
import type { DesiredVip } from "./desired.ts";
import type { PendingFlushes } from "./pending_flushes.ts";
import type { Release } from "./write_gate.ts";

/** What the last sync made of a frontend's VIP. */
export type SyncStanding = "in-sync" | "held" | "error";

/** All that is known of one frontend. */
export interface FrontendSync {
  /** Its name. */
  readonly name: string;
  /** `vipId` of its VIP. */
  vip: string;
  /** Its place among all VIPs in numeric order. */
  place: number;
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
  /** Changes that VPP does not have yet, the oldest first. */
  decisions: readonly Decision[];
  /** Requests that wait until VPP was told. */
  waiters: Waiter[];
  /** How far the warm-up lets it be written. */
  release: Release;
  /** Flushes that VPP has not carried out yet. */
  pendingFlushes: PendingFlushes;
  /** The VIP as it was when it was in sync last; null: it never was on this VPP. */
  lastInSync: DesiredVip | null;
  /**
   * By server: the VIP as it should be when the last message for the server was sent, answered or not; null: that message
   * deleted it. What VPP has of that is nobody else's work.
   */
  asked: Map<IpAddress, DesiredVip | null>;
  /** Syncs of its VIP under way. */
  running: number;
  /** Plans of it that were made without a read, and are not through. */
  urgent: number;
  /** A member changed, and what that means for VPP is not planned yet. */
  changed: boolean;
  /** It changed while messages for its VIP are under way, so it is looked at again after them. */
  postponed: boolean;
  /** VPP does not have a run-time weight yet. Outlasts a session. */
  weightUnsent: boolean;
  /** The last message for each server that VPP answered. Outlasts a session, and goes with the server. */
  readonly sent: Map<IpAddress, SentMessage>;
}

/** A change that was decided. */
export interface Decision {
  /** A plan of this revision, or of a later one, has it. */
  readonly revision: number;
  /** When; monotonic. */
  readonly at: Millis;
}

/** A request that waits. */
export interface Waiter {
  /** A plan of this revision, or of a later one, has what was asked for. */
  readonly revision: number;
  /** Answers it. */
  readonly done: () => void;
}

/** A message for a server that VPP answered. */
export interface SentMessage {
  /** When VPP answered it. */
  readonly at: UnixMillis;
  /** The weight in it, 0...255. */
  readonly weight: number;
  /** Whether it ended the server's flows. */
  readonly flush: boolean;
  /** VPP's answer; 0: done. */
  readonly retval: number;
  /** Why it was sent. */
  readonly reason: string;
}

/** The record of a frontend that the configuration brings. Its VIP and place are set by whoever keeps it. */
export function freshRecord(name: string, release: Release, revision: number): FrontendSync {
  return {
    name,
    vip: "",
    place: 0,
    revision,
    dueAt: null,
    readBackAt: null,
    failures: 0,
    standing: null,
    detail: null,
    since: 0,
    decisions: [],
    waiters: [],
    release,
    pendingFlushes: [],
    lastInSync: null,
    asked: new Map(),
    running: 0,
    urgent: 0,
    changed: false,
    postponed: false,
    weightUnsent: false,
    sent: new Map(),
  };
}
