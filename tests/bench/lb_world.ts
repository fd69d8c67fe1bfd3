/**
 * What the benchmarks of the reconciler share: a simulated VPP as a process of its own, so that its work is not
 * counted as ours, a session with it, and a world of many VIPs.
 */
import { cpuUsage } from "node:process";
import { systemClock } from "../../src/clock.ts";
import { silentLog } from "../../src/log/mod.ts";
import { noHooks } from "../../src/lb/parts.ts";
import { Reconciler } from "../../src/lb/reconciler.ts";
import type { ReconcilerParts } from "../../src/lb/parts.ts";
import type { Millis, State } from "../../src/model.ts";
import type { Config, Frontend } from "../../src/configuration.ts";
import { ip } from "../../src/net/ip.ts";
import type { Session } from "../../src/vpp/session.ts";
import { config, frontend } from "../lb/setup.ts";
import { type BenchTarget, openSession, simulatedVpp } from "./vpp_target.ts";

/** `vips` frontends with eight servers each of 64 backends; backend of member m of frontend n is b<(n + m) % 64 + 1>. */
export function manyVips(vips: number, length = 1024): Config {
  const frontends = Array.from({ length: vips }, (_, n): Frontend => {
    const members = Object.fromEntries(Array.from({ length: 8 }, (_, m) => [`b${((n + m) % 64) + 1}`, 10]));
    return frontend(`f${n}`, { primary: members }, {
      address: ip(`203.0.${n >> 8}.${n & 255}`),
      newFlowsTableLength: length,
    });
  });
  return config(frontends, { syncIntervalMs: 3_600_000 });
}

/** A session with a VPP, by default a simulated one in a process of its own, which ends with the session. */
export async function startVpp(
  target?: BenchTarget,
): Promise<AsyncDisposable & { readonly session: Session }> {
  await using stack = new AsyncDisposableStack();
  const vpp = target ?? stack.use(await simulatedVpp());
  const session = stack.use(await openSession({ ...vpp, stats: "" }));
  const owned = stack.move();
  return { session, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** A reconciler on the machine's clock; states are what the caller sets. */
export function reconcilerOf(
  world: Config,
  states: Map<string, State>,
  hooks: Partial<ReconcilerParts["hooks"]> = {},
): Reconciler {
  const reconciler = new Reconciler({
    clock: systemClock,
    log: silentLog,
    random: Math.random,
    world: () => ({
      config: world,
      status: (backend) => ({ state: states.get(backend) ?? "up", known: true }),
    }),
    hooks: { ...noHooks, ...hooks },
    enabled: true,
    inFlight: 32,
    startedAt: systemClock.now(),
    record: null,
    memory: "all",
    recorded() {},
  });
  reconciler.start();
  return reconciler;
}

/** CPU time of this process, all its threads, in ms. */
export function cpuMs(): Millis {
  const { user, system } = cpuUsage();
  return (user + system) / 1000;
}

/** A quantile of numbers, 0…1. */
export function quantile(numbers: readonly number[], q: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? NaN;
}
