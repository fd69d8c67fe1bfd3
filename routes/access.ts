/**
 * Who may do what. Pure.
 *
 * A valid token is judged by its role alone. Who has none may read as long as there is no auth file, and may change
 * nothing, unless the request comes over a unix listener without an auth file. Where a request seems to come from
 * never opens a change: nginx and HAProxy on this host add no header by default, so everybody would look local.
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

/** Who a request comes from. */
export interface Principal {
  /** Name for logs and histories. */
  readonly name: string;
  /** What it may do. */
  readonly role: Role;
}

/** Who has the local token, or may open a unix listener without an auth file. */
export const localAdmin: Principal = { name: "local", role: "admin" };

/** Whether a method changes nothing. No path takes OPTIONS, but its 405 tells nobody more than a read. */
export function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS";
}

/** Role that an operation needs. */
export function neededRole(method: string, path: string): Role {
  if (isRead(method)) return "viewer";
  return path.startsWith("/v1/config/") ? "admin" : "operator";
}

/** Whether a path answers everybody, under any Host: a monitor must not need a token. */
export function isOpen(path: string): boolean {
  return path === "/healthz" || path === "/readyz";
}

/** Whether a path is a static part of the dashboard or of the documentation, which hold no data. */
export function isStatic(path: string): boolean {
  return path === "/" || path === "/dashboard.js" || path === "/dashboard.css" || path === "/openapi.json" ||
    path === "/docs" || path.startsWith("/docs/");
}

/**
 * What a listener is bound to. `loopback`: 127.0.0.0/8 or ::1; `open`: any other address, wildcards included.
 */
export type ListenerKind = "loopback" | "open" | "unix";

/** The kind of a TCP listener. */
export function listenerKind(hostname: string): ListenerKind {
  return isLoopbackAddress(hostname) ? "loopback" : "open";
}

/** The host in the URL of a request that names none, as HTTP/1.0 allows. */
export const noHost = "no-host.invalid";

/** The other end of a connection. */
export interface Peer {
  /** `127.0.0.1:40000`, `[::1]:40000` or `unix:/path` of the listener. */
  readonly address: string;
  /** The same without the port: what is counted as one peer. */
  readonly host: string;
  /** Whether it is a loopback address or a unix socket. Such peers may use the local token. */
  readonly loopback: boolean;
  /** What the connection was accepted on. */
  readonly listener: ListenerKind;
}

/** Peer of a TCP connection. */
export function tcpPeer(hostname: string, port: number, listener: ListenerKind = "loopback"): Peer {
  return {
    address: hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`,
    host: hostname,
    loopback: isLoopbackAddress(hostname),
    listener,
  };
}

/** Peer of a connection to a unix socket. */
export function unixPeer(path: string): Peer {
  return { address: `unix:${path}`, host: `unix:${path}`, loopback: true, listener: "unix" };
}

/** What the decision needs to know of a request. */
export interface Asked {
  /** Upper case. */
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  /** Null: not known. */
  readonly peer: Peer | null;
  /** Value of the Host header; null: none. */
  readonly host: string | null;
  /** Host and port of the request's URL: of an absolute target, of HTTP/2, or `noHost`. */
  readonly authority: string;
  /** Value of the Origin header; null: none. */
  readonly origin: string | null;
  /** Whose valid token came with it; null: none did. */
  readonly token: Principal | null;
}

/** What becomes of a request. */
export type Decision =
  /** `reads`: whether this caller may read the daemon's data, which matters for paths that are open to all. */
  | { readonly kind: "allowed"; readonly who: Principal | null; readonly reads: boolean }
  /** 401: a token is needed. */
  | { readonly kind: "token-needed" }
  /** 403, with the reason. */
  | { readonly kind: "forbidden"; readonly detail: string };

/**
 * Decides about a request.
 *
 * @param authFile whether the daemon has an auth file
 */
export function decide(asked: Asked, authFile: boolean): Decision {
  const rules = decideByRules(asked, authFile);
  if (!isRead(asked.method)) return rules;
  if (isOpen(asked.path)) {
    return rules.kind === "allowed" ? rules : { kind: "allowed", who: asked.token, reads: false };
  }
  if (authFile && isStatic(asked.path) && rules.kind === "token-needed") {
    return { kind: "allowed", who: null, reads: false };
  }
  return rules;
}

function decideByRules(asked: Asked, authFile: boolean): Decision {
  const { method, path, peer } = asked;
  // A unix listener has the mode of its file as its guard.
  const who = asked.token ?? (peer?.listener === "unix" && !authFile ? localAdmin : null);
  if (who !== null) {
    const needed = neededRole(method, path);
    if (covers(who.role, needed)) return { kind: "allowed", who, reads: true };
    return {
      kind: "forbidden",
      detail: `The token of ${who.name} has role ${who.role}; this needs ${needed}`,
    };
  }
  if (authFile || !isRead(method)) return { kind: "token-needed" };
  const detail = peer?.listener === "open" ? null : whyForeign(asked);
  return detail === null ? { kind: "allowed", who: null, reads: true } : { kind: "forbidden", detail };
}

/** Why a read over loopback is not answered: a page of another site may have sent a browser here. */
function whyForeign({ host, authority, origin }: Asked): string | null {
  const foreign = [host ?? authority, authority].find((name) => !isLoopbackHost(name));
  if (foreign !== undefined) {
    const whom = foreign === noHost ? "to no host at all" : `to "${foreign}"`;
    return `Without a token, reads over loopback must be addressed to localhost or a loopback address, not ${whom}; behind a proxy, give maglevd an --auth-file`;
  }
  if (origin !== null && !isLoopbackOrigin(origin)) {
    return `Without a token, pages of "${origin}" may not read here`;
  }
  return null;
}

function isLoopbackOrigin(origin: string): boolean {
  const match = /^https?:\/\/([^/?#@]+)$/i.exec(origin);
  return match?.[1] !== undefined && isLoopbackHost(match[1]);
}
