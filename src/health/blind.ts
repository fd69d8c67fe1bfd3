/**
 * Blindness: a probed backend of which nothing counted was heard for too long. Its state stays as it is; it is
 * the daemon that has something to answer for. It says so once, with the cause and what is missing.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log/mod.ts";
import type { IpAddress, Millis, UnixMillis, VoidCause } from "../model.ts";
import type { Backend, CheckType, HealthCheck } from "../configuration.ts";

/** Part of the patience that does not depend on the check, in ms. */
export const BLIND_BASE_MS: Millis = 10_000;

/** The last result that counted neither way. */
export interface LastVoid {
  /** What failed on the daemon's host. */
  readonly cause: VoidCause;
  /** The same for humans. */
  readonly detail: string;
}

/** Results that counted neither way, in a row. */
export interface VoidRun extends LastVoid {
  /** When the first of them arrived. */
  readonly since: UnixMillis;
  /** How many. */
  readonly count: number;
}

/** A run of void results with one more. */
export function oneMoreVoid(run: VoidRun | null, last: LastVoid, now: UnixMillis): VoidRun {
  return { ...last, since: run?.since ?? now, count: (run?.count ?? 0) + 1 };
}

/**
 * How long a probed backend may go without a counted result, in ms.
 *
 * @param intervalMs the interval that applies to it now
 * @param timeoutMs of one probe
 */
export function blindAfter(intervalMs: Millis, timeoutMs: Millis): Millis {
  return BLIND_BASE_MS + 3 * (intervalMs + timeoutMs);
}

/**
 * Whether a probed backend is blind.
 *
 * @param countedAt monotonic time of the last counted result, or of the start of probing if there was none
 */
export function isBlind(now: Millis, countedAt: Millis, intervalMs: Millis, timeoutMs: Millis): boolean {
  return now - countedAt > blindAfter(intervalMs, timeoutMs);
}

/** Since when a backend is blind, and why. */
export interface Blindness {
  /** When its patience was at its end. */
  readonly since: UnixMillis;
  /** Cause of the last void result; `no-result`: not even a void one arrived. */
  readonly cause: VoidCause | "no-result";
  /** The same for humans. */
  readonly detail: string;
}

/** A backend that is blind. */
export interface BlindBackend extends Blindness {
  /** Its name. */
  readonly name: string;
}

/** Why a backend is blind and what would help, for the one ERROR line. */
export interface BlindReason {
  /** Cause of the last void result; `no-result`: not even a void one arrived. */
  readonly cause: VoidCause | "no-result";
  /** The capability that is missing, or "" when the cause is another. */
  readonly missing: string;
  /** What would help, one sentence. */
  readonly hint: string;
}

/** What helps against each cause, one sentence. */
export const HINTS: Readonly<Record<VoidCause | "no-result", string>> = {
  "late": "the probing thread did not get to run; look for a lack of CPU",
  "descriptors": "raise the limit of open files (LimitNOFILE)",
  "ports": "no source port was free; add source addresses or probe less often",
  "memory": "the kernel had no memory for sockets",
  "netns": "the network namespace cannot be opened or entered",
  "permission": "grant the capability to the daemon",
  "source-address": "the probe's source address is not on this host",
  "family": "this host has no usable address of the backend's family; give it one, or switch IPv6 on",
  "tls-library": "OpenSSL 3 is missing; install the package libssl3, or libssl3t64",
  "worker-restart": "the probing thread keeps ending; its own log lines say why",
  "no-result": "not one result arrived from the probing thread",
};

const POLICY_HINT = "a policy of this host forbids the socket (seccomp, a security module)";

/**
 * Names the cause of blindness.
 *
 * @param last the last void result, null if there was none
 * @param type of the check: icmp needs a raw socket
 * @param netns "" for the daemon's own namespace; entering another needs a capability too
 */
