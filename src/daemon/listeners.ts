/**
 * The API of the daemon: tokens, other daemons, the application, and its listeners.
 *
 * @module
 */
import { descriptorLimit } from "../../ffi/limits.ts";
import { createApp, createMetricsApp } from "../../routes/app.ts";
import { Tokens } from "../../routes/auth.ts";
import type { Api } from "../../routes/env.ts";
import { maxStreams } from "../../routes/events.ts";
import { sharedLimits } from "../../routes/limits.ts";
import type { ListenError } from "../../routes/listener.ts";
import { serve, type Serving } from "../../routes/server.ts";
import { tokenHint } from "../../routes/token_hint.ts";
import type { Control } from "../control.ts";
import type { Log } from "../log/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import { isDefaultTokenFile } from "../net/local_token.ts";
import { Peers } from "../peers/peers.ts";
import { probeLimit } from "../probes/limit.ts";
import { ok, type Result } from "../result.ts";
import type { DaemonParts } from "./parts.ts";
import type { Recorder } from "./recorder.ts";
import type { SecretsInUse } from "./secrets.ts";

/** What the API is about. */
export interface ServedParts {
  /** Reads and commands. */
  readonly control: Control;
  /** Counts requests. */
  readonly metrics: Metrics;
  /** Records changes. */
  readonly recorder: Recorder;
}

/** An API that listens. */
export interface OpenApi {
  /** The application. */
  readonly app: Api;
  /** Its listeners. */
  readonly serving: Serving;
}

/**
 * Opens the API, or says which listener could not be opened.
 *
 * @param building what is opened is given to it
 */
export async function openApi(
  building: AsyncDisposableStack,
  parts: DaemonParts,
  { control, metrics, recorder }: ServedParts,
): Promise<Result<OpenApi, ListenError>> {
  const { bus, clock, local, log, options, secrets } = parts;
  const listen = parts.listens ? options.listen : [];
  const open = descriptorLimit();
  const left = open - probeLimit(open) - ownDescriptors;
  const limits = sharedLimits(left, listen.length, options.metricsAddr !== null);
  const tokens = new Tokens({
    table: secrets.auth,
    local: local.token?.token ?? null,
    hint: tokenHint({
      authFile: secrets.auth !== null,
      localFile: local.token?.file ?? null,
      whyNoLocal: local.why,
      found: parts.listens && (options.localToken === null || isDefaultTokenFile(options.localToken)),
    }),
  });
  const peers = building.use(
    new Peers({ peers: options.peers, tokens: secrets.peerTokens, ca: secrets.peerCa, clock }),
  );
  const api = {
    control,
    peers,
    bus,
    log,
    clock,
    tokens,
    recorder: metrics,
    changes: recorder,
    maxStreams: Math.min(maxStreams, Math.floor(limits.api.connections / 2)),
  };
  const app = createApp(api);
  const opened = await serve({
    app,
    listen,
    limits: limits.api,
    metricsLimits: limits.metrics,
    metricsApp: createMetricsApp(api),
    metricsListen: options.metricsAddr,
    tls: secrets.tls,
    log,
    clock,
  });
  if (!opened.ok) return opened;
  const serving = building.use(opened.value);
  // Readers of events are told the end first, so that their connections do not hold up the listeners.
  building.defer(() => bus[Symbol.dispose]());
  // Before the log says that the API listens: whoever waits for that may want the token.
  const published = local.token?.publish(serving.addresses);
  if (published?.ok === false) {
    log.warn("local-token", {
      file: local.token?.file,
      detail: `it cannot be written: ${published.error}`,
    });
  }
  logListeners(serving, secrets, limits.api.connections, log);
  if (serving.metricsAddress !== null) {
    const { connections } = limits.metrics;
    log.info("listening", {
      address: serving.metricsAddress,
      connections,
      auth: false,
      tls: false,
      only: "metrics",
    });
  }
  secrets.use(
    {
      auth: (table) => tokens.replace(table),
      tls: (pair) => serving.renew(pair),
      peerTokens: (given) => peers.useTokens(given),
      peerCa: (pem) => peers.useAuthority(pem),
    },
    log,
    clock,
  );
  return ok({ app, serving });
}

/** Descriptors of the daemon itself: its runtime and threads, VPP's sockets, and three configurations in check. */
const ownDescriptors = 96;
/** Says where the API listens and what protects it; an open listener without protection is a warning. */
function logListeners(serving: Serving, secrets: SecretsInUse, connections: number, log: Log): void {
  const auth = secrets.auth !== null;
  for (const { address, kind, secure } of serving.listeners) {
    log.info("listening", { address, connections, auth, tls: secure });
    if (kind !== "open") continue;
    if (!auth) {
      log.warn("listener-open", {
        address,
        detail: "everybody who reaches it may read: give maglevd an --auth-file",
      });
    }
    if (!secure) {
      log.warn("listener-open", {
        address,
        detail: "tokens and answers cross the network in clear: give maglevd --tls-cert and --tls-key",
      });
    }
  }
}
