/** Who reaches a running maglevd, and how: real listeners, real clients. */
import assert from "node:assert/strict";
import { cleanEnv, start as run } from "../cli/process.ts";
import { sha256, tokens } from "../routes/calls.ts";
import { exchange, request } from "../routes/raw.ts";
import { addresses, config, inFolder } from "./access.ts";
import { project, TestDaemon } from "./harness.ts";
import { Backends, Vpp, wwwConfig } from "./world.ts";

async function writeTokens(folder: string): Promise<string> {
  const path = `${folder}/auth.yaml`;
  const rows = Object.entries(tokens).map(([role, token]) =>
    `  - { name: some-${role}, sha256: ${sha256(token)}, role: ${role} }\n`
  );
  await Deno.writeTextFile(path, `tokens:\n${rows.join("")}`);
  return path;
}

Deno.test("tokens: each role may what is its own, maglevc carries them, and none is ever written down", async () => {
  await inFolder(async (folder) => {
    await using vpp = await Vpp.start();
    await using servers = new Backends("77.100");
    await using daemon = await TestDaemon.start({
      config: wwwConfig("77.100", servers.port),
      vpp: vpp.paths,
      args: [
        "--auth-file",
        await writeTokens(folder),
        "--metrics-addr",
        "127.0.0.1:0",
        "--log-level",
        "debug",
      ],
      until: "ready",
    });
    const ask = async (method: string, path: string, token?: string): Promise<number> => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const answer = await fetch(`${daemon.api}${path}`, { method, headers });
      await answer.body?.cancel();
      if (answer.status === 401) assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer/);
      return answer.status;
    };
    const { viewer, operator, admin } = tokens;
    const rows: [
      method: string,
      path: string,
      nobody: number,
      viewer: number,
      operator: number,
      admin: number,
    ][] = [
      ["GET", "/healthz", 200, 200, 200, 200],
      ["GET", "/readyz", 200, 200, 200, 200],
      ["GET", "/metrics", 401, 200, 200, 200],
      ["GET", "/docs", 200, 200, 200, 200],
      ["GET", "/openapi.json", 200, 200, 200, 200],
      ["GET", "/v1/info", 401, 200, 200, 200],
      ["GET", "/v1/events?kinds=vpp", 401, 200, 200, 200],
      ["POST", "/v1/backends/b1/pause", 401, 403, 200, 200],
      ["POST", "/v1/vpp/lb/sync", 401, 403, 200, 200],
      ["POST", "/v1/config/check", 401, 403, 403, 200],
      ["POST", "/v1/config/reload", 401, 403, 403, 200],
      ["GET", "/nowhere", 401, 404, 404, 404],
    ];
    for (const [method, path, ...wanted] of rows) {
      const got = [];
      for (const token of [undefined, viewer, operator, admin]) got.push(await ask(method, path, token));
      assert.deepEqual(got, wanted, `${method} ${path}`);
    }
    // A stranger's token is no better than none, and where it stands it is not repeated.
    assert.equal(await ask("GET", "/v1/info", "stolen-token"), 401);
    assert.equal(await ask("GET", "/v1/info?token=stolen-token", viewer), 422);
    const [, metrics = ""] = addresses(daemon);
    assert.match(await exchange(metrics, request("GET /metrics")), /^HTTP\/1\.1 200 /);
    assert.match(await exchange(metrics, request("GET /v1/info")), /^HTTP\/1\.1 404 /);
    assert.match(await exchange(metrics, request("POST /metrics")), /^HTTP\/1\.1 405 /);

    const maglevc = (...words: string[]) => run(["--server", daemon.api, ...words]);
    const shown = await maglevc("--token", viewer, "show", "backends");
    assert.equal(shown.code, 0, shown.err);
    const forbidden = await maglevc("--token", viewer, "set", "backend", "b2", "pause");
    assert.equal(forbidden.code, 1);
    assert.match(forbidden.err, /some-viewer has role viewer; this needs operator/);
    const unknown = await maglevc("show", "backends");
    assert.equal(unknown.code, 1);
    assert.match(unknown.err, /token/);
    const byEnvironment = await run(["--server", daemon.api, "set", "backend", "b2", "pause"], {
      env: { MAGLEV_TOKEN: operator },
    });
    assert.equal(byEnvironment.code, 0, byEnvironment.err);
    const change = await daemon.logged((line) =>
      line.msg === "api-change" && line.principal === "some-operator"
    );
    assert.match(String(change.peer), /^127\.0\.0\.1:\d+$/);
    const { before: _before, ...paused } = await daemon.logged((line) =>
      line.msg === "api-change" && String(line.path).endsWith("b2/pause")
    );
    assert.deepEqual([paused.method, paused.path, paused.after], ["POST", "/v1/backends/b2/pause", "paused"]);
    const transition = await daemon.logged((l) =>
      l.msg === "backend-transition" && l.backend === "b2" && l.to === "paused"
    );
    assert.equal(transition.by, "some-operator");
    daemon.kill("SIGTERM");
    await daemon.status();
    const everything = JSON.stringify(daemon.log) + daemon.errors;
    for (const token of [...Object.values(tokens), "stolen-token"]) {
      assert.ok(!everything.includes(token), `${token} was written`);
      assert.ok(!everything.includes(sha256(token)), `the hash of ${token} was written`);
    }
  });
});

