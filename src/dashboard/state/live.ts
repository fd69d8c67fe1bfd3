/**
 * Keeps a model equal to a daemon's: reads everything, follows the event stream, reads again what an event names,
 * and asks for latency, counters and buckets every 2 s.
 *
 * A read that an event overtook is not believed: it is read again. So states never go back.
 *
 * @module
 */
import { sseFrames } from "../../sse.ts";
import type { LbCounters } from "../../api/mod.ts";
import { type ApiClient, ApiError } from "./client.ts";
import {
  type Connection,
  everything,
  type Model,
  type Resource,
  type StreamEvent,
  withBackends,
  withEvent,
  withFrontends,
  withOverrides,
  withProblems,
} from "./model.ts";
import { withCounters } from "./rates.ts";
import {
  acceptBackends,
  acceptCounters,
  acceptEvent,
  acceptFrontends,
  acceptInfo,
  acceptJournal,
  acceptOverrides,
  acceptProblems,
  acceptVpp,
} from "./shapes.ts";

/** Time as the page has it; a test brings its own. */
export interface PageClock {
  /** Runs once after `ms`, unless the answer is called first. */
  after(ms: number, run: () => void): () => void;
}

/** What the engine is made of. */
export interface LiveParts {
  /** The API of the daemon, or of a peer through it. */
  readonly api: ApiClient;
  /** Timers. */
  readonly clock: PageClock;
  /** Changes the model. */
  readonly update: (change: (model: Model) => Model) => void;
}

/** Reads after an event wait so long, in ms, since events come in groups. */
const gatherMs = 50;
/** Latency, counters and buckets are asked so often, in ms. */
const pollMs = 2_000;
/** The daemon reads VPP's new buckets half a second after it wrote them; a busy one is late, so it is asked once more, in ms. */
const sharesMs = { first: 600, again: 400 };
/** The daemon sends a comment every 15 s; after so long without anything the stream is dead, in ms. */
const silenceMs = 35_000;
/** A lost stream is opened again after this time, doubled up to the greatest, in ms. */
const againMs = { first: 500, greatest: 10_000 };

/** The running engine of one daemon. */
export class Live {
  readonly #parts: LiveParts;
  readonly #end = new AbortController();
  readonly #wanted = new Set<Resource>();
  readonly #reading = new Set<Resource>();
  /** Resources that an event named while they were read. */
  readonly #overtaken = new Set<Resource>();
  /** Resources that this daemon does not have; asked again when the stream is opened anew. */
  readonly #absent = new Set<Resource>();
  /** Resources whose last read failed: while there is one the page is not live, though the stream may be. */
  readonly #failed = new Set<Resource>();
  /** Whether the stream is open. */
  #followed = false;
  #retry: (() => void) | null = null;
  /** What the stream says of the connection to VPP; null: nothing yet. */
  #link: "off" | "disconnected" | "connected" | null = null;
  #connection: Connection = "connecting";
  /** Ends the wait before the stream is opened again. */
  #wake = () => {};
  #gather: (() => void) | null = null;
  #soon: (() => void) | null = null;
  #poll: (() => void) | null = null;
  #lastId = "";
  #again = againMs.first;

  /** Makes an engine that has not begun. */
  constructor(parts: LiveParts) {
    this.#parts = parts;
  }

  /** Begins. */
  start(): void {
    this.read(everything);
    this.#pollLoop();
    this.#follow();
  }

