/**
 * The stats segment of a VPP: how to get it, and how to tell that it is lost.
 *
 * @module
 */
import type { Fd } from "../../ffi/fd.ts";
import { fileSize, isSealed, Mapping } from "../../ffi/mapping.ts";
import { ErrnoError } from "../../ffi/libc.ts";
import { FdReceiver } from "../../ffi/passfd.ts";
import type { Clock } from "../clock.ts";
import type { VppHeap } from "../lb/balancer.ts";
import type { Millis } from "../model.ts";
import { VppSessionError } from "./errors.ts";
import { type Outcome, Segment, SegmentError } from "./segment.ts";

/** The lb plugin's four counters of a VIP, in this order; the column is the VIP's index. Their names have no slash. */
export const VIP_COUNTERS = [
  "packet from existing sessions",
  "first session packet",
  "untracked packet",
  "no server configured",
] as const;

/** Every name that is looked for in the directory. */
export const STAT_NAMES = [
  "/sys/boottime",
  "/sys/heartbeat",
  "/sys/num_worker_threads",
  "/mem/main heap/total",
  "/mem/main heap/free",
  "/net/route/to",
  "/net/route/via",
  ...VIP_COUNTERS,
] as const;

/** Wait between looks for the descriptor, and between reads of a busy segment, in ms. */
const PAUSE_MS = 2;
/** Reads of a busy segment before it is called busy. */
const BUSY_TRIES = 5;

/**
 * A mapped stats segment. Owns the mapping; afterwards every read is stale.
 *
 * To read what was cut off the file would end the daemon (SIGBUS). VPP seals its segment against that, but for one
 * with huge pages. For such a one the descriptor is kept, and the size is asked for before each read.
 */
export class StatsSource implements Disposable {
  readonly #mapping: Mapping;
  readonly #segment: Segment;
  readonly #clock: Clock;
  /** Null where nobody can cut it. */
  readonly #fd: Fd | null;

  private constructor(mapping: Mapping, fd: Fd | null, clock: Clock) {
    this.#mapping = mapping;
    this.#segment = new Segment(mapping.buffer, fd === null ? undefined : () => fileSize(fd));
    this.#clock = clock;
    this.#fd = fd;
  }

  /** Whether nobody can make the segment shorter. */
  get sealed(): boolean {
    return this.#fd === null;
  }

  /**
   * Gets the segment from the SOCK_SEQPACKET socket at `path` and maps it. Throws VppSessionError when the socket
   * is not there, no descriptor comes within `deadlineMs`, or what comes cannot be a segment.
   */
  static async open(
    path: string,
    clock: Clock,
    deadlineMs: Millis,
    signal?: AbortSignal,
  ): Promise<StatsSource> {
    try {
      using parts = new DisposableStack();
      const fd = parts.use(await receiveFd(path, clock, deadlineMs, signal));
      const mapping = parts.use(new Mapping(fd, fileSize(fd)));
      const sealed = isSealed(fd);
      const source = new StatsSource(mapping, sealed ? null : fd, clock);
      parts.move();
      if (sealed) fd[Symbol.dispose]();
      return source;
    } catch (error) {
      // Nothing there, a path or a file that cannot be one, or a file that is no segment.
      const expected = [ErrnoError, RangeError, SegmentError].some((kind) => error instanceof kind);
      if (!expected || !(error instanceof Error)) throw error;
      throw new VppSessionError("stats", `cannot open the stats segment at ${path}: ${error.message}`, {
        cause: error,
      });
    }
  }

  /** How often the directory was searched for names. */
  get directoryScans(): number {
    return this.#segment.directoryScans;
  }

  /** Runs `look` on one moment of the segment; waits a little, a few times, for a VPP that is changing it. */
  async read<T>(look: (segment: Segment) => T): Promise<Outcome<T>> {
    for (let turn = 1;; turn++) {
      const result = this.#segment.read(() => look(this.#segment));
      if (result.outcome !== "busy" || turn === BUSY_TRIES) return result;
      await this.#clock.sleep(PAUSE_MS);
    }
  }

