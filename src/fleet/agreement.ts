/**
 * What the daemons of a fleet do not agree about: their configuration, their tables, and the health of backends.
 * Pure. It never decides anything; it tells.
 *
 * @module
 */
import type { Millis } from "../model.ts";
import type { NodeRow } from "./node_row.ts";

/** A disagreement lasts so long before it is told, in ms: a change reaches the nodes one after the other. */
export const settleMs = 10_000;

/** Something that differs. */
export interface Disagreement {
  /** What differs. */
  readonly kind: "config" | "table" | "health";
  /** Node for `config`, frontend for `table`, backend for `health`. */
  readonly object: string;
  /** One sentence, seen from this node. */
  readonly text: string;
  /** Node -> what it has. */
  readonly nodes: Readonly<Record<string, string>>;
}

/** Something that has differed for long enough. */
export interface Lasting extends Disagreement {
  /** Since when; monotonic. */
  readonly since: Millis;
}

/** What a look at the rows gave. */
export interface Judged {
  /** What has differed for 10 s, by rows that were listed after that time. */
  readonly told: readonly Lasting[];
  /** Since when each thing differs. */
  readonly since: Since;
  /** True: the rows are too old to tell whether something still differs. List them again. */
  readonly unsure: boolean;
}

/** Since when something differs, by kind and object; monotonic ms. */
export type Since = ReadonlyMap<string, Millis>;

/** `a`, `a and b`, `a, b and c`. */
function list(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function differs(values: readonly string[]): boolean {
  return new Set(values).size > 1;
}

/**
 * Looks at the rows.
 *
 * @param self name of this node; it must be among `rows`, else nothing differs
 * @param listedAt when the rows of the others were listed; monotonic
 * @param since the answer of the call before
 */
export function disagreements(
  rows: readonly NodeRow[],
  self: string,
  listedAt: Millis,
  since: Since,
  now: Millis,
): Judged {
  const here = rows.find(({ node }) => node === self);
  if (here === undefined) return { told: [], since: new Map(), unsure: false };
  const all = [...configs(here, rows), ...tables(here, rows), ...health(here, rows)];
  const next = new Map<string, Millis>();
  const told: Lasting[] = [];
  let unsure = false;
  for (const one of all) {
    const key = `${one.kind} ${one.object}`;
    const begin = since.get(key) ?? now;
    next.set(key, begin);
    if (now - begin < settleMs) continue;
    // The others may agree since, and their rows are listed every 30 s only.
    if (listedAt < begin + settleMs) unsure = true;
    else told.push({ ...one, since: begin });
  }
  return { told, since: next, unsure };
}

function configs(here: NodeRow, rows: readonly NodeRow[]): Disagreement[] {
  return rows.filter(({ configDigest }) => configDigest !== here.configDigest).map((
    { configDigest, node },
  ) => ({
    kind: "config",
    object: node,
    text: `${node} runs another configuration`,
    nodes: { [here.node]: here.configDigest, [node]: configDigest },
  }));
}

function tables(here: NodeRow, rows: readonly NodeRow[]): Disagreement[] {
  return Object.entries(here.tables ?? {}).flatMap(([frontend, digest]) => {
    const nodes: Record<string, string> = {};
    for (const { node, tables } of rows) {
      const other = tables?.[frontend];
      if (other !== undefined) nodes[node] = other;
    }
    if (!differs(Object.values(nodes))) return [];
    const others = Object.keys(nodes).filter((node) => nodes[node] !== digest);
    const text = others.length === 0
      ? `frontend ${frontend}: other nodes have different tables`
      : `frontend ${frontend}: ${list(others)} ${
        others.length === 1 ? "has" : "have"
      } another table than this node`;
    return [{ kind: "table" as const, object: frontend, text, nodes }];
  });
}

function health(here: NodeRow, rows: readonly NodeRow[]): Disagreement[] {
  const backends = new Set(rows.flatMap(({ notUp }) => Object.keys(notUp)));
  return [...backends].sort().flatMap((backend) => {
    // A node with another configuration may not have the backend at all.
    const same = rows.filter(({ configDigest, notUp }) =>
      configDigest === here.configDigest || notUp[backend] !== undefined
    );
    const nodes = Object.fromEntries(same.map(({ node, notUp }) => [node, notUp[backend] ?? "up"]));
    const state = nodes[here.node];
    if (state === undefined || !differs(Object.values(nodes))) return [];
    const byState = Map.groupBy(
      Object.keys(nodes).filter((node) => node !== here.node),
      (node) => nodes[node] ?? "",
    );
    byState.delete(state);
    const elsewhere = [...byState].map(([other, names]) => `${other} on ${list(names)}`).join(", ");
    if (elsewhere === "") return [];
    const hint = state === "down" ? ": it may be this node's path" : "";
    return [{
      kind: "health" as const,
      object: backend,
      text: `${backend}: ${state} here, ${elsewhere}${hint}`,
      nodes,
    }];
  });
}
