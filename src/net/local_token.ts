/**
 * The local token: a file that the daemon writes at its start and that the client on the same host reads, so that
 * changes need no set-up. This module holds what both sides must agree on: where the files are, what
 * `<file>.json` says, and to which server the token may be sent. Pure.
 *
 *     /run/vpp-maglev/token        the token and a newline, mode 0640
 *     /run/vpp-maglev/token.json   {"pid":1234,"listen":["127.0.0.1:9090","unix:/run/vpp-maglev/api.sock"]}
 *
 * @module
 */
import { parseIp } from "./ip.ts";
import { isLoopbackAddress } from "./loopback.ts";

/**
 * Default places of the token file, best first.
 *
 * @param runtimeDir value of XDG_RUNTIME_DIR; undefined or "": not set
 */
export function localTokenFiles(runtimeDir: string | undefined): string[] {
  const system = "/run/vpp-maglev/token";
  // A relative path would depend on the working directory; the XDG specification says to ignore it.
  if (runtimeDir === undefined || !runtimeDir.startsWith("/")) return [system];
  return [system, `${runtimeDir.replace(/\/+$/, "")}/vpp-maglev/token`];
}

/** Whether every client finds a token at this path, whatever its XDG_RUNTIME_DIR is. */
export function isDefaultTokenFile(path: string): boolean {
  return localTokenFiles(undefined).includes(path);
}

/** Path of the file that says whose token it is. */
export function localTokenInfoFile(tokenFile: string): string {
  return `${tokenFile}.json`;
}

/** What `<file>.json` says about the token beside it. */
export interface LocalTokenInfo {
  /** Process id of the daemon that made the token. */
  readonly pid: number;
  /** Listeners of its API, as in `--listen` with the real port; wildcards as they are. Empty under `deno serve`. */
  readonly listen: readonly string[];
}

/** The text of `<file>.json`. */
export function localTokenInfoText({ pid, listen }: LocalTokenInfo): string {
  return `${JSON.stringify({ pid, listen })}\n`;
}

/** Reads the text of `<file>.json`; null if it is none. Keys that are not known are ignored. */
export function parseLocalTokenInfo(text: string): LocalTokenInfo | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null;
  }
  if (typeof value !== "object" || value === null || !("pid" in value) || !("listen" in value)) return null;
  const { pid, listen } = value;
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid < 1) return null;
  if (!Array.isArray(listen) || !listen.every((item) => typeof item === "string")) return null;
  return { pid, listen };
}

/** Reads the text of a token file: one token of at least 16 characters, perhaps a newline; null if it is none. */
export function parseTokenText(text: string): string | null {
  const token = text.replace(/\r?\n$/, "");
  return /^[A-Za-z0-9\-._~+/]{16,1024}=*$/.test(token) ? token : null;
}

/** A server that a client wants to reach. */
export type LocalTarget =
  | { readonly socketPath: string }
  /** `hostname` is an IP literal without brackets, or a name; `port` 1...65535. */
  | { readonly hostname: string; readonly port: number };

/**
 * Where to connect so that nobody but the daemon of `listen` can get the token: an IP literal without brackets, or
 * the path of the unix socket. Null: the daemon does not listen there, so the token must not be sent.
 *
 * A wildcard stands for loopback on that port. The daemon takes the token from loopback peers only, so other
 * addresses of this host are no target. For the name `localhost` the answer is the address that the daemon has: the
 * other one may belong to another program.
 */
export function localTokenTarget(listen: readonly string[], target: LocalTarget): string | null {
  if ("socketPath" in target) {
    return listen.includes(`unix:${target.socketPath}`) ? target.socketPath : null;
  }
  const wanted = target.hostname.toLowerCase() === "localhost" ? null : parseIp(target.hostname);
  if (wanted === null && target.hostname.toLowerCase() !== "localhost") return null;
  for (const text of listen) {
    const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(text);
    if (match === null || Number(match[3]) !== target.port) continue;
    const address = parseIp(match[1] ?? match[2] ?? "");
    if (address === null) continue;
    if (wanted === null) {
      if (isLoopbackAddress(address)) return address;
      if (address === "0.0.0.0" || address === "::") return "127.0.0.1";
    } else if (isLoopbackAddress(wanted)) {
      const four = !wanted.includes(":");
      if (address === wanted || address === "::" || (address === "0.0.0.0" && four)) return wanted;
    }
  }
  return null;
}

/** What `stat` says of a file, the parts used here; null where the system does not say. */
export interface FileOwner {
  /** Owner of the file. */
  readonly uid: number | null;
  /** Type and rights. */
  readonly mode: number | null;
  /** Whether it is a regular file. */
  readonly isFile: boolean;
}

/**
 * Why a token file is not to be believed, as the end of a sentence about it; null: it may be used.
 *
 * @param users who may own it besides root: the user that the daemon runs as
 */
export function whyTokenFileRefused(file: FileOwner, users: readonly number[]): string | null {
  if (!file.isFile) return "is no regular file";
  if (file.uid === null || file.mode === null) return "has no owner that the system tells";
  if (file.uid !== 0 && !users.includes(file.uid)) {
    return `belongs to user ${file.uid}, neither to root nor to the user of maglevd`;
  }
  if ((file.mode & 0o022) !== 0) return "can be written by others than its owner";
  return null;
}
