/**
 * A daemon that a test writes down: the real page with the real policy, over answers and events of the test.
 *
 * @module
 */
import type { Backend, Frontend } from "../../src/api/mod.ts";
import { makeWorld } from "../routes/world.ts";

const at = "2026-01-31T12:00:00.000Z";
const encoder = new TextEncoder();

/** A request that the page made. */
export interface Asked {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Parsed JSON; null: none. */
  readonly body: unknown;
  /** From the authorization header; null: none. */
  readonly token: string | null;
}

/** A backend as the API tells it. */
export function backend(name: string, more: Record<string, unknown> = {}): Backend {
  return {
    name,
    address: "192.0.2.1",
    state: "up",
    since: at,
    enabled: true,
    healthcheck: "web",
    health: { counter: 4, rise: 2, fall: 3, max: 4, degraded: false },
    last_probe: {
      ok: true,
      layer: "L7",
      code: "L7OK",
      detail: "HTTP 200",
      scheduled_at: at,
      started_at: at,
      connect_ns: "200000",
      tls_ns: null,
      first_byte_ns: "900000",
      total_ns: "1000000",
      lag_ns: "0",
      void: null,
    },
    next_probe_at: null,
    frontends: [{ frontend: "www", pool: "primary" }],
    transitions: [],
    blind: null,
    override: null,
    certificate: null,
    latency: {
      p50_ns: "1000000",
      p95_ns: "2000000",
      p99_ns: "3000000",
      spark: "-".repeat(40) + "01234567890123456x89",
      recent: [],
    },
    ...more,
  } as Backend;
}

/** A frontend with one pool of these backends. */
export function frontend(
  name: string,
  backends: readonly Backend[],
  more: Record<string, unknown> = {},
): Frontend {
  const members = backends.map(({ address, enabled, name, state }) => ({
    name,
    address,
    state,
    enabled,
    weight: 100,
    effective_weight: state === "up" ? 100 : 0,
    num_buckets: null,
    share: 1 / backends.length,
    file_weight: 100,
    override: null,
  }));
  return {
    name,
    description: "",
    address: "198.51.100.1",
    protocol: "tcp",
    port: 80,
    state: "up",
    since: at,
    src_ip_sticky: false,
    flush_on_down: true,
    new_flows_table_length: 1024,
    pools: [{ name: "primary", active: true, backends: members }],
    vpp: "in-sync",
    vpp_detail: "",
    transitions: [],
    ...more,
  } as Frontend;
}

/** The daemon. `answers` may be changed while it runs. */
export class FakeSite implements AsyncDisposable {
  readonly #world = makeWorld();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #streams = new Set<ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>>();
  #seq = 0;
  /** Settled when the next stream is opened. */
  #opened = Promise.withResolvers<void>();
  /** What the page asked so far, without its reads of files. */
  readonly asked: Asked[] = [];
  /** JSON by `GET /v1/…`, without the query; a Response is answered as it is, a function is called and awaited. What is missing is 404. */
  readonly answers = new Map<string, unknown>();
  /** Tokens with the role that they have; null: reads need none and nobody is known. */
  roles: Record<string, string> | null = null;

