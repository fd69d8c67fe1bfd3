/**
 * Events of GET /v1/events?kinds=&level=&backend=&frontend= (comma lists; kinds default backend,frontend,vpp,log;
 * level default info).
 *
 * Frames: `event: <kind>`, `id: <epoch>-<seq>`, `data: <one of these>`. First the present state, from = to,
 * synthetic true, all with the id of the newest real event; with a Last-Event-ID in the ring the missed events
 * instead; otherwise `resync`, then the present state.
 *
 * @module
 */
import type { FState, Level, Ns, Nul, Time } from "./base.ts";
import type { Transition } from "./health.ts";
import type { VppInfo } from "./vpp.ts";

/** What every event has. */
export interface EventHead {
  /** When it happened. */
  at: Time;
  /** When it happened, to the nanosecond. */
  at_unix_ns: Ns;
  /** True: tells a state, not a change. */
  synthetic: boolean;
}

/** A backend changed its state. */
export interface BackendEvent extends EventHead {
  /** Tells the kinds apart. */
  kind: "backend";
  /** Name of the backend. */
  backend: string;
  /** Frontends that use it. */
  frontends: string[];
  /** The change. */
  transition: Transition;
}

/** A frontend changed its state or its active pool. */
export interface FrontendEvent extends EventHead {
  /** Tells the kinds apart. */
  kind: "frontend";
  /** Name of the frontend. */
  frontend: string;
  /** State before. */
  from: FState;
  /** State after. */
  to: FState;
  /** Pool that carries it now. */
  active_pool: string;
  /** Why. */
  reason: string;
}

/** How maglevd stands to VPP. */
export type Link = "off" | "disconnected" | "connected";

/** VPP came or went. */
export interface VppEvent extends EventHead {
  /** Tells the kinds apart. */
  kind: "vpp";
  /** Before. */
  from: Link;
  /** After. */
  to: Link;
  /** Why. */
  reason: string;
  /** While connected. */
  info: Nul<VppInfo>;
}

/** A log record. */
export interface LogEvent extends EventHead {
  /** Tells the kinds apart. */
  kind: "log";
  /** Its severity. */
  level: Level;
  /** Its name. */
  msg: string;
  /** Its fields. */
  attrs: Record<string, unknown>;
}

/** Events were lost to this subscriber; the present state follows. */
export interface ResyncEvent extends EventHead {
  /** Tells the kinds apart. */
  kind: "resync";
  /** Another run of the daemon, or too long ago. */
  reason: "epoch" | "ring";
}

/** The last frame before the daemon closes a slow reader. */
export interface DroppedEvent extends EventHead {
  /** Tells the kinds apart. */
  kind: "dropped";
  /** Why. */
  reason: string;
}
