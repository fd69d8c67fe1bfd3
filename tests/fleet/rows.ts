import type { NodeRow } from "../../src/fleet/node_row.ts";

/** A node that is well. */
export function row(node: string, more: Partial<NodeRow> = {}): NodeRow {
  const instance = `i-${node}`;
  return {
    node,
    instance,
    version: "1",
    configDigest: "c1",
    intents: [],
    tables: {},
    notUp: {},
    vpp: "in-sync",
    ...more,
  };
}