  /** Serves a site of two backends behind one frontend. */
  constructor(backends: readonly Backend[] = [backend("b1"), backend("b2")]) {
    this.answers.set("GET /readyz", {
      ready: true,
      problems: [],
      config: true,
      probes: "running",
      vpp: "in-sync",
    });
    this.answers.set("GET /v1/backends", { backends });
    this.answers.set("GET /v1/frontends", { frontends: [frontend("www", backends)] });
    this.answers.set("GET /v1/problems", { problems: [], critical: 0, warnings: 0 });
    this.answers.set("GET /v1/overrides", { overrides: [] });
    this.answers.set("GET /v1/journal", { entries: [], before: null, oldest: null, dropped: 0 });
    this.answers.set("GET /v1/peers", { peers: [] });
    this.answers.set("GET /v1/vpp/lb/counters", { read_at: null, vips: [], servers: [], unmatched: 0 });
    this.answers.set("GET /v1/vpp/info", { version: "26.02", pid: 1, boottime: at, connecttime: at });
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#answer(request),
    );
  }

  /** Where it answers. */
  get api(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Requests of one method whose path begins so. */
  askedFor(method: string, path: string): Asked[] {
    return this.asked.filter((one) => one.method === method && one.path.startsWith(path));
  }

  /** Sends an event to every open stream; waits until there is one, else nobody would ever hear of it. */
  async emit(event: Record<string, unknown>): Promise<void> {
    const deadline = AbortSignal.timeout(60_000);
    while (this.#streams.size === 0) {
      const late = new Promise<void>((resolve) => deadline.addEventListener("abort", () => resolve()));
      await Promise.race([this.#opened.promise, late]);
      if (deadline.aborted) throw new Error("the page opened no stream");
    }
    const data = JSON.stringify({ at, at_unix_ns: "0", synthetic: false, ...event });
    this.#send(`event: ${event.kind}\nid: e-${++this.#seq}\ndata: ${data}\n\n`);
  }

  /** Ends every open stream. */
  breakStreams(): void {
    for (const stream of this.#streams) stream.close();
    this.#streams.clear();
  }

  #send(text: string): void {
    for (const stream of this.#streams) stream.enqueue(encoder.encode(text));
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    if (!pathname.startsWith("/v1/") && pathname !== "/readyz") {
      return await this.#world.ask(pathname, { method: request.method });
    }
    const token = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1] ?? null;
    const text = await request.text();
    const { method } = request;
    this.asked.push({ method, path: pathname + search, body: text === "" ? null : JSON.parse(text), token });
    const role = token === null ? undefined : this.roles?.[token];
    if (this.roles !== null && role === undefined && pathname !== "/readyz") {
      const detail = token === null ? "This needs a token" : "Nobody has this token";
      return problem(401, detail);
    }
    if (pathname === "/v1/info") {
      return Response.json({
        node: "lb1",
        auth: this.roles !== null,
        tls: false,
        you: role === undefined ? null : { name: "somebody", role },
        version: "0.1.0",
        started_at: at,
        features: [],
        warmup: { phase: "done", ends_at: at, held_frontends: [] },
        ...(this.answers.get("GET /v1/info") ?? {}),
      });
    }
    if (pathname === "/v1/events") return this.#stream(request.signal);
    const answer = this.answers.get(`${method} ${pathname}`);
    if (answer instanceof Response) return answer.clone();
    if (typeof answer === "function") {
      const made = await answer();
      return made instanceof Response ? made : Response.json(made);
    }
    return answer === undefined ? problem(404, "There is no such path") : Response.json(answer);
  }

  #stream(signal: AbortSignal): Response {
    let own: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | null = null;
    const forget = () => {
      if (own !== null) this.#streams.delete(own);
    };
    signal.addEventListener("abort", forget);
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        own = controller;
        this.#streams.add(controller);
        this.#opened.resolve();
        this.#opened = Promise.withResolvers();
        const vpp = {
          kind: "vpp",
          from: "connected",
          to: "connected",
          reason: "",
          info: this.answers.get("GET /v1/vpp/info"),
        };
        const data = JSON.stringify({ at, at_unix_ns: "0", synthetic: true, ...vpp });
        controller.enqueue(encoder.encode(`event: vpp\nid: e-${this.#seq}\ndata: ${data}\n\n`));
      },
      cancel: forget,
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  /** Ends every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.breakStreams();
    await this.#server.shutdown();
  }
}

/** What an operator set: a state of a backend. */
export function override(backend: string): Record<string, unknown> {
  return {
    id: "o7",
    kind: "pause",
    backend,
    frontend: null,
    pool: null,
    weight: null,
    by: "alice",
    claimed: null,
    reason: null,
    since: at,
    until: null,
    file_value: true,
    scope: "here",
    sleeping: null,
  };
}

/** A change of a plan: b1 of www gets its weight back. */
export const weightChange = {
  seq: 1,
  kind: "as_weight_updated",
  frontend: "www",
  prefix: null,
  protocol: "tcp",
  port: 80,
  address: "192.0.2.1",
  backend: "b1",
  weight_before: 0,
  weight_after: 100,
  flush: false,
  traffic_affecting: true,
  held: null,
  holds: [],
  reason: "b1 is up",
} as const;

/** An error of the API. */
export function problem(status: number, detail: string): Response {
  return Response.json({ type: "urn:maglev:problem:x", title: "", status, detail, instance: "/" }, {
    status,
    headers: { "content-type": "application/problem+json" },
  });
}
