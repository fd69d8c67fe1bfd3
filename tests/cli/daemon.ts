/** The API on a daemon that is not there (`site_control.ts`), on a real port or socket, for as long as a test needs it. */
import { createApp } from "../../routes/app.ts";
import { tcpPeer, unixPeer } from "../../routes/access.ts";
import { type AuthTable, Tokens } from "../../routes/auth.ts";
import { Bus } from "../../src/bus/mod.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log/mod.ts";
import { siteNow } from "./site.ts";
import { SiteControl } from "./site_control.ts";

/** A running API. */
export interface Daemon extends AsyncDisposable {
  /** For `--server`. */
  readonly url: string;
  readonly control: SiteControl;
  readonly bus: Bus;
  /** Requests so far: method and path with query. */
  readonly requests: string[];
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
export function startDaemon({ path, port = 0, auth, localToken, tls }: DaemonOptions = {}): Daemon {
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
  const handler = (request: Request): Response | Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    requests.push(`${request.method} ${pathname}${search}`);
    return app.fetch(request, { peer });
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
    async [Symbol.asyncDispose]() {
      // Streams of watchers end with their clients, which the tests own.
      await server.shutdown();
    },
  };
}
