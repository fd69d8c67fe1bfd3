import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { unusedPort } from "../../src/demo/port.ts";
import { authTable } from "../../routes/auth.ts";
import { startDaemon } from "./daemon.ts";
import { has, maglevc, selfSigned, start } from "./process.ts";

const shellPath = "/bin/bash";
const withOpenssl = await has("openssl", "version");

Deno.test("exit codes and streams: done, refused, usage, unreachable", async () => {
  await using daemon = startDaemon();
  const env = { MAGLEV_SERVER: daemon.url };
  const good = await start(["show", "frontends"], { env });
  assert.equal(good.code, 0);
  assert.match(good.out, /^FRONTEND +VIP/);
  assert.equal(good.err, "");

  const refused = await start(["set", "backend", "ns1", "pause"], { env });
  assert.deepEqual(refused, { code: 1, out: "", err: "maglevc: Backend ns1 is disabled; enable it first\n" });

  const usage = await start(["show", "x"], { env });
  assert.equal(usage.code, 2);
  assert.equal(usage.out, "");
  assert.match(usage.err, /^maglevc: word 2: unknown "x"; expected problems, version, frontends/);

  const noFile = await start(["config", "check", "/nonexistent/maglev.yaml"], { env });
  assert.deepEqual(noFile, {
    code: 1,
    out: "",
    err: "maglevc: cannot read /nonexistent/maglev.yaml: no such file\n",
  });

  const unreachable = await start(["show", "version"], {
    env: { MAGLEV_SERVER: `http://127.0.0.1:${unusedPort()}` },
  });
  assert.equal(unreachable.code, 3);
  assert.equal(unreachable.out, "");
  assert.match(unreachable.err, /^maglevc: cannot reach http:\/\/127\.0\.0\.1:[0-9]+: connection refused\n$/);
});

Deno.test("wrong flags are usage errors that name the flag", async () => {
  for (
    const [args, message] of [
      [["--sevrer", "x"], "there is no flag --sevrer; did you mean --server?"],
      [["--server", "127.0.0.1", "quit"], '--server: "127.0.0.1" is not http://'],
      [["--server", "unix:relative", "quit"], "--server: "],
      [["--color", "blue", "quit"], "--color: "],
      [["--token-file", "/nonexistent/token", "quit"], "/nonexistent/token"],
      [["--ca-file", "/nonexistent/ca", "quit"], "/nonexistent/ca"],
      [["--token", "two\nlines", "quit"], "token"],
    ] as const
  ) {
    const { code, out, err } = await start(args);
    assert.equal(code, 2, args.join(" "));
    assert.equal(out, "");
    assert.ok(err.startsWith("maglevc: ") && err.includes(message), err);
  }
});

Deno.test("a monitoring plugin that cannot say is 3, whatever the reason", async () => {
  await using daemon = startDaemon();
  const env = { MAGLEV_SERVER: daemon.url };
  for (
    const [args, code, extra] of [
      [["show", "--token-file", "/nonexistent/token"], 3, {}],
      [["--ca-file", "/nonexistent/ca", "show", "problems"], 3, {}],
      [["--server", "rubbish", "show"], 3, {}],
      [["show", "--server", "rubbish"], 3, {}],
      [["--sevrer", "rubbish", "sh", "prob"], 3, {}],
      [["show problems | count"], 3, { MAGLEV_SERVER: "rubbish" }],
      [["show", "|", "include", "("], 3, {}],
      [["show", "backends", "|", "include", "("], 2, {}],
      [["--server", "rubbish", "show", "backends"], 2, {}],
    ] as const
  ) {
    assert.equal((await start(args, { env: { ...env, ...extra } })).code, code, args.join(" "));
  }
});

Deno.test({
  name: "an output that cannot be written is told in a sentence",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using daemon = startDaemon();
    const command = maglevc.map((word) => `'${word}'`).join(" ");
    for (
      const [words, redirect, code] of [["frontends", "", 1], ["problems", "", 3], ["problems", "2>&1", 3]]
    ) {
      const ended = await start(["show", `${words}`], {
        command: [shellPath, "-c", `${command} "$@" >/dev/full ${redirect}`, "maglevc"],
        env: { MAGLEV_SERVER: daemon.url },
      });
      assert.equal(ended.code, code);
      if (redirect !== "") continue;
      assert.match(ended.err, /^maglevc: the output cannot be written: No space left on device[^\n]*\n$/);
    }
  },
});

