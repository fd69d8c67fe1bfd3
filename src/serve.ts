/**
 * The daemon for `deno serve --host 127.0.0.1 --port 9090 src/serve.ts`: Deno listens, and the flags come from the
 * environment alone (MAGLEV_CONFIG and so on; MAGLEV_LISTEN is not used).
 *
 * Deno.serve bounds neither open connections nor the time of a request's head, so this entry belongs behind a
 * loopback address, or a proxy and an auth file; `main.ts` has bounds of its own.
 *
 * @module
 */
import { type Peer, tcpPeer, unixPeer } from "../routes/access.ts";
import { launch } from "./daemon/run.ts";
import { isLoopbackAddress } from "./net/loopback.ts";

const launched = await launch([], false);
if (typeof launched === "number") Deno.exit(launched);
const { daemon, resources, stop } = launched;

stop.asked.then(async () => {
  await resources[Symbol.asyncDispose]();
  Deno.exit(0);
});

function peerOf(info: Deno.ServeHandlerInfo): Peer {
  const { remoteAddr: address } = info;
  if (address.transport === "tcp" || address.transport === "udp") {
    // Where Deno listens is not told. A page of another site can only come by a browser of this host.
    const listener = isLoopbackAddress(address.hostname) ? "loopback" : "open";
    return tcpPeer(address.hostname, address.port, listener);
  }
  return unixPeer(address.transport === "unix" ? address.path : "");
}

/** What `deno serve` calls for each request. */
const server: Deno.ServeDefaultExport = {
  fetch: (request: Request, info: Deno.ServeHandlerInfo): Response | Promise<Response> =>
    daemon.app.fetch(request, { peer: peerOf(info) }),
};

export default server;
