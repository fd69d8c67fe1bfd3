/**
 * Other daemons, read through this one. A peer gets its own token and never the caller's; what it answers is JSON
 * within bounds, or a stream of events.
 *
 * @module
 */
import type { PeerList } from "../api/mod.ts";
import { abortableBody } from "../async/abortable_body.ts";
import type { Clock } from "../clock.ts";
import type { Millis } from "../model.ts";
import type { PeerAddress } from "../net/peer_url.ts";
import type { PeerTokens } from "./tokens.ts";

/** An answer must be there within this time; of a stream its head. */
export const peerLimitMs: Millis = 5_000;
/** Octets of an answer, unpacked. */
export const peerLimitOctets = 8 * 1024 * 1024;
/** Requests to one peer at a time, and as many streams. */
export const peerLimitRequests = 4;
/** A stream in which nothing comes for so long is ended: a daemon sends a comment every 15 s. */
const silenceMs: Millis = 40_000;
/** What is known of a peer's being there holds so long. */
const seenMs: Millis = 5_000;

/** Why a peer's answer cannot be had. */
export class PeerError extends Error {
  /** `message` is one sentence without the peer's name. */
  constructor(readonly kind: "unknown" | "failed", message: string) {
    super(message);
    this.name = "PeerError";
  }
}

/** What a peer answered. */
export interface PeerAnswer {
  /** HTTP status. */
  readonly status: number;
  /** The JSON as text. */
  readonly text: string;
}

/** What the routes ask. */
export interface PeerReader {
  /** Every peer, and whether it answers now. */
  list(): Promise<PeerList>;
  /** GETs JSON. Throws PeerError. `path` is relative, e.g. `v1/backends?x=y`. */
  read(name: string, path: string, signal: AbortSignal): Promise<PeerAnswer>;
  /** GETs a stream of events; of a refusal its JSON. Throws PeerError. */
  follow(
    name: string,
    path: string,
    lastEventId: string | null,
    signal: AbortSignal,
  ): Promise<ReadableStream | PeerAnswer>;
}

/** How the peers are reached. */
export interface PeersOptions {
  /** In the order of the flags. */
  readonly peers: readonly PeerAddress[];
  /** Tokens by name. */
  readonly tokens: PeerTokens;
  /** PEM of authorities that are trusted besides the system's; null: none. */
  readonly ca: string | null;
  /** For the limits. */
  readonly clock: Clock;
}

/** One peer with what is under way. */
interface Row extends PeerAddress {
  requests: number;
  streams: number;
  /** Those that wait for their turn. */
  readonly waiting: (() => void)[];
  seen: { readonly at: Millis; readonly detail: string } | null;
}

/** The peers of this daemon. */
export class Peers implements PeerReader, Disposable {
  readonly #rows: readonly Row[];
  readonly #clock: Clock;
  readonly #end = new AbortController();
  #client: Deno.HttpClient;
  #tokens: PeerTokens;

  /** Connects when first asked. */
  constructor({ ca, clock, peers, tokens }: PeersOptions) {
    this.#clock = clock;
    this.#tokens = tokens;
    this.#client = clientWith(ca);
    this.#rows = peers.map((peer) => ({ ...peer, requests: 0, streams: 0, waiting: [], seen: null }));
  }

  /** Other tokens from now on. */
  useTokens(tokens: PeerTokens): void {
    this.#tokens = tokens;
  }

  /** Another authority from now on. */
  useAuthority(ca: string | null): void {
    this.#client.close();
    this.#client = clientWith(ca);
  }

