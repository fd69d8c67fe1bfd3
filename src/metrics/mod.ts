/**
 * All metrics: hooks for the parts of the daemon, and the text of a scrape.
 *
 * Small metrics and those of the process live in prom-client. Tables that grow with the configuration are
 * written by hand (`metrics/text.ts`).
 *
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { HealthMetrics } from "../health/tracker_parts.ts";
import type { SyncHooks } from "../lb/parts.ts";
import { catalog, type MetricName } from "./catalog.ts";
import { BackendCounters } from "./probes.ts";
import { addProcessMetrics, type DescriptorCount } from "./process.ts";
import type { MetricsSnapshot, MetricsSource } from "./source.ts";
import { writeTables } from "./tables.ts";
import { Lines } from "./text.ts";
import { type Millis, type ProbeResult, type State, VOID_CAUSES } from "../model.ts";
import type { CheckType } from "../configuration.ts";
import type { BuildInfo } from "../version.ts";

const latenessBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const toVppBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const storeBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4];
const requestBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** Kinds of changes that a sync makes; an object, so that a new kind cannot be forgotten here. */
const SYNC_KINDS = {
  vip_added: true,
  vip_removed: true,
  vip_recreated: true,
  as_added: true,
  as_removed: true,
  as_weight_updated: true,
} as const satisfies Record<Parameters<SyncHooks["changed"]>[1], true>;

/** What the metrics are made of. */
export interface MetricsOptions {
  /** Takes the snapshot of a scrape. */
  readonly source: MetricsSource;
  /** Version of maglevd. */
  readonly version: string;
  /** Where it was built from. */
  readonly build: BuildInfo;
  /** Counts descriptors. */
  readonly descriptors?: DescriptorCount;
  /** False leaves out the metrics of the process; for tests that compare all there is. */
  readonly process?: boolean;
}

/** Counts what the parts of the daemon tell, and answers scrapes. Its hooks never throw and never wait. */
export class Metrics implements HealthMetrics, Pick<SyncHooks, "changed" | "answered"> {
  readonly #source: MetricsSource;
  readonly #registry = new Registry();
  readonly #backends = new BackendCounters();
  readonly #void = this.#counter("maglev_probe_void_total");
  readonly #lateness = this.#histogram("maglev_probe_lateness_seconds", latenessBounds);
  readonly #toVpp = this.#histogram("maglev_transition_to_vpp_seconds", toVppBounds);
  readonly #api = this.#counter("maglev_vpp_api_total");
  readonly #apiReplies = new Set<string>();
  readonly #lbsync = this.#counter("maglev_vpp_lbsync_total");
  readonly #requests = this.#counter("maglev_http_requests_total");
  readonly #unauthorized = this.#counter("maglev_unauthorized_total");
  #storeTime: Histogram | null = null;
  readonly #requestTime = this.#histogram("maglev_http_request_duration_seconds", requestBounds);

  /** Starts counting. */
  constructor(options: MetricsOptions) {
    this.#source = options.source;
    const build = new Gauge({ ...this.#spec("maglev_build_info"), registers: [this.#registry] });
    build.set({
      version: options.version,
      commit: options.build.commit,
      runtime: `deno ${Deno.version.deno}`,
    }, 1);
    // A series that begins with its first event has no increase to show.
    for (const cause of VOID_CAUSES) this.#void.inc({ cause }, 0);
    for (const code of ["401", "403"]) this.#unauthorized.inc({ code }, 0);
    for (const scope of ["all", "vip"]) {
      for (const kind of Object.keys(SYNC_KINDS)) this.#lbsync.inc({ scope, kind }, 0);
    }
    if (options.process === false) return;
    addProcessMetrics(this.#registry, options.descriptors);
  }

  /** One finished probe; a void one counts by its cause only. */
  probed(backend: string, type: CheckType, result: ProbeResult): void {
    if (result.void !== null) this.#void.inc({ cause: result.void });
    else this.#backends.probed(backend, type, result.code, result.totalMs / 1000);
  }

  /** How long after its due time a probe began. */
  probeLateness(ms: Millis): void {
    this.#lateness.observe(ms / 1000);
  }

  /** One change of a backend's state. */
  transitioned(backend: string, from: State, to: State): void {
    this.#backends.transitioned(backend, from, to);
  }

  /** The backend left the configuration; its series end. */
  forgotten(backend: string): void {
    this.#backends.forget(backend);
  }

  /** One change that a sync made in VPP. */
  changed: SyncHooks["changed"] = (scope, kind) => this.#lbsync.inc({ scope, kind });

  /** Time from the deciding result of a transition to VPP's reply. */
  answered: SyncHooks["answered"] = (ms) => this.#toVpp.observe(ms / 1000);

  /** Messages on VPP's API socket. */
  vppApi = (msg: string, direction: "send" | "recv", result: "success" | "failure", count = 1): void => {
    this.#api.inc({ msg, direction, result }, count);
    // Its first refusal must be an increase. Only replies have a retval.
    if (direction === "send" || !msg.endsWith("_reply") || this.#apiReplies.has(msg)) return;
    this.#apiReplies.add(msg);
    this.#api.inc({ msg, direction, result: "failure" }, 0);
  };

  /** One call of the fleet's store. */
  fleetCall = (ms: Millis): void => {
    this.#storeTime ??= this.#histogram("maglev_fleet_store_seconds", storeBounds);
    this.#storeTime.observe(ms / 1000);
  };

  /** One answered request to the API. */
  httpRequest(method: string, route: string, code: number, seconds: number): void {
    this.#requests.inc({ method, route, code: String(code) });
    this.#requestTime.observe(seconds);
  }

  /** One request that was refused for lack of rights. */
  unauthorized(code: number): void {
    this.#unauthorized.inc({ code: String(code) });
  }

  /**
   * The answer to a scrape, in the Prometheus text format 0.0.4, in pieces that are made as they are asked for. States
   * are those of the call, counters those of the moment at which their piece is made.
   */
  async text(): Promise<Iterable<Uint8Array<ArrayBuffer>>> {
    const lines = new Lines();
    lines.block(await this.#registry.metrics());
    const snapshot = this.#source();
    for (const { name, state } of snapshot.backends) if (state !== "removed") this.#backends.known(name);
    return lines.pieces(this.#writing(lines, snapshot));
  }

  *#writing(lines: Lines, snapshot: MetricsSnapshot): Generator<void> {
    yield* writeTables(lines, snapshot);
    yield* this.#backends.write(lines);
  }

  #spec(name: MetricName): { name: string; help: string; labelNames: string[] } {
    const { help, labels } = catalog[name];
    return { name, help, labelNames: [...labels] };
  }

  #counter(name: MetricName): Counter {
    return new Counter({ ...this.#spec(name), registers: [this.#registry] });
  }

  #histogram(name: MetricName, buckets: number[]): Histogram {
    return new Histogram({ ...this.#spec(name), buckets, registers: [this.#registry] });
  }
}
