/**
 * What operators set and what happened: overrides, the journal, replay.
 *
 * @module
 */
import type { Code, FState, Ns, Nul, State, Time } from "./base.ts";
import type { Change } from "./vpp.ts";

/** Body of an action; at most one of `for_ns` and `until`. */
export interface ActionBody {
  /** At most 500 characters. */
  reason?: string;
  /** The override ends after this time. */
  for_ns?: Ns;
  /** The override ends at this time. */
  until?: Time;
  /** True: the fleet's intent. */
  everywhere?: boolean;
  /** True: replaces another operator's intent. */
  force?: boolean;
}

/** What an operator set at run time and has not taken back. */
export interface Override {
  /** Stable while it lasts. */
  id: string;
  /** What was set. */
  kind: "pause" | "disable" | "enable" | "weight";
  /** Name of the backend. */
  backend: string;
  /** With `weight`. */
  frontend: Nul<string>;
  /** With `weight`. */
  pool: Nul<string>;
  /** With `weight`: 0...100. */
  weight: Nul<number>;
  /** Name of the token, or `local`. */
  by: string;
  /** Who it says is behind the token; unverified. */
  claimed: Nul<string>;
  /** Why. */
  reason: Nul<string>;
  /** When it was set. */
  since: Time;
  /** When it ends; null: when somebody ends it. */
  until: Nul<Time>;
  /** What the file says in its place. */
  file_value: Nul<number | boolean>;
  /** This daemon, or the whole fleet. */
  scope: "here" | "everywhere";
  /** Not null: its object is not in the configuration now. */
  sleeping: Nul<{ since: Time; why: string }>;
}

/** GET /v1/overrides; DELETE /v1/overrides/{id} answers the list. */
export interface OverrideList {
  /** Oldest first. */
  overrides: Override[];
  /** With DELETE. */
  consequences?: Consequences;
}

/** What an action changes, or would change. */
export interface Consequences {
  /** True: nothing was changed. */
  dry_run: boolean;
  /** Whether the override is on disk. */
  durable: boolean;
  /** Why not, "" when durable. */
  durable_detail: string;
  /** Somebody else's override that this one replaces. */
  replaced: Nul<Override>;
  /** Frontends whose state, pool or shares change; null: not known. */
  frontends: Nul<{
    frontend: string;
    from: FState;
    to: FState;
    pool_before: Nul<string>;
    pool_after: Nul<string>;
    servers_left: number;
    moved_share: Nul<number>;
    flushed: string[];
  }[]>;
  /** Changes of the plan; null: not known. */
  changes: Nul<Change[]>;
}

/** Kinds of a journal's entries. */
export const journalKinds = [
  "backend",
  "frontend",
  "vpp",
  "sync",
  "drift",
  "override",
  "change",
  "config",
  "process",
  "fleet",
] as const;

/** Kind of a journal's entry. */
export type JournalKind = (typeof journalKinds)[number];

/** Something that happened. */
export interface JournalEntry {
  /** Orders entries. */
  seq: number;
  /** Wall clock. */
  at: Time;
  /** What it is about. */
  kind: JournalKind;
  /** Name of the backend, or null. */
  backend: Nul<string>;
  /** Name of the frontend, or null. */
  frontend: Nul<string>;
  /** Who did it; null: the daemon itself. */
  by: Nul<string>;
  /** Who it says is behind the token; unverified. */
  claimed: Nul<string>;
  /** Why. */
  reason: Nul<string>;
  /** One sentence. */
  text: string;
  /** Details for programs. */
  data: Record<string, unknown>;
  /** With kinds change and override: link of the chain. */
  chain: Nul<string>;
}

/** GET /v1/journal, newest first. */
export interface Journal {
  /** The page. */
  entries: JournalEntry[];
  /** The next page's `before`; null: there is none. */
  before: Nul<number>;
  /** Time of the oldest entry that is kept. */
  oldest: Nul<Time>;
  /** Entries that were lost since the start. */
  dropped: number;
}

/** GET /v1/backends/{name}/replay */
export interface Replay {
  /** Name of the backend. */
  backend: string;
  /** Begin of the range. */
  since: Time;
  /** End of the range. */
  until: Time;
  /** The rule that was tried. */
  rule: { rise: number; fall: number };
  /** Whether this rule was in force. */
  exact: boolean;
  /** What happened. */
  recorded: { downs: number; down_ns: Ns };
  /** What would have happened. */
  replayed: { downs: number; down_ns: Ns; transitions: { at: Time; to: State; code: Code }[] };
  /** Times without records. */
  gaps: number;
}