  /** Reads these soon. */
  read(resources: readonly Resource[]): void {
    for (const resource of resources) {
      if (!this.#has(resource)) continue;
      this.#wanted.add(resource);
      if (this.#reading.has(resource)) this.#overtaken.add(resource);
    }
    this.#gather ??= this.#parts.clock.after(gatherMs, () => {
      this.#gather = null;
      for (const resource of this.#wanted) {
        if (!this.#reading.has(resource)) this.#readOne(resource);
      }
    });
  }

  /** Begins anew at once, e.g. after the computer slept or a token was given. */
  restart(): void {
    this.#absent.clear();
    this.#again = againMs.first;
    this.#enter("connecting", "");
    this.#stream?.abort();
    this.#wake();
    this.read(everything);
  }

  /** Whether nothing is wanted or under way. */
  get quiet(): boolean {
    return this.#wanted.size === 0 && this.#reading.size === 0;
  }

  /** Ends the engine. */
  stop(): void {
    this.#end.abort();
    this.#gather?.();
    this.#poll?.();
    this.#soon?.();
    this.#retry?.();
    this.#wake();
  }

  /** Whether to ask for it: a request that can only be refused is noise in the daemon's log and in the browser's. */
  #has(resource: Resource): boolean {
    const ofVpp = resource === "vpp" || resource === "counters";
    return !this.#absent.has(resource) && (!ofVpp || this.#link === null || this.#link === "connected");
  }

  async #readOne(resource: Resource): Promise<void> {
    const { update } = this.#parts;
    this.#wanted.delete(resource);
    this.#reading.add(resource);
    this.#overtaken.delete(resource);
    try {
      const change = await this.#fetch(resource);
      if (this.#end.signal.aborted) return;
      if (!this.#overtaken.has(resource)) update(change);
      this.#works(resource);
    } catch (error) {
      if (this.#end.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) this.#enter("unauthorized", error.message);
      // An older daemon does not have it. 503: VPP is away. Both leave the model as it is.
      else if (error.status !== 404 && error.status !== 503 && error.status !== 403) {
        this.#fails(resource, error.message);
      } else {
        if (error.status === 404) this.#absent.add(resource);
        this.#works(resource);
      }
    } finally {
      this.#reading.delete(resource);
    }
    if (this.#overtaken.delete(resource) || this.#wanted.has(resource)) {
      this.read([resource]);
    }
  }

  /** A read failed: it is tried again, since nothing else may ask for it. */
  #fails(resource: Resource, why: string): void {
    this.#failed.add(resource);
    this.#enter("away", why);
    this.#retry ??= this.#parts.clock.after(pollMs, () => {
      this.#retry = null;
      if (this.#followed) this.read([...this.#failed]);
    });
  }

  /** A read was answered: after the last of those that failed the page is live again. */
  #works(resource: Resource): void {
    const last = this.#failed.delete(resource) && this.#failed.size === 0;
    if (last && this.#followed && this.#connection === "away") this.#enter("live", "");
  }

