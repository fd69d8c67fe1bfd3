/** An application on a fake daemon, and ways to ask it. */
import type { AuthTable } from "../../routes/auth.ts";
import { createApp } from "../../routes/app.ts";
import type { Api, ApiOptions } from "../../routes/env.ts";
import { type Peer, tcpPeer } from "../../routes/access.ts";
import { Bus } from "../../src/bus.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { createLog } from "../../src/log.ts";
import { FakeControl } from "./fake_control.ts";

/** Everything a test looks at. */
export interface World {
  readonly app: Api;
  readonly bus: Bus;
  readonly control: FakeControl;
  /** Lines of the log, parsed. */
  readonly lines: Record<string, unknown>[];
  /** Asks the application as a client on this host. */
  ask(path: string, init?: RequestInit, peer?: Peer): Promise<Response>;
}

/** A client of this host. */
export const local: Peer = tcpPeer("127.0.0.1", 40000);

/** Makes an application. */
export function makeWorld(
  options: { auth?: AuthTable | null; clock?: Clock } & Pick<ApiOptions, "recorder" | "maxStreams"> = {},
): World {
  const { auth = null, clock = systemClock, ...rest } = options;
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
  const app = createApp({ control, bus, log, clock, auth, ...rest });
  const ask = async (path: string, init: RequestInit = {}, peer = local) =>
    await app.fetch(new Request(`http://127.0.0.1:9090${path}`, init), { peer });
  return { app, bus, control, lines, ask };
}