  /** Every peer, and whether it answers now. */
  async list(): Promise<PeerList> {
    const peers = await Promise.all(this.#rows.map(async (row) => {
      const detail = await this.#look(row);
      return { name: row.name, url: row.url, reachable: detail === "", detail };
    }));
    return { peers };
  }

  /** GETs JSON. */
  async read(name: string, path: string, signal: AbortSignal): Promise<PeerAnswer> {
    const row = this.#row(name);
    using limit = this.#limit(signal);
    if (row.requests >= peerLimitRequests) await turn(row, limit.signal);
    else row.requests++;
    try {
      const response = await this.#ask(row, path, "application/json", null, limit.signal);
      const type = mediaType(response);
      if (type !== "application/json" && type !== "application/problem+json") {
        await response.body?.cancel();
        throw new PeerError(
          "failed",
          `it answered ${type === "" ? "without a type" : type}, which is no JSON`,
        );
      }
      return { status: response.status, text: await textOf(response, limit.signal) };
    } catch (error) {
      throw failure(error);
    } finally {
      const next = row.waiting.shift();
      // The place goes on to whoever waits longest.
      if (next === undefined) row.requests--;
      else next();
    }
  }

  /** GETs a stream of events. */
  async follow(
    name: string,
    path: string,
    lastEventId: string | null,
    signal: AbortSignal,
  ): Promise<ReadableStream | PeerAnswer> {
    const row = this.#row(name);
    if (row.streams >= peerLimitRequests) {
      throw new PeerError("failed", `${peerLimitRequests} streams of it are open already`);
    }
    row.streams++;
    let over = false;
    const free = () => {
      if (!over) row.streams--;
      over = true;
    };
    try {
      using limit = this.#limit(signal);
      const response = await this.#ask(row, path, "text/event-stream", lastEventId, limit.signal);
      if (response.status >= 400 && mediaType(response) === "application/problem+json") {
        free();
        return { status: response.status, text: await textOf(response, limit.signal) };
      }
      if (mediaType(response) !== "text/event-stream" || response.status !== 200) {
        await response.body?.cancel();
        throw new PeerError("failed", `it answered ${response.status} and no events`);
      }
      return this.#watched(abortableBody(response, signal, this.#end.signal), free);
    } catch (error) {
      free();
      throw failure(error);
    }
  }

  /** Ends every request and stream. */
  [Symbol.dispose](): void {
    this.#end.abort(new PeerError("failed", "this daemon stops"));
    this.#client.close();
  }

  #row(name: string): Row {
    const row = this.#rows.find((one) => one.name === name);
    if (row === undefined) throw new PeerError("unknown", `there is no peer "${name}"`);
    return row;
  }

  /** Why a peer does not answer; "": it does. Asked at most every 5 s. */
  async #look(row: Row): Promise<string> {
    const now = this.#clock.now();
    if (row.seen !== null && now - row.seen.at < seenMs) return row.seen.detail;
    let detail = "";
    try {
      const { status, text } = await this.read(row.name, "v1/info", this.#end.signal);
      if (status !== 200 || !text.includes('"node"')) detail = `it answered ${status}, which is no maglevd`;
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      detail = error.message;
    }
    row.seen = { at: this.#clock.now(), detail };
    return detail;
  }

  /** Ends with the caller, with this daemon, and after the limit of time. */
  #limit(caller: AbortSignal): Disposable & { readonly signal: AbortSignal } {
    const late = new AbortController();
    const timer = this.#clock.after(
      peerLimitMs,
      () => late.abort(new PeerError("failed", `it did not answer within ${peerLimitMs / 1000} s`)),
    );
    return {
      signal: AbortSignal.any([caller, late.signal, this.#end.signal]),
      [Symbol.dispose]: () => timer[Symbol.dispose](),
    };
  }

  async #ask(
    row: Row,
    path: string,
    accept: string,
    lastEventId: string | null,
    signal: AbortSignal,
  ): Promise<Response> {
    const url = new URL(path, row.url);
    if (!url.href.startsWith(row.url)) throw new PeerError("failed", "the path leaves its address");
    const token = this.#tokens.get(row.name);
    const response = await fetch(url, {
      client: this.#client,
      redirect: "manual",
      signal,
      headers: {
        accept,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(lastEventId === null ? {} : { "last-event-id": lastEventId }),
      },
    });
    const { status } = response;
    if (status >= 200 && status < 300 || status >= 400 && status !== 401 && status !== 403) return response;
    await response.body?.cancel();
    throw new PeerError(
      "failed",
      status === 401 || status === 403
        ? `it answered ${status}: ${
          token === undefined ? "it wants a token" : "it does not take the token"
        } (--peer-token-file)`
        : `it answered ${status}, and redirects are not followed`,
    );
  }

  /** The stream, ended when nothing comes for too long; `free` runs once at its end. */
  #watched(body: ReadableStream<Uint8Array<ArrayBuffer>>, free: () => void): ReadableStream {
    const reader = body.getReader();
    let timer: Disposable | null = null;
    let over = false;
    const done = () => {
      timer?.[Symbol.dispose]();
      if (!over) free();
      over = true;
    };
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: async (controller) => {
        timer = this.#clock.after(silenceMs, () => void reader.cancel().catch(() => {}));
        try {
          const { done: ended, value } = await reader.read();
          timer?.[Symbol.dispose]();
          if (value !== undefined && !ended) return controller.enqueue(value);
        } catch (error) {
          // The peer or the way to it failed: for the reader the stream is over, and it asks again.
          failure(error);
        }
        if (over) return;
        done();
        controller.close();
      },
      async cancel() {
        done();
        await reader.cancel().catch(() => {});
      },
    }, { highWaterMark: 0 });
  }
}

function clientWith(ca: string | null): Deno.HttpClient {
  return Deno.createHttpClient({
    poolMaxIdlePerHost: peerLimitRequests,
    ...(ca === null ? {} : { caCerts: [ca] }),
  });
}

function mediaType(response: Response): string {
  return (response.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** Waits until another request gives its place away. */
async function turn(row: Row, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const leave = () => {
    const at = row.waiting.indexOf(resolve);
    if (at >= 0) row.waiting.splice(at, 1);
    reject(new PeerError("failed", `${peerLimitRequests} requests to it are under way already`));
  };
  row.waiting.push(resolve);
  signal.addEventListener("abort", leave, { once: true });
  try {
    await promise;
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

/** A body of at most 8 MiB as text. Throws PeerError for a longer one. */
async function textOf(response: Response, signal: AbortSignal): Promise<string> {
  const decoder = new TextDecoder();
  let [text, octets] = ["", 0];
  for await (const chunk of abortableBody(response, signal)) {
    octets += chunk.byteLength;
    if (octets > peerLimitOctets) {
      throw new PeerError("failed", `its answer is longer than ${peerLimitOctets / 1024 / 1024} MiB`);
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** What went wrong, as a PeerError; a fault of this program is thrown on. */
function failure(error: unknown): PeerError {
  if (error instanceof PeerError) return error;
  if (error instanceof TypeError || error instanceof DOMException || error instanceof Deno.errors.Http) {
    return new PeerError("failed", `it cannot be reached: ${error.message}`);
  }
  throw error;
}
