import assert from "node:assert/strict";
import type { Backend, Info, Ready } from "../../src/api/mod.ts";
import { unusedPort } from "../../src/demo/port.ts";
import { lines } from "../../src/lines.ts";
import type { LocalTokenInfo } from "../../src/net/local_token.ts";
import { project, TestDaemon } from "./harness.ts";
import { Backends, ready, Vpp, weightsInVpp, wwwConfig } from "./world.ts";

const config = wwwConfig("77.20", 9);

/** A dump's filter that lists every server. */
const everything = { pfx: { octets: new Uint8Array(16), af: 0, len: 0 }, protocol: 0, port: 0 } as const;

Deno.test("SIGTERM and SIGINT: streams end, VPP stays as it is, exit code 0, what is forgotten is named", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    await using vpp = await Vpp.start();
    await using servers = new Backends(signal === "SIGTERM" ? "77.21" : "77.22");
    await using daemon = await ready({
      config: wwwConfig(signal === "SIGTERM" ? "77.21" : "77.22", servers.port),
      vpp: vpp.paths,
    });
    await daemon.logged((line) => line.msg === "vpp-lbsync-as-weight" || line.msg === "vpp-lbsync-as-add");
    await daemon.send<Backend>("POST", "/v1/backends/b3/pause");
    await daemon.send("PUT", "/v1/frontends/www/pools/primary/backends/b2/weight", { weight: 7 });
    const weights = await weightsInVpp(daemon, "www");
    const stream = await fetch(`${daemon.api}/v1/events`);
    const before = vpp.changes().length;
    daemon.kill(signal);
    const events = await stream.text();
    assert.match(events, /event: frontend/);
    assert.equal((await daemon.status()).code, 0);
    assert.equal(vpp.changes().length, before, "nothing is sent at the end");
    const left = [...vpp.simulator.vpp.lb.lb_as_v2_dump(everything)];
    assert.deepEqual(left.map((server) => server.weight), weights);
    const stopping = daemon.log.find((line) => line.msg === "stopping");
    assert.equal(stopping?.level, "WARN");
    assert.deepEqual([stopping?.paused, stopping?.weights], [["b3"], ["www/primary/b2: 7 (by local)"]]);
    assert.equal(daemon.errors, "");
  }
});

Deno.test("a second SIGTERM ends the process at once", async () => {
  await using daemon = await TestDaemon.start({ config, vpp: null });
  // A request whose body never comes keeps its listener from closing for a moment.
  const { hostname, port } = new URL(daemon.api);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(
    `POST /v1/config/check HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${daemon.token}\r\nContent-Type: text/yaml\r\nContent-Length: 9\r\n\r\n`,
  ));
  await daemon.get<Info>("/v1/info");
  daemon.kill("SIGTERM");
  await daemon.logged((line) => line.msg === "stopping");
  daemon.kill("SIGTERM");
  assert.equal((await daemon.status()).code, 143);
  await assert.rejects(Deno.stat(daemon.tokenFile), Deno.errors.NotFound);
});

Deno.test("SIGHUP reloads; a wrong file is logged with its place and changes nothing", async () => {
  await using daemon = await TestDaemon.start({ config, vpp: null });
  await Deno.writeTextFile(daemon.config, config.replace("rise: 2", "rise: 0"));
  daemon.kill("SIGHUP");
  const error = await daemon.logged((line) => line.msg === "config-error");
  assert.deepEqual([error.line, error.path], [10, "maglev.healthchecks.web.rise"]);
  const refused = await daemon.logged((line) => line.msg === "config-reload");
  assert.equal(refused.ok, false);
  await Deno.writeTextFile(
    daemon.config,
    config.replace("    b3: {", "    b4: { address: 127.77.20.4 }\n    b3: {"),
  );
  daemon.kill("SIGHUP");
  const done = await daemon.logged((line) => line.msg === "config-reload" && line.ok === true);
  assert.deepEqual([done.by, done.changes], ["SIGHUP", ["backend b4 added"]]);
  assert.equal((await daemon.get<Backend>("/v1/backends/b4")).state, "up");
});

