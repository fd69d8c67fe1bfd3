/**
 * Problems of VPP and of what it has. Pure.
 *
 * @module
 */
import type { CurrentProblem } from "../api/mod.ts";
import { timeText } from "../api/text.ts";
import type { HeldGroup } from "../lb/outcome.ts";
import type { FrontendFacts, Known, VppFacts } from "./known.ts";
import { problem } from "./problem.ts";
import { listed } from "./words.ts";

/** Problems of VPP. */
export function vppProblems({ frontends, vpp }: Known): CurrentProblem[] {
  const { drift, held, outOfSync, warmup } = vpp;
  if (vpp.link === "off") return [];
  const found = linkProblems(vpp);
  const names = drift.length + outOfSync.length === 0 ? new Set<string>() : nameSet(frontends);
  const show = (object: string) => names.has(object) ? `show vpp lb plan ${object}` : "show vpp lb plan";
  for (const { detail, object, since } of outOfSync) {
    const what = object === "" ? "VPP's settings are" : `VIP of ${object} is`;
    const text = `${what} not as it should be in VPP: ${detail}`;
    const fix = names.has(object) ? `sync vpp lb state ${object}` : "sync vpp lb state";
    found.push(problem("out-of-sync", object, since, text, { show: show(object), fix }));
  }
  for (const { detail, object, since } of drift) {
    const what = object === "" ? "VPP's settings" : object;
    const text = `somebody else changed ${what} in VPP: ${detail}`;
    found.push(problem("drift", object, since, text, { show: show(object) }));
  }
  for (const one of held) found.push(heldProblem(one));
  if (warmup !== null) {
    const waiting = warmup.heldFrontends.length === 0
      ? "no VIP waits any more"
      : `VIPs of these frontends wait: ${listed(warmup.heldFrontends)}`;
    const text = `warm-up until ${timeText(warmup.endsAt)} at the latest, ${waiting}`;
    found.push(
      problem("warm-up", "", warmup.since, text, { show: "show vpp info", fix: "sync vpp lb state" }),
    );
  }
  return found;
}

function nameSet(frontends: readonly FrontendFacts[]): ReadonlySet<string> {
  return new Set(frontends.map(({ frontend }) => frontend.name));
}

function linkProblems({ link, reason, since }: VppFacts): CurrentProblem[] {
  if (link === "refused") {
    const text = `maglevd does not use this VPP: ${reason}`;
    return [problem("vpp-refused", "", since, text, { show: "show events kind vpp" })];
  }
  if (link === "disconnected") {
    const text = `VPP is not connected, it keeps the weights that it has: ${reason}`;
    return [problem("vpp-gone", "", since, text, { show: "show events kind vpp" })];
  }
  return [];
}

function heldProblem({ changes, detail, digest, memory, since, vips, why }: HeldGroup): CurrentProblem {
  const [only] = vips;
  const object = vips.length === 1 && only !== undefined ? only : "";
  const where = vips.length === 0 ? "of VPP's settings" : `to ${listed(vips)}`;
  const figures = detail === "" ? "" : `; ${detail}`;
  const count = changes === 1 ? "1 change" : `${changes} changes`;
  const kind = memory ? "vpp-memory" : "held";
  const text = `${count} ${where} ${changes === 1 ? "is" : "are"} held (${why})${figures}`;
  const fix = digest === null ? null : `sync vpp lb state plan ${digest}`;
  return problem(kind, object, since, text, { show: "show vpp lb plan", fix });
}
