/**
 * The outcomes of a probe: one row per code, and how a failed system call is judged.
 *
 * What the network or the peer says counts against a backend; a failure of the daemon's own host or rights
 * counts neither way and is *void*.
 *
 * @module
 */
import { shortDuration } from "../duration.ts";
import type { Millis, ProbeCode, ProbeResult, VoidCause } from "../model.ts";
import type { HealthCheck } from "../configuration.ts";

/** The codes, after HAProxy, each with its layer and what it stands for. */
export const PROBE_CODES = {
  L4OK: { ok: true, layer: "L4", meaning: "tcp connected" },
  L4TOUT: { ok: false, layer: "L4", meaning: "no connection in time; no echo reply" },
  L4CON: { ok: false, layer: "L4", meaning: "refused, unreachable, or reset while connecting" },
  L6OK: { ok: true, layer: "L6", meaning: "TLS handshake done" },
  L6TOUT: { ok: false, layer: "L6", meaning: "no TLS handshake in time" },
  L6RSP: { ok: false, layer: "L6", meaning: "TLS refused, alert, bad certificate or name" },
  L7OK: { ok: true, layer: "L7", meaning: "good response or echo reply" },
  L7TOUT: { ok: false, layer: "L7", meaning: "no first byte or no verdict in time" },
  L7RSP: { ok: false, layer: "L7", meaning: "closed too early, malformed, too long, or body mismatch" },
  L7STS: { ok: false, layer: "L7", meaning: "status not accepted" },
} as const satisfies Record<ProbeCode, { ok: boolean; layer: ProbeResult["layer"]; meaning: string }>;

/** What one probe found out, before times are added. */
export interface Verdict {
  /** Row of `PROBE_CODES`. */
  readonly code: ProbeCode;
  /** For humans: `connection refused`, `HTTP 503`. */
  readonly detail: string;
  /** Not null: the daemon's own host failed, and the verdict counts neither way. */
  readonly void: VoidCause | null;
  /** Whether a stall of the probing thread may be the reason: a time-out, or a close or reset by the peer. */
  readonly mayBeLate: boolean;
}

/** A verdict that counts whatever the probing thread did. */
export function verdict(code: ProbeCode, detail: string): Verdict {
  return { code, detail, void: null, mayBeLate: false };
}

/** A failure that a stall of the probing thread may have caused. */
export function lateable(code: ProbeCode, detail: string): Verdict {
  return { code, detail, void: null, mayBeLate: true };
}

/** A verdict that says nothing about the backend. */
export function voided(cause: VoidCause, code: ProbeCode, detail: string): Verdict {
  return { code, detail, void: cause, mayBeLate: false };
}

/** The verdict on a connection that was not open, handshake included, at the deadline; null if it was. */
export function lateOpening(
  check: HealthCheck,
  { connectMs, tlsMs }: { readonly connectMs: Millis | null; readonly tlsMs: Millis | null },
): Verdict | null {
  const within = `within ${shortDuration(check.timeoutMs)}`;
  if (connectMs === null) return lateable("L4TOUT", `no connection ${within}`);
  if (tlsMs !== null || (check.params?.tls ?? null) === null) return null;
  return lateable("L6TOUT", `no TLS handshake ${within}`);
}

/** Sentences for the errno names that a network or a peer causes; used by every probe type. */
const SENTENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EPIPE: "connection reset",
  ECONNABORTED: "connection aborted",
  ENETUNREACH: "network is unreachable",
  EHOSTUNREACH: "no route to host",
  ENETDOWN: "network is down",
  EHOSTDOWN: "host is down",
  ETIMEDOUT: "connection timed out",
  EPERM: "forbidden by a local firewall (EPERM)",
  EACCES: "forbidden by a local route or firewall (EACCES)",
};

/** One sentence for a failure that counts, e.g. `connection refused`; the bare name for a rare one. */
export function sentence(name: string): string {
  return SENTENCES[name] ?? name;
}

/** Void causes that an errno means wherever it appears. */
const EVERYWHERE: Readonly<Record<string, VoidCause>> = {
  EMFILE: "descriptors",
  ENFILE: "descriptors",
  ENOBUFS: "memory",
  ENOMEM: "memory",
};

/** Void causes by failing call and errno; anything else of these calls says something about the network. */
const BY_CALL: Readonly<Record<string, Readonly<Record<string, VoidCause>>>> = {
  netns: { EPERM: "permission" },
  socket: {
    EPERM: "permission",
    EACCES: "permission",
    EAFNOSUPPORT: "family",
    EPROTONOSUPPORT: "permission",
  },
  bind: {
    EADDRNOTAVAIL: "source-address",
    EINVAL: "source-address",
    EADDRINUSE: "ports",
    EACCES: "permission",
    EPERM: "permission",
  },
  send: { EADDRNOTAVAIL: "family" },
  // The kernel has no free source port; older ones say EAGAIN. It says EADDRNOTAVAIL as well where it has no address
  // at all, which is looked at before.
  connect: { EADDRNOTAVAIL: "ports", EAGAIN: "ports", EADDRINUSE: "ports" },
};

/**
 * Cause of a failed system call, or null when it counts against the backend.
 *
 * @param call `socket`, `bind`, `connect`, `send`, ... ; `netns` for opening and entering a network namespace
 * @param name of the errno
 */
export function voidCause(call: string, name: string): VoidCause | null {
  const everywhere = EVERYWHERE[name];
  if (everywhere !== undefined) return everywhere;
  const cause = BY_CALL[call]?.[name];
  if (cause !== undefined) return cause;
  return call === "netns" ? "netns" : null;
}