Deno.test("a flag wins over the environment, and flags may stand after the words", async () => {
  await using daemon = startDaemon();
  const env = { MAGLEV_SERVER: `http://127.0.0.1:${unusedPort()}` };
  const { code, out } = await start(["show", "version", "--json", "--server", daemon.url], { env });
  assert.equal(code, 0);
  assert.equal(JSON.parse(out).version, "0.1.0");
});

Deno.test("a unix socket serves as well as a port, and a missing one is named", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/api.sock`;
  {
    await using _daemon = startDaemon({ path });
    const { code, out } = await start(["--server", `unix:${path}`, "show", "version"]);
    assert.equal(code, 0);
    assert.match(out, /^maglevc /);
  }
  const gone = await start(["--server", `unix:${folder}/none.sock`, "show", "version"]);
  assert.equal(gone.code, 3);
  assert.equal(gone.err, `maglevc: cannot reach unix:${folder}/none.sock: no such socket\n`);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("tokens come from the flag, a file or the environment", async () => {
  const token = "abc.DEF-123";
  const sha256 = createHash("sha256").update(token).digest("hex");
  await using daemon = startDaemon({ auth: authTable([{ name: "noc", sha256, role: "viewer" }]) });
  const server = ["--server", daemon.url, "show", "version"];
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, `${token}\n`);
  for (
    const [args, env] of [
      [["--token", token], {}],
      [["--token-file", file], { MAGLEV_TOKEN: "wrong" }],
      [[], { MAGLEV_TOKEN: token }],
      [[], { MAGLEV_TOKEN_FILE: file }],
    ] as const
  ) assert.equal((await start([...args, ...server], { env })).code, 0, JSON.stringify([args, env]));
  for (const env of [{}, { MAGLEV_TOKEN: "wrong" }]) {
    const { code, out, err } = await start(server, { env });
    assert.equal(code, 1);
    assert.equal(out, "");
    assert.match(
      err,
      /^maglevc: .*token.*\n {2}(no token was sent: |the token that was sent is that of MAGLEV_TOKEN\n)/,
    );
    assert.ok(!err.includes("wrong"), "a token is never repeated");
  }
  const forbidden = await start([
    "--token",
    token,
    "--server",
    daemon.url,
    "set",
    "backend",
    "web1",
    "pause",
  ]);
  assert.equal(forbidden.code, 1);
  assert.match(forbidden.err, /viewer/);
  await Deno.remove(file);
});

Deno.test({
  name: `https with a private CA: trusted by --ca-file only${withOpenssl ? "" : " (skipped: no openssl)"}`,
  ignore: !withOpenssl,
  async fn() {
    const { cert, key } = await selfSigned();
    const caFile = await Deno.makeTempFile();
    await Deno.writeTextFile(caFile, cert);
    {
      await using daemon = startDaemon({ tls: { cert, key } });
      const args = ["--server", daemon.url, "show", "version"];
      const distrusted = await start(args);
      assert.equal(distrusted.code, 3);
      assert.match(
        distrusted.err,
        /^maglevc: cannot reach https:.*certificate comes from an unknown CA.*--ca-file/,
      );
      const trusted = await start(["--ca-file", caFile, ...args]);
      assert.deepEqual([trusted.code, trusted.err], [0, ""]);
    }
    await Deno.remove(caFile);
  },
});

Deno.test("colour: never in a pipe, unless asked for; NO_COLOR does not overrule the flag", async () => {
  await using daemon = startDaemon();
  const env = { MAGLEV_SERVER: daemon.url };
  const words = ["show", "frontends"];
  const bare = await start(words, { env });
  assert.ok(!bare.out.includes("\x1b"));
  const coloured = await start(["--color=always", ...words], { env: { ...env, NO_COLOR: "1" } });
  assert.ok(coloured.out.includes("\x1b[32m"));
  assert.equal((await start(["--color=never", ...words], { env })).out, bare.out);
});

Deno.test("a reader that stops reading is no error", async () => {
  await using daemon = startDaemon();
  const command = maglevc.map((word) => `'${word}'`).join(" ");
  const script = `${command} "$@" | head -n 1; echo "\${PIPESTATUS[0]}"`;
  // A watch learns that its reader is gone from the next event only.
  const events = setInterval(() => {
    daemon.bus.announce({ kind: "log", level: "info", msg: "tick", attrs: {} });
  }, 20);
  for (const words of [["show", "backends"], ["watch", "events"], ["--help"]]) {
    const { out, err } = await start(words, {
      command: [shellPath, "-c", script, "maglevc"],
      env: { MAGLEV_SERVER: daemon.url },
    });
    assert.deepEqual([out.split("\n").slice(1), err], [["0", ""], ""], words.join(" "));
  }
  clearInterval(events);
});

Deno.test("a long answer reaches a slow reader in whole", async () => {
  await using daemon = startDaemon();
  const [first] = daemon.control.frontends();
  assert.ok(first !== undefined);
  first.description = "x".repeat(900_000);
  const command = maglevc.map((word) => `'${word}'`).join(" ");
  const { out } = await start(["show", "frontends", "--json"], {
    command: [shellPath, "-c", `${command} "$@" | { sleep 0.3; cat; }`, "maglevc"],
    env: { MAGLEV_SERVER: daemon.url },
  });
  assert.equal(JSON.parse(out).frontends[0].description.length, 900_000);
});

Deno.test("lines from a pipe are run until the first that fails", async () => {
  await using daemon = startDaemon();
  const env = { MAGLEV_SERVER: daemon.url };
  const stdin = "# morning round\n\nshow healthchecks\nset backend nobody pause\nshow version\n";
  const failed = await start([], { env, stdin });
  assert.equal(failed.code, 1);
  assert.match(failed.out, /^HEALTHCHECK/);
  assert.ok(!failed.out.includes("maglevd"), "nothing after the failure was run");
  const good = await start([], { env, stdin: "sh healthc web --json\nquit\nshow x\n" });
  assert.equal(good.code, 0);
  assert.equal(JSON.parse(good.out).name, "web");
});

Deno.test("what is no maglevd is said to be none", async () => {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("<h1>It works</h1>", { headers: { "content-type": "text/html" } }),
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const { code, out, err } = await start(["--server", url, "show", "frontends"]);
  assert.equal(code, 1);
  assert.equal(out, "");
  assert.equal(err, `maglevc: ${url} did not answer as maglevd does: HTTP 200, text/html\n`);
  await server.shutdown();

  // Something that speaks no HTTP at all.
  using mail = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = mail.accept().then(async (connection) => {
    await connection.write(new TextEncoder().encode("220 smtp\r\n"));
    connection.close();
  });
  const noHttp = await start(["--server", `http://127.0.0.1:${mail.addr.port}`, "show", "frontends"]);
  await served;
  assert.equal(noHttp.code, 3);
  assert.match(noHttp.err, /^maglevc: cannot reach /);
});

