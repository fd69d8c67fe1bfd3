/**
 * Kinds of problems: how grave each is, and their order.
 *
 * @module
 */
import type { CurrentProblem, ProblemKind } from "../api/mod.ts";
import { timeText } from "../api/text.ts";
import type { UnixMillis } from "../model.ts";

/** Severity of each kind; the worst kind first. */
const severities: Readonly<Record<ProblemKind, CurrentProblem["severity"]>> = {
  "frontend-down": "critical",
  "vpp-gone": "critical",
  "vpp-refused": "critical",
  "all-blind": "critical",
  "pool-fallback": "warning",
  "backend-down": "warning",
  "flapping": "warning",
  "address-wait": "warning",
  "backend-blind": "warning",
  "backend-void": "warning",
  "out-of-sync": "warning",
  "held": "warning",
  "vpp-memory": "warning",
  "drift": "warning",
  "certificate": "warning",
  "file-refused": "warning",
  "file-kept": "warning",
  "disk": "warning",
  "journal": "warning",
  "clock": "warning",
  "fleet-store": "warning",
  "fleet-node": "warning",
  "paused": "info",
  "disabled": "info",
  "override": "info",
  "weight-without-effect": "info",
  "warm-up": "info",
  "file-differs": "info",
};

const kinds = Object.keys(severities) as ProblemKind[];

/** What shows more of a problem, and what mends it: words of maglevc, or null. */
export interface Commands {
  /** Shows more. */
  readonly show?: string | null;
  /** Mends it. */
  readonly fix?: string | null;
}

/** A problem; its severity follows from its kind. */
export function problem(
  kind: ProblemKind,
  object: string,
  since: UnixMillis,
  text: string,
  { fix = null, show = null }: Commands = {},
): CurrentProblem {
  return { severity: severities[kind], kind, object, since: timeText(since), text, show, fix };
}

/** Worst first: by kind; within one kind as they come. */
export function worstFirst(problems: readonly CurrentProblem[]): CurrentProblem[] {
  const byKind = Map.groupBy(problems, ({ kind }) => kind);
  return kinds.flatMap((kind) => byKind.get(kind) ?? []);
}
