/** A large site with long names on a terminal of 80 columns. */
import assert from "node:assert/strict";
import type { Transition } from "../../src/api/mod.ts";
import { causeText } from "../../src/cli/render/backends.ts";
import { columns } from "../../src/cli/text.ts";
import { startDaemon } from "./daemon.ts";
import { news } from "./site_answers.ts";
import { run } from "./session.ts";
import { grow } from "./site_large.ts";

/** Columns of the narrowest terminal that operators use. */
const width = 80;

Deno.test("nothing goes over the edge at 80 columns, with 300 backends and names of 23 characters", async () => {
  await using daemon = startDaemon();
  grow(daemon);
  daemon.news.push(...news);
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
    "watch events num 2",
    "show problems",
    "show overrides",
    "show fleet",
    "show events",
    "explain frontend www",
    "replay backend web3 since 2h",
    "journal verify",
    "set backend web1 disable dry-run",
    "clear override pause-web2",
    "top",
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
});

Deno.test("why a backend changed is told once, with who did it and the reason", async () => {
  await using daemon = startDaemon();
  const web2 = daemon.control.backend("web2");
  const [newest] = web2?.transitions ?? [];
  assert.ok(newest !== undefined);
  Object.assign(newest, { by: "ops", detail: "ticket 4711" });
  const { out } = await run(daemon, "show backend web2", { width: 120 });
  assert.match(out, / paused by ops: ticket 4711; www 50→0, www6 100→0$/m);
  const why = (rest: Partial<Transition>) => causeText({ ...newest, ...rest });
  assert.equal(why({ detail: "paused by operator" }), "paused by ops");
  assert.equal(why({ detail: "paused by operator", by: null }), "paused: paused by operator");
  assert.equal(why({ detail: "paused" }), "paused by ops");
  // An override that a restart, a reload or the fleet puts in force names both in its detail.
  for (const detail of ["paused by ops", "paused by ops: x", "paused everywhere by ops: paused by ops: x"]) {
    assert.equal(why({ detail }), detail);
  }
  assert.equal(why({ detail: "paused by opsgenie" }), "paused by ops: paused by opsgenie");
  assert.equal(why({ code: "L7STS", detail: "HTTP 503", by: null }), "L7STS HTTP 503");
  assert.equal(why({ code: "static", detail: "static", by: null }), "static");
});
