/**
 * All listeners of the daemon: those of the API, and the one for metrics.
 *
 * @module
 */
import type { Clock } from "../src/clock.ts";
import type { ListenAddress } from "../src/flags.ts";
import type { Log } from "../src/log/mod.ts";
import { ok, type Result } from "../src/result.ts";
import type { Api } from "./env.ts";
import { apiLimits, type Limits, metricsLimits } from "./limits.ts";
import { type Listener, type ListenError, open } from "./listener.ts";
import type { TlsPair } from "./tls_pair.ts";

/** What is served where. */
export interface ServeOptions {
  /** Application of `listen`. */
  readonly app: Api;
  /** Listeners of the API; unix sockets get mode 0660 and are removed at the end. */
  readonly listen: readonly ListenAddress[];
  /** Application of `metricsListen`. */
  readonly metricsApp?: Api;
  /** The metrics listener; null: none. Always plain HTTP. */
  readonly metricsListen?: ListenAddress | null;
  /** A pair that `tlsPair` took: serve HTTPS on the TCP listeners of the API; null: plain HTTP. */
  readonly tls: TlsPair | null;
  /** For failures that nobody expected. */
  readonly log: Log;
  /** For the grace at the end. */
  readonly clock: Clock;
  /** Bounds of the API's listeners. */
  readonly limits?: Limits;
  /** Bounds of the metrics listener. */
  readonly metricsLimits?: Limits;
}

/** Open listeners; disposing closes them and cuts what is still open after a second. */
export interface Serving extends AsyncDisposable {
  /** Addresses of the API as in `--listen`, port 0 replaced by the port it became. */
  readonly addresses: readonly string[];
  /** The listeners of the API, in the order of `addresses`. */
  readonly listeners: readonly Pick<Listener, "address" | "kind" | "secure">[];
  /** Address of the metrics listener, or null. */
  readonly metricsAddress: string | null;
  /** Serves another certificate from the next handshake on. */
  renew(pair: TlsPair): void;
}

/**
 * Opens every listener, or none: what was opened is closed again when one fails.
 *
 * @returns the open listeners; or why one of them could not be opened
 */
export async function serve(options: ServeOptions): Promise<Result<Serving, ListenError>> {
  const { app, metricsApp, metricsListen = null, tls, limits = apiLimits } = options;
  const forMetrics = options.metricsLimits ?? metricsLimits;
  const opening = options.listen.map((address) => open(app, address, tls, limits, options));
  const metrics = metricsListen !== null && metricsApp !== undefined
    ? open(metricsApp, metricsListen, null, forMetrics, options)
    : null;
  const results = await Promise.all(metrics === null ? opening : [...opening, metrics]);
  const listeners = results.flatMap((result) => result.ok ? [result.value] : []);
  const closeAll = async () => {
    await Promise.all(listeners.map((listener) => listener[Symbol.asyncDispose]()));
  };
  const failed = results.find((result) => !result.ok);
  if (failed !== undefined) {
    await closeAll();
    return failed;
  }
  const metricsAddress = metrics === null ? null : listeners.at(-1)?.address ?? null;
  const forApi = listeners.slice(0, opening.length);
  return ok({
    addresses: forApi.map((listener) => listener.address),
    listeners: forApi,
    metricsAddress,
    renew(pair) {
      for (const listener of forApi) listener.renew(pair);
    },
    [Symbol.asyncDispose]: closeAll,
  });
}
