import type { UnitContents } from "../files/unit.ts";
import type { IpAddress, LeafCertificate, Millis, ProbeResult, UnixMillis, VoidCause } from "../model.ts";
import type { CheckType, HealthCheck } from "../configuration.ts";

/** What the probing side must know of one backend; plain data, so that it can be sent to the probe worker. */
export interface ProbeTarget {
  /** Name of the backend. */
  readonly backend: string;
  /** Grows with every start of this backend's probing; a report of an older generation is rejected. */
  readonly generation: number;
  /** Address to probe. */
  readonly address: IpAddress;
  /** How to probe it. */
  readonly check: HealthCheck;
  /** Name under /var/run/netns, absolute path, or "" for the daemon's own namespace. */
  readonly netns: string;
  /** Wait before the first probe, in ms; 0 = at once. */
  readonly firstDelayMs: Millis;
  /** Interval that applies now (fast, down or normal one), before the random factor. */
  readonly intervalMs: Millis;
}

/** One finished probe. */
export interface ProbeReport {
  /** Name of the backend. */
  readonly backend: string;
  /** Of the target that was probed. */
  readonly generation: number;
  /** What came out. */
  readonly result: ProbeResult;
  /** When the next probe of this backend is due; wall clock, for display. */
  readonly nextDueAt: UnixMillis;
  /** The certificate that it last showed in this generation; none if it showed none, or the check has no TLS. */
  readonly certificate?: LeafCertificate | null;
}

/** Runs the probes of all backends; probes of one backend never overlap. */
export interface Prober extends AsyncDisposable {
  /** Starts probing, or replaces the target of that name: a running probe is cancelled and never reported. */
  start(targets: readonly ProbeTarget[]): void;
  /** Sets the interval of a running target; takes effect on the wait under way. Ignored for another generation. */
  pace(backend: string, generation: number, intervalMs: Millis): void;
  /** Stops probing; a running probe is cancelled and never reported. */
  stop(backends: readonly string[]): void;
}

/** A prober whose checks may name files. */
export interface FileProber extends Prober {
  /** Takes files with new contents, those of a target before it is started, and forgets those with the keys `gone`. */
  files(contents: readonly UnitContents[], gone: readonly string[]): void;
}

/** A prober with a thread of its own. */
export interface ThreadProber extends FileProber {
  /** Whether its thread has run since the last call. One that is being started counts as running. */
  alive(): boolean;
}

/** Receives finished probes in batches, void results included. */
export type ReportSink = (reports: readonly ProbeReport[]) => void;

/** What the prober tells beside its reports, for metrics. */
export interface ProberEvents {
  /** A probe that counts has ended. */
  probe?(backend: string, type: CheckType, result: ProbeResult): void;
  /** A probe's result was void. */
  void?(backend: string, cause: VoidCause): void;
  /** How late a probe began, in ms. */
  lateness?(ms: Millis): void;
  /** A new probe worker was started in place of another. */
  restart?(): void;
}
