/**
 * What the tracker tells the rest of the daemon, and what it asks of it.
 *
 * @module
 */
import type {
  CheckType,
  Frontend,
  FrontendState,
  IpAddress,
  Millis,
  ProbeResult,
  State,
  Transition,
  UnixMillis,
} from "../model.ts";
import type { BackendHealth } from "./backend.ts";

/** A frontend whose state or active pool changed; `from` and `to` are equal when only the pool did. */
export interface FrontendChange {
  /** Name of the frontend. */
  readonly frontend: string;
  /** State before. */
  readonly from: FrontendState;
  /** State now. */
  readonly to: FrontendState;
  /** Name of the pool that carries the frontend now. */
  readonly activePool: string;
  /** One sentence: `backend b1 down (L4CON connection refused)`. */
  readonly reason: string;
}

/** A flush that no transition of its batch tells; see `Tracker.firstRead`. */
export interface LateFlush {
  /** Name of the frontend. */
  readonly frontend: string;
  /** Name of the backend. */
  readonly backend: string;
  /** The state of the backend that owes it. */
  readonly state: "down" | "disabled";
}

/** What came of one batch of results, of an action, or of a reload. */
export interface HealthChanges {
  /** In the order in which they happened. */
  readonly transitions: readonly Transition[];
  /** Frontends whose state or active pool changed. */
  readonly frontendChanges: readonly FrontendChange[];
  /** Flushes of transitions that were told before the first full read. */
  readonly lateFlushes: readonly LateFlush[];
  /** Frontends with weights that are others because an override ended, came or woke. */
  readonly reweighed: readonly string[];
  /** Monotonic time at which the deciding result or request reached the tracker. */
  readonly decidedAt: Millis;
  /** The same by the wall clock. */
  readonly at: UnixMillis;
}

/** Receives the outcome of one batch, after every state, weight and history is consistent. */
export type ChangeSink = (changes: HealthChanges) => void;

/**
 * Takes a result that counted: the health that it met, and the health that it left (the same object if nothing
 * changed). Never throws, never waits, takes less than a microsecond: there are thousands a second.
 */
export type CountedSink = (
  backend: string,
  result: Pick<ProbeResult, "ok" | "code" | "totalMs">,
  at: UnixMillis,
  before: BackendHealth,
  after: BackendHealth,
) => void;

/** Where probes and transitions are counted. Never throws, never waits. */
export interface HealthMetrics {
  /** One finished probe of a running generation; a void one counts by its cause only. */
  probed(backend: string, type: CheckType, result: ProbeResult): void;
  /** One change of state. */
  transitioned(backend: string, from: State, to: State): void;
  /** The backend left the configuration; its series end. */
  forgotten(backend: string): void;
}

/** Metrics that nobody reads. */
export const noMetrics: HealthMetrics = {
  probed() {},
  transitioned() {},
  forgotten() {},
};

/** What the tracker asks of VPP. */
export interface VppFacts {
  /** Whether VPP was read whole in this process: `off` if VPP is switched off, so that it never will be. */
  readonly firstRead: "off" | "awaited" | "done";
  /** Whether VPP is here and was read since it came. */
  readonly isRead: boolean;
  /** The witness: weight that the first full read showed for a server on a frontend's VIP, 0…255; null: none. */
  witness(frontend: Frontend, address: IpAddress): number | null;
  /** Whether the first full read showed the server with a weight above 0 on any VIP. */
  hadWeight(address: IpAddress): boolean;
  /** Weight that VPP is known to have for a server on a frontend's VIP, 0…255; null: none, or not known. */
  weight(frontend: Frontend, address: IpAddress): number | null;
  /** The greatest weight that VPP may have for it, while a message for it is under way; else as `weight`. */
  weightAtMost(frontend: Frontend, address: IpAddress): number | null;
}