export function blindReason(last: LastVoid | null, type: CheckType, netns: string): BlindReason {
  const cause = last?.cause ?? "no-result";
  if (cause !== "permission") return { cause, missing: "", hint: HINTS[cause] };
  const missing = missingRight(last?.detail ?? "", type, netns);
  return { cause, missing, hint: missing === "" ? POLICY_HINT : HINTS[cause] };
}

function missingRight(detail: string, type: CheckType, netns: string): string {
  const named = detail.match(/CAP_[A-Z_]+/g);
  if (named !== null) return [...new Set(named)].join(", ");
  const rights = [netns === "" ? [] : ["CAP_SYS_ADMIN"], type === "icmp" ? ["CAP_NET_RAW"] : []].flat();
  return rights.join(", ");
}

/** Time between two looks, in ms; what asks for blindness meanwhile computes it exactly. */
export const LOOK_EVERY_MS: Millis = 1_000;

/** What the watch reads and notes of a backend. */
export interface WatchedBackend {
  /** As configured now. */
  readonly backend: Backend;
  /** Its health check, or null. */
  readonly check: HealthCheck | null;
  /** Whether it is probed now. */
  readonly isProbed: boolean;
  /** The server that serves while a new address waits for its verdict. */
  readonly health: { readonly previous: { readonly address: IpAddress } | null };
  /** Monotonic time of the last counted result, or of the first probe's due time. */
  readonly countedAt: Millis;
  /** The void results since the last counted one. */
  readonly lastVoid: VoidRun | null;
  /** Whether the ERROR line of the present blindness was written. */
  blindTold: boolean;
  /** Whether it is probed and yet nothing counted was heard for too long. */
  isBlind(now: Millis): boolean;
  /** Since when it is blind and why; null: it is not. */
  blindness(now: Millis, wall: UnixMillis): Blindness | null;
}

/** Writes `backend-blind` when a backend goes blind, and once more when it is seen again. */
export class BlindWatch implements Disposable {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #entries: () => Iterable<WatchedBackend>;
  readonly #netns: () => string;
  #timer: Disposable | null = null;

  /** Watches nothing before `start`. */
  constructor(clock: Clock, log: Log, entries: () => Iterable<WatchedBackend>, netns: () => string) {
    this.#clock = clock;
    this.#log = log;
    this.#entries = entries;
    this.#netns = netns;
  }

  /** Begins to look. */
  start(): void {
    this.#timer = this.#clock.after(LOOK_EVERY_MS, () => {
      this.start();
      this.#look();
    });
  }

  /** A counted result of this backend arrived. */
  heard(entry: WatchedBackend): void {
    if (!entry.blindTold) return;
    entry.blindTold = false;
    this.#log.info("backend-blind", {
      backend: entry.backend.name,
      blind: false,
      detail: "results count again",
    });
  }

  /** The backends that are blind now, in the file's order, and the number of those that are probed. */
  all(): { readonly backends: readonly BlindBackend[]; readonly probed: number } {
    const [now, wall] = [this.#clock.now(), this.#clock.wall()];
    const entries = [...this.#entries()];
    const backends = entries.flatMap((entry) => {
      const blindness = entry.blindness(now, wall);
      return blindness === null ? [] : [{ name: entry.backend.name, ...blindness }];
    });
    return { backends, probed: entries.filter((entry) => entry.isProbed).length };
  }

  /** Ends the looking. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
  }

  #look(): void {
    const now = this.#clock.now();
    for (const entry of this.#entries()) {
      if (entry.blindTold || entry.check === null || !entry.isBlind(now)) continue;
      entry.blindTold = true;
      const { cause, missing, hint } = blindReason(entry.lastVoid, entry.check.type, this.#netns());
      this.#log.error("backend-blind", {
        backend: entry.backend.name,
        blind: true,
        cause,
        ...(missing === "" ? {} : { missing }),
        detail: entry.lastVoid?.detail ?? "",
        ...(entry.health.previous === null ? {} : { serves_meanwhile: entry.health.previous.address }),
        hint,
        silent_ms: Math.round(now - entry.countedAt),
      });
    }
  }
}
