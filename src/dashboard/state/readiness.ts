/**
 * How ready a daemon is, of what else it tells. Of a peer only `/v1` is read, and `/readyz` is not below it. Pure.
 *
 * @module
 */
import type { Ready } from "../../api/mod.ts";
import type { Model } from "./model.ts";

/** Problems with which VPP does not have what it should. */
const outOfSync: ReadonlySet<string> = new Set(["out-of-sync", "drift", "held", "vpp-memory"]);
/** The same of one frontend's VIP. */
const notInSync: ReadonlySet<string> = new Set(["error", "drift", "held"]);

/** What `/readyz` would say, in its words; null: not known yet. A drift counts at once, there only if it lasts. */
export function readinessOf(model: Model): Ready | null {
  const vpp = standing(model);
  if (vpp === null) return null;
  const probes = [...model.backends.values()].some(({ blind }) => blind != null) ? "blind" : "running";
  const ready = probes === "running" && (vpp === "in-sync" || vpp === "off");
  return { ready, problems: model.problems?.problems ?? [], config: true, probes, vpp };
}

function standing({ frontends, info, link, problems }: Model): Ready["vpp"] | null {
  if (link === "off") return "off";
  const kinds: ReadonlySet<string> = new Set(problems?.problems.map(({ kind }) => kind));
  if (kinds.has("vpp-refused")) return "refused";
  if (link === "disconnected") return "disconnected";
  if (link === null || info === null) return null;
  // A daemon of another version may have no warm-up.
  if ((info.warmup?.phase ?? "done") !== "done") return "warming-up";
  const some = [...kinds].some((kind) => outOfSync.has(kind)) ||
    [...frontends.values()].some(({ vpp }) => notInSync.has(vpp));
  return some ? "out-of-sync" : "in-sync";
}
