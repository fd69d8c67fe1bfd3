/**
 * The words of the API, and what it says of the daemon itself.
 *
 * @module
 */
import type { ProbeCode } from "../model.ts";

/** RFC 3339 UTC with milliseconds. */
export type Time = string;

/** A decimal string of nanoseconds, unix time or duration: what Go's JSON makes of an int64. */
export type Ns = string;

/** A value that may be none; the key is there all the same. */
export type Nul<T> = T | null;

/** State of a backend. */
export type State = "unknown" | "up" | "down" | "paused" | "disabled" | "removed";

/** State of a frontend. */
export type FState = "unknown" | "up" | "down";

/** Protocol of a VIP; any: all-port VIP, port 0. */
export type Protocol = "tcp" | "udp" | "any";

/** How VPP carries packets to application servers. */
export type Encap = "gre4" | "gre6" | "l3dsr" | "nat4" | "nat6";

/** Severity of a log record. */
export type Level = "debug" | "info" | "warn" | "error";

/** Why a backend is in its state: a probe's verdict, or an action; static: no health check. */
export type Code =
  | ProbeCode
  | "paused"
  | "disabled"
  | "enabled"
  | "resumed"
  | "removed"
  | "reload"
  | "static"
  | "expired";

/** One mistake or lint, with its place. */
export interface Finding {
  /** Errors refuse, warnings do not. */
  severity: "error" | "warning";
  /** Which pass of the checker found it. */
  pass: "structural" | "semantic" | "lint";
  /** Null for a JSON body or a parameter, `<body>` for posted YAML. */
  file: Nul<string>;
  /** From 1. */
  line: Nul<number>;
  /** From 1. */
  column: Nul<number>;
  /** `maglev.backends.b1.address`; for a JSON body or a parameter e.g. `weight`. */
  path: string;
  /** What is wrong. */
  message: string;
  /** How to mend it. */
  hint: Nul<string>;
}

/** GET /healthz */
export interface Health {
  /** Always ok: who does not live does not answer. */
  status: "ok";
}

/** What kind of thing is wrong. */
export type ProblemKind =
  | "frontend-down"
  | "vpp-gone"
  | "vpp-refused"
  | "all-blind"
  | "pool-fallback"
  | "backend-down"
  | "backend-blind"
  | "backend-void"
  | "flapping"
  | "certificate"
  | "out-of-sync"
  | "held"
  | "drift"
  | "file-refused"
  | "file-kept"
  | "file-differs"
  | "address-wait"
  | "disk"
  | "journal"
  | "clock"
  | "fleet-store"
  | "fleet-node"
  | "vpp-memory"
  | "paused"
  | "disabled"
  | "override"
  | "weight-without-effect"
  | "warm-up";

/** One thing that is wrong now. */
export interface CurrentProblem {
  /** How grave it is. */
  severity: "critical" | "warning" | "info";
  /** What it is. */
  kind: ProblemKind;
  /** Name of what it concerns: a backend, a frontend, a file. */
  object: string;
  /** Since when. */
  since: Time;
  /** One sentence. */
  text: string;
  /** Words of maglevc that show more. */
  show: Nul<string>;
  /** Words of maglevc that mend it. */
  fix: Nul<string>;
}

/** GET /readyz: 200, else a Problem with `readiness`. */
export interface Ready {
  /** Configuration loaded, no backend blind, VPP in sync or off. */
  ready: boolean;
  /** What is wrong now, worst first; empty for callers that may not read. */
  problems: CurrentProblem[];
  /** A configuration is loaded. */
  config: boolean;
  /** Blind: some probed backend has had no counted result for too long. */
  probes: "running" | "blind";
  /** How VPP stands to what it should be. */
  vpp: "off" | "disconnected" | "refused" | "warming-up" | "out-of-sync" | "in-sync";
}

/** GET /v1/info */
export interface Info {
  /** Name of this daemon: `--node-name`, or the host's. */
  node: string;
  /** Whether there is an auth file. */
  auth: boolean;
  /** Whether the TCP listeners serve HTTPS. */
  tls: boolean;
  /** Where the daemon keeps what must outlive it; null: in memory only. */
  state_dir: Nul<string>;
  /** Where Grafana shows these objects, as `--grafana-url` says; null: nowhere. */
  grafana_url: Nul<string>;
  /** Who asks; null: a caller without a token. */
  you: Nul<{ name: string; role: "viewer" | "operator" | "admin" }>;
  /** Version of maglevd. */
  version: string;
  /** Git commit, or `unknown`. */
  commit: string;
  /** Date of the build. */
  date: Time;
  /** When this process started. */
  started_at: Time;
  /** Since `started_at`. */
  uptime_ns: Ns;
  /** Addresses of the API. */
  listen: string[];
  /** What this build can do. */
  features: string[];
  /** Hold: VPP is only read; release: written frontend by frontend. */
  warmup: {
    /** Where the warm-up is. */
    phase: "hold" | "release" | "done";
    /** When it is over at the latest. */
    ends_at: Time;
    /** Frontends that VPP is not told of yet. */
    held_frontends: string[];
  };
}
