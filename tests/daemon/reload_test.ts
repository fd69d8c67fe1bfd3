import { secretsOf } from "../secrets.ts";
import assert from "node:assert/strict";
import type { ConfigReload, Problem } from "../../src/api/mod.ts";
import { Reloader } from "../../src/daemon/reload.ts";
import { createLog } from "../../src/log/mod.ts";
import { FakeClock } from "../fake_clock.ts";
import { Inside, type Line } from "./inside.ts";

const config = `maglev:
  vpp: { lb: { ipv4-src-address: 192.0.2.254, ipv6-src-address: 2001:db8::254 } }
  healthchecks: {}
  backends: { b1: { address: 127.0.0.1 } }
  frontends: { web: { address: 198.51.100.10, pools: [{ name: p, backends: { b1: {} } }] } }
`;

Deno.test("checks of posted texts that take long do not keep a reload from being made", async () => {
  await using inside = await Inside.start({ config, vpp: null });
  const check = (body: string) =>
    inside.ask("/v1/config/check", { method: "POST", headers: { "content-type": "text/yaml" }, body });
  // A text of references to nothing takes a second and more for its length.
  const long = "*a ".repeat(120_000);
  const slow = [check(long), check(long)];
  await new Promise((resolve) => setTimeout(resolve, 20));
  const refused = await inside.until(async () => {
    const answer = await check("maglev: {}");
    return answer.status === 503 ? answer : void await answer.body?.cancel();
  }, "a check that finds two others under way");
  const problem: Problem = await refused.json();
  assert.equal(problem.type, "urn:maglev:problem:busy");
  assert.match(problem.detail, /2 checks are under way/);
  assert.equal((await inside.send<ConfigReload>("POST", "/v1/config/reload")).ok, true);
  for (const answer of await Promise.all(slow)) {
    assert.equal(answer.status, 200);
    await answer.body?.cancel();
  }
});

Deno.test("a reload that cannot be checked is logged, because a signal has no answer", async () => {
  const lines: Line[] = [];
  const log = createLog({
    level: "info",
    format: "json",
    clock: new FakeClock(),
    write: (line) => lines.push(JSON.parse(line)),
  });
  const recorded: unknown[] = [];
  const unused = () => {
    throw new Error("nothing may be changed");
  };
  const reloader = new Reloader({
    request: () => ({ file: "maglev.yaml", nodeName: null, inUse: [] }),
    checker: {
      check: () => Promise.resolve({ ok: false, error: { type: "busy", detail: "not done after 10 s" } }),
    },
    tracker: {
      get fileConfig() {
        return unused();
      },
      foreseenReload: unused,
      reload: unused,
    },
    reconciler: { reloaded: unused },
    secrets: secretsOf(),
    files: { take: unused },
    foresee: unused,
    saved: unused,
    recorder: { config: (...step) => void recorded.push(step) },
    log,
  });
  const actor = { principal: "SIGHUP", peer: "signal" };
  const result = await reloader.reload(actor);
  assert.equal(result.ok, false);
  const refused = { what: "refused", errors: [], detail: "not done after 10 s" };
  assert.deepEqual(recorded, [["maglev.yaml", actor, refused]]);
  assert.deepEqual(lines.map(({ level, msg, ok, by, error }) => [level, msg, ok, by, error]), [
    ["ERROR", "config-reload", false, "SIGHUP", "not done after 10 s"],
  ]);
});
