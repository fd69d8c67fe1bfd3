/** An application on a fake daemon, and ways to ask it. */
import { type AuthTable, Tokens } from "../../routes/auth.ts";
import { createApp } from "../../routes/app.ts";
import type { Api, ApiOptions } from "../../routes/env.ts";
import { type Peer, tcpPeer } from "../../routes/access.ts";
import { Bus } from "../../src/bus/mod.ts";
import { PeerError, type PeerReader } from "../../src/peers/peers.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { createLog } from "../../src/log/mod.ts";
import { localToken } from "../secrets.ts";
import { FakeControl } from "./fake_control.ts";

export { localToken } from "../secrets.ts";

/** Everything a test looks at. */
export interface World {
  readonly app: Api;
  readonly bus: Bus;
  readonly control: FakeControl;
  /** Lines of the log, parsed. */
  readonly lines: Record<string, unknown>[];
  readonly tokens: Tokens;
  /** Asks the application as a client on this host; a change without a token is sent with the local one. */
  ask(path: string, init?: RequestInit, peer?: Peer): Promise<Response>;
  /** The same, as it is. */
  bare(path: string, init?: RequestInit, peer?: Peer): Promise<Response>;
}

/** The line of a request's head that carries it. */
export const bearer = `Authorization: Bearer ${localToken}`;

/** A client of this host. */
export const local: Peer = tcpPeer("127.0.0.1", 40000);

/** One peer, lb2, that answers everything in the same way. */
const somePeers: PeerReader = {
  list: () =>
    Promise.resolve({ peers: [{ name: "lb2", url: "http://127.0.0.2:9090/", reachable: true, detail: "" }] }),
  read: (name) =>
    name === "lb2"
      ? Promise.resolve({ status: 200, text: '{"backends":[]}' })
      : Promise.reject(new PeerError("unknown", "there is none")),
  follow: (name) =>
    name === "lb2"
      ? Promise.resolve(new Blob([": nothing\n\n"]).stream())
      : Promise.reject(new PeerError("unknown", "there is none")),
};

/** Makes an application. */
export function makeWorld(
  options:
    & { auth?: AuthTable | null; clock?: Clock }
    & Pick<ApiOptions, "recorder" | "maxStreams" | "peers"> = {},
): World {
  const { auth = null, clock = systemClock, peers = somePeers, ...rest } = options;
  const control = new FakeControl();
  const bus = new Bus({ clock, epoch: "e1" });
  const lines: Record<string, unknown>[] = [];
  const log = createLog({
    level: "info",
    format: "json",
    clock,
    write: (line) => lines.push(JSON.parse(line)),
    listener: bus,
  });
  const tokens = new Tokens({ table: auth, local: localToken, hint: "read it in a file" });
  const app = createApp({ control, bus, log, clock, tokens, peers, ...rest });
  const bare = async (path: string, init: RequestInit = {}, peer = local) => {
    const request = new Request(`http://127.0.0.1:9090${path}`, init);
    // As a client sends it.
    if (!request.headers.has("host")) request.headers.set("host", "127.0.0.1:9090");
    return await app.fetch(request, { peer });
  };
  const ask = async (path: string, init: RequestInit = {}, peer = local) => {
    const headers = new Headers(init.headers);
    if (auth === null && !headers.has("authorization")) headers.set("authorization", `Bearer ${localToken}`);
    return await bare(path, { ...init, headers }, peer);
  };
  return { app, bus, control, lines, tokens, ask, bare };
}
