/**
 * The probes' sockets: made in their network namespace, bound, connected, read and written without a wait that
 * the deadline or a cancel could not end. The only way from a TCP probe to `ffi/`.
 *
 * @module
 */
import { hasAddress } from "../../ffi/addresses.ts";
import type { Fd } from "../../ffi/fd.ts";
import { ErrnoError } from "../../ffi/libc.ts";
import { inNamespace, namespacePath } from "../../ffi/netns.ts";
import { eventFlag, lower, raise, type Reactor, READABLE } from "../../ffi/reactor.ts";
import * as tcp from "../../ffi/socket.ts";
import { err, ok, type Result } from "../result.ts";
import type { ProbePlan } from "./plan.ts";
import { type Verdict, voidCause, voided } from "./result.ts";

export { descriptorLimit, lackForThread } from "../../ffi/limits.ts";
export { Reactor, READABLE } from "../../ffi/reactor.ts";

/** Wakes a thread of this process that waits in the kernel; made and raised by one thread, watched by another. */
export class Flag implements Disposable {
  readonly #fd = eventFlag();

  /** Number of the descriptor, to be told to the other thread. */
  get number(): number {
    return this.#fd.number;
  }

  /** Has the other thread's `raised` called. */
  raise(): void {
    raise(this.#fd.number);
  }

  /** Watches the flag of another thread, which keeps owning it. */
  static watch(number: number, reactor: Reactor, raised: () => void): Disposable {
    const watch = reactor.watch(number, () => {
      lower(number);
      watch.arm(READABLE);
      raised();
    });
    watch.arm(READABLE);
    return watch;
  }

  /** Closes it; the other thread must have ended. */
  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }
}

/** Makes a TCP socket for the probes of a plan; a failure to make one is the host's fault, and void. */
export function makeSocket(plan: ProbePlan): Result<Fd, Verdict> {
  try {
    return ok(within(plan.target.netns, () => tcp.openTcp(plan.family, plan.source)));
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
    return err(hostFailure(error, plan));
  }
}

/** Runs a synchronous `make` in a network namespace; "" is the daemon's own. Throws ErrnoError `netns`. */
export function within<T>(netns: string, make: () => T): T {
  return netns === "" ? make() : inNamespace(namespacePath(netns), make);
}

/** The void verdict of a failed call that made a socket; names what is missing. */
export function hostFailure(error: ErrnoError, plan: ProbePlan): Verdict {
  const { family, target: { check, netns } } = plan;
  const source = family === 4 ? check.probeIpv4Src : check.probeIpv6Src;
  const cause = voidCause(error.call, error.code) ?? "permission";
  if (cause === "family") return noFamily(plan, ` (${error.call}: ${error.code})`);
  if (error.call === "netns") {
    return voided(cause, "L4CON", `network namespace ${netns}: ${namespaceSentence(error.code)}`);
  }
  const what = error.call === "bind" ? `bind to source ${source}` : error.call;
  const why = cause === "source-address" && error.code === "EADDRNOTAVAIL"
    ? "this host does not have the address (EADDRNOTAVAIL)"
    : error.code;
  return voided(cause, "L4CON", `${what}: ${why}`);
}

/** Why a network namespace cannot be opened or entered, for humans. */
function namespaceSentence(name: string): string {
  switch (name) {
    case "ENOENT":
      return "does not exist";
    case "EINVAL":
      return "is another kind of file";
    case "EPERM":
      return "EPERM (needs CAP_SYS_ADMIN)";
    default:
      return name;
  }
}

/** The void verdict where no address of the backend's family can be sent from; `reason` follows, or "". */
export function noFamily({ family, target: { netns } }: ProbePlan, reason: string): Verdict {
  const where = netns === "" ? "this host" : `network namespace ${netns}`;
  return voided("family", "L4CON", `${where} has no usable IPv${family} address${reason}`);
}

/**
 * Whether a probe still has its network namespace, its source address, and any address of its family to send from.
 * What was taken away while it ran shows as silence of the backend, and must not count against it.
 *
 * @returns the void verdict if not, else null
 */
export function lostGround(plan: ProbePlan): Verdict | null {
  return lostSource(plan) ?? lostFamily(plan);
}

/** Whether the host has no address to send from; the void verdict if so, else null. */
export function lostFamily(plan: ProbePlan): Verdict | null {
  if (plan.source !== null) return null;
  try {
    const found = within(plan.target.netns, () => hasAddress(plan.family, plan.loopback));
    return found === false ? noFamily(plan, "") : null;
  } catch (error) {
    if (error instanceof ErrnoError) return null;
    throw error;
  }
}

function lostSource(plan: ProbePlan): Verdict | null {
  if (plan.source === null && plan.target.netns === "") return null;
  const made = makeSocket(plan);
  if (made.ok) {
    made.value[Symbol.dispose]();
    return null;
  }
  const { void: cause } = made.error;
  return cause === "netns" || cause === "source-address" || cause === "permission" ? made.error : null;
}
