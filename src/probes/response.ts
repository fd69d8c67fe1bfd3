/**
 * Reads one HTTP/1.1 response (RFC 9112) within a budget: nothing that a probe does not need, and nothing that a
 * server could make long.
 *
 * @module
 */
import { headEnd, mayBeHttp1, NO_STATUS_LINE, parseHead } from "../net/http1.ts";
import { Budget, HEAD_LIMIT, INTERIM_LIMIT } from "./budget.ts";
import { quoted, speaks } from "./peer.ts";

/** Octets of a chunk-size line that are accepted; longer ones are extensions that nobody sends. */
const CHUNK_LINE_LIMIT = 1024;
const HEAD_OVER = `head over ${HEAD_LIMIT / 1024} KiB`;
const FIELDS = ["content-length", "transfer-encoding", "content-encoding"] as const;
/** Octets by which a response is known as one: `HTTP/1.`. */
const START_LENGTH = 7;
/** Octets of a malformed line that are kept to be quoted. */
const QUOTED_LINE = 61;

const HTAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const SEMICOLON = 59;

const encoder = new TextEncoder();

/** How a response's body ends. */
type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

function framing(
  method: "GET" | "HEAD",
  status: number,
  length: number | null,
  coding: string | null,
): Framing {
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return { kind: "none" };
  if (coding !== null) return { kind: /(^|[,\s])chunked$/i.test(coding) ? "chunked" : "close" };
  return length === null ? { kind: "close" } : { kind: "length", length };
}

/** A Content-Length, which may be repeated but not be two numbers; null if it is none. */
function lengthOf(value: string): number | null {
  const [first = "", ...others] = value.split(",").map((part) => part.trim());
  if (![first, ...others].every((part) => /^[0-9]{1,15}$/.test(part))) return null;
  return others.every((part) => Number(part) === Number(first)) ? Number(first) : null;
}

/** Where the reader of a chunked body stands; the middle three are parts of a chunk-size line. */
type ChunkState = "data" | "data-end" | "data-end-lf" | "digits" | "blanks" | "extension" | "line-end";

