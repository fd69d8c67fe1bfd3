/**
 * What a daemon is made from, and what it says of itself.
 *
 * @module
 */
import type { Bus } from "../bus/mod.ts";
import type { Clock } from "../clock.ts";
import type { UnitRead } from "../files/unit.ts";
import type { Options } from "../flags.ts";
import type { RuntimeState } from "../health/orders.ts";
import type { Attrs, Log } from "../log/mod.ts";
import type { Journal } from "../memory/journal/journal.ts";
import type { StateKeeper } from "../memory/keeper.ts";
import type { Config } from "../configuration.ts";
import type { BuildInfo } from "../version.ts";
import type { TakenToken } from "./local_token.ts";
import type { SecretsInUse } from "./secrets.ts";

/** What a daemon is made from. */
export interface DaemonParts {
  /** Flags and environment. */
  readonly options: Options;
  /** The checked configuration to start with. */
  readonly config: Config;
  /** The files that it names, as its check has read them. */
  readonly files: readonly UnitRead[];
  /** Time. */
  readonly clock: Clock;
  /** Log of the daemon. */
  readonly log: Log;
  /** Event bus. */
  readonly bus: Bus;
  /** 0...1. */
  readonly random: () => number;
  /** What was built and when. */
  readonly build: BuildInfo;
  /** Auth file, certificate and key. */
  readonly secrets: SecretsInUse;
  /** The local token. */
  readonly local: TakenToken;
  /** What an earlier process left, and what the next one must know. */
  readonly keeper: StateKeeper;
  /** What happened; its maker closes it after the daemon. */
  readonly journal: Journal;
  /** False: somebody else listens and hands requests to `app`; the metrics listener is opened all the same. */
  readonly listens: boolean;
}

/** What operators set, by kind; nothing for a kind of which there is none. */
export function forgotten({ disabled, enabled, paused, weights }: RuntimeState): Attrs {
  return {
    ...(paused.length === 0 ? {} : { paused }),
    ...(disabled.length === 0 ? {} : { disabled }),
    ...(enabled.length === 0 ? {} : { enabled }),
    ...(weights.length === 0
      ? {}
      : { weights: weights.map((w) => `${w.frontend}/${w.pool}/${w.backend}: ${w.weight} (by ${w.by})`) }),
  };
}

/** What this daemon can do, by its flags and its first configuration. */
export function features({ config, options, secrets: { auth, tls } }: DaemonParts): string[] {
  const all: [string, boolean][] = [
    ["vpp", options.vppApiAddr !== null],
    ["stats", options.vppApiAddr !== null && options.vppStatsAddr !== null],
    ["auth", auth !== null],
    ["tls", tls !== null],
    ["peers", options.peers.length > 0],
    ["metrics-listener", options.metricsAddr !== null],
    ["fleet", config.fleet !== undefined],
  ];
  return all.filter(([, on]) => on).map(([name]) => name);
}
