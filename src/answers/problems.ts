/**
 * What is wrong now, worst first. Pure, and cheap: it looks at each backend and each frontend once.
 *
 * @module
 */
import type { CurrentProblem, ProblemList } from "../api/mod.ts";
import type { Known } from "./known.ts";
import { worstFirst } from "./problem.ts";
import { fileProblems, fleetProblems, memoryProblems, overrideProblems } from "./problems_daemon.ts";
import { backendProblems, frontendProblems } from "./problems_health.ts";
import { vppProblems } from "./problems_vpp.ts";

/** Everything that is wrong, worst first. `since` of a problem stays the same for as long as it lasts. */
export function problems(known: Known): CurrentProblem[] {
  return worstFirst([
    ...frontendProblems(known),
    ...vppProblems(known),
    ...backendProblems(known),
    ...fileProblems(known),
    ...memoryProblems(known),
    ...overrideProblems(known),
    ...fleetProblems(known),
  ]);
}

/** How many problems there are of each severity. */
export function problemCounts(
  list: readonly CurrentProblem[],
): Readonly<Record<CurrentProblem["severity"], number>> {
  const counts = { critical: 0, warning: 0, info: 0 };
  for (const { severity } of list) counts[severity]++;
  return counts;
}

/** The answer of GET /v1/problems. */
export function problemList(list: readonly CurrentProblem[]): ProblemList {
  const { critical, warning } = problemCounts(list);
  return { problems: [...list], critical, warnings: warning };
}
