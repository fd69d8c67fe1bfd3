/** Real listeners for tests. */
import assert from "node:assert/strict";
import { apiLimits, type Limits } from "../../routes/limits.ts";
import { serve, type ServeOptions, type Serving } from "../../routes/server.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log/mod.ts";
import type { Result } from "../../src/result.ts";
import type { World } from "./world.ts";

/** A port that the kernel chooses. */
export const anyPort = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;

/** The listeners, which must have been opened. */
export function started<E>(result: Result<Serving, E>): Serving {
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

/** Serves an application on a port of this host. */
export async function start(world: World, options: Partial<ServeOptions> = {}): Promise<Serving> {
  return started(
    await serve({
      app: world.app,
      listen: [anyPort],
      tls: null,
      log: silentLog,
      clock: systemClock,
      ...options,
    }),
  );
}

/** The API's bounds, some of them changed, looked at often. */
export function withLimits(limits: Partial<Limits>): Limits {
  return { ...apiLimits, checkMs: 20, ...limits };
}

/** Address of the first listener. */
export function first(serving: Serving): string {
  const [address] = serving.addresses;
  assert.ok(address !== undefined);
  return address;
}