Deno.test("an auth file that is wrong keeps maglevd from starting, with every place and no token", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/auth.yaml`;
    await Deno.writeTextFile(path, "tokens:\n  - { name: a, sha256: my-secret-token, role: root }\n");
    await Deno.writeTextFile(`${folder}/maglev.yaml`, config);
    const flags = ["--config", `${folder}/maglev.yaml`, "--vpp-api-addr=", "--auth-file", path];
    const ended = await run(flags, { command: [Deno.execPath(), "run", "-A", project("main.ts")] });
    assert.equal(ended.code, 2);
    assert.match(ended.err, /auth\.yaml:2:\d+: tokens\[0\]\.sha256: is no SHA-256 hash/);
    assert.match(ended.err, /auth\.yaml:2:\d+: tokens\[0\]\.role: .*viewer, operator, admin/);
    assert.ok(!(ended.err + ended.out).includes("my-secret-token"));
  });
});

Deno.test("deno serve does not take tokens for protected by a certificate that it does not use", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/maglev.yaml`, config);
    const ended = await run(["serve", "-A", "--port", "0", project("src/serve.ts")], {
      command: [Deno.execPath()],
      env: { MAGLEV_CONFIG: `${folder}/maglev.yaml`, MAGLEV_TLS_CERT: "cert.pem", MAGLEV_TLS_KEY: "key.pem" },
    });
    assert.equal(ended.code, 2);
    assert.match(ended.err, /give deno serve --cert and --key/);
  });
});

Deno.test("HTTPS on TCP, plain HTTP on a unix socket, and maglevc over both", async () => {
  const fixture = (name: string) => project(`tests/fixtures/${name}`);
  await inFolder(async (folder) => {
    const path = `${folder}/api.sock`;
    await using daemon = await TestDaemon.start({
      config,
      vpp: null,
      args: [
        "--tls-cert",
        fixture("api_cert.pem"),
        "--tls-key",
        fixture("api_key.pem"),
        "--listen",
        `unix:${path}`,
      ],
      until: "ready",
    });
    const [tcp = "", unix = ""] = addresses(daemon);
    assert.equal(unix, `unix:${path}`);
    const caCert = await Deno.readTextFile(fixture("api_cert.pem"));
    using client = Deno.createHttpClient({ caCerts: [caCert] });
    const secure = `https://localhost:${tcp.split(":")[1]}`;
    assert.equal((await (await fetch(`${secure}/healthz`, { client })).json()).status, "ok");
    const pause = (headers: HeadersInit) =>
      fetch(`${secure}/v1/backends/b1/pause`, { method: "POST", headers, client });
    const refused = await pause({});
    await refused.body?.cancel();
    assert.equal(refused.status, 401);
    const paused = await pause({ authorization: `Bearer ${daemon.token}` });
    assert.equal((await paused.json()).state, "paused");
    assert.doesNotMatch(await exchange(tcp, request("GET /healthz")), /HTTP/, "plain HTTP gets no answer");
    assert.match(await exchange(unix, request("GET /healthz")), /^HTTP\/1\.1 200 /);
    const trusted = await run([
      "--server",
      secure,
      "--ca-file",
      fixture("api_cert.pem"),
      "show",
      "backend",
      "b1",
    ]);
    assert.equal(trusted.code, 0, trusted.err);
    assert.match(trusted.out, /paused/);
    const untrusted = await run(["--server", secure, "show", "backends"]);
    assert.equal(untrusted.code, 3);
    assert.match(untrusted.err, /--ca-file/);
    const overUnix = await run(["--server", `unix:${path}`, "set", "backend", "b1", "resume"]);
    assert.equal(overUnix.code, 0, overUnix.err);
    const change = await daemon.logged((line) => line.msg === "api-change" && line.peer === `unix:${path}`);
    assert.equal(change.principal, "local");
    const { features, tls, auth } = await (await fetch(`${secure}/v1/info`, { client })).json();
    assert.deepEqual([features, tls, auth], [["tls"], true, false]);
    const said = daemon.log.filter((line) => line.msg === "listening").map(({ auth, tls }) => [auth, tls]);
    assert.deepEqual(said, [[false, true], [false, false]]);
  });
});

