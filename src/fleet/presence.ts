/**
 * The row of this daemon in the store, and the rows of the others. The row has a lease of 15 s, so it goes when the
 * daemon does; prolonging the lease makes no revision of the store.
 *
 *   waiting --no row of another instance, or 20 s over--> present --lease gone--> waiting
 *   waiting --another instance still there after 20 s--> doubled (no own row) --it is gone--> present
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Millis, UnixMillis } from "../model.ts";
import { type Store, StoreError } from "./store.ts";
import { nodePrefix } from "./intents.ts";
import { type NodeRow, parseRow, rowText } from "./node_row.ts";

/** Life of a row without its daemon, in s. */
export const leaseSeconds = 15;
/** The lease is prolonged, and a changed row written, at most this often, in ms. */
export const beatMs = 5_000;
/** Rows of the others are listed this often, in ms. */
export const rowsEveryMs = 30_000;
/** A row of another instance that lives longer than this is of a living daemon, in ms. */
const doubledAfterMs = 20_000;

/** What the presence is made of. */
export interface PresenceParts {
  /** Name of the fleet. */
  readonly fleet: string;
  /** The store. */
  readonly store: Store;
  /** Time. */
  readonly clock: Clock;
  /** This daemon's row now. */
  readonly row: () => NodeRow;
  /** A row that cannot be understood; told once a value. */
  readonly onRubbish: (node: string, why: string) => void;
  /** Whether the rows of the others must be listed before their time. */
  readonly wantsRows?: () => boolean;
  /** Called after each beat, also one that failed. */
  readonly onBeat?: () => void;
}

/** Why the store takes no write of this node. */
export interface RefusedWrite {
  /** When it was first refused. */
  readonly since: UnixMillis;
  /** The store's words. */
  readonly detail: string;
}

/** A row with the time at which it was last seen. */
export interface SeenRow {
  /** What the node told. */
  readonly row: NodeRow;
  /** Monotonic. */
  readonly seenAt: Millis;
}

/** Keeps the row of one daemon; disposal takes it back. */
export class Presence implements AsyncDisposable {
  readonly #parts: PresenceParts;
  readonly #end = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #lease: string | null = null;
  #written: string | null = null;
  #rows = new Map<string, SeenRow>();
  readonly #rubbish = new Map<string, string>();
  #listedAt: Millis = -Infinity;
  #foreignSince: Millis | null = null;
  #doubled: { readonly instance: string; readonly since: Millis } | null = null;
  #refused: RefusedWrite | null = null;

  /** Makes a presence that has not begun. */
  constructor(parts: PresenceParts) {
    this.#parts = parts;
  }

  /** Begins. */
  start(): void {
    this.#running = this.#loop();
  }

  /** Rows as last listed, by node; this daemon's own as it is now. */
  rows(): ReadonlyMap<string, SeenRow> {
    const own = this.#parts.row();
    return new Map(this.#rows).set(own.node, { row: own, seenAt: this.#parts.clock.now() });
  }

  /** Another daemon with this node's name, and since when it has been seen; null: there is none. */
  get doubled(): { readonly instance: string; readonly since: Millis } | null {
    return this.#doubled;
  }

  /** Why the store takes no write of this node: it is full, or gives no right to it. Null: it takes them. */
  get refused(): RefusedWrite | null {
    return this.#refused;
  }

  /** When the rows of the others were listed; monotonic, -Infinity: never. */
  get listedAt(): Millis {
    return this.#listedAt;
  }

  /** Lists the rows now, for somebody who asks. Rejects with a StoreError. */
  async refresh(): Promise<void> {
    const { clock, fleet, onRubbish, row, store } = this.#parts;
    const prefix = nodePrefix(fleet);
    const { rows } = await store.list(prefix);
    const now = clock.now();
    this.#listedAt = now;
    this.#rows = new Map();
    for (const { key, value } of rows) {
      const node = key.slice(prefix.length);
      const parsed = parseRow(node, value);
      if (parsed.ok) {
        this.#rows.set(node, { row: parsed.value, seenAt: now });
        this.#rubbish.delete(node);
      } else if (this.#rubbish.get(node) !== value) {
        this.#rubbish.set(node, value);
        onRubbish(node, parsed.error);
      }
    }
    this.#judge(this.#rows.get(row().node)?.row.instance ?? null, now);
  }

  /** Whether a row of another instance with this name is there, and for how long. */
  #judge(instance: string | null, now: Millis): void {
    if (instance === null || instance === this.#parts.row().instance) {
      this.#foreignSince = null;
      this.#doubled = null;
      return;
    }
    this.#foreignSince ??= now;
    if (now - this.#foreignSince >= doubledAfterMs) {
      this.#doubled = { instance, since: this.#foreignSince };
    }
  }

  async #loop(): Promise<void> {
    const { clock } = this.#parts;
    while (!this.#end.signal.aborted) {
      try {
        await this.#beat();
        this.#refused = null;
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        // The list of intents tells whether the store is away; here the next beat is enough. But it writes nothing.
        if (error.failure === "full" || error.failure === "denied") {
          this.#refused = { since: this.#refused?.since ?? clock.wall(), detail: error.message };
          // The next beat writes, so that the end of it is seen.
          this.#written = null;
        }
      }
      this.#parts.onBeat?.();
      try {
        await clock.sleep(beatMs, this.#end.signal);
      } catch (error) {
        if (!this.#end.signal.aborted) throw error;
      }
    }
  }

  async #beat(): Promise<void> {
    const { clock, fleet, row, store, wantsRows } = this.#parts;
    const waits = this.#lease === null;
    const old = clock.now() - this.#listedAt >= rowsEveryMs;
    if (waits || old || wantsRows?.() === true) await this.refresh();
    if (this.#lease !== null && !await store.keepLease(this.#lease)) {
      this.#lease = null;
      this.#written = null;
    }
    // A row of another instance may be what an earlier process of this daemon left: its lease ends within 15 s.
    if (this.#foreignSince !== null) return;
    const own = row();
    const text = rowText(own);
    if (this.#lease !== null && this.#written === text) return;
    this.#lease ??= await store.grantLease(leaseSeconds);
    await store.put(nodePrefix(fleet) + own.node, text, this.#lease);
    this.#written = text;
  }

  /** Takes the row back. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#running;
    if (this.#lease === null) return;
    try {
      await this.#parts.store.revokeLease(this.#lease);
    } catch (error) {
      // The lease ends by itself.
      if (!(error instanceof StoreError)) throw error;
    }
  }
}
