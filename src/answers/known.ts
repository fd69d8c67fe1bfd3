/**
 * What answers are made from: one value that holds all that is known at one moment. The daemon takes it from its
 * parts; nothing in it reads VPP or waits.
 *
 * @module
 */
import type { Override } from "../api/mod.ts";
import type { Blindness, VoidRun } from "../health/blind.ts";
import type { HeldGroup } from "../lb/outcome.ts";
import type { FrontendState, IpAddress, State, Transition, UnixMillis } from "../model.ts";
import type { Frontend } from "../configuration.ts";

/** Something that is wrong since a moment, in words. */
export interface Trouble {
  /** When it began, or was found. */
  readonly since: UnixMillis;
  /** One sentence for people. */
  readonly detail: string;
}

/** Trouble of a thing with a name. */
export interface NamedTrouble extends Trouble {
  /** Name of what it concerns. */
  readonly object: string;
}

/** One backend. */
export interface BackendFacts {
  /** Its name. */
  readonly name: string;
  /** Its state. */
  readonly state: State;
  /** When it entered the state. */
  readonly since: UnixMillis;
  /** Its newest transition; null: none yet. */
  readonly newest: Transition | null;
  /** Not null: no result has counted for too long. */
  readonly blind: Blindness | null;
  /** Not null: its last results were void. */
  readonly void: VoidRun | null;
  /** Not null: its new address waits for a verdict, and this server serves meanwhile. */
  readonly previous: IpAddress | null;
  /** Not null: it flaps since then. */
  readonly flapping: UnixMillis | null;
  /** End of the certificate that it showed last; null: none. */
  readonly certificateEnd: UnixMillis | null;
}

/** One frontend. */
export interface FrontendFacts {
  /** Its pools in the running configuration. */
  readonly frontend: Frontend;
  /** Its state. */
  readonly state: FrontendState;
  /** When it entered the state. */
  readonly since: UnixMillis;
  /** Name of the pool in use. */
  readonly activePool: string;
  /** Since when it is in use. */
  readonly poolSince: UnixMillis;
  /** Weights in the pool in use that the table is too short for; null: none. */
  readonly withoutEffect: { readonly since: UnixMillis; readonly backends: readonly string[] } | null;
}

/** VPP as this daemon sees it. */
export interface VppFacts {
  /** The link to VPP. */
  readonly link: "off" | "disconnected" | "refused" | "connected";
  /** When the link entered this state. */
  readonly since: UnixMillis;
  /** Why it is not connected, "" when it is. */
  readonly reason: string;
  /** Not null: the warm-up is not over. */
  readonly warmup: {
    readonly since: UnixMillis;
    readonly endsAt: UnixMillis;
    readonly heldFrontends: readonly string[];
  } | null;
  /** What VPP does not have as it should, by the frontend's name or the VIP, and what VPP said. */
  readonly outOfSync: readonly NamedTrouble[];
  /** What somebody else changed in VPP. */
  readonly drift: readonly NamedTrouble[];
  /** What an automatic sync does not send. */
  readonly held: readonly HeldGroup[];
}

/** The files of the daemon. */
export interface FileFacts {
  /** The configuration on disk where it is not what runs. */
  readonly config: { readonly kind: "file-refused" | "file-differs"; readonly path: string } & Trouble | null;
  /** Files that are wrong now, of which an older content stays in use. */
  readonly kept: readonly NamedTrouble[];
}

/** Everything that is known at one moment. */
export interface Known {
  /** The moment. */
  readonly now: UnixMillis;
  /** In the file's order. */
  readonly backends: readonly BackendFacts[];
  /** How many of them are probed. */
  readonly probed: number;
  /** In the file's order. */
  readonly frontends: readonly FrontendFacts[];
  /** VPP. */
  readonly vpp: VppFacts;
  /** Files. */
  readonly files: FileFacts;
  /** Oldest first. */
  readonly overrides: readonly Override[];
  /** What the daemon's memory cannot do. */
  readonly memory: {
    /** What must outlive the process cannot be written, or was lost. */
    readonly disk: Trouble | null;
    /** The journal is not written. */
    readonly journal: Trouble | null;
    /** The clock jumped, or differs from the store's. */
    readonly clock: Trouble | null;
  };
  /** The other daemons. */
  readonly fleet: {
    /** The store cannot be used. */
    readonly store: Trouble | null;
    /** What nodes do not agree about. */
    readonly nodes: readonly NamedTrouble[];
  };
}
