import { act, type Order, setWeight, type StateAction } from "../../../src/memory/overrides/actions.ts";
import { follow } from "../../../src/memory/overrides/follow.ts";
import type { Moment, Override, OverrideChange, Site } from "../../../src/memory/overrides/override.ts";
import { anchored, expire, restored } from "../../../src/memory/overrides/time.ts";
import type { UnixMillis } from "../../../src/model.ts";
import { ip } from "../../../src/net/ip.ts";

/** Backends of a file: address and `enabled`; and weights by `frontend/pool/backend`. */
export interface SiteFile {
  readonly backends: Readonly<Record<string, readonly [host: number, enabled: boolean]>>;
  readonly weights: Readonly<Record<string, number>>;
}

/** What the rules see of a file. */
export function siteOf({ backends, weights }: SiteFile): Site {
  return {
    backends: new Map(
      Object.entries(backends).map(([name, [host, enabled]]) => [
        name,
        { address: ip(`10.0.0.${host}`), enabled },
      ]),
    ),
    weight: (frontend, pool, backend) =>
      Object.hasOwn(backends, backend) ? weights[`${frontend}/${pool}/${backend}`] ?? null : null,
  };
}

/** A list of overrides with a file and two clocks around it. */
export class Book {
  list: readonly Override[] = [];
  site: Site;
  mono = 1_000;
  wall: UnixMillis = 1_700_000_000_000;
  readonly ended: string[] = [];
  last: OverrideChange | null = null;
  #next = 1;

  constructor(file: SiteFile) {
    this.site = siteOf(file);
  }

  get now(): Moment {
    return { mono: this.mono, wall: this.wall };
  }

  order(changes: Partial<Order> = {}): Order {
    const { now } = this;
    return { id: `o${this.#next++}`, by: "alice", claimed: null, reason: null, end: null, now, ...changes };
  }

  take<T extends OverrideChange>(change: T): T {
    this.list = change.list;
    this.last = change;
    this.ended.push(...change.ended.map(({ override, cause }) => `${override.kind} ${cause}`));
    return change;
  }

  /** `ok`, or why not. */
  act(backend: string, action: StateAction, changes: Partial<Order> = {}): string {
    const outcome = act(this.list, this.site, backend, action, this.order(changes));
    if (!outcome.ok) return outcome.error.kind;
    this.take(outcome.value);
    return "ok";
  }

  weigh(place: string, weight: number, changes: Partial<Order> = {}): string {
    const [frontend = "", pool = "", backend = ""] = place.split("/");
    const outcome = setWeight(
      this.list,
      this.site,
      { frontend, pool, backend },
      weight,
      this.order(changes),
    );
    if (!outcome.ok) return outcome.error.kind;
    this.take(outcome.value);
    return "ok";
  }

  reload(file: SiteFile, renamed: Readonly<Record<string, string>> = {}): void {
    this.site = siteOf(file);
    this.take(follow(this.list, this.site, new Map(Object.entries(renamed)), this.now));
  }

  pass(ms: number): void {
    this.mono += ms;
    this.wall += ms;
    this.take(expire(this.list, this.now));
    this.list = anchored(this.list, this.now);
  }

  /** The process is killed and another one begins, after `ms` with another monotonic clock. */
  restart(ms = 0, file?: SiteFile): void {
    this.mono = 5;
    this.wall += ms;
    this.list = restored(this.list, this.now);
    this.take(expire(this.list, this.now));
    if (file !== undefined) this.site = siteOf(file);
    this.take(follow(this.list, this.site, new Map(), this.now));
  }

  /** The overrides in short: `pause b1 until 5000`. */
  get text(): string[] {
    return this.list.map((one) => {
      const what = one.kind === "weight"
        ? `${one.weight} ${one.frontend}/${one.pool}/${one.backend}`
        : `${one.kind} ${one.backend}`;
      const fleet = one.scope === "everywhere" ? " everywhere" : "";
      return what + fleet + (one.sleeping === null ? "" : " asleep");
    });
  }
}
