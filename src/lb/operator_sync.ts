/**
 * A sync that an operator asks for.
 *
 * @module
 */
import type { Refusal } from "../control.ts";
import type { LoadBalancer } from "./balancer.ts";
import type { Synced } from "./outcome.ts";
import type { Runs } from "./runs.ts";

/**
 * Carries out an operator's sync.
 *
 * @param names of the frontends; null: all
 * @param digest of the plan that is meant; absent: whatever differs
 * @param release lets the frontends be written from now on
 */
export async function syncByOperator(
  lb: LoadBalancer,
  runs: Runs,
  names: readonly string[] | null,
  digest: string | undefined,
  release: () => void,
): Promise<Synced | Refusal> {
  if (digest === undefined) {
    release();
    if (names === null) return await runs.all(lb);
  }
  const planned = await runs.plan(lb, names);
  if (digest === undefined) return await runs.run(lb, names, false, planned);
  const now = planned.plan.digest;
  if (now !== digest) {
    const detail = `the plan is another by now: its digest is ${now}, not ${digest}`;
    return { type: "plan-changed", detail, planDigest: now };
  }
  release();
  return names === null ? await runs.all(lb, true, planned) : await runs.run(lb, names, true, planned);
}
