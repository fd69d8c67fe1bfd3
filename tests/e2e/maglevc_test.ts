/** maglevc beside a daemon that runs: what is wrong, actions and their consequences, and what lasts. */
import assert from "node:assert/strict";
import { run } from "../cli/session.ts";
import { TestDaemon, WebServer } from "./harness.ts";
import { lbSettings, Vpp } from "./world.ts";

function config(port: number): string {
  return `maglev:
${lbSettings}
  healthchecks:
    web: { type: http, port: ${port}, interval: 100ms, rise: 1, fall: 2 }
  backends:
    b1: { address: 127.0.0.1, healthcheck: web }
    b2: { address: 127.0.0.2, healthcheck: web }
  frontends:
    www: { address: 198.51.100.1, protocol: tcp, port: 80, pools: [{ name: p, backends: { b1: {} } }] }
    both: { address: 198.51.100.2, protocol: tcp, port: 80, pools: [{ name: p, backends: { b1: {}, b2: {} } }] }
`;
}

/** Waits until frontends went up so often, all together. */
async function wentUp(daemon: TestDaemon, names: readonly string[], times: number): Promise<void> {
  const count = (name: string) =>
    daemon.log.filter(({ msg, frontend, to }) =>
      msg === "frontend-transition" && frontend === name && to === "up"
    ).length;
  await daemon.until(
    () => names.every((name) => count(name) >= times) ? true : undefined,
    () => `${names.join(", ")} up ${times} times`,
  );
  // Both backends have had a verdict by then, or have it next.
  for (const name of ["b1", "b2"]) {
    await daemon.logged(({ msg, backend, to }) =>
      msg === "backend-transition" && backend === name && to === "up"
    );
  }
}

Deno.test("maglevc beside a daemon: what is wrong, why, and the live view", async () => {
  await using server = new WebServer("0.0.0.0");
  await using vpp = await Vpp.start();
  await using daemon = await TestDaemon.start({
    config: config(server.port),
    vpp: vpp.paths,
    until: "ready",
  });
  await wentUp(daemon, ["www", "both"], 1);
  const cli = async (line: string, options = {}) =>
    await run({ url: daemon.api }, line, { width: 100, ...options });
  const good = await cli("show problems");
  assert.deepEqual([good.code, good.err], [0, ""], good.out);
  assert.match((await cli("explain frontend both")).out, /^b2 in both, pool p$/m);
  await server.stop();
  await daemon.logged(({ msg, frontend, to }) =>
    msg === "frontend-transition" && frontend === "www" && to === "down"
  );
  const wrong = await cli("show");
  assert.equal(wrong.code, 2, wrong.out + wrong.err);
  assert.match(wrong.out, /✖ critical +\S+ +.*www/);
  const why = await cli("explain backend b1");
  assert.deepEqual([why.code, why.err], [0, ""]);
  assert.match(why.out, /state +✖ down for .*L4CON[^]*effective +weight 0\n/);
  const top = await cli("top", { width: 200 });
  assert.match(top.out, /✖ down [12] [^]*b1 +✖ down .*✖.* L4CON connection refused/);
});

Deno.test("maglevc beside a daemon: an action, its consequences, what lasts, and its end", async () => {
  await using server = new WebServer("0.0.0.0");
  await using vpp = await Vpp.start();
  await using daemon = await TestDaemon.start({
    config: config(server.port),
    vpp: vpp.paths,
    until: "ready",
  });
  await wentUp(daemon, ["www", "both"], 1);
  const { token } = daemon;
  const cli = async (line: string, options = {}) =>
    await run({ url: daemon.api }, line, { width: 100, token, now: Date.now(), ...options });
  // Its last server, or not known: it is asked about, and a no changes nothing.
  const asked = await cli("set backend b1 pause", { answer: false });
  assert.equal(asked.code, 1, asked.out + asked.err);
  assert.match(
    asked.out,
    /(this takes frontend www down: no server is left|what this changes is not known)\. Go on\?/,
  );
  assert.match((await cli("show backend b1")).out, /state +● up/);
  const dry = await cli("set frontend both pool p backend b2 weight 10 dry-run");
  assert.deepEqual([dry.code, dry.err], [0, ""]);
  assert.match(dry.out, /^would change \(nothing was changed\)$/m);
  const done = await cli('set backend b1 pause for 1h reason "ticket 4711" yes', { answer: false });
  assert.deepEqual([done.code, done.err], [0, ""], done.out);
  assert.match(done.out, /‖ paused[^]*\nconsequences\n/);
  const overrides = await cli("show overrides");
  assert.match(overrides.out, /pause b1 .*ticket 4711/);
  assert.equal((await cli("show problems")).code, 2);
  const [, id = ""] = /\n(\S+) +pause b1/.exec(overrides.out) ?? [];
  const cleared = await cli(`clear override ${id}`, { answer: false });
  assert.deepEqual([cleared.code, cleared.err], [0, ""], cleared.out);
  await wentUp(daemon, ["www"], 2);
  assert.equal((await cli("show problems")).code, 0);
  const reload = await cli("config reload dry-run");
  assert.deepEqual([reload.code, reload.err], [0, ""], reload.out);
  const events = await cli("show events kind override,change");
  assert.deepEqual([events.code, events.err], [0, ""]);
  // At this width the reason has two lines.
  assert.match(events.out, /b1[^]*ticket\n +until.* 4711\n/);
  const verified = await cli("journal verify");
  assert.deepEqual([verified.code, verified.err], [0, ""], verified.out);
});
