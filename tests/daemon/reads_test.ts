/** What the daemon tells of itself and of its configuration. */
import assert from "node:assert/strict";
import type {
  Backend,
  BackendList,
  Config,
  ConfigCheck,
  Frontend,
  FrontendList,
  HealthCheckList,
  Info,
  Problem,
} from "../../src/api/mod.ts";
import { wwwConfig } from "../e2e/world.ts";
import { fasterClock, Inside } from "./inside.ts";

const head = `maglev:
  vpp: { lb: { ipv4-src-address: 192.0.2.254, ipv6-src-address: 2001:db8::254 } }
`;

Deno.test("lists keep the file's order, whatever the names look like", async () => {
  // JavaScript puts keys that look like numbers first.
  const config = `${head}
  healthchecks:
    z: { type: icmp }
    "20": { type: tcp, port: 9, interval: 1h }
    "3": { type: tcp, port: 9 }
    a: { type: icmp }
  backends:
    web: { address: 127.0.0.4 }
    "20": { address: 127.0.0.3 }
    "3": { address: 127.0.0.2 }
    app: { address: 127.0.0.1 }
  frontends:
    "7":
      address: 198.51.100.20
      pools:
        - { name: "9", backends: { web: {}, "20": {} } }
        - { name: "1", backends: { "3": {}, app: {} } }
    last: { address: 198.51.100.10, pools: [{ name: p, backends: { web: {} } }] }
    "5": { address: 198.51.100.15, pools: [{ name: p, backends: { web: {} } }] }
`;
  await using inside = await Inside.start({ config, vpp: null });
  const checks = await inside.json<HealthCheckList>("/v1/healthchecks");
  assert.deepEqual(checks.healthchecks.map(({ name }) => name), ["z", "20", "3", "a"]);
  const { backends } = await inside.json<BackendList>("/v1/backends");
  assert.deepEqual(backends.map(({ name }) => name), ["web", "20", "3", "app"]);
  const { frontends } = await inside.json<FrontendList>("/v1/frontends");
  assert.deepEqual(frontends.map(({ name }) => name), ["7", "last", "5"]);
  assert.deepEqual(
    frontends[0]?.pools.map((pool) => [pool.name, ...pool.backends.map(({ name }) => name)]),
    [["9", "web", "20"], ["1", "3", "app"]],
  );
  assert.deepEqual(backends[0]?.frontends.map(({ frontend }) => frontend), ["7", "last", "5"]);
});

Deno.test("the daemon tells what it is, where it listens, and how far its warm-up is", async () => {
  const config = `${head}
  healthchecks: {}
  backends: { b1: { address: 127.0.0.1 } }
  frontends: { www: { address: 198.51.100.10, pools: [{ name: p, backends: { b1: {} } }] } }
`;
  await using inside = await Inside.start({
    config,
    vpp: null,
    args: ["--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--metrics-addr", "127.0.0.1:0"],
  });
  const info = await inside.json<Info>("/v1/info");
  const listening = inside.log.filter((line) => line.msg === "listening" && line.only === undefined);
  assert.deepEqual(info.listen, listening.map((line) => line.address));
  assert.equal(info.listen.length, 2);
  assert.match(info.listen[1] ?? "", /^\[::1\]:\d+$/);
  assert.deepEqual([info.commit, info.date], ["0123456789ab", "2026-01-31T12:00:00.000Z"]);
  assert.match(info.version, /^\d+\.\d+\.\d+$/);
  assert.deepEqual(info.features, ["metrics-listener"]);
  const ends = Date.parse(info.warmup.ends_at) - Date.parse(info.started_at);
  assert.equal(ends, 30_000, "the longest warm-up ends at max-delay after the start");
  const later = await inside.json<Info>("/v1/info");
  assert.ok(BigInt(later.uptime_ns) > BigInt(info.uptime_ns));
  assert.equal(later.started_at, info.started_at);
});