function hexDigit(octet: number): number {
  if (octet >= 48 && octet <= 57) return octet - 48;
  const lower = octet | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/**
 * Reads one response from octets in pieces of any size. The outcome depends on the octets only, never on how
 * they were cut; but of another protocol as much is quoted as had arrived.
 */
export class ResponseReader {
  readonly #method: "GET" | "HEAD";
  readonly #budget: Budget;
  #head = new Uint8Array(0);
  #headLength = 0;
  #status: number | null = null;
  #framing: Framing = { kind: "none" };
  #malformed: string | null = null;
  #complete = false;
  #body = new Uint8Array(0);
  #length = 0;
  /** Octets that the body, or its chunk, still has. */
  #left = 0;
  #chunk: ChunkState = "digits";
  #digits = 0;
  #lineLength = 0;
  /** The beginning of a chunk-size line. */
  readonly #line = new Uint8Array(QUOTED_LINE);
  #encoding: string | null = null;

  /** Reads the response to a request of `method`. */
  constructor(method: "GET" | "HEAD", budget: Budget = new Budget()) {
    this.#method = method;
    this.#budget = budget;
  }

  /** Status of the final response, 200...999 or 101; null until its head is whole. */
  get status(): number | null {
    return this.#status;
  }

  /** Content-Encoding of the body, or null. */
  get encoding(): string | null {
    return this.#encoding;
  }

  /** One sentence that says why this is no HTTP response, or null. */
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

  /** What has been read of the body; valid until the next `feed`. */
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
    const room = this.#budget.headRoom;
    if (this.#headLength === 0) {
      // The usual case: the whole head has come at once, and need not be copied.
      const end = headEnd(octets, 0, room);
      if (end >= 0) return this.#headRead(octets.subarray(0, end), octets.subarray(end));
    }
    const before = this.#headLength;
    // What speaks something else is known by its first octets; it may never send an empty line.
    if (before < START_LENGTH && !mayBeHttp1(this.#started(octets))) {
      this.#malformed = `not an HTTP/1 response: ${speaks(this.#started(octets))}`;
      return octets.subarray(octets.length);
    }
    // The limit holds for heads alone, so no more than it is ever kept.
    const taken = octets.subarray(0, room - before);
    this.#keepHead(taken);
    const end = headEnd(this.#head, before, this.#headLength);
    if (end >= 0) return this.#headRead(this.#head.subarray(0, end), octets.subarray(end - before));
    if (this.#headLength >= room) this.#refuse(HEAD_OVER);
    return octets.subarray(taken.length);
  }

  #keepHead(part: Uint8Array): void {
    const needed = this.#headLength + part.length;
    if (needed > this.#head.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#head.length));
      larger.set(this.#head);
      this.#head = larger;
    }
    this.#head.set(part, this.#headLength);
    this.#headLength = needed;
  }

  /** Takes a whole head; returns what follows it. */
  #headRead(octets: Uint8Array, rest: Uint8Array): Uint8Array {
    this.#budget.head(octets.length);
    this.#headLength = 0;
    const head = parseHead(octets, FIELDS);
    if ("malformed" in head) {
      if (mayBeHttp1(octets)) this.#refuse(head.malformed, head.line);
      else this.#malformed = `not an HTTP/1 response: ${speaks(octets)}`;
      return rest;
    }
    const { status, fields: [lengths = null, coding = null, encoding = null] } = head;
    const length = lengths === null ? null : lengthOf(lengths);
    if (lengths !== null && length === null) this.#refuse("bad Content-Length", encoder.encode(lengths));
    // Interim responses are skipped; 101 would be the answer to an Upgrade that was never asked for.
    else if (status < 200 && status !== 101) {
      if (!this.#budget.interim()) this.#refuse(`more than ${INTERIM_LIMIT} interim responses`);
      else if (this.#budget.headRoom === 0) this.#refuse(HEAD_OVER);
    } else {
      this.#encoding = encoding;
      this.#startBody(status, framing(this.#method, status, length, coding));
    }
    return rest;
  }

  /** The octets of the head so far, with the next ones. */
  #started(octets: Uint8Array): Uint8Array {
    if (this.#headLength === 0) return octets;
    const all = new Uint8Array(this.#headLength + octets.length);
    all.set(this.#head.subarray(0, this.#headLength));
    all.set(octets, this.#headLength);
    return all;
  }

  #refuse(why: string, line: Uint8Array | null = null): void {
    const said = why === NO_STATUS_LINE ? "bad status line" : why;
    this.#malformed = `malformed response: ${line === null ? said : `${said}: ${quoted(line)}`}`;
  }

  /** Refuses the chunk-size line that is being read. */
  #refuseLine(why: string): void {
    this.#refuse(why, this.#line.subarray(0, Math.min(this.#lineLength, QUOTED_LINE)));
  }

  #startBody(status: number, framing: Framing): void {
    this.#status = status;
    this.#framing = framing;
    if (framing.kind === "length") this.#left = framing.length;
    if (framing.kind === "none" || (framing.kind === "length" && this.#left === 0)) this.#complete = true;
  }

  #feedBody(octets: Uint8Array): Uint8Array {
    if (this.#framing.kind === "chunked") {
      return this.#chunk === "data" ? this.#feedCounted(octets) : this.#feedChunkLine(octets);
    }
    if (this.#framing.kind === "length") return this.#feedCounted(octets);
    this.#keep(octets);
    return octets.subarray(octets.length);
  }

  /** Takes octets of a body or a chunk whose length is known. */
  #feedCounted(octets: Uint8Array): Uint8Array {
    const part = octets.subarray(0, this.#left);
    this.#left -= part.length;
    this.#keep(part);
    if (this.#left === 0) {
      if (this.#framing.kind === "chunked") this.#chunk = "data-end";
      else this.#complete = true;
    }
    return octets.subarray(part.length);
  }

  /** Takes what stands between the data of two chunks. */
  #feedChunkLine(octets: Uint8Array): Uint8Array {
    let used = 0;
    while (used < octets.length && this.#chunk !== "data" && !this.settled) {
      this.#chunkOctet(octets[used++] ?? 0);
    }
    return octets.subarray(used);
  }

  #chunkOctet(octet: number): void {
    if (this.#lineLength < QUOTED_LINE) this.#line[this.#lineLength] = octet;
    switch (this.#chunk) {
      case "data-end":
      case "data-end-lf":
        if (octet === LF) this.#startChunk();
        else if (octet === CR && this.#chunk === "data-end") this.#chunk = "data-end-lf";
        else {
          this.#line[0] = octet;
          this.#lineLength = 1;
          this.#refuseLine("bad end of a chunk");
        }
        return;
      case "digits": {
        const value = hexDigit(octet);
        if (value < 0) break;
        this.#left = this.#left * 16 + value;
        this.#lineLength++;
        if (++this.#digits > 8) this.#refuseLine("bad chunk size");
        return;
      }
      default:
    }
    if (octet !== LF && ++this.#lineLength > CHUNK_LINE_LIMIT) {
      this.#refuse("chunk-size line over 1 KiB");
      return;
    }
    const next = this.#nextInLine(octet);
    if (next === null) this.#refuseLine("bad chunk size");
    // Trailers follow the last chunk; nothing in them is looked at.
    else if (next === "data" && this.#left === 0) this.#complete = true;
    else this.#chunk = next;
  }

  /** State behind an octet of a chunk-size line that is no digit of its size; null if it may not stand there. */
  #nextInLine(octet: number): ChunkState | null {
    if (this.#digits === 0) return null;
    if (octet === LF) return "data";
    if (this.#chunk === "line-end") return null;
    if (octet === CR) return "line-end";
    if (octet === SEMICOLON || this.#chunk === "extension") return "extension";
    return octet === SPACE || octet === HTAB ? "blanks" : null;
  }

  #startChunk(): void {
    this.#chunk = "digits";
    this.#digits = 0;
    this.#lineLength = 0;
    this.#left = 0;
  }

  #keep(part: Uint8Array): void {
    const kept = part.subarray(0, this.#budget.bodyRoom);
    const needed = this.#length + kept.length;
    if (needed > this.#body.length) {
      const larger = new Uint8Array(
        Math.max(needed, Math.min(2 * this.#body.length, needed + this.#budget.bodyRoom)),
      );
      larger.set(this.body);
      this.#body = larger;
    }
    this.#body.set(kept, this.#length);
    this.#length = needed;
    this.#budget.body(kept.length);
    if (this.#budget.bodyRoom === 0) this.#complete = true;
  }
}
