/**
 * What is wrong about backends of which no result counts, as problems. Pure.
 *
 * @module
 */
import type { CurrentProblem } from "../api/mod.ts";
import { timeText } from "../api/text.ts";
import type { BlindBackend } from "../health/blind.ts";

/**
 * The problems of blind backends, worst first.
 *
 * @param blind in the file's order
 * @param probed number of backends that are probed now
 */
export function blindProblems(blind: readonly BlindBackend[], probed: number): CurrentProblem[] {
  const each = blind.map(({ name, since, detail }): CurrentProblem => ({
    severity: "warning",
    kind: "backend-blind",
    object: name,
    since: timeText(since),
    text: `${name} is blind, no result of its probes counts: ${detail}`,
    show: `show backend ${name}`,
    fix: null,
  }));
  if (blind.length === 0 || blind.length < probed) return each;
  const details = new Set(blind.map(({ detail }) => detail));
  const [only] = details.size === 1 ? details : [];
  const all: CurrentProblem = {
    severity: "critical",
    kind: "all-blind",
    object: "",
    since: timeText(Math.max(...blind.map(({ since }) => since))),
    text: `all probed backends (${probed}) are blind: ${only ?? "for several reasons"}`,
    show: "show backends",
    fix: null,
  };
  return [all, ...each];
}
