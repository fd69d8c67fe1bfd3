/** What strangers can do to a running maglevd: real listeners, real clients. */
import assert from "node:assert/strict";
import type { Problem } from "../../src/api/mod.ts";
import { cleanEnv } from "../cli/process.ts";
import { dial, exchange, readToEnd, request, writeAll } from "../routes/raw.ts";
import { addresses, config, inFolder } from "./access.ts";
import { project, TestDaemon } from "./harness.ts";
import { Backends, wwwConfig } from "./world.ts";

Deno.test("a stranger's idle connections leave probes, and other listeners, all they need", async () => {
  const open = 256;
  await inFolder(async (folder) => {
    await using servers = new Backends("77.101");
    const script = `${folder}/maglevd`;
    const command = `ulimit -n ${open} && exec "${Deno.execPath()}" run -A "${project("main.ts")}" "$@"`;
    await Deno.writeTextFile(script, `#!/bin/sh\n${command}\n`, { mode: 0o755 });
    const unix = `unix:${folder}/api.sock`;
    await using daemon = await TestDaemon.start({
      config: wwwConfig("77.101", servers.port),
      vpp: null,
      command: script,
      env: cleanEnv(),
      args: ["--listen", unix, "--metrics-addr", "127.0.0.1:0"],
      until: "ready",
    });
    for (const name of ["b1", "b2", "b3"]) {
      await daemon.logged((l) => l.msg === "backend-transition" && l.backend === name && l.to === "up");
    }
    const mark = daemon.log.length;
    const [tcp = "", , metrics = ""] = addresses(daemon);
    const strangers = await Promise.all(
      Array.from({ length: 2000 }, (_, i) => dial(i % 2 === 0 ? tcp : metrics)),
    );
    try {
      await servers.at(1).more(5);
      assert.match(await exchange(unix, request("POST /v1/backends/b3/pause")), /^HTTP\/1\.1 200 /);
      // A check starts a thread, which needs descriptors of its own.
      assert.match(await exchange(unix, request("POST /v1/config/check")), /^HTTP\/1\.1 200 /);
      assert.match(await exchange(unix, request("POST /v1/config/reload")), /^HTTP\/1\.1 200 /);
      // Heads that never come are not waited for longer than 5 s, so there is room again.
      while (!(await exchange(tcp, request("GET /healthz"))).startsWith("HTTP/1.1 200")) {
        await servers.at(2).more(1);
      }
    } finally {
      for (const stranger of strangers) stranger.close();
    }
    const bad = /^(probe-void|probe-limit|worker-restart|backend-blind|api-error|unhandled-error)$/;
    assert.deepEqual(daemon.log.slice(mark).filter((line) => bad.test(line.msg)), []);
  });
});

Deno.test("heads that are too large, too slow or nonsense, and hosts with and without ports", async () => {
  await using daemon = await TestDaemon.start({ config, vpp: null });
  const [tcp = ""] = addresses(daemon);
  const port = tcp.split(":")[1];
  const slow = (async () => {
    using conn = await dial(tcp);
    const answer = readToEnd(conn);
    // Every octet comes soon enough, but the head as a whole does not.
    const text = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
    let ended = false;
    void answer.then(() => ended = true);
    for (const letter of text) {
      if (ended) break;
      await writeAll(conn, letter).catch(() => {});
      const waited = Promise.withResolvers<void>();
      const timer = setTimeout(waited.resolve, 250);
      await Promise.race([answer, waited.promise]);
      clearTimeout(timer);
    }
    return await answer;
  })();
  const huge = await exchange(tcp, request("GET /healthz", [`X-Long: ${"a".repeat(20_000)}`]));
  assert.match(huge, /^HTTP\/1\.1 400 /);
  const problem: Problem = JSON.parse(huge.slice(huge.indexOf("\r\n\r\n")));
  assert.equal(problem.type, "urn:maglev:problem:bad-request");
  const ask = async (line: string, ...headers: string[]) =>
    (await exchange(tcp, request(line, headers))).split(" ")[1];
  const read = "GET /v1/backends/b1";
  for (
    const host of ["localhost", `localhost:${port}`, "127.0.0.1", `127.0.0.1:${port}`, "[::1]", "[::1]:1"]
  ) {
    assert.equal(await ask(read, `Host: ${host}`), "200", host);
  }
  for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1.evil.example", "192.0.2.1"]) {
    assert.equal(await ask(read, `Host: ${host}`), "403", host);
    assert.equal(await ask("GET /healthz", `Host: ${host}`), "200", host);
  }
  assert.equal(await ask(read, "Host: localhost", `Origin: http://localhost:${port}`), "200");
  assert.equal(await ask(read, "Host: localhost", "Origin: https://evil.example"), "403");
  // HTTP/1.0 may name no host, and then it does not name this one.
  assert.equal((await exchange(tcp, `${read} HTTP/1.0\r\n\r\n`)).split(" ")[1], "403");
  assert.match(await slow, /^HTTP\/1\.1 400 /);
  const bad = daemon.log.filter((line) => line.level === "ERROR" || line.level === "WARN");
  assert.deepEqual(bad.filter((line) => line.msg !== "unauthorized"), []);
  assert.ok(bad.some((line) => line.code === 403 && /evil\.example/.test(String(line.detail))));
});