Deno.test("--help and --version need no server", async () => {
  const help = await start(["--help"]);
  assert.equal(help.code, 0);
  assert.match(help.out, /watch events/);
  assert.match(help.out, /MAGLEV_TOKEN/);
  assert.deepEqual((await start(["--version"])).out, "maglevc 0.1.0\n");
});

Deno.test("Ctrl-C ends a watch, and that is no failure", async () => {
  await using daemon = startDaemon();
  const [program = "", ...args] = maglevc;
  const child = new Deno.Command(program, {
    args: [...args, "watch", "events", "--server", daemon.url],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const first = await reader.read();
  assert.match(new TextDecoder().decode(first.value), /^\{"kind":"backend"/);
  child.kill("SIGINT");
  while (!(await reader.read()).done) { /* the rest of the present state */ }
  const status = await child.status;
  assert.equal(status.code, 0);
  assert.equal(await new Response(child.stderr).text(), "");
});

Deno.test("a locale of ASCII gets no arrows and no other signs, and its tables are still aligned", async () => {
  await using daemon = startDaemon();
  const web1 = daemon.control.frontends()[0];
  assert.ok(web1 !== undefined);
  web1.description = "Z\u00fcrich";
  const lines = ["show", "backend", "web2"];
  const shown = async (locale: Record<string, string>) =>
    (await start(lines, { env: { MAGLEV_SERVER: daemon.url, LANG: "", ...locale } })).out;
  for (
    const locale of [{ LANG: "C" }, { LC_ALL: "POSIX", LANG: "C.UTF-8" }, { LC_CTYPE: "en_US.ISO-8859-1" }]
  ) {
    const out = await shown(locale);
    assert.match(out, /^[\x20-\x7e\n]+$/, JSON.stringify(locale));
    assert.match(out, /www 50->0, www6 100->0/);
    assert.match(out, /^state += paused/m);
  }
  for (const locale of [{}, { LANG: "C.UTF-8" }, { LC_ALL: "de_CH.utf8", LANG: "C" }]) {
    assert.match(await shown(locale), /‖ paused[^]*→/, JSON.stringify(locale));
  }
  const other = await start(["show", "frontend", "www"], { env: { MAGLEV_SERVER: daemon.url, LC_ALL: "C" } });
  assert.match(other.out, /description +Z\\u\{fc\}rich/);
});
