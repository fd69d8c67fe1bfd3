/**
 * One daemon's part in its fleet: the intents that it knows, its row, and what the nodes do not agree about. It knows
 * the store and nothing of the daemon.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Millis, UnixMillis } from "../model.ts";
import { type Disagreement, disagreements, type Judged } from "./agreement.ts";
import { IntentLoop, type StoreState, type Written } from "./intent_loop.ts";
import type { Intent, IntentTarget, Learned, StoreMemory } from "./intents.ts";
import type { NodeRow } from "./node_row.ts";
import { Presence, type SeenRow } from "./presence.ts";
import { type Store, StoreError } from "./store.ts";

/** Rows are not listed again for somebody who asks within this time, in ms. */
const freshMs: Millis = 1_000;

/** What a fleet is made of. */
export interface FleetParts {
  /** Name of the fleet. */
  readonly name: string;
  /** Name of this node. */
  readonly node: string;
  /** The store. */
  readonly store: Store;
  /** Time. */
  readonly clock: Clock;
  /** What an earlier process knew. */
  readonly memory: StoreMemory;
  /** This daemon's row now. */
  readonly row: () => NodeRow;
  /** Called after every change of what is known of the store, which must be kept. */
  readonly onLearned: (learned: Learned) => void;
  /** Called when the state of the store changes. */
  readonly onState: (state: StoreState) => void;
  /** A row that cannot be understood; told once a value. */
  readonly onRubbish: (node: string, why: string) => void;
  /** A call of the store took so long, in ms. */
  readonly onCall: (ms: Millis) => void;
  /** What nodes do not agree about has changed: what is told from now on, and what is not any more. */
  readonly onDisagreements: (began: Judged["told"], ended: Judged["told"]) => void;
}

/** What is known of the fleet at one moment. */
export interface FleetView {
  /** Name of the fleet. */
  readonly name: string;
  /** Name of this node. */
  readonly node: string;
  /** Whether the store answers. */
  readonly store: StoreState;
  /** Rows by node, this daemon's own among them; sorted. */
  readonly rows: readonly SeenRow[];
  /** What has differed for over 10 s; `since` is monotonic. */
  readonly disagreements: Judged["told"];
  /** Another daemon with this node's name; null: there is none. `since` is monotonic. */
  readonly doubled: { readonly instance: string; readonly since: Millis } | null;
  /** This node's clock less the store's, in ms, and since when; null: it is not off by more than 30 s. */
  readonly clockOff: { readonly ms: Millis; readonly since: UnixMillis } | null;
}

/** A daemon in its fleet; disposal takes its row back and ends all calls. */
export class Fleet implements AsyncDisposable {
  readonly #parts: FleetParts;
  readonly #loop: IntentLoop;
  readonly #presence: Presence;
  #judged: Judged = { told: [], since: new Map(), unsure: false };
  #refreshing: Promise<void> | null = null;
  #told: StoreState;

  /** Makes a part in a fleet that has not begun. */
  constructor(parts: FleetParts) {
    this.#parts = parts;
    const { clock, memory, name: fleet, node, onCall, onLearned, onRubbish, row, store } = parts;
    this.#loop = new IntentLoop({
      fleet,
      node,
      store,
      clock,
      memory,
      onCall,
      onLearned,
      onState: () => this.#tellState(),
    });
    this.#told = this.#loop.state;
    this.#presence = new Presence({
      fleet,
      store,
      clock,
      row,
      onRubbish,
      wantsRows: () => this.#judge().unsure,
      onBeat: () => {
        this.#judge();
        this.#tellState();
      },
    });
  }

  /** Begins. */
  start(): void {
    this.#loop.start();
    this.#presence.start();
  }

  /** Resolves after the first list of intents that was believed. */
  get listed(): Promise<void> {
    return this.#loop.listed;
  }

  /** What is known of the intents. */
  get memory(): StoreMemory {
    return this.#loop.memory;
  }

  /** What an earlier process knew has come late. */
  recall(memory: StoreMemory): void {
    this.#loop.recall(memory);
  }

  /** What is known now. */
  get view(): FleetView {
    const { name, node } = this.#parts;
    const { clockOffMs: ms, clockOffSince } = this.#loop;
    const rows = [...this.#presence.rows().values()].sort((a, b) => a.row.node < b.row.node ? -1 : 1);
    return {
      name,
      node,
      store: this.#state,
      rows,
      disagreements: this.#judged.told,
      doubled: this.#presence.doubled,
      clockOff: clockOffSince === null ? null : { ms, since: clockOffSince },
    };
  }

  /** Lists the rows for somebody who asks; a store that does not answer leaves those that are known. */
  async refresh(): Promise<void> {
    if (this.#parts.clock.now() - this.#presence.listedAt < freshMs) return;
    this.#refreshing ??= this.#presence.refresh().catch((error) => {
      if (!(error instanceof StoreError)) throw error;
    }).finally(() => this.#refreshing = null);
    await this.#refreshing;
    this.#judge();
  }

  /**
   * Writes an intent, compared to what this daemon knows.
   *
   * @param force whether another operator's intent is replaced
   */
  write(intent: Intent, force: boolean): Promise<Written> {
    return this.#loop.write(intent, force);
  }

  /** Deletes an intent, compared to the revision that this daemon knows. */
  remove(target: IntentTarget): Promise<Written> {
    return this.#loop.remove(target);
  }

  /** A store that answers and takes no write is of as little use to an operator as one that is away. */
  get #state(): StoreState {
    const { state } = this.#loop;
    const { refused } = this.#presence;
    if (state.kind !== "live" || refused === null) return state;
    return {
      kind: "away",
      since: refused.since,
      detail: `it takes no write of this node: ${refused.detail}`,
    };
  }

  #tellState(): void {
    const state = this.#state;
    if (this.#told.kind === state.kind && this.#told.detail === state.detail) return;
    this.#told = state;
    this.#parts.onState(state);
  }

  #judge(): Judged {
    const { clock, node } = this.#parts;
    const rows = [...this.#presence.rows().values()].map(({ row }) => row);
    const { listedAt } = this.#presence;
    const before = this.#judged.told;
    this.#judged = disagreements(rows, node, listedAt, this.#judged.since, clock.now());
    const { told } = this.#judged;
    const began = told.filter((one) => !before.some(same(one)));
    const ended = before.filter((one) => !told.some(same(one)));
    if (began.length + ended.length > 0) this.#parts.onDisagreements(began, ended);
    return this.#judged;
  }

  /** Takes the row back and ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#loop[Symbol.asyncDispose](), this.#presence[Symbol.asyncDispose]()]);
  }
}

function same({ kind, object }: Disagreement): (other: Disagreement) => boolean {
  return (other) => other.kind === kind && other.object === object;
}
