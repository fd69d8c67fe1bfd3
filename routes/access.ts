/**
 * Who may do what. Pure.
 *
 * With an auth file every request but `/healthz` and `/readyz` needs a token, whose role decides. Without one
 * reads are open, and changes come over loopback only: never through a proxy, and never from a page of another
 * site that a browser of this host shows (DNS rebinding, cross-site requests).
 *
 * @module
 */
import { isLoopbackAddress, isLoopbackHost } from "../src/net/loopback.ts";

/** What a token may do: viewer reads; operator also sets states and weights and syncs; admin also checks and reloads. */
export type Role = "viewer" | "operator" | "admin";

const ranks: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

/** Whether `role` covers `needed`. */
export function covers(role: Role, needed: Role): boolean {
  return ranks[role] >= ranks[needed];
}

/** Role that an operation needs. */
export function neededRole(method: string, path: string): Role {
  if (method === "GET" || method === "HEAD") return "viewer";
  return path.startsWith("/v1/config/") ? "admin" : "operator";
}

/** Whether a path is open to everybody even with an auth file. */
export function isOpen(path: string): boolean {
  return path === "/healthz" || path === "/readyz";
}

/** The other end of a connection. */
export interface Peer {
  /** `127.0.0.1:40000`, `[::1]:40000` or `unix:/path` of the listener. */
  readonly address: string;
  /** Whether it is this host: a loopback address, or a unix socket. */
  readonly loopback: boolean;
}

/** Peer of a TCP connection. */
export function tcpPeer(hostname: string, port: number): Peer {
  return {
    address: hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`,
    loopback: isLoopbackAddress(hostname),
  };
}

/** Peer of a connection to a unix socket. */
export function unixPeer(path: string): Peer {
  return { address: `unix:${path}`, loopback: true };
}

function isLoopbackOrigin(origin: string): boolean {
  const match = /^https?:\/\/([^/?#@]+)$/i.exec(origin);
  return match?.[1] !== undefined && isLoopbackHost(match[1]);
}

/**
 * Why a change without a token is refused; null: it is allowed.
 *
 * @param peer null: not known, which counts as remote
 * @param authority host and port of the request's URL
 */
export function whyNoChange(peer: Peer | null, headers: Headers, authority: string): string | null {
  if (peer?.loopback !== true) {
    return "Changes are accepted over loopback only, unless maglevd has an --auth-file";
  }
  const proxy = [...headers.keys()].find((name) =>
    name === "forwarded" || name === "via" || name.startsWith("x-forwarded-")
  );
  if (proxy !== undefined) {
    return `Changes through a proxy (header ${proxy}) are accepted only when maglevd has an --auth-file`;
  }
  const hosts = [headers.get("host") ?? authority, authority];
  if (!hosts.every(isLoopbackHost)) {
    return `Changes must be addressed to localhost or a loopback address, not to "${hosts.join('", "')}"`;
  }
  const origin = headers.get("origin");
  if (origin !== null && !isLoopbackOrigin(origin)) {
    return `Changes from pages of "${origin}" are not accepted`;
  }
  return null;
}
