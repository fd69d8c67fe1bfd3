/**
 * Finds out what an earlier process left.
 *
 *   state.json good ----------------------------------> known
 *   state.json damaged --> state.json.1 good ---------> known, a WARN
 *                          no, of a newer maglevd, ... -> lost, an ERROR
 *   neither is there ----> the folder was used before > lost, an ERROR
 *                          it was not ----------------> first start
 *
 * @module
 */
import type { Folder } from "./folder.ts";
import { decodeState, type State } from "./state.ts";

/** The file of the state. */
export const stateName = "state.json";
/** The one before it. */
export const stateBefore = "state.json.1";
/** Where a damaged one is kept for whoever wants to know. */
export const stateDamaged = "state.json.damaged";

/** What an earlier process left. */
export type Loaded =
  /** There was none. */
  | { readonly kind: "first" }
  /** `detail`: why it is the one before; null: it is the last that was written. `last`: what the last one is. */
  | {
    readonly kind: "known";
    readonly state: State;
    readonly detail: string | null;
    readonly last: "good" | "damaged" | "absent";
  }
  /** It cannot be used. `leave`: the files are those of a newer maglevd and must stay as they are. */
  | {
    readonly kind: "lost";
    readonly detail: string;
    readonly leave: boolean;
    readonly last: "damaged" | "absent";
  };

interface Read {
  readonly state: State | null;
  readonly absent: boolean;
  readonly newer: boolean;
  readonly detail: string;
}

async function read(folder: Folder, name: string): Promise<Read> {
  const useless = { state: null, absent: false, newer: false };
  let text: string | null;
  try {
    text = await folder.read(name);
  } catch (error) {
    // Whatever a disk says, the daemon goes on without.
    const detail = error instanceof Error ? error.message : String(error);
    return { ...useless, detail: `${name} cannot be read: ${detail}` };
  }
  if (text === null) return { ...useless, absent: true, detail: `there is no ${name}` };
  const decoded = decodeState(text);
  if (decoded.ok) return { state: decoded.value, absent: false, newer: false, detail: "" };
  const { detail, kind } = decoded.error;
  return { ...useless, newer: kind === "newer", detail: `${name}: ${detail}` };
}

/**
 * Reads the state. Never rejects.
 *
 * @param used whether a daemon has used the folder before
 */
export async function loadState(folder: Folder, used: boolean): Promise<Loaded> {
  const last = await read(folder, stateName);
  if (last.state !== null) return { kind: "known", state: last.state, detail: null, last: "good" };
  if (last.newer) return { kind: "lost", detail: last.detail, leave: true, last: "damaged" };
  const before = await read(folder, stateBefore);
  if (before.state !== null) {
    const detail = `${last.detail}; ${stateBefore} is used`;
    return { kind: "known", state: before.state, detail, last: last.absent ? "absent" : "damaged" };
  }
  if (last.absent && before.absent && !used) return { kind: "first" };
  const detail = `${last.detail}; ${before.detail}`;
  return { kind: "lost", detail, leave: before.newer, last: last.absent ? "absent" : "damaged" };
}
