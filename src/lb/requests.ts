/**
 * What is asked of the reconciler: jobs that wait for their turn, and an operator's sync.
 *
 * @module
 */
import type { Job } from "../async/job_loop.ts";
import type { Refusal } from "../control.ts";
import { err, ok, type Result } from "../result.ts";
import { type LoadBalancer, VppError } from "./balancer.ts";
import type { Synced } from "./outcome.ts";
import type { Runs } from "./runs.ts";

/** The refusal of everything that needs VPP while it is not there. */
export function unavailable(detail: string): Refusal {
  return { type: "vpp-unavailable", detail };
}

/** What was asked for and waits for its turn, in order. */
export class Requests {
  readonly #waiting: Job[] = [];
  readonly #session: () => LoadBalancer | null;
  readonly #added: () => void;
  #ended = false;

  /** Nothing waits. `session` tells the present one, or null; `added` is called when there is something to take. */
  constructor(session: () => LoadBalancer | null, added: () => void) {
    this.#session = session;
    this.#added = added;
  }

  /** Resolves when `job` has had its turn; refused when there is no session then, or when it ends meanwhile. */
  add<T>(job: (lb: LoadBalancer) => Promise<T>): Promise<Result<T, Refusal>> {
    if (this.#ended) return Promise.resolve(err(unavailable("maglevd is stopping")));
    return new Promise((resolve) => {
      this.#waiting.push(async () => {
        const lb = this.#session();
        if (lb === null) return resolve(err(unavailable("VPP is not connected")));
        try {
          resolve(ok(await job(lb)));
        } catch (error) {
          if (!(error instanceof VppError)) throw error;
          const why = error.message;
          resolve(err(unavailable(lb.signal.aborted ? `the session with VPP ended: ${why}` : why)));
        }
      });
      this.#added();
    });
  }

  /** Refuses what waits and all that comes from now on. */
  async end(): Promise<void> {
    this.#ended = true;
    for (const job of this.#waiting.splice(0)) await job();
  }

  /** The next one, or null. */
  take(): Job | null {
    return this.#waiting.shift() ?? null;
  }
}

/** Requests of a kind that are answered together: those who ask while one waits for its turn get its answer. */
export class SharedRequests<T> {
  readonly #waiting = new Map<string | null, Promise<Result<T, Refusal>>>();
  readonly #add: (job: (lb: LoadBalancer) => Promise<T>) => Promise<Result<T, Refusal>>;

  /** Nothing waits. `add` gives a job its turn. */
  constructor(add: (job: (lb: LoadBalancer) => Promise<T>) => Promise<Result<T, Refusal>>) {
    this.#add = add;
  }

  /** The answer of `job`, or that of the one for the same `key` that waits. */
  ask(key: string | null, job: (lb: LoadBalancer) => Promise<T>): Promise<Result<T, Refusal>> {
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) return waiting;
    const answer = this.#add((lb) => {
      // From here on it may lack what happens.
      this.#waiting.delete(key);
      return job(lb);
    }).finally(() => {
      if (this.#waiting.get(key) === answer) this.#waiting.delete(key);
    });
    this.#waiting.set(key, answer);
    return answer;
  }
}

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
