/**
 * How the daemons are that are not shown: their problems are counted every 5 s, through the daemon of the page.
 *
 * @module
 */
import type { PeerList } from "../../api/mod.ts";
import { ApiClient, ApiError, type Transport } from "./client.ts";
import type { PageClock } from "./live.ts";
import { acceptPeers, acceptProblems } from "./shapes.ts";

/** One daemon in a line. */
export interface Daemon {
  /** Name of the peer; null: the daemon of the page. */
  readonly name: string | null;
  /** Address of its own page; null: this one. */
  readonly url: string | null;
  /** Why nothing is known of it; "": something is. */
  readonly trouble: string;
  /** Problems; null: not known. */
  readonly critical: number | null;
  /** The same. */
  readonly warnings: number | null;
}

/** The daemons are asked so often, in ms. */
const pollMs = 5_000;

/** What it is made of. */
export interface OthersParts {
  /** How requests are made. */
  readonly transport: Transport;
  /** Timers. */
  readonly clock: PageClock;
  /** Name of the peer that is shown, which is not asked here. */
  readonly shown: () => string | null;
  /** Takes what is known now: this daemon, then its peers in their order. None: there are no peers. */
  readonly update: (daemons: readonly Daemon[]) => void;
}

/** Asks until it is stopped. */
export class Others {
  readonly #parts: OthersParts;
  readonly #end = new AbortController();
  #cancel = () => {};
  /** Counts the beginnings: a round of an earlier one is over when another begins. */
  #begun = 0;
  #known: readonly Daemon[] = [];

  /** Has not begun. */
  constructor(parts: OthersParts) {
    this.#parts = parts;
  }

  /** Begins, or asks at once, e.g. with another token. */
  start(): void {
    this.#cancel();
    void this.#round(++this.#begun);
  }

  /** Ends. */
  stop(): void {
    this.#end.abort();
    this.#cancel();
  }

  async #round(begun: number): Promise<void> {
    const { clock, shown, transport, update } = this.#parts;
    const { signal } = this.#end;
    const over = () => signal.aborted || begun !== this.#begun;
    let asksAgain = false;
    try {
      const { peers } = acceptPeers(await new ApiClient(transport).peers(signal));
      // An address may name a peer that there is not: then a tab leads back.
      const alone = peers.length === 0 && shown() === null;
      const names: (PeerList["peers"][number] | null)[] = alone ? [] : [null, ...peers];
      const now = await Promise.all(names.map(async (peer): Promise<Daemon> => {
        const name = peer?.name ?? null;
        const about = { name, url: peer?.url ?? null };
        const unknown = { critical: null, warnings: null };
        if (peer?.reachable === false) return { ...about, ...unknown, trouble: peer.detail };
        if (name === shown()) return { ...about, ...unknown, trouble: "" };
        try {
          const answer: { problems?: unknown } = await new ApiClient(transport, name).problems(signal);
          if (!Array.isArray(answer?.problems)) {
            return { ...about, ...unknown, trouble: "it answers nonsense" };
          }
          const { critical, warnings } = acceptProblems(answer);
          return { ...about, critical, warnings, trouble: "" };
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          // A daemon of an older version counts no problems.
          return { ...about, ...unknown, trouble: error.status === 404 ? "" : error.message };
        }
      }));
      if (over()) return;
      this.#known = now;
      // Without peers there is nothing to ask: they are given when the daemon starts.
      asksAgain = now.length > 0;
    } catch (error) {
      if (over()) return;
      if (!(error instanceof ApiError)) throw error;
      // This daemon is away, older, or wants a token: its own tab says so.
      if (error.status === 404 || error.status === 401) return;
      asksAgain = true;
    }
    update(this.#known);
    if (asksAgain) this.#cancel = clock.after(pollMs, () => void this.#round(begun));
  }
}
