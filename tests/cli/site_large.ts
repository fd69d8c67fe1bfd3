/** The site with 300 more backends, names of 23 characters and long addresses. */
import assert from "node:assert/strict";
import type { Backend } from "../../src/api/mod.ts";
import type { Daemon } from "./daemon.ts";

/** 300 backends with names of 23 characters and long addresses, all in one pool and one check. */
export function grow(daemon: Daemon): void {
  const { control } = daemon;
  const long = (text: string) => text.padEnd(23, "x");
  const first = control.backend("web3");
  const www = control.frontends()[0];
  const check = control.healthchecks()[0];
  assert.ok(first !== null && www !== undefined && check !== undefined);
  const grown = Array.from({ length: 300 }, (_, i): Backend => ({
    ...first,
    name: long(`srv-${i}-`),
    address: `2001:db8:1234:5678:9abc:def0:1234:${(0x1000 + i).toString(16)}`,
    frontends: [{ frontend: long("frontend-"), pool: long("pool-") }, ...first.frontends],
    transitions: first.transitions.map((transition) => ({
      ...transition,
      effects: ["a", "b", "c"].map((name) => ({
        frontend: long(name),
        pool: long("pool-"),
        weight_before: 100,
        weight_after: 0,
        flush: true,
      })),
    })),
  }));
  control.backends().push(...grown);
  www.name = long("frontend-");
  www.address = "2001:db8:1234:5678:9abc:def0:1234:5678";
  www.pools.push({
    name: long("pool-"),
    active: false,
    backends: grown.map(({ name, address, state, enabled }) => {
      const [member] = www.pools[0]?.backends ?? [];
      assert.ok(member !== undefined);
      return { ...member, name, address, state, enabled, num_buckets: 65_536, share: 1 };
    }),
  });
  Object.assign(check, { backends: grown.map(({ name }) => name) });
}
