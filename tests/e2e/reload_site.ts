/** A running daemon whose file is about to change: three healthy servers and a VPP in sync. */
import assert from "node:assert/strict";
import type { Backend } from "../../src/api/mod.ts";
import { systemClock } from "../../src/clock.ts";
import { eventually } from "./harness.ts";
import { JumpClock } from "./jump_clock.ts";
import { LocalDaemon } from "./local_daemon.ts";
import { TcpServers } from "./tcp_servers.ts";
import { lbSettings, Vpp, wwwSite } from "./world.ts";

/** Servers b1 and b2 in the primary pool, b3 in the fallback, on 127.`net`.1…3. */
export function text(net: string, port: number): string {
  return `maglev:
${lbSettings}
  healthchecker: { transition-history: 20 }
  healthchecks:
    web: { type: tcp, port: ${port}, interval: 100ms, fast-interval: 50ms, timeout: 500ms, rise: 2, fall: 3 }
${wwwSite(net)}`;
}

/** What a test of a reload works on. */
export interface Site {
  readonly vpp: Vpp;
  readonly servers: TcpServers;
  readonly daemon: LocalDaemon;
  /** Its clock. */
  readonly clock: JumpClock;
  /** The configuration it started with. */
  readonly config: string;
  /** Records in the log before `body`. */
  readonly log: number;
  /** What VPP was told since then. */
  readonly told: () => string[];
}

/** Three healthy servers, all up and VPP in sync, then `body`. */
export async function onSite(net: string, body: (site: Site) => Promise<void>): Promise<void> {
  await using vpp = await Vpp.start();
  using servers = new TcpServers([1, 2, 3].map((host) => `127.${net}.${host}`));
  const config = text(net, servers.port);
  const clock = new JumpClock();
  await using daemon = await LocalDaemon.start({ config, vpp: vpp.paths, clock });
  for (const backend of ["b1", "b2", "b3"]) await daemon.became(backend, "up");
  await daemon.logged(({ msg }) => msg === "ready");
  await daemon.sync();
  assert.deepEqual(Object.values(vpp.weights()), [100, 50, 0]);
  const mark = vpp.simulator.recorder.requests.length;
  await body({ vpp, servers, clock, daemon, config, log: daemon.log.length, told: () => vpp.told(mark) });
  assert.deepEqual(await daemon.planned(), []);
}

/** A backend as the API shows it. */
export function backend(daemon: LocalDaemon, name: string): Backend {
  const found = daemon.control.backend(name);
  assert.ok(found !== null, name);
  return found;
}

/** Resolves when `is` holds; for what leaves no record in the log. */
export function soon(what: string, is: () => boolean): Promise<true> {
  return eventually(() => what, () => is() || undefined, () => systemClock.sleep(5));
}

/** Resolves when no change is left to send. */
export async function synced(daemon: LocalDaemon): Promise<void> {
  while ((await daemon.planned()).length > 0) await systemClock.sleep(10);
}

/** The states of a backend, oldest first. */
export const past = (daemon: LocalDaemon, name: string) =>
  backend(daemon, name).transitions.map(({ to }) => to).reverse();
