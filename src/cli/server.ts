/**
 * The address of maglevd as a user writes it. Pure.
 *
 * @module
 */
import { isLoopbackHost } from "../net/loopback.ts";
import type { LocalTarget } from "../net/local_token.ts";

/** Where maglevd answers. */
export interface Server {
  /** As the user wrote it, for messages. */
  readonly text: string;
  /** Base of all paths, without a slash at its end. */
  readonly url: URL;
  /** Path of a unix socket, or null. */
  readonly socketPath: string | null;
}

/** Reads `--server`: a URL, `unix:/path`, or `host:port` (the form of the Go client) for plain http; else null. */
export function parseServer(text: string): Server | null {
  if (text.startsWith("unix:")) {
    const socketPath = text.slice(5);
    return socketPath.startsWith("/") ? { text, url: new URL("http://localhost"), socketPath } : null;
  }
  const bare = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$/.test(text);
  const written = bare ? `http://${text}` : text;
  if (!URL.canParse(written)) return null;
  const url = new URL(written);
  if (url.protocol !== "http:" && url.protocol !== "https:") return null;
  if (url.search !== "" || url.hash !== "" || url.username !== "" || url.password !== "") return null;
  url.pathname = url.pathname.replace(/\/+$/, "");
  return { text, url, socketPath: null };
}

/** Host of a server without the brackets of IPv6. */
function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

/** The server as the rules of the local token see it. */
export function localTarget({ url, socketPath }: Server): LocalTarget {
  if (socketPath !== null) return { socketPath };
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  return { hostname: bareHost(url), port };
}

/** Whether what is sent there crosses a network that somebody else may read. */
export function isReadableByOthers({ url, socketPath }: Server): boolean {
  return socketPath === null && url.protocol === "http:" && !isLoopbackHost(url.host);
}
