/** What a refusal says in maglevc's own words. */
import assert from "node:assert/strict";
import { startDaemon } from "./daemon.ts";
import { start } from "./process.ts";
import { run } from "./session.ts";

Deno.test("a name that is not there: the nearest one that is, in the right place", async () => {
  await using daemon = startDaemon();
  const cases: [string, RegExp][] = [
    ["show backend wbe1", /\n {2}did you mean backend web1\?\n$/],
    ["show backend zzz", /\n {2}there are: web1, web2, web3, spare1, ns1\n$/],
    ["set backend web33 pause", /\n {2}did you mean backend web3\?\n$/],
    ["show frontend ww", /\n {2}did you mean frontend www\?\n$/],
    ["show frontend www7 table", /\n {2}did you mean frontend www\?\n$/],
    ["show healthcheck dsn", /\n {2}did you mean health check dns\?\n$/],
    ["set frontend wwww pool primary backend web1 weight 1", /\n {2}did you mean frontend www\?\n$/],
    ["set frontend www pool primry backend web1 weight 1", /\n {2}did you mean pool primary\?\n$/],
    ["set frontend www pool primary backend web4 weight 1", /\n {2}did you mean backend web1\?\n$/],
    // It is there, and somewhere else.
    [
      "set frontend www pool primary backend spare1 weight 1",
      /\n {2}backend spare1 is in pool fallback of frontend www\n$/,
    ],
    [
      "set frontend www6 pool all backend spare1 weight 1",
      /\n {2}backend spare1 is in no pool of frontend www6\n$/,
    ],
    ["show vpp lb plan wwv", /\n {2}did you mean frontend www\?\n$/],
    ["whereis 192.0.2.7 40000 wwv", /\n {2}did you mean frontend www\?\n$/],
    ["probe wwv", /\n {2}did you mean frontend www\?\n$/],
    ["show frontend www if ns1 down", /^maglevc: backend ns1 is in no pool of frontend www\n$/],
    ["show frontend www if ns1 weight 3", /^maglevc: backend ns1 is in no pool of frontend www\n$/],
    ["clear override zzz", /\n {2}show overrides lists them\n$/],
  ];
  for (const [text, wanted] of cases) {
    const { code, err } = await run(daemon, text);
    assert.equal(code, 1, text);
    assert.match(err, wanted, text);
  }
});

Deno.test("a guess of the daemon and one of maglevc are not both printed", async () => {
  await using daemon = startDaemon();
  assert.equal(
    (await run(daemon, "set frontend www pool primary backend web4 weight 1")).err,
    'maglevc: There is no backend "web4" in pool primary of frontend www\n  did you mean backend web1?\n',
  );
  assert.equal(
    (await run(daemon, "show backend wbe1")).err,
    'maglevc: There is no backend "wbe1"\n  did you mean backend web1?\n',
  );
});

Deno.test("no key of the API is in what a refusal says", async () => {
  const refusal = (path: string, message: string) => ({
    type: "urn:maglev:problem:invalid",
    title: "The request is wrong",
    status: 422,
    detail: `${path}: ${message}`,
    instance: "/",
    errors: [{
      severity: "error",
      pass: "semantic",
      file: null,
      line: null,
      column: null,
      path,
      message,
      hint: null,
    }],
  });
  let answer: unknown = null;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => Response.json(answer, { status: 422, headers: { "content-type": "application/problem+json" } }),
  );
  const url = { url: `http://127.0.0.1:${server.addr.port}` };
  answer = refusal("client_port", "is missing; the frontend hashes on the port too");
  assert.equal(
    (await run(url, "whereis 192.0.2.7 www")).err,
    "maglevc: give the client's port: whereis 192.0.2.7 <port> www\n",
  );
  answer = refusal("plan_digest", "is not a digest");
  assert.equal((await run(url, "sync vpp lb state plan x")).err, "maglevc: plan: is not a digest\n");
  answer = refusal("__proto__", "is odd");
  assert.equal((await run(url, "sync vpp lb state plan x")).err, "maglevc: --proto--: is odd\n");
  await server.shutdown();
});

Deno.test("a wrong variable is named by its name", async () => {
  for (
    const [env, message] of [
      [{ MAGLEV_SERVER: "ftp://x" }, 'MAGLEV_SERVER: "ftp://x" is not http://'],
      [{ MAGLEV_TOKEN: "two words" }, "MAGLEV_TOKEN: the token is not one line of printable characters"],
      [
        { MAGLEV_TOKEN_FILE: "/nonexistent/t" },
        "MAGLEV_TOKEN_FILE: cannot read /nonexistent/t: no such file",
      ],
      [{ MAGLEV_CA_FILE: "/nonexistent/c" }, "MAGLEV_CA_FILE: cannot read /nonexistent/c: no such file"],
    ] as const
  ) {
    const { code, err } = await start(["show", "version"], { env });
    assert.equal(code, 2);
    assert.ok(err.startsWith(`maglevc: ${message}`), err);
  }
});

Deno.test("flags as the Go client takes them, and a flag that is mistyped", async () => {
  await using daemon = startDaemon();
  const address = new URL(daemon.url).host;
  for (
    const flags of [["-server", address], [`-server=${address}`, "--color=false"], [
      "--server",
      address,
      "-color=true",
      "--json=false",
    ]]
  ) {
    const { code, out, err } = await start([...flags, "show", "frontends"]);
    assert.deepEqual([code, err], [0, ""], flags.join(" "));
    assert.equal(out.includes("\x1b["), flags.includes("-color=true"));
  }
  for (
    const [args, message] of [
      [["--sevrer", "x"], "there is no flag --sevrer; did you mean --server?"],
      [["-x"], "there is no flag -x"],
      [["--server"], "--server needs a value; --server=VALUE takes one that begins with a dash"],
      [
        ["--token", "--json", "quit"],
        "--token needs a value; --token=VALUE takes one that begins with a dash",
      ],
      [["--json=maybe", "quit"], '--json: "maybe" is neither true nor false'],
      [["--color=blue", "quit"], '--color: "blue" is not auto, always or never'],
    ] as const
  ) {
    const { code, err } = await start(args);
    assert.deepEqual([code, err], [2, `maglevc: ${message}; --help lists the flags\n`]);
  }
});