Deno.test("the text format is for people, the level is kept, and flags beat the environment", async () => {
  await using daemon = new TestDaemon({
    config,
    vpp: null,
    args: ["--log-format", "text", "--log-level", "info"],
    env: { MAGLEV_LOG_LEVEL: "debug", MAGLEV_LOG_FORMAT: "json" },
  });
  await daemon.until(() => daemon.log.find((line) => line.msg.includes("ready")), () => "a line of text");
  assert.ok(daemon.log.every((line) => line.level === "" && !line.msg.includes("DEBUG")), daemon.tail());
});

Deno.test("an unhandled error ends the process with a record and code 70", async () => {
  const script = `
    import { endOnUnhandled } from ${JSON.stringify(import.meta.resolve("../../src/daemon/signals.ts"))};
    import { createLog } from ${JSON.stringify(import.meta.resolve("../../src/log/mod.ts"))};
    import { systemClock as clock } from ${JSON.stringify(import.meta.resolve("../../src/clock.ts"))};
    const write = (line) => Deno.stdout.writeSync(new TextEncoder().encode(line));
    endOnUnhandled(createLog({ level: "info", format: "json", clock, write }));
    setTimeout(() => {}, 60_000);
    Promise.reject(new Error("a defect"));`;
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", script],
    stdin: "null",
    stderr: "null",
  }).output();
  assert.equal(code, 70);
  const record = JSON.parse(new TextDecoder().decode(stdout));
  assert.equal(record.msg, "unhandled-error");
  assert.match(record.error, /a defect/);
});

Deno.test("deno serve runs the same daemon from the environment alone", async () => {
  const folder = await Deno.makeTempDir({ prefix: "maglev-test-" });
  const port = unusedPort();
  await Deno.writeTextFile(`${folder}/maglev.yaml`, config);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["serve", "-A", "--host", "127.0.0.1", "--port", String(port), project("src/serve.ts")],
    env: {
      MAGLEV_CONFIG: `${folder}/maglev.yaml`,
      MAGLEV_VPP_API_ADDR: "",
      MAGLEV_LOCAL_TOKEN: `${folder}/token`,
      NO_COLOR: "1",
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const seen: string[] = [];
  const started = Promise.withResolvers<void>();
  const read = (async () => {
    for await (const line of lines(child.stdout)) {
      seen.push(line);
      if (line.includes('"msg":"ready"')) started.resolve();
    }
    started.reject(new Error(`it ended: ${seen.join("\n")}`));
  })();
  await started.promise;
  // Its backends may have been found down by then.
  const { problems: _, ...answer } = await untilListening(`http://127.0.0.1:${port}/readyz`);
  assert.deepEqual(answer, { ready: true, config: true, probes: "running", vpp: "off" });
  const change = (headers: HeadersInit) =>
    fetch(`http://127.0.0.1:${port}/v1/backends/b1/pause`, { method: "POST", headers });
  const refused = await change({});
  assert.equal(refused.status, 401);
  assert.match(
    (await refused.json()).detail,
    new RegExp(`maglevc takes it with --token-file ${folder}/token`),
  );
  const authorization = `Bearer ${(await Deno.readTextFile(`${folder}/token`)).trim()}`;
  const paused = await change({ authorization });
  assert.equal((await paused.json() as Backend).state, "paused");
  const about: LocalTokenInfo = JSON.parse(await Deno.readTextFile(`${folder}/token.json`));
  assert.deepEqual(about, { pid: child.pid, listen: [] }, "nobody told the daemon where it listens");
  child.kill("SIGTERM");
  assert.equal((await child.status).code, 0, await errors);
  await read;
  await errors;
  await assert.rejects(Deno.stat(`${folder}/token`), Deno.errors.NotFound);
  await Deno.remove(folder, { recursive: true });
});

/** `deno serve` listens only after the module was loaded, and tells nobody when. */
async function untilListening(url: string): Promise<Ready> {
  for (;;) {
    try {
      return await (await fetch(url)).json() as Ready;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }
}
