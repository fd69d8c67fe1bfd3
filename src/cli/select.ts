/**
 * Which rows of a list are shown, and in which order. Pure.
 *
 * @module
 */
import type { Backend, Frontend } from "../api/mod.ts";

/** A glob as a pattern: `*` any characters, `?` one, `[a-c]` one of these, `[!a-c]` none of these. */
export function globPattern(glob: string): RegExp {
  const body = glob.replace(/\*|\?|\[!?[^\]]+\]|[^]/g, (part) => {
    if (part === "*") return ".*";
    if (part === "?") return ".";
    if (part.length > 1) return part.replace(/^\[!/, "[^").replaceAll("\\", "\\\\");
    return part.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&");
  });
  return new RegExp(`^${body}$`, "u");
}

/** What of a list is wanted; null: all of it. */
export interface Selection {
  /** Pattern of names. */
  readonly glob: string | null;
  /** State. */
  readonly state: string | null;
  /** Health check, of backends. */
  readonly check: string | null;
  /** One of `backendColumns`. */
  readonly sort: string | null;
}

/** States, the worst first, as an operator looks at them. */
const states: readonly string[] = ["down", "unknown", "paused", "disabled", "up", "removed"];

/** Names and addresses in the order of their numbers: `srv2` before `srv10`. */
const collator = new Intl.Collator("en", { numeric: true });

function probeTime({ last_probe: probe }: Backend): bigint {
  return probe === null ? -1n : BigInt(probe.total_ns);
}

type Order = (a: Backend, b: Backend) => number;

const orders: Readonly<Record<string, Order>> = {
  name: (a, b) => collator.compare(a.name, b.name),
  address: (a, b) =>
    Number(a.address.includes(":")) - Number(b.address.includes(":")) ||
    collator.compare(a.address, b.address),
  state: (a, b) => states.indexOf(a.state) - states.indexOf(b.state),
  // The newest first.
  for: (a, b) => Date.parse(b.since) - Date.parse(a.since),
  // The least healthy first; without a check a backend has no health.
  health: (a, b) => (a.health?.counter ?? Infinity) - (b.health?.counter ?? Infinity) || 0,
  check: (a, b) => collator.compare(a.healthcheck ?? "", b.healthcheck ?? ""),
  // The slowest first.
  took: (a, b) => Number(probeTime(b) - probeTime(a)),
};

/** Columns that backends are sorted by. */
export const backendColumns: readonly string[] = Object.keys(orders);

/** The column that a word means: itself, else the one that it is a unique prefix of; null: none, or several. */
export function columnOf(word: string): string | null {
  if (backendColumns.includes(word)) return word;
  const [only, ...others] = backendColumns.filter((column) => column.startsWith(word));
  return only !== undefined && others.length === 0 ? only : null;
}

/** The backends that are wanted, in the order that is wanted; what is equal keeps the order of the file. */
export function selectBackends(
  backends: readonly Backend[],
  { glob, state, check, sort }: Selection,
): Backend[] {
  const name = glob === null ? null : globPattern(glob);
  const found = backends.filter((backend) =>
    (name === null || name.test(backend.name)) && (state === null || backend.state === state) &&
    (check === null || backend.healthcheck === check)
  );
  const order = sort === null ? undefined : orders[columnOf(sort) ?? ""];
  return order === undefined ? found : found.sort(order);
}

/** The frontends that are wanted. */
export function selectFrontends(frontends: readonly Frontend[], { glob, state }: Selection): Frontend[] {
  const name = glob === null ? null : globPattern(glob);
  return frontends.filter((frontend) =>
    (name === null || name.test(frontend.name)) && (state === null || frontend.state === state)
  );
}
