/** The API on a fake daemon, on a real port, for as long as a test needs it. */
import { tcpPeer } from "../../routes/access.ts";
import { makeWorld, type World } from "../routes/world.ts";

/** A running API. */
export interface Daemon extends AsyncDisposable {
  /** For `--server`. */
  readonly url: string;
  readonly world: World;
}

/** Starts the API on a free port of the loopback, or on a unix socket. */
export function startDaemon(options: { path?: string; world?: World } = {}): Daemon {
  const world = options.world ?? makeWorld();
  const handler = (request: Request): Response | Promise<Response> =>
    world.app.fetch(request, { peer: tcpPeer("127.0.0.1", 40000) });
  const server = options.path === undefined
    ? Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler)
    : Deno.serve({ path: options.path, onListen() {} }, handler);
  const { addr } = server;
  return {
    url: addr.transport === "tcp" ? `http://127.0.0.1:${addr.port}` : `unix:${options.path}`,
    world,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
    },
  };
}
