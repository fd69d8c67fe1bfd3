import type { IpAddress } from "../model.ts";
import type { HttpParams } from "../configuration.ts";
import { hostHeader } from "../net/http1.ts";

const encoder = new TextEncoder();

/** Percent-encodes what may not stand in a request target, and leaves existing escapes alone. */
function requestTarget(path: string): string {
  return path.replace(/[^\x21-\x7e]+/g, (part) => encodeURIComponent(part));
}

/**
 * The whole HTTP/1.1 request of a probe. Configured headers replace the default ones of the same name, but for
 * `Connection`, which is always `close`; a `host` of the check goes before a Host among the headers.
 */
export function requestBytes(
  type: "http" | "https",
  address: IpAddress,
  port: number,
  params: HttpParams,
  version: string,
): Uint8Array<ArrayBuffer> {
  const headers = new Map<string, [name: string, value: string]>([
    ["host", ["Host", hostHeader(type === "https", address, port, params.host)]],
    ["user-agent", ["User-Agent", `maglevd/${version}`]],
    ["accept", ["Accept", "*/*"]],
  ]);
  for (const [name, value] of Object.entries(params.headers)) {
    const key = name.toLowerCase();
    if (key === "connection" || (key === "host" && params.host !== null)) continue;
    // A line break in a value would start a header, or a request, of its own.
    headers.set(key, [name, value.replace(/[\r\n\0]+/g, " ")]);
  }
  headers.set("connection", ["Connection", "close"]);
  const lines = [...headers.values()].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return encoder.encode(`${params.method} ${requestTarget(params.path)} HTTP/1.1\r\n${lines}\r\n`);
}
