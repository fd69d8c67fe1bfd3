/**
 * The memory of a daemon: what an earlier process left, and what the next one must know.
 *
 *   open --> first start, known or lost --> begin --> writes what changes
 *        +- not read after 5 s: lost -----> begin --> late: in force when it comes, and then it is written
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log/mod.ts";
import type { FleetRecord, MemoryLeft, Millis, VipRecord } from "../model.ts";
import type { Folder } from "./folder.ts";
import { type LeftOverrides, noOverrides } from "./overrides/override.ts";
import { type Loaded, loadState } from "./load.ts";
import { emptyState, type State } from "./state.ts";
import { StateWriter } from "./writer.ts";

/** A state that is not read by then counts as lost until it comes. */
const lateMs: Millis = 5_000;

/** An answer waits so long for the disk at most. */
const savedMs: Millis = 2_000;
const lateText = `the disk has not answered for ${savedMs / 1000} s; it is written when it does`;

/** What a memory needs. */
export interface KeeperParts {
  /** Where the state is kept. */
  readonly folder: Folder;
  /** Whether a daemon has used the folder before. */
  readonly used: boolean;
  /** False: the folder is not locked, so it is read and never written. */
  readonly locked: boolean;
  /** Time. */
  readonly clock: Clock;
  /** Where trouble is told. */
  readonly log: Log;
}

/** What a running daemon gives its memory. */
export interface KeptBy {
  /** VIPs as the next process must know them. */
  readonly vips: () => VipRecord;
  /** The fleet's store as the next process must know it; null: nothing. */
  readonly fleet: () => FleetRecord | null;
  /** Overrides, likewise. */
  readonly overrides: () => LeftOverrides;
  /** What an earlier process left has come late. */
  readonly late: (state: State) => void;
}

/** The memory of one daemon. */
export class StateKeeper implements AsyncDisposable {
  readonly #parts: KeeperParts | null;
  readonly #loading: Promise<Loaded> | null;
  #loaded: Loaded | null;
  #keptBy: KeptBy | null = null;
  #others: State["others"] = {};
  #writer: StateWriter | null = null;
  #closed = false;

  private constructor(
    parts: KeeperParts | null,
    loading: Promise<Loaded> | null,
    loaded: Loaded | null,
  ) {
    this.#parts = parts;
    this.#loading = loading;
    this.#loaded = loaded;
  }

  /** No memory: nothing is read or written. */
  static none(): StateKeeper {
    return new StateKeeper(null, null, { kind: "first" });
  }

  /** Reads what an earlier process left; waits 5 s for it at most. */
  static async open(parts: KeeperParts): Promise<StateKeeper> {
    const { clock, folder, log, used } = parts;
    const loading = loadState(folder, used);
    const timeout = new AbortController();
    const late = clock.sleep(lateMs, timeout.signal).then(() => null, () => null);
    const loaded = await Promise.race([loading, late]);
    timeout.abort();
    if (loaded === null) {
      const detail = `the state was not read within ${lateMs / 1000} s; it is in force when it comes`;
      log.error("memory-error", { detail });
    } else {
      tell(log, loaded);
    }
    return new StateKeeper(parts, loading, loaded);
  }

  /** VIPs that an earlier process left; null: there is no memory of one. */
  get vips(): VipRecord | null {
    return this.#loaded?.kind === "known" ? this.#loaded.state.vips : null;
  }

  /** What an earlier process knew of the fleet's store; null: nothing. */
  get fleet(): FleetRecord | null {
    return this.#loaded?.kind === "known" ? this.#loaded.state.fleet : null;
  }

  /** Overrides that an earlier process left. */
  get overrides(): LeftOverrides {
    return this.#loaded?.kind === "known" ? this.#loaded.state.overrides : noOverrides;
  }

  /** How much there is of what an earlier process left. */
  get left(): MemoryLeft {
    if (this.#loaded === null || this.#loaded.kind === "lost") return "lost";
    return this.#loaded.kind === "known" && this.#loaded.last !== "good" ? "older" : "all";
  }

  /** Whether it may come yet. */
  get isLate(): boolean {
    return this.#loaded === null;
  }

  /** Why the state is not on the disk; null: it is, or is about to be. */
  get problem(): string | null {
    return this.#writer?.problem ?? null;
  }

  /** Whether what is set now is on the disk, or about to be. */
  get keeps(): boolean {
    return this.#writer !== null && this.#writer.problem === null;
  }

  /** Keeps the state of a daemon from now on. */
  begin(keptBy: KeptBy): void {
    this.#keptBy = keptBy;
    if (this.#loaded !== null) this.#write(this.#loaded);
    else this.#loading?.then((loaded) => this.#came(loaded));
  }

  /** What the next process must know may have changed. Returns at once. */
  changed(): void {
    this.#writer?.changed();
  }

  /**
   * Writes the state as it is now.
   *
   * @returns null once the disk has it; or one sentence, why it has not: after 2 s at most
   */
  async saved(): Promise<string | null> {
    if (this.#parts === null) return "nothing is kept: maglevd runs without --state-dir";
    const { clock, locked } = this.#parts;
    if (!locked) return "nothing is kept: --state-dir cannot be locked";
    if (this.#writer === null) {
      return this.#loaded === null
        ? "the state of the process before is not read yet, so nothing is written"
        : "nothing is kept: the state is one of a newer maglevd";
    }
    const timeout = new AbortController();
    const late = clock.sleep(savedMs, timeout.signal).then(() => lateText, () => lateText);
    const saved = await Promise.race([this.#writer.save(), late]);
    timeout.abort();
    return saved;
  }

  /** Writes what is not written yet, and waits for it a second at most. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#writer?.[Symbol.asyncDispose]();
  }

  #came(loaded: Loaded): void {
    if (this.#closed || this.#parts === null) return;
    this.#loaded = loaded;
    tell(this.#parts.log, loaded);
    if (loaded.kind === "known") {
      this.#parts.log.warn("memory-error", { detail: "the state has come late; it is in force now" });
      this.#keptBy?.late(loaded.state);
    }
    this.#write(loaded);
  }

  #write(loaded: Loaded): void {
    const keptBy = this.#keptBy;
    if (this.#parts === null || keptBy === null || !this.#parts.locked) return;
    if (loaded.kind === "lost" && loaded.leave) return;
    const known = loaded.kind === "known" ? loaded : null;
    this.#others = known?.state.others ?? emptyState.others;
    this.#writer = new StateWriter({
      ...this.#parts,
      state: () => ({
        vips: keptBy.vips(),
        overrides: keptBy.overrides(),
        fleet: keptBy.fleet(),
        others: this.#others,
      }),
      present: loaded.kind === "first" ? "absent" : loaded.last,
      written: known?.last === "good" ? known.state : null,
    });
    this.#writer.changed();
  }
}

function tell(log: Log, loaded: Loaded): void {
  if (loaded.kind === "known" && loaded.detail !== null) log.warn("memory-error", { detail: loaded.detail });
  if (loaded.kind !== "lost") return;
  const more = loaded.leave ? "; the files stay as they are, and nothing is kept" : "";
  log.error("memory-error", { detail: `what an earlier process left is lost: ${loaded.detail}${more}` });
}