  /** Revokes every view on the segment and unmaps it. */
  [Symbol.dispose](): void {
    this.#mapping[Symbol.dispose]();
    this.#fd?.[Symbol.dispose]();
  }
}

async function receiveFd(path: string, clock: Clock, deadlineMs: Millis, signal?: AbortSignal): Promise<Fd> {
  using receiver = new FdReceiver(path);
  const deadlineAt = clock.now() + deadlineMs;
  for (;;) {
    const fd = receiver.receive();
    if (fd !== null) return fd;
    if (clock.now() >= deadlineAt) {
      throw new VppSessionError("stats", `${path} sent no descriptor within ${deadlineMs / 1000} s`);
    }
    await clock.sleep(PAUSE_MS, signal);
  }
}

/** What tells that a VPP is alive. */
export interface Pulse {
  /** `/sys/boottime`, unix seconds; null if the segment does not have it. */
  readonly bootTime: number | null;
  /** `/sys/heartbeat`: VPP moves it every 10 s by default; null if the segment does not have it. */
  readonly heartbeat: number | null;
}

/** Reads the pulse. Only inside `Segment.read`. */
export function readPulse(segment: Segment): Pulse {
  const places = segment.find(STAT_NAMES);
  const scalar = (name: string): number | null => {
    const place = places.get(name);
    return place === undefined ? null : segment.scalar(place);
  };
  return { bootTime: scalar("/sys/boottime"), heartbeat: scalar("/sys/heartbeat") };
}

/** Reads what VPP reports of its main heap; null if the segment does not have it. Only inside `Segment.read`. */
export function readMainHeap(segment: Segment): VppHeap | null {
  const places = segment.find(STAT_NAMES);
  const number = (name: string): number | null => {
    const place = places.get(name);
    const value = place === undefined ? null : segment.value(place);
    return value !== null && "value" in value ? value.value : null;
  };
  const total = number("/mem/main heap/total");
  const free = number("/mem/main heap/free");
  const workers = number("/sys/num_worker_threads");
  return total === null || free === null || workers === null ? null : { total, free, workers };
}

const HEARTBEAT_MS = 60_000;
const FAILING_MS = 30_000;
/** More time than this between two looks was not spent looking, so it is not held against VPP. */
const MAX_STEP_MS = 10_000;

/**
 * Tells whether the stats segment is lost: another boot time, no heartbeat for 60 s, or reads that make no sense
 * for 30 s. A busy segment is not. Time is given, so this is pure but for what it remembers.
 */
export class StatsWatch {
  #bootTime: number | null = null;
  #heartbeat: number | null = null;
  #silentMs: Millis = 0;
  #failingMs: Millis = 0;
  #lastAt: Millis | null = null;

  /** Takes what a read at `now` brought; a sentence if the segment is lost. */
  step(read: Outcome<Pulse>, now: Millis): string | null {
    const step = this.#lastAt === null ? 0 : Math.min(now - this.#lastAt, MAX_STEP_MS);
    this.#lastAt = now;
    if (read.outcome === "busy") return null;
    if (read.outcome === "stale") {
      this.#failingMs += step;
      if (this.#failingMs < FAILING_MS) return null;
      return `the stats segment has made no sense for ${FAILING_MS / 1000} s: ${read.problem}`;
    }
    this.#failingMs = 0;
    const { bootTime, heartbeat } = read.value;
    if (bootTime !== null && this.#bootTime !== null && bootTime !== this.#bootTime) {
      return `VPP was restarted: its boot time changed from ${this.#bootTime} to ${bootTime}`;
    }
    this.#bootTime ??= bootTime;
    this.#silentMs = heartbeat !== null && heartbeat === this.#heartbeat ? this.#silentMs + step : 0;
    this.#heartbeat = heartbeat;
    if (this.#silentMs < HEARTBEAT_MS) return null;
    return `VPP's heartbeat has not moved for ${HEARTBEAT_MS / 1000} s`;
  }
}