Deno.test("a unix socket: mode 0660, taken over from the dead, left to the living, removed at the end", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/api.sock`;
    const options = { config, vpp: null, args: ["--listen", `unix:${path}`], until: "ready" } as const;
    {
      await using killed = await TestDaemon.start(options);
      assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o660);
      killed.kill("SIGKILL");
      await killed.status();
    }
    assert.ok((await Deno.lstat(path)).isSocket, "a daemon that was killed leaves its file");
    await using heir = await TestDaemon.start(options);
    assert.match(await exchange(`unix:${path}`, request("GET /healthz")), /^HTTP\/1\.1 200 /);
    const second = new TestDaemon(options);
    assert.equal((await second.status()).code, 1);
    assert.match(second.errors, new RegExp(`Cannot listen on unix:${path}: another process does already`));
    await second[Symbol.asyncDispose]();
    assert.match(await exchange(`unix:${path}`, request("GET /healthz")), /^HTTP\/1\.1 200 /);
    heir.kill("SIGTERM");
    assert.equal((await heir.status()).code, 0);
    await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
  });
});

Deno.test("the environment alone configures a daemon", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/maglev.yaml`, config);
    const path = `${folder}/api.sock`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", project("main.ts")],
      clearEnv: true,
      env: cleanEnv({
        MAGLEV_CONFIG: `${folder}/maglev.yaml`,
        MAGLEV_LISTEN: `127.0.0.1:0, unix:${path}`,
        MAGLEV_METRICS_ADDR: "127.0.0.1:0",
        MAGLEV_VPP_API_ADDR: "",
        MAGLEV_LOG_FORMAT: "text",
        MAGLEV_AUTH_FILE: await writeTokens(folder),
        MAGLEV_LOCAL_TOKEN: `${folder}/token`,
      }),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const decoder = new TextDecoder();
    let out = "";
    const reader = child.stdout.getReader();
    while (!/INFO {2}ready/.test(out)) {
      const { done, value } = await reader.read();
      assert.ok(!done, out);
      out += decoder.decode(value);
    }
    assert.match(out, /listening address=127\.0\.0\.1:\d+/);
    assert.match(out, /listening address=\S+ connections=64 auth=false tls=false only=metrics/);
    const answer = await exchange(
      `unix:${path}`,
      request("GET /v1/info", [`Authorization: Bearer ${tokens.viewer}`]),
    );
    assert.match(answer, /"features":\["auth","metrics-listener"\]/);
    child.kill("SIGTERM");
    while (!(await reader.read()).done);
    await child.stderr.cancel();
    assert.equal((await child.status).code, 0);
  });
});

Deno.test("a daemon outlives the reader of its log", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/maglev.yaml`, config);
    const unix = `unix:${folder}/api.sock`;
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        project("main.ts"),
        "--config",
        `${folder}/maglev.yaml`,
        "--vpp-api-addr=",
        "--listen",
        unix,
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const errors = new Response(child.stderr).text();
    const reader = child.stdout.getReader();
    let out = "";
    while (!out.includes('"msg":"ready"')) {
      const { done, value } = await reader.read();
      assert.ok(!done, out);
      out += new TextDecoder().decode(value);
    }
    await reader.cancel();
    for (const action of ["pause", "resume"]) {
      const answer = await exchange(unix, request(`POST /v1/backends/b1/${action}`));
      assert.match(answer, /^HTTP\/1\.1 200 /);
    }
    child.kill("SIGTERM");
    assert.equal((await child.status).code, 0, await errors);
    assert.equal((await errors).replace(/^.*Check.*\n/gm, ""), "");
  });
});
