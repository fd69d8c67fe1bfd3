/** Nothing of a hostile server reaches the terminal, or the shell that completes, uncleaned. */
import assert from "node:assert/strict";
import { clean, cleanJson, couldBeName } from "../../src/cli/clean.ts";
import fc from "fast-check";
import { startDaemon } from "./daemon.ts";
import { poison, startHostile } from "./hostile.ts";
import { has, maglevc, start } from "./process.ts";
import { run } from "./session.ts";
import { Terminal } from "./terminal.ts";

/** What no terminal may be sent: everything that is unsafe but line feeds and our own colours. */
function unsafe(text: string): string[] {
  let own = text.replaceAll("\n", "");
  for (const code of [1, 2, 22, 31, 32, 33, 35, 36, 39]) own = own.replaceAll(`\x1b[${code}m`, "");
  return own.match(/[\p{Cc}\p{Bidi_Control}\u2028\u2029\u200b\u2060-\u2064\ufeff\u{e0000}-\u{e007f}]/gu) ??
    [];
}

const lines = [
  "show version",
  "show frontends",
  "show frontend www",
  "show frontend www table",
  "show backends",
  "show backend web2",
  "show backend web3",
  "show backend ns1",
  "show backend nobody",
  "show healthchecks",
  "show healthcheck web",
  "show config",
  "show vpp info",
  "show vpp lb state",
  "show vpp lb counters",
  "show vpp lb plan",
  "set backend web1 pause",
  "set backend ns1 pause",
  "set frontend www pool primary backend web1 weight 20 flush",
  "set frontend www pool primary backend nobody weight 20",
  "sync vpp lb state",
  "sync vpp lb state plan 5f2b1c0a9d3e4f60",
  "sync vpp lb state plan other",
  "config check",
  "config reload",
  "show",
  "show overrides",
  "show fleet",
  "show events last 3",
  "explain frontend www",
  "replay backend web3 since 2h",
  "journal verify",
  "set backend web1 disable dry-run",
  "clear override pause-web2",
  "top",
  "whereis 2001:db8:1::7 40000 www6 after-plan",
  "watch events num 2",
];

for (const all of [false, true]) {
  Deno.test(`no text of a server steers the terminal${all ? ", words of the API and times included" : ""}`, async () => {
    await using server = startHostile(all);
    for (const text of lines) {
      for (const width of [null, 80]) {
        const { out, err, drawings } = await run(server, text, { width, colour: true });
        assert.deepEqual(unsafe(out + err + drawings.join("")), [], text);
        if (!all) assert.ok(!err.includes("cannot make sense"), `${text}: ${err}`);
      }
      // It prints what it made of the answer.
      if (text === "journal verify") continue;
      const before = server.sent.length;
      const { out, err } = await run(server, text, { json: true });
      assert.deepEqual(unsafe(out + err), [], text);
      // The values are what the server sent, poison and all.
      for (const [i, json] of out.split("\n").filter((row) => row !== "").entries()) {
        assert.deepEqual(JSON.parse(json), server.sent[before + i], text);
      }
    }
  });
}

Deno.test("a server behind a VIP steers the terminal no more than the daemon: what a probe tells of it", async () => {
  const answers = [
    `HTTP/1.1 200 OK\r\nX-Backend: b1\x1b[2J\u009b31m\r\n\r\n`,
    `HTTP/1.1 200 OK\r\nX-Backend: ${poison.replaceAll("\r", "")}\r\n\r\n`,
    `${poison}\r\n\r\n`,
  ];
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(4096));
      await connection.write(new TextEncoder().encode(answers.shift() ?? ""));
      connection.close();
    }
  })();
  await using daemon = startDaemon();
  const [www] = daemon.control.frontends();
  assert.ok(www !== undefined);
  Object.assign(www, { address: "127.0.0.1", port: listener.addr.port });
  const { out, err, drawings } = await run(daemon, "probe www path / count 3", { width: 80, colour: true });
  assert.deepEqual(unsafe(out + err + drawings.join("")), []);
  assert.match(out, /b1|no HTTP\/1 response/);
  answers.push(`HTTP/1.1 200 OK\r\nX-Backend: b1\u009b31m\r\n\r\n`);
  const json = (await run(daemon, "probe www path / count 1 --json")).out;
  assert.deepEqual(unsafe(json), []);
  assert.equal(JSON.parse(json).sent, 1);
  listener.close();
  await serving;
});

Deno.test("the process itself is no way around it: errors, one-shots and a redirected stream", async () => {
  await using server = startHostile(false);
  const env = { MAGLEV_SERVER: server.url };
  for (
    const words of [["show", "version"], ["show", "backend", "nobody"], ["watch", "events", "num", "1"], [
      "--json",
      "show",
      "backends",
    ]]
  ) {
    const { out, err } = await start(words, { env });
    assert.ok((out + err).includes("owned"), words.join(" "));
    assert.deepEqual(unsafe(out + err), [], words.join(" "));
  }
  // No API at all behind it, and a reason phrase and a media type that lie.
  const liar = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () =>
      new Response(`{"type":"${"x"}","status":500,"detail":{"${"y"}":1}}`, {
        status: 500,
        headers: { "content-type": "text/\u009b31m" },
      }),
  );
  const answer = await start(["show", "version"], { env: { MAGLEV_SERVER: `127.0.0.1:${liar.addr.port}` } });
  assert.equal(answer.code, 1);
  assert.deepEqual(unsafe(answer.out + answer.err), []);
  await liar.shutdown();
});

