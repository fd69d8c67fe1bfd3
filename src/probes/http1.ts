/**
 * A minimal HTTP/1.1 client by octets (RFC 9110, RFC 9112): one request, one response, and nothing that a
 * probe does not need. The reader keeps to fixed limits whatever a server sends.
 *
 * @module
 */
import type { HttpParams, IpAddress } from "../model.ts";
import { BODY_LIMIT } from "./body.ts";

/** Octets of a response head that are accepted, status line and empty line included. */
export const HEAD_LIMIT = 16 * 1024;
/** Octets of a chunk-size line that are accepted; longer ones are extensions that nobody sends. */
const CHUNK_LINE_LIMIT = 1024;

const CR = 13;
const LF = 10;
const encoder = new TextEncoder();
/** One character an octet; what those above 127 stand for does not matter here. */
const decoder = new TextDecoder("latin1");

/** Percent-encodes what may not stand in a request target, and leaves existing escapes alone. */
function requestTarget(path: string): string {
  return path.replace(/[^\x21-\x7e]+/g, (part) => encodeURIComponent(part));
}

/** The authority of the request: the configured host or the address, and the port unless it is the scheme's own. */
export function hostHeader(
  type: "http" | "https",
  address: IpAddress,
  port: number,
  host: string | null,
): string {
  if (host !== null) return host;
  const name = address.includes(":") ? `[${address}]` : address;
  return port === (type === "http" ? 80 : 443) ? name : `${name}:${port}`;
}

/**
 * The whole request of a probe. Configured headers replace the default ones of the same name, but for
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
    ["host", ["Host", hostHeader(type, address, port, params.host)]],
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

/** How a response's body ends. */
type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

type Head =
  | { readonly kind: "head"; readonly status: number; readonly framing: Framing }
  | { readonly kind: "malformed"; readonly why: string };

/** Cuts a head into lines; null for octets that may not stand in one. */
function headLines(head: Uint8Array): string[] | null {
  const text = decoder.decode(head);
  if (text.includes("\0")) return null;
  const lines = text.split(/\r?\n/);
  return lines.some((line) => line.includes("\r")) ? null : lines;
}

function parseHead(octets: Uint8Array, method: "GET" | "HEAD"): Head {
  const lines = headLines(octets);
  if (lines === null) return { kind: "malformed", why: "control character in the head" };
  const [first = "", ...rest] = lines;
  const status = /^HTTP\/1\.[0-9] ([1-9][0-9]{2})(?: .*)?$/.exec(first);
  if (status === null) return { kind: "malformed", why: "no HTTP/1 status line" };
  const code = Number(status[1]);
  let length: string | null = null;
  let coding: string | null = null;
  for (const line of rest) {
    if (line === "") continue;
    // A folded line continues the one before it; none of the two headers below may be folded by honest servers.
    if (/^[ \t]/.test(line)) continue;
    const header = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (header === null) return { kind: "malformed", why: "bad header line" };
    const name = (header[1] ?? "").toLowerCase();
    const value = header[2] ?? "";
    if (name === "content-length") {
      if (!/^[0-9]{1,15}$/.test(value) || (length !== null && Number(length) !== Number(value))) {
        return { kind: "malformed", why: "bad Content-Length" };
      }
      length = value;
    } else if (name === "transfer-encoding") {
      coding = coding === null ? value : `${coding},${value}`;
    }
  }
  const framing = ((): Framing => {
    if (method === "HEAD" || code < 200 || code === 204 || code === 304) return { kind: "none" };
    if (coding !== null) return { kind: /(^|[,\s])chunked$/i.test(coding) ? "chunked" : "close" };
    return length === null ? { kind: "close" } : { kind: "length", length: Number(length) };
  })();
  return { kind: "head", status: code, framing };
}

/** Length of the head at the start of `octets`, its empty line included, or −1 while it is not whole. */
function headEnd(octets: Uint8Array, from: number): number {
  for (let i = Math.max(from - 3, 0); i < octets.length; i++) {
    if (octets[i] !== LF) continue;
    if (octets[i + 1] === LF) return i + 2;
    if (octets[i + 1] === CR && octets[i + 2] === LF) return i + 3;
  }
  return -1;
}

/** Where a chunked body's reader stands. */
type ChunkState = "size" | "data" | "data-end";

/**
 * Reads one response from octets in pieces of any size. The outcome depends on the octets only, never on how
 * they were cut.
 */
export class ResponseReader {
  readonly #method: "GET" | "HEAD";
  #head = new Uint8Array(0);
  #status: number | null = null;
  #framing: Framing = { kind: "none" };
  #malformed: string | null = null;
  #complete = false;
  #body = new Uint8Array(4096);
  #length = 0;
  #left = 0;
  #chunk: ChunkState = "size";
  #line: number[] = [];

