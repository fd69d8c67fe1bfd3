/** The API on a daemon that is not there (`site_control.ts`), on a real port or socket, for as long as a test needs it. */
import { createApp } from "../../routes/app.ts";
import { tcpPeer, unixPeer } from "../../routes/access.ts";
import { type AuthTable, Tokens } from "../../routes/auth.ts";
import { type Announcement, Bus } from "../../src/bus/mod.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log/mod.ts";
import { siteNow } from "./site.ts";
import { answerOf, consequences } from "./site_answers.ts";
import { SiteControl } from "./site_control.ts";

/** A running API. */
export interface Daemon extends AsyncDisposable {
  /** For `--server`. */
  readonly url: string;
  readonly control: SiteControl;
  readonly bus: Bus;
  /** Requests so far: method and path with query. */
  readonly requests: string[];
  /** What happens as soon as somebody watches. */
  readonly news: Announcement[];
  /** Answers by path that stand for those of the site. */
  readonly answers: Map<string, unknown>;
  /** Bodies of actions so far. */
  readonly bodies: unknown[];
}

/** Where and how it answers. */
export interface DaemonOptions {
  /** Path of a unix socket instead of a port. */
  readonly path?: string;
  /** A port to take again after a stop; 0: any. */
  readonly port?: number;
  readonly auth?: AuthTable;
  /** The local token; with it a change over TCP needs a token. Without it every client counts as local. */
  readonly localToken?: string;
  /** PEM texts. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** Starts the API. Its wall clock stands at `siteNow`. */
export function startDaemon(
  { path, port = 0, auth, localToken, tls }: DaemonOptions = {},
): Daemon {
  const clock = { ...systemClock, wall: () => siteNow };
  const control = new SiteControl();
  const bus = new Bus({ clock, epoch: "e1" });
  const tokens = new Tokens({
    table: auth ?? null,
    local: localToken ?? null,
    hint: "the token of this host is in a file",
  });
  const app = createApp({ control, bus, log: silentLog, clock, tokens });
  const peer = localToken === undefined ? unixPeer("/run/api.sock") : tcpPeer("127.0.0.1", 40000);
  const requests: string[] = [];
  const news: Announcement[] = [];
  const answers = new Map<string, unknown>();
  const bodies: unknown[] = [];
  const handler = async (request: Request): Promise<Response> => {
    const { pathname, search, searchParams: query } = new URL(request.url);
    const { method } = request;
    requests.push(`${method} ${pathname}${search}`);
    const answer = answers.get(pathname) ?? answerOf(method, pathname, query);
    if (answer !== null) return Response.json(answer);
    if (pathname === "/v1/events") {
      const stream = await app.fetch(request, { peer });
      for (const event of news) bus.announce(event);
      return stream;
    }
    if (pathname === "/v1/config/reload" && query.get("dry_run") === "true") {
      const response = await app.fetch(request, { peer });
      return Response.json({ ...await response.json(), consequences: consequences(pathname, true) });
    }
    const action = method === "PUT" || (method === "POST" && pathname.startsWith("/v1/backends/"));
    if (!action) return await app.fetch(request, { peer });
    const dry = query.get("dry_run") === "true";
    const object = /^\/v1\/(backends|frontends)\/[^/]+/.exec(pathname)?.[0] ?? "";
    // What is only tried answers the object as it is.
    const sent = await request.text();
    const body = sent === "" ? null : JSON.parse(sent);
    if (body !== null) bodies.push(body);
    const asked = dry ? new Request(new URL(object, request.url)) : new Request(request.url, {
      method,
      headers: request.headers,
      body: body === null ? null : sent,
    });
    const response = await app.fetch(asked, { peer });
    if (!response.ok) return response;
    return Response.json({ ...await response.json(), consequences: consequences(pathname, dry) });
  };
  const onListen = () => {};
  const server = path === undefined
    ? Deno.serve({ hostname: "127.0.0.1", port, onListen, ...tls }, handler)
    : Deno.serve({ path, onListen }, handler);
  const { addr } = server;
  return {
    url: addr.transport === "tcp"
      ? `${tls === undefined ? "http" : "https"}://127.0.0.1:${addr.port}`
      : `unix:${path}`,
    control,
    bus,
    requests,
    news,
    answers,
    bodies,
    async [Symbol.asyncDispose]() {
      // Streams of watchers end with their clients, which the tests own.
      await server.shutdown();
    },
  };
}
