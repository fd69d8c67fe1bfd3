/**
 * Tells the service manager that the daemon runs, how it is, and that it is alive (sd_notify(3), `Type=notify`).
 *
 * @module
 */
import { ErrnoError } from "../../ffi/libc.ts";
import { notify } from "../../ffi/notify.ts";
import type { Ready } from "../api/base.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log/mod.ts";
import type { Millis } from "../model.ts";

/** How often readiness is looked at, in ms. */
const LOOK_MS: Millis = 1000;
/** Signs of life within the time after which the service manager takes the daemon for dead. */
const SIGNS = 4;

/** What the service manager said in the environment. */
export interface Manager {
  /** Path, or `@name`. */
  readonly socket: string;
  /** It ends the daemon after so long without a sign of life, in ms; null: it does not look. */
  readonly watchdogMs: Millis | null;
}

/**
 * Reads the environment; null if no service manager wants to hear.
 *
 * @param pid of this process: a watchdog for another process is none of ours
 */
export function managerOf(env: (name: string) => string | undefined, pid: number): Manager | null {
  const socket = env("NOTIFY_SOCKET") ?? "";
  if (socket === "") return null;
  const micros = /^[1-9]\d*$/.exec(env("WATCHDOG_USEC") ?? "");
  const ours = (env("WATCHDOG_PID") ?? String(pid)) === String(pid);
  return { socket, watchdogMs: micros !== null && ours ? Number(micros[0]) / 1000 : null };
}

/** What a `Notify` needs. */
export interface NotifyParts {
  /** Whom. */
  readonly manager: Manager;
  /** Monotonic time and timers. */
  readonly clock: Clock;
  /** Where it is said that the service manager cannot be reached. */
  readonly log: Log;
  /** Whether the daemon is ready, and why not. */
  readonly ready: () => Pick<Ready, "ready" | "probes" | "vpp">;
  /** Whether the probe thread has run since the last call; that this thread runs shows by the call. */
  readonly alive: () => boolean;
  /** Sends one message; for tests. */
  readonly send?: (socket: string, message: string) => void;
}

/** Tells `READY=1` at once, and `STOPPING=1` on disposal. */
export class Notify implements Disposable {
  readonly #parts: NotifyParts;
  /** Between two signs of life; Infinity if nobody looks. */
  readonly #signMs: Millis;
  #timer: Disposable | null = null;
  // What the service manager has got; the rest is sent again.
  #readyTold = false;
  #status = "";
  #signAt: Millis;
  #failed = false;

  /** The configuration is loaded and the listeners are open. Whether VPP is there does not matter. */
  constructor(parts: NotifyParts) {
    this.#parts = parts;
    this.#signMs = (parts.manager.watchdogMs ?? Infinity) / SIGNS;
    this.#signAt = this.#signMs === Infinity ? Infinity : parts.clock.now();
    this.#look();
  }

  /** Says that the daemon stops. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#send("STOPPING=1\nSTATUS=stopping");
  }

  #look(): void {
    const { alive, clock, ready } = this.#parts;
    this.#timer = clock.after(Math.min(LOOK_MS, this.#signMs), () => this.#look());
    const { probes, ready: yes, vpp } = ready();
    const status = `${yes ? "ready" : "not ready"}: probes ${probes}, VPP ${vpp}`;
    const lines = [
      ...this.#readyTold ? [] : ["READY=1"],
      ...status === this.#status ? [] : [`STATUS=${status}`],
    ];
    const now = clock.now();
    if (now >= this.#signAt) {
      this.#signAt = now + this.#signMs;
      if (alive()) lines.push("WATCHDOG=1");
    }
    if (lines.length === 0 || !this.#send(lines.join("\n"))) return;
    this.#readyTold = true;
    this.#status = status;
  }

  /** Whether it got through. A service manager that does not hear is no reason to end. */
  #send(message: string): boolean {
    const { log, manager: { socket }, send = notify } = this.#parts;
    try {
      send(socket, message);
      this.#failed = false;
      return true;
    } catch (error) {
      if (!(error instanceof ErrnoError) && !(error instanceof RangeError)) throw error;
      if (!this.#failed) log.warn("service-manager", { socket, error: error.message });
      this.#failed = true;
      return false;
    }
  }
}
