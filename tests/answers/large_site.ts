/** A large site in the daemon's own parts, but without a VPP that answers: whoever reads it fails. */
import { KnownSource } from "../../src/daemon/known.ts";
import { backend, config, frontend, result, tcpCheck, World } from "../health/kit.ts";

/** A tracker full of backends, and the source of what is known of it. */
export interface LargeSite extends Disposable {
  readonly world: World;
  readonly known: KnownSource;
  /** Frontends of which VPP's table was asked. */
  readonly asked: string[];
}

/** So many backends, 10 to a frontend, every third of them down. */
export function largeSite(count: number): LargeSite {
  const names = Array.from({ length: count }, (_, i) => `b${i}`);
  const frontends = Array.from({ length: Math.ceil(count / 10) }, (_, f) => {
    const members = names.slice(f * 10, f * 10 + 10).map((name) => [name, 100]);
    return frontend(`f${f}`, `192.0.${f >> 8}.${f & 255}`, { main: Object.fromEntries(members) });
  });
  const backends = names.map((name, i) => backend(name, `10.0.${i >> 8}.${i & 255}`, "web"));
  const world = World.started(config({ checks: [tcpCheck("web")], backends, frontends }));
  world.tracker.report(names.map((name, i) => ({
    backend: name,
    generation: world.tracker.entry(name)?.generation ?? 0,
    result: result(i % 3 === 0 ? "L4CON" : "L4OK"),
    nextDueAt: 0,
    certificate: null,
  })));
  const asked: string[] = [];
  const known = new KnownSource({
    clock: world.clock,
    tracker: world.tracker,
    reconciler: {
      warmup: { phase: "done", endsAt: 0, heldFrontends: [] },
      unsynced: [],
      complete: true,
      drift: [],
      held: [],
      view: {
        vip(name) {
          asked.push(name);
          return null;
        },
      },
    },
    link: { state: "connected", since: 0, reason: "" },
    startedAt: 0,
    startedAtMs: 0,
    files: () => ({ config: null, kept: [] }),
    overrides: () => [],
    memory: () => ({ disk: null, journal: null, clock: null }),
    fleet: () => ({ store: null, nodes: [] }),
  });
  return { world, known, asked, [Symbol.dispose]: () => world[Symbol.dispose]() };
}
