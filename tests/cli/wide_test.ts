/** A large site with long names on a terminal of 80 columns. */
import assert from "node:assert/strict";
import type { Backend } from "../../src/api/mod.ts";
import { columns } from "../../src/cli/text.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { run } from "./session.ts";

/** Columns of the narrowest terminal that operators use. */
const width = 80;

/** 300 backends with names of 23 characters and long addresses, all in one pool and one check. */
function grow(daemon: Daemon): void {
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

Deno.test("nothing goes over the edge at 80 columns, with 300 backends and names of 23 characters", async () => {
  await using daemon = startDaemon();
  const healthcheck = structuredClone(daemon.control.healthchecks()[0]);
  try {
    grow(daemon);
    const [, , , , , srv] = daemon.control.backends();
    assert.ok(srv !== undefined);
    const lines = [
      "show version",
      "show frontends",
      `show frontend ${daemon.control.frontends()[0]?.name}`,
      "show backends",
      "show backends sort took",
      `show backend ${srv.name}`,
      "show backend web3",
      "show healthchecks",
      "show healthcheck web",
      "show vpp info",
      "show vpp lb state",
      "show vpp lb counters",
      "show vpp lb plan",
      "sync vpp lb state",
      "config reload",
      "config check",
      "whereis 2001:db8:1::7 40000 www6 after-plan",
      "watch events num 20",
      "help",
      "help probe",
      "show backend nobody",
      "show backends sort x",
      "show x",
      "set frontend www6 pool all backend spare1 weight 1",
    ];
    for (const text of lines) {
      const { out, err } = await run(daemon, text, { width });
      assert.ok((out + err).length > 0, text);
      for (const row of (out + err).split("\n")) assert.ok(columns(row) <= width, `${text}:\n${row}`);
    }
    // A list tells how many backends a check has, the detail which.
    const checks = (await run(daemon, "show healthchecks", { width })).out;
    assert.match(checks, /^web .* 300$/m);
    assert.match(
      (await run(daemon, "show healthcheck web", { width })).out,
      /^backends +300: srv-0-x+, srv-1-x+/m,
    );
  } finally {
    // The checks of the site are shared by all tests of a file.
    Object.assign(daemon.control.healthchecks()[0] ?? {}, healthcheck);
  }
});

Deno.test("why a backend changed is told once, with who did it and the reason", async () => {
  await using daemon = startDaemon();
  const web2 = daemon.control.backend("web2");
  const [newest] = web2?.transitions ?? [];
  assert.ok(newest !== undefined);
  Object.assign(newest, { by: "ops", detail: "ticket 4711" });
  const { out } = await run(daemon, "show backend web2", { width: 120 });
  assert.match(out, / paused by ops: ticket 4711; www 50→0, www6 100→0$/m);
});