Deno.test("cleaned JSON is the same value in safe characters; cleaned text is safe and cleaned once", () => {
  const text = fc.string({
    unit: fc.oneof(fc.constantFrom(...poison), fc.constantFrom("a", '"', "\\", "\u00e9", "\n")),
  });
  fc.assert(fc.property(fc.array(text), (value) => {
    const json = cleanJson(JSON.stringify(value, null, 1));
    assert.deepEqual(JSON.parse(json), value);
    assert.deepEqual(unsafe(json), []);
  }));
  fc.assert(fc.property(text, (value) => {
    assert.deepEqual(unsafe(clean(value)), []);
    assert.ok(!clean(value).includes("\n"));
    assert.equal(clean(clean(value)), clean(value));
  }));
  assert.equal(
    clean("\u0627\u200c\u0628 \u{1f468}\u200d\u{1f469}"),
    "\u0627\u200c\u0628 \u{1f468}\u200d\u{1f469}",
  );
});

const evil = [
  "b1;touch$IFS./pwned;#",
  "$(touch pwned)",
  "`touch pwned`",
  "b1\x1b]0;owned\x07",
  "..",
  "-",
  "a".repeat(65),
  "b\u00e4",
  "",
];

Deno.test("what could be no name is no candidate", async () => {
  assert.deepEqual(evil.filter(couldBeName), []);
  for (const good of ["b1", "web-1.example_2", "a".repeat(64), "-1"]) assert.ok(couldBeName(good), good);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) =>
    Response.json(
      request.url.endsWith("/v1/backends")
        ? { backends: [...evil, "web1"].map((name) => ({ name })) }
        : request.url.endsWith("/v1/healthchecks")
        ? { healthchecks: 7 }
        : null,
    ));
  const env = { MAGLEV_SERVER: `127.0.0.1:${server.addr.port}` };
  assert.equal(
    (await start(["--complete", "maglevc show backend "], { env })).out,
    "web1\tname of a backend\n",
  );
  for (const line of ["maglevc show healthcheck ", "maglevc show frontend "]) {
    assert.deepEqual(await start(["--complete", line], { env }), { code: 0, out: "", err: "" });
  }
  await server.shutdown();
});

const withTmux = await has("tmux", "-V");

for (
  const { shell, command, prompt } of [
    { shell: "bash", command: "bash --norc --noprofile -i", prompt: "PS1='ready> '" },
    { shell: "zsh", command: "zsh -f -i", prompt: "autoload -Uz compinit; compinit -u -D; PS1='ready> '" },
  ]
) {
  const present = await has(shell, "--version");
  const reason = !present ? ` (skipped: no ${shell})` : !withTmux ? " (skipped: no tmux)" : "";
  Deno.test({
    name: `${shell}: Tab never puts a command of a server on the line${reason}`,
    ignore: reason !== "",
    async fn() {
      const folder = await Deno.makeTempDir();
      const server = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        (request) =>
          request.url.endsWith("/v1/backends")
            ? Response.json({
              backends: [{ name: "b1;touch$IFS./pwned;#", address: "x" }, { name: `b1${poison}` }],
            })
            : Response.json({ type: "x", status: 404, title: "t", detail: "d" }, { status: 404 }),
      );
      const ours = maglevc.map((word) => `'${word}'`).join(" ");
      await Deno.mkdir(`${folder}/ours`);
      await Deno.writeTextFile(`${folder}/ours/maglevc`, `#!/bin/sh\nexec ${ours} "$@"\n`, { mode: 0o755 });
      // A maglevc that hands on what it should not: the script is the second wall.
      await Deno.mkdir(`${folder}/careless`);
      await Deno.writeTextFile(
        `${folder}/careless/maglevc`,
        `#!/bin/sh\n[ "$1" = --complete ] && printf 'b1;touch$IFS./pwned;#:x\\thelp\\n'\n`,
        { mode: 0o755 },
      );
      {
        await using terminal = await Terminal.open("sh");
        await terminal.type(
          `cd ${folder}; export PATH=${folder}/ours:$PATH MAGLEV_SERVER=127.0.0.1:${server.addr.port}; exec ${command}`,
          "Enter",
          `${prompt}; source <(maglevc completion ${shell}); clear`,
          "Enter",
        );
        await terminal.see(/^ready>$/);
        await terminal.type("maglevc show backend b", "Tab", "Tab", "z", "Enter");
        const screen = await terminal.see(/maglevc: d\nready>/);
        assert.ok(!/touch|owned/.test(screen), screen);
        await terminal.type("clear; hash -r; PATH=" + `${folder}/careless:$PATH`, "Enter");
        await terminal.see(/^ready>$/);
        await terminal.type("maglevc show backend b", "Tab");
        await terminal.see(/backend b1\\;touch/);
        await terminal.type("Enter", "echo done", "Enter");
        await terminal.see(/\ndone\n/);
      }
      const entries = await Array.fromAsync(Deno.readDir(folder));
      assert.deepEqual(entries.map(({ name }) => name).sort(), ["careless", "ours"]);
      await server.shutdown();
      await Deno.remove(folder, { recursive: true });
    },
  });
}
