/**
 * Takes from the parts of the daemon what its answers are made from. Reads nothing of VPP and never waits.
 *
 * @module
 */
import type { BackendFacts, FileFacts, FrontendFacts, Known, Trouble, VppFacts } from "../answers/known.ts";
import { WeightEffects } from "../answers/table_lints.ts";
import type { Clock } from "../clock.ts";
import { flappingSince } from "../health/entry.ts";
import type { Standing } from "../health/frontend.ts";
import type { Tracker } from "../health/tracker.ts";
import type { Reconciler } from "../lb/reconciler.ts";
import type { StateKeeper } from "../memory/keeper.ts";
import type { Millis, UnixMillis } from "../model.ts";
import type { Frontend } from "../configuration.ts";
import type { VppView } from "../lb/vpp_view.ts";
import type { VppLink } from "../vpp/link.ts";

/** The parts that are asked. */
export interface KnownParts {
  /** Time. */
  readonly clock: Clock;
  /** Health of everything. */
  readonly tracker: Tracker;
  /** Keeper of VPP's state. */
  readonly reconciler: Pick<Reconciler, "complete" | "drift" | "held" | "unsynced" | "warmup"> & {
    readonly view: Pick<VppView, "vip">;
  };
  /** Connection to VPP. */
  readonly link: Pick<VppLink, "reason" | "since" | "state">;
  /** Wall clock. */
  readonly startedAt: UnixMillis;
  /** Monotonic. */
  readonly startedAtMs: Millis;
  /** The daemon's files. */
  readonly files: () => FileFacts;
  /** What operators set. */
  readonly overrides: () => Known["overrides"];
  /** What the daemon's memory cannot do. */
  readonly memory: () => Known["memory"];
  /** The other daemons. */
  readonly fleet: () => Known["fleet"];
}

/** Remembers since when a condition holds for each of many things; one that does not hold is forgotten. */
export class Since {
  readonly #begun = new Map<string, UnixMillis>();

  /** Since when; `now` if it did not hold before. */
  holds(key: string, now: UnixMillis): UnixMillis {
    const begun = this.#begun.get(key) ?? now;
    this.#begun.set(key, begun);
    return begun;
  }

  /** It does not hold now. */
  ends(key: string): void {
    this.#begun.delete(key);
  }
}

/** Asked, tells whether what must outlive the process cannot be written, or was lost. */
export function diskTroubles(
  keeper: Pick<StateKeeper, "left" | "problem">,
  clock: Clock,
  startedAt: UnixMillis,
): () => Trouble | null {
  const since = new Since();
  return () => {
    const { left, problem } = keeper;
    if (problem !== null) return { since: since.holds("problem", clock.wall()), detail: problem };
    since.ends("problem");
    if (left !== "lost") return null;
    const detail = "what an earlier process left is lost: what operators had set before is not in force";
    return { since: startedAt, detail };
  };
}

/** Takes all that is known at one moment. */
export class KnownSource {
  readonly #parts: KnownParts;
  readonly #effects = new WeightEffects();
  readonly #withoutEffect = new Since();

  /** Asks `parts`. */
  constructor(parts: KnownParts) {
    this.#parts = parts;
  }

  /** Everything, now. */
  take(): Known {
    const { clock, files, fleet, memory, overrides, tracker } = this.#parts;
    const now = clock.wall();
    const monotonic = clock.now();
    let probed = 0;
    const backends: BackendFacts[] = [];
    for (const entry of tracker.entries()) {
      const { backend, certificate, flapping, health, history, lastVoid } = entry;
      if (entry.isProbed) probed++;
      backends.push({
        name: backend.name,
        state: health.state,
        since: health.since,
        newest: history[0] ?? null,
        blind: entry.blindness(monotonic, now),
        void: entry.isProbed ? lastVoid : null,
        previous: health.previous?.address ?? null,
        flapping: flappingSince(flapping, now),
        certificateEnd: certificate?.notAfter ?? null,
      });
    }
    return {
      now,
      backends,
      probed,
      frontends: this.#frontends(now),
      vpp: this.#vpp(),
      files: files(),
      overrides: overrides(),
      memory: memory(),
      fleet: fleet(),
    };
  }

  #frontends(now: UnixMillis): FrontendFacts[] {
    const { tracker } = this.#parts;
    const facts: FrontendFacts[] = [];
    for (const frontend of tracker.config.frontends.values()) {
      const standing = tracker.standing(frontend.name);
      if (standing === null) continue;
      const { activePool, poolSince, since, state } = standing;
      const withoutEffect = this.#effect(frontend, standing, now);
      facts.push({ frontend, state, since, activePool, poolSince, withoutEffect });
    }
    return facts;
  }

  #effect(frontend: Frontend, { activePool }: Standing, now: UnixMillis): FrontendFacts["withoutEffect"] {
    const { reconciler, tracker } = this.#parts;
    const length = reconciler.view.vip(frontend.name)?.tableLength ?? frontend.newFlowsTableLength;
    const backends = this.#effects.without(tracker.config, frontend, activePool, length);
    if (backends.length > 0) return { since: this.#withoutEffect.holds(frontend.name, now), backends };
    this.#withoutEffect.ends(frontend.name);
    return null;
  }

  #vpp(): VppFacts {
    const { link, reconciler, startedAt, startedAtMs } = this.#parts;
    const { endsAt, heldFrontends, phase } = reconciler.warmup;
    const unsynced = reconciler.unsynced;
    const first = link.state === "connected" && phase === "done" && !reconciler.complete &&
      unsynced.length === 0;
    return {
      link: link.state,
      since: link.since,
      reason: link.reason,
      warmup: phase === "done" ? null : {
        since: startedAt,
        endsAt: startedAt + endsAt - startedAtMs,
        heldFrontends,
      },
      outOfSync: first
        ? [{ object: "", since: link.since, detail: "the first full sync of this session is not through" }]
        : unsynced,
      drift: reconciler.drift,
      held: reconciler.held,
    };
  }
}
