import type { Backend, Frontend, HealthCheck } from "../../src/configuration.ts";
import { backend, config, type ConfigParts, frontend, tcpCheck, World } from "./kit.ts";

/** The file before the reload. */
export const parts = {
  checks: [tcpCheck("web"), tcpCheck("db", { rise: 3, fall: 2 })],
  backends: [
    backend("b1", "10.0.0.1", "web"),
    backend("b2", "10.0.0.2", "web"),
    backend("b3", "10.0.0.3", "db"),
  ],
  frontends: [
    frontend("www", "192.0.2.1", { primary: { b1: 100, b2: 50 }, fallback: { b3: 10 } }),
    frontend("other", "192.0.2.2", { only: { b3: 1 } }),
  ],
} satisfies ConfigParts;

/** Everything up with a full counter, and nothing recorded yet. */
export function running(setup: ConfigParts = parts): World {
  const world = World.started(config(setup));
  for (let i = 0; i < 5; i++) {
    const names = [...world.prober.targets.keys()];
    world.probe(...names.map((name) => [name, "L4OK"] as const));
  }
  world.prober.calls.length = 0;
  world.told.length = 0;
  world.events.length = 0;
  return world;
}

/** The file with other backends. */
export const withBackends = (...backends: Backend[]): ConfigParts => ({ ...parts, backends });
/** The file with one check replaced. */
export const withCheck = (check: HealthCheck): ConfigParts => ({
  ...parts,
  checks: parts.checks.map((c) => c.name === check.name ? check : c),
});
/** The file with other frontends. */
export const withFrontends = (...frontends: Frontend[]): ConfigParts => ({ ...parts, frontends });