Deno.test("the configuration is the running one, with defaults and run-time weights and without secrets", async () => {
  const config = `${head}
  healthchecks:
    web: { type: http, port: 9, params: { headers: { X-Auth-Token: s3cret, Cookie: s3cret, X-Plain: seen } } }
  backends: { b1: { address: 127.0.0.1, healthcheck: web, enabled: false } }
  frontends: { www: { address: 198.51.100.10, pools: [{ name: p, backends: { b1: {} } }] } }
`;
  await using inside = await Inside.start({ config, vpp: null, level: "debug" });
  await inside.send<Frontend>("PUT", "/v1/frontends/www/pools/p/backends/b1/weight", { weight: 9 });
  const { maglev } = await inside.json<Config>("/v1/config");
  const shown = JSON.parse(JSON.stringify(maglev));
  assert.deepEqual(shown.frontends.www.pools, [{ name: "p", backends: { b1: { weight: 9 } } }]);
  assert.equal(shown.vpp.lb["sync-interval"], "30s");
  assert.deepEqual(shown.healthchecks.web.params.headers, {
    "X-Auth-Token": "***",
    "Cookie": "***",
    "X-Plain": "seen",
  });
  assert.equal(shown.backends.b1.enabled, false);
  const everywhere = [
    "/v1/healthchecks",
    "/v1/healthchecks/web",
    "/v1/config",
    "/v1/backends",
    "/metrics",
  ];
  for (const path of everywhere) {
    assert.ok(!(await (await inside.ask(path)).text()).includes("s3cret"), path);
  }
  await Deno.writeTextFile(inside.config, config.replaceAll("s3cret", "0ther").replace("port: 9", "port: 0"));
  const refused = await inside.send<Problem>("POST", "/v1/config/reload", undefined, 422);
  assert.ok(!JSON.stringify(refused).includes("0ther"));
  await Deno.writeTextFile(inside.config, config.replaceAll("s3cret", "0ther"));
  const done = await inside.send("POST", "/v1/config/reload");
  assert.ok(!JSON.stringify(done).includes("0ther"));
  assert.doesNotMatch(JSON.stringify(inside.log), /s3cret|0ther/);
});

Deno.test("a check judges the file, or a body whose files are left alone, and changes nothing", async () => {
  const config = wwwConfig("77.130", 9);
  const withFile = config.replace("type: http,", "type: https,")
    .replace("rise: 2,", "rise: 2, params: { ca-file: /nowhere/ca.pem },");
  await using inside = await Inside.start({ config, vpp: null });
  const check = (body?: string): Promise<ConfigCheck> =>
    inside.json<ConfigCheck>("/v1/config/check", {
      method: "POST",
      ...(body === undefined ? {} : { body, headers: { "content-type": "application/yaml" } }),
    });
  assert.deepEqual(await check(), {
    ok: true,
    parse_error: "",
    semantic_error: "",
    errors: [],
    warnings: [],
  });
  await Deno.writeTextFile(inside.config, withFile);
  const file = await check();
  assert.deepEqual([file.ok, file.errors.length, file.errors[0]?.file], [false, 1, inside.config]);
  assert.match(file.semantic_error, /\/nowhere\/ca\.pem/);
  assert.equal((await check(withFile)).ok, true);
  const wrong = await check("maglev: [");
  assert.deepEqual([wrong.ok, wrong.errors[0]?.file, wrong.errors[0]?.line], [false, "<body>", 1]);
  assert.notEqual(wrong.parse_error, "");
  const { backends } = await inside.json<BackendList>("/v1/backends");
  assert.deepEqual(backends.map(({ healthcheck }) => healthcheck), ["web", "web", "web"]);
  assert.deepEqual(
    inside.log.filter((line) => line.msg === "config-reload" || line.msg === "api-change"),
    [],
  );
});

Deno.test("a daemon that cannot probe is not ready, and says why", async () => {
  const config = wwwConfig("77.131", 9).replace(
    "maglev:\n",
    "maglev:\n  healthchecker: { netns: maglev-nowhere }\n",
  )
    .replace("timeout: 2s", "timeout: 100ms");
  await using inside = await Inside.start({ config, vpp: null, clock: fasterClock(10) });
  await inside.logged("backend-blind");
  await inside.logged("probe-void");
  const problem = await inside.json<Problem>("/readyz", {}, 503);
  assert.equal(problem.type, "urn:maglev:problem:not-ready");
  const { problems, ...readiness } = problem.readiness ?? assert.fail();
  const reason = "network namespace maglev-nowhere: does not exist";
  assert.deepEqual(problems.map(({ severity, kind, object }) => [severity, kind, object]), [
    ["critical", "all-blind", ""],
    ["warning", "backend-blind", "b1"],
    ["warning", "backend-blind", "b2"],
    ["warning", "backend-blind", "b3"],
  ]);
  assert.ok(problems.every(({ text }) => text.endsWith(reason)));
  assert.deepEqual(readiness, {
    ready: false,
    config: true,
    probes: "blind",
    vpp: "off",
  });
  assert.equal((await inside.json<{ status: string }>("/healthz")).status, "ok");
  const { blind, last_probe, state } = await inside.json<Backend>("/v1/backends/b1");
  assert.deepEqual([state, last_probe?.void], ["unknown", "netns"]);
  assert.deepEqual([blind?.cause, blind?.detail, blind?.since], ["netns", reason, problems[1]?.since]);
});
