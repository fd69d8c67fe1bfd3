import { createRoute, z } from "@hono/zod-openapi";
import type { Bus, SubscribeOptions, Subscription } from "../src/bus/mod.ts";
import type { EventFilter, EventKind } from "../src/bus/core.ts";
import type { Clock } from "../src/clock.ts";
import type { Millis } from "../src/model.ts";
import { notFound } from "./backends.ts";
import type { Api, ApiOptions } from "./env.ts";
import * as examples from "./examples.ts";
import { problems, readErrors, security } from "./operation.ts";
import { finding, ProblemError } from "./problem.ts";
import { presentState } from "./present.ts";

/** A comment is sent so often, so that proxies and clients see that an idle stream lives. */
const commentMs: Millis = 15_000;

/** How long a reader that was cut off may take to read what waits for it. */
const dropGraceMs: Millis = 5_000;

/** Event streams at a time. */
export const maxStreams = 512;

const kinds: readonly EventKind[] = ["backend", "frontend", "vpp", "log", "change"];
const defaultKinds: readonly EventKind[] = ["backend", "frontend", "vpp", "log"];
const level = z.enum(["debug", "info", "warn", "error"]);
const list = (name: string, description: string, example: string) =>
  z.string().optional().openapi({ param: { name, in: "query", description }, example });

const streamEvents = createRoute({
  method: "get",
  path: "/v1/events",
  operationId: "streamEvents",
  summary: "Everything that happens, as server-sent events",
  description:
    "Frames have the event's kind as `event`, `<epoch>-<seq>` as `id` and one BackendEvent, FrontendEvent, VppEvent, " +
    "LogEvent, ChangeEvent, ResyncEvent or DroppedEvent as `data`. The stream starts with the present state: events with " +
    "from = to and `synthetic: true`. With a `Last-Event-ID` that is still known the missed events come instead, " +
    "otherwise a `resync` and then the present state. A reader that is too slow gets `dropped` and is cut off.",
  tags: ["events"],
  security,
  request: {
    query: z.object({
      kinds: list(
        "kinds",
        "comma list of backend, frontend, vpp, log, change; default all but change",
        "backend,frontend",
      ),
      level: level.optional().openapi({
        param: { name: "level", in: "query", description: "least level of log events; default info" },
        example: "info",
      }),
      backend: list("backend", "comma list of names; only events about these backends", "b1,b2"),
      frontend: list("frontend", "comma list of names; only events about these frontends", "web"),
    }),
    headers: z.object({
      "last-event-id": z.string().optional().openapi({
        param: { name: "last-event-id", in: "header", description: "id of the last event seen" },
        example: "5f2b1c0a9d3e-41",
      }),
    }),
  },
  responses: {
    200: {
      description: "the stream; it ends when the daemon stops",
      content: { "text/event-stream": { schema: z.string(), example: examples.events } },
    },
    ...problems(...readErrors, "not-found"),
  },
});

function names(text: string | undefined): ReadonlySet<string> | null {
  return text === undefined ? null : new Set(text.split(",").map((name) => name.trim()));
}

/** Names of a filter; one that nothing has is refused, because its stream would stay silent for ever. */
function known(
  text: string | undefined,
  what: string,
  all: () => readonly { readonly name: string }[],
): ReadonlySet<string> | null {
  const wanted = names(text);
  if (wanted === null) return null;
  const existing = new Set(all().map(({ name }) => name));
  for (const name of wanted) if (!existing.has(name)) throw notFound(what, name, existing);
  return wanted;
}

function readKinds(text: string | undefined): ReadonlySet<EventKind> {
  const wanted = names(text);
  if (wanted === null) return new Set(defaultKinds);
  const unknown = [...wanted].filter((name) => !kinds.some((kind) => kind === name));
  if (unknown.length > 0) {
    throw new ProblemError("invalid", `kinds: "${unknown.join(",")}" is no kind of event`, {
      errors: [finding("kinds", `"${unknown.join(",")}" is no kind of event`, `one of ${kinds.join(", ")}`)],
    });
  }
  return new Set(kinds.filter((kind) => wanted.has(kind)));
}

/**
 * The body of one stream. The server pulls from it, so what a client does not read stays in the bounded queue of
 * its subscription.
 */