  async #fetch(resource: Resource): Promise<(model: Model) => Model> {
    const { api } = this.#parts;
    const { signal } = this.#end;
    switch (resource) {
      case "info": {
        const info = acceptInfo(await api.info(signal));
        return (model) => ({ ...model, info });
      }
      case "ready": {
        const ready = await api.ready(signal);
        return (model) => ({ ...model, ready });
      }
      case "backends": {
        const backends = acceptBackends(await api.backends(signal));
        return (model) => withBackends(model, backends);
      }
      case "frontends": {
        const frontends = acceptFrontends(await api.frontends(signal));
        return (model) => withFrontends(model, frontends);
      }
      case "problems": {
        const problems = acceptProblems(await api.problems(signal));
        return (model) => withProblems(model, problems);
      }
      case "overrides": {
        const overrides = acceptOverrides(await api.overrides(signal));
        return (model) => withOverrides(model, overrides);
      }
      case "counters": {
        const counters = await this.#orNull<LbCounters>(api.counters(signal));
        return (model) =>
          counters === null
            ? { ...model, counters: null, rates: new Map() }
            : withCounters(model, acceptCounters(counters));
      }
      case "vpp": {
        const vpp = await this.#orNull(api.vppInfo(signal));
        return (model) => ({ ...model, vpp: vpp === null ? null : acceptVpp(vpp) });
      }
      case "syncs": {
        const syncs = acceptJournal(await api.journal({ kinds: "sync", limit: "20" }, signal));
        return (model) => ({ ...model, syncs });
      }
    }
  }

  async #orNull<T>(call: Promise<T>): Promise<T | null> {
    try {
      return await call;
    } catch (error) {
      if (error instanceof ApiError && error.status === 503) return null;
      throw error;
    }
  }

  #pollLoop(): void {
    this.#poll = this.#parts.clock.after(pollMs, () => {
      // Without a stream nothing is current anyhow: all is read when it is there again.
      if (this.#connection === "live") this.read(["backends", "frontends", "counters"]);
      this.#pollLoop();
    });
  }

  /** Buckets and shares are known again within a second after a change, which no event says. */
  #readSharesSoon(): void {
    const { clock } = this.#parts;
    this.#soon ??= clock.after(sharesMs.first, () => {
      this.read(["frontends"]);
      this.#soon = clock.after(sharesMs.again, () => {
        this.#soon = null;
        this.read(["frontends"]);
      });
    });
  }

  #stream: AbortController | null = null;

  async #follow(): Promise<void> {
    const { clock } = this.#parts;
    while (!this.#end.signal.aborted) {
      const stream = new AbortController();
      this.#stream = stream;
      const signal = AbortSignal.any([stream.signal, this.#end.signal]);
      let cancelSilence = () => {};
      const heard = () => {
        cancelSilence();
        cancelSilence = clock.after(silenceMs, () => {
          this.#enter("stale", "nothing was heard for 35 s");
          stream.abort();
        });
      };
      heard();
      try {
        const body = await this.#parts.api.events(this.#lastId, signal);
        this.#followed = true;
        this.#failed.clear();
        this.#enter("live", "");
        this.#again = againMs.first;
        this.#absent.clear();
        for await (const frame of sseFrames(watched(body, heard))) {
          this.#lastId = frame.id;
          const event = acceptEvent(jsonOf(frame.data));
          if (event !== null) this.#take(event);
        }
        if (!this.#end.signal.aborted) {
          this.#enter("away", "the daemon ended the stream");
        }
      } catch (error) {
        if (this.#end.signal.aborted) return;
        if (error instanceof ApiError) {
          this.#enter(
            error.status === 401 ? "unauthorized" : "away",
            error.message,
          );
        } else if (!stream.signal.aborted) {
          this.#enter("away", "the connection is lost");
        }
      } finally {
        this.#followed = false;
        cancelSilence();
      }
      if (this.#end.signal.aborted) return;
      await this.#pause();
      if (!this.#end.signal.aborted) this.read(everything);
    }
  }

  /** Waits before the stream is opened again. A token that is refused today is refused tomorrow: then for `restart`. */
  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#connection === "unauthorized"
      ? () => {}
      : this.#parts.clock.after(this.#again, resolve);
    this.#again = Math.min(this.#again * 2, againMs.greatest);
    this.#wake = resolve;
    await promise;
    cancel();
    this.#wake = () => {};
  }

  #take(event: StreamEvent): void {
    let read: readonly Resource[] = [];
    if (event.kind === "vpp") this.#link = event.to;
    if (event.kind === "backend" && !event.synthetic) this.#readSharesSoon();
    this.#parts.update((model) => {
      const outcome = withEvent(model, event);
      read = outcome.read;
      return outcome.model;
    });
    if (read.length > 0) this.read(read);
  }

  #enter(connection: Connection, trouble: string): void {
    this.#connection = connection;
    this.#parts.update((model) =>
      model.connection === connection && model.trouble === trouble ? model : { ...model, connection, trouble }
    );
  }
}

/** The value of a text; null where it is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null;
  }
}

/** A body that says when something arrives, comments included. */
function watched(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  heard: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return body.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        heard();
        controller.enqueue(chunk);
      },
    }),
  );
}
