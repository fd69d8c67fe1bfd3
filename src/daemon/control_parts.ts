/**
 * The parts that the control speaks for.
 *
 * @module
 */
import type { Known } from "../answers/known.ts";
import type * as api from "../api/mod.ts";
import type { Clock } from "../clock.ts";
import type { Refusal } from "../control.ts";
import type { Tracker } from "../health/tracker.ts";
import type { Reconciler } from "../lb/reconciler.ts";
import type { Journal } from "../memory/journal/journal.ts";
import type { Run } from "../memory/journal/runs.ts";
import type { Metrics } from "../metrics/mod.ts";
import type { Millis, UnixMillis } from "../model.ts";
import type { BuildInfo } from "../version.ts";
import type { VppLink } from "../vpp/link.ts";
import type { Checker } from "./checker.ts";
import type { FileRequest } from "./checker_worker.ts";
import type { DaemonFleet } from "./fleet.ts";
import type { Reloader } from "./reload.ts";

/** The parts that the control speaks for. */
export interface ControlParts {
  /** Time. */
  readonly clock: Clock;
  /** Health of everything. */
  readonly tracker: Tracker;
  /** Keeper of VPP's state. */
  readonly reconciler: Reconciler;
  /** Connection to VPP. */
  readonly link: VppLink;
  /** What happened. */
  readonly journal: Journal;
  /** Counted results of a backend that are not in the journal yet. */
  readonly openRuns: (backend: string) => readonly Run[];
  /** Checks configurations off the main thread. */
  readonly checker: Checker;
  /** The one path of a reload. */
  readonly reloader: Reloader;
  /** Counts and scrapes. */
  readonly metrics: Metrics;
  /** What was built and when. */
  readonly build: BuildInfo;
  /** What is checked: the daemon's own file. */
  readonly request: () => FileRequest;
  /** Waits until the disk has the overrides; null: it has, or why it has not. */
  readonly saved: () => Promise<string | null>;
  /** Name of this daemon. */
  readonly node: string;
  /** Its fleet; null: it stands alone. */
  readonly fleet: DaemonFleet | null;
  /** Folder of what outlives the process; null: nothing does. */
  readonly stateDir: string | null;
  /** Whether there is an auth file. */
  readonly auth: boolean;
  /** Whether the TCP listeners serve HTTPS. */
  readonly tls: boolean;
  /** Everything that is known now. */
  readonly known: () => Known;
  /** What this daemon was started with, e.g. `vpp`, `stats`, `auth`, `tls`. */
  readonly features: readonly string[];
  /** Address of a dashboard in Grafana; null: none. */
  readonly grafanaUrl: string | null;
  /** Wall clock. */
  readonly startedAt: UnixMillis;
  /** Monotonic. */
  readonly startedAtMs: Millis;
  /** Addresses of the listeners, once they are open. */
  readonly listen: () => readonly string[];
}

/** There is no object of that name. */
export function missing(what: string, name: string): Refusal {
  return { type: "not-found", detail: `there is no ${what} "${name}"` };
}

/** How VPP stands, as GET /readyz says it. */
export function vppStanding(reconciler: Reconciler, link: VppLink): api.Ready["vpp"] {
  const { overall } = reconciler;
  return overall === "disconnected" && link.state === "refused" ? "refused" : overall;
}