  /** Reads the response to a request of `method`. */
  constructor(method: "GET" | "HEAD") {
    this.#method = method;
  }

  /** Status of the final response, 200…999 or 101; null until its head is whole. */
  get status(): number | null {
    return this.#status;
  }

  /** Why the response is no HTTP, or null. */
  get malformed(): string | null {
    return this.#malformed;
  }

  /** Whether the whole body, or the part of it that is looked at, has been read. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Whether nothing that follows can matter: complete or malformed. */
  get settled(): boolean {
    return this.#complete || this.#malformed !== null;
  }

  /** What has been read of the body, at most `BODY_LIMIT` octets; valid until the next `feed`. */
  get body(): Uint8Array<ArrayBuffer> {
    return this.#body.subarray(0, this.#length);
  }

  /** Takes the next octets; ignores them once complete or malformed. */
  feed(octets: Uint8Array): void {
    let rest = octets;
    while (rest.length > 0 && !this.settled) {
      rest = this.#status === null ? this.#feedHead(rest) : this.#feedBody(rest);
    }
  }

  /** The peer closed: completes a body that ends that way. */
  end(): void {
    if (this.#status !== null && this.#framing.kind === "close") this.#complete = true;
  }

  #feedHead(octets: Uint8Array): Uint8Array {
    const before = this.#head.length;
    // The limit holds for the head alone, so no more than it is ever kept.
    const taken = octets.subarray(0, HEAD_LIMIT - before);
    const all = new Uint8Array(before + taken.length);
    all.set(this.#head);
    all.set(taken, before);
    const end = headEnd(all, before);
    if (end < 0) {
      this.#head = all;
      if (all.length === HEAD_LIMIT) this.#malformed = "head over 16 KiB";
      return octets.subarray(taken.length);
    }
    this.#head = new Uint8Array(0);
    this.#startBody(parseHead(all.subarray(0, end), this.#method));
    return octets.subarray(end - before);
  }

  #startBody(head: Head): void {
    if (head.kind === "malformed") {
      this.#malformed = head.why;
      return;
    }
    // Interim responses are skipped; 101 would be the answer to an Upgrade that was never asked for.
    if (head.status < 200 && head.status !== 101) return;
    this.#status = head.status;
    this.#framing = head.framing;
    if (head.framing.kind === "length") this.#left = head.framing.length;
    if (head.framing.kind === "none" || (head.framing.kind === "length" && this.#left === 0)) {
      this.#complete = true;
    }
  }

  #feedBody(octets: Uint8Array): Uint8Array {
    switch (this.#framing.kind) {
      case "chunked":
        return this.#feedChunked(octets);
      case "length": {
        const part = octets.subarray(0, this.#left);
        this.#left -= part.length;
        this.#keep(part);
        if (this.#left === 0) this.#complete = true;
        return octets.subarray(part.length);
      }
      default:
        this.#keep(octets);
        return octets.subarray(octets.length);
    }
  }

  #feedChunked(octets: Uint8Array): Uint8Array {
    if (this.#chunk === "data") {
      const part = octets.subarray(0, this.#left);
      this.#left -= part.length;
      this.#keep(part);
      if (this.#left === 0) this.#chunk = "data-end";
      return octets.subarray(part.length);
    }
    let used = 0;
    for (const octet of octets) {
      used++;
      if (octet === LF) {
        this.#chunkLine();
        break;
      }
      this.#line.push(octet);
      if (this.#line.length > CHUNK_LINE_LIMIT) {
        this.#malformed = "chunk-size line over 1 KiB";
        break;
      }
    }
    return octets.subarray(used);
  }

  #chunkLine(): void {
    const line = String.fromCharCode(...this.#line).replace(/\r$/, "");
    this.#line = [];
    if (this.#chunk === "data-end") {
      if (line !== "") this.#malformed = "bad end of a chunk";
      this.#chunk = "size";
      return;
    }
    const size = /^([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?$/.exec(line);
    if (size === null) {
      this.#malformed = "bad chunk size";
      return;
    }
    this.#left = parseInt(size[1] ?? "", 16);
    // Trailers follow the last chunk; nothing in them is looked at.
    if (this.#left === 0) this.#complete = true;
    else this.#chunk = "data";
  }

  #keep(part: Uint8Array): void {
    const room = BODY_LIMIT - this.#length;
    const kept = part.subarray(0, room);
    const needed = this.#length + kept.length;
    if (needed > this.#body.length) {
      const larger = new Uint8Array(Math.min(BODY_LIMIT, Math.max(needed, 2 * this.#body.length)));
      larger.set(this.body);
      this.#body = larger;
    }
    this.#body.set(kept, this.#length);
    this.#length = needed;
    if (needed === BODY_LIMIT) this.#complete = true;
  }
}