class EventSource implements UnderlyingDefaultSource<Uint8Array<ArrayBuffer>> {
  readonly #clock: Clock;
  readonly #onEnd: () => void;
  readonly #encoder = new TextEncoder();
  readonly #subscription: Subscription;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | null = null;
  #beat: Disposable;
  #grace: Disposable | null = null;
  #ended = false;
  /** The last frame of a stream that is ended from this side; null: none. */
  #farewell: string | null = null;
  #wake: () => void = () => {};

  constructor(bus: Bus, clock: Clock, wanted: SubscribeOptions, onEnd: () => void) {
    this.#clock = clock;
    this.#onEnd = onEnd;
    this.#subscription = bus.subscribe({ ...wanted, onReadable: () => this.#wake() });
    this.#beat = this.#nextBeat();
    this.#watchDrop();
  }

  start(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): void {
    this.#controller = controller;
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): Promise<void> {
    while (!this.#ended) {
      if (this.#farewell !== null) {
        controller.enqueue(this.#encoder.encode(this.#farewell));
        this.#end();
        controller.close();
        return;
      }
      const text = this.#subscription.read();
      if (text === null) {
        this.#end();
        controller.close();
      } else if (text !== "") {
        controller.enqueue(this.#encoder.encode(text));
        this.#watchDrop();
        return;
      } else {
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    }
  }

  cancel(): void {
    this.#end();
  }

  /** Ends the stream with one last frame, instead of what still waits. A reader that stands still is cut off. */
  finish(farewell: string): void {
    if (this.#ended) return;
    this.#farewell = farewell;
    this.#subscription[Symbol.dispose]();
    this.#startGrace();
    this.#wake();
  }

  /** A reader that was cut off and reads nothing more would keep its connection for ever. */
  #watchDrop(): void {
    const watch = () => {
      if (this.#subscription.dropped) this.#startGrace();
    };
    this.#wake = watch;
    watch();
  }

  #startGrace(): void {
    if (this.#grace !== null || this.#ended) return;
    this.#grace = this.#clock.after(dropGraceMs, () => {
      this.#end();
      this.#controller?.error(new Error("The reader of this event stream was too slow"));
    });
  }

  #nextBeat(): Disposable {
    return this.#clock.after(commentMs, () => {
      this.#subscription.comment();
      this.#beat = this.#nextBeat();
    });
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#beat[Symbol.dispose]();
    this.#grace?.[Symbol.dispose]();
    this.#subscription[Symbol.dispose]();
    this.#onEnd();
    this.#wake();
  }
}

/** Mounts /v1/events. */
export function mountEvents(
  app: Api,
  { control, bus, clock, tokens, maxStreams: limit = maxStreams }: ApiOptions,
): void {
  let streams = 0;
  app.openapi(streamEvents, (c) => {
    const query = c.req.valid("query");
    const filter: EventFilter = {
      kinds: readKinds(query.kinds),
      level: query.level ?? "info",
      backends: known(query.backend, "backend", () => control.backends()),
      frontends: known(query.frontend, "frontend", () => control.frontends()),
    };
    const headers = {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      // Reverse proxies that buffer answers would hold events back.
      "x-accel-buffering": "no",
    };
    // HEAD runs this handler too, and nobody would ever end the stream of its answer.
    if (c.req.method === "HEAD") return new Response(null, { headers });
    if (streams >= limit) {
      return new Response(bus.refuse(`${limit} event streams are open already`), { headers });
    }
    const wanted: SubscribeOptions = {
      filter,
      lastEventId: c.req.valid("header")["last-event-id"] ?? null,
      present: () => presentState(control),
    };
    let watch: Disposable | null = null;
    const source = new EventSource(bus, clock, wanted, () => {
      streams--;
      watch?.[Symbol.dispose]();
    });
    const { peer = null } = c.env;
    const credential = c.get("credential");
    if (tokens !== null && credential !== null) {
      watch = tokens.watch(() => {
        if (tokens.find(credential.digest, peer) !== null) return;
        source.finish(bus.refuse("the token is not valid any more"));
      });
    }
    // Counted when it is there: a present state that cannot be told must not take a place for ever.
    streams++;
    return new Response(new ReadableStream(source, { highWaterMark: 0 }), { headers });
  });
}
