/** Which token maglevc sends, and where it must not. */
import assert from "node:assert/strict";
import { localTokenInfoText } from "../../src/net/local_token.ts";
import { Client } from "../../src/cli/client.ts";
import { realFiles } from "../../src/cli/files.ts";
import { parseServer } from "../../src/cli/server.ts";
import { any } from "../../src/cli/shape.ts";
import { credentials, type Files, type OpenedFile, type TokenQuestion } from "../../src/cli/token.ts";
import { err, ok } from "../../src/result.ts";
import { start } from "./process.ts";

const secret = "0123456789abcdef-local";
const systemFile = "/run/vpp-maglev/token";
const userFile = "/run/user/1000/vpp-maglev/token";

/** A file that root wrote; `folderUid` null: others can write beside it. */
function file(text: string, rest: Partial<OpenedFile> = {}): OpenedFile {
  return { text, uid: 0, mode: 0o100640, isFile: true, folderUid: 0, ...rest };
}

/** A token file and what stands beside it. */
function pair(
  path: string,
  token: string,
  listen: string[],
  rest: Partial<OpenedFile> = {},
): [string, OpenedFile][] {
  return [
    [path, file(`${token}\n`, rest)],
    [`${path}.json`, file(localTokenInfoText({ pid: 1, listen }), rest)],
  ];
}

function filesOf(entries: readonly (readonly [string, OpenedFile])[], uid = 1000): Files {
  const all = new Map(entries);
  return {
    uid,
    read: (path) => {
      const found = all.get(path);
      return found === undefined ? err(`cannot read ${path}: no such file`) : ok(found.text);
    },
    open: (path) => ok(all.get(path) ?? null),
  };
}

function ask(url: string, files: Files, rest: Partial<TokenQuestion> = {}) {
  const server = parseServer(url);
  assert.ok(server !== null);
  return credentials({ server, source: null, insecure: false, runtimeDir: "/run/user/1000", ...rest }, files);
}

/** The tokens that are sent, in their order; the note where there is none. */
function tokens(url: string, files: Files, rest: Partial<TokenQuestion> = {}): string[] {
  const found = ask(url, files, rest);
  return found.ok ? found.value.map(({ token, note }) => token ?? note) : [`error: ${found.error}`];
}

Deno.test("the local token goes to the addresses of its daemon and to no other", () => {
  const listen = ["127.0.0.1:9090", "unix:/run/vpp-maglev/api.sock"];
  const files = filesOf(pair(systemFile, secret, listen));
  for (
    const url of [
      "http://127.0.0.1:9090",
      "127.0.0.1:9090",
      "https://127.0.0.1:9090",
      "unix:/run/vpp-maglev/api.sock",
    ]
  ) {
    assert.deepEqual(tokens(url, files), [secret], url);
  }
  for (
    const url of [
      "http://127.0.0.1:9091",
      "http://127.0.0.2:9090",
      "http://[::1]:9090",
      "http://192.0.2.1:9090",
      "http://lb1.example:9090",
      "http://127.0.0.1.example:9090",
      "unix:/tmp/api.sock",
    ]
  ) {
    assert.deepEqual(
      tokens(url, files),
      [`no token was sent: ${systemFile} is for ${listen.join(", ")} and not for ${url}`],
      url,
    );
  }
});

Deno.test("localhost is the address that the daemon has, since the other one may be another program's", () => {
  const found = ask("http://localhost:9090", filesOf(pair(systemFile, secret, ["127.0.0.1:9090"])));
  assert.deepEqual(found.ok && found.value.map(({ token, connectTo }) => [token, connectTo]), [[
    secret,
    "127.0.0.1",
  ]]);
  const six = ask("http://localhost:9090", filesOf(pair(systemFile, secret, ["[::1]:9090"])));
  assert.deepEqual(six.ok && six.value.map(({ connectTo }) => connectTo), ["::1"]);
});

Deno.test("a local token of a file that others could have written is not sent", () => {
  const listen = ["127.0.0.1:9090"];
  const refused: [Partial<OpenedFile>, string][] = [
    [
      { uid: 1001, folderUid: null },
      `${systemFile} belongs to user 1001, neither to root nor to the user of maglevd`,
    ],
    [
      { uid: 1001, folderUid: 999 },
      `${systemFile} belongs to user 1001, neither to root nor to the user of maglevd`,
    ],
    [{ mode: 0o100660 }, `${systemFile} can be written by others than its owner`],
    [{ mode: 0o100606 }, `${systemFile} can be written by others than its owner`],
    [{ isFile: false }, `${systemFile} is no regular file`],
  ];
  for (const [rest, why] of refused) {
    assert.deepEqual(tokens("127.0.0.1:9090", filesOf(pair(systemFile, secret, listen, rest))), [
      `no token was sent: ${why}`,
    ]);
  }
  const trusted: Partial<OpenedFile>[] = [
    { uid: 0 },
    // The daemon's user owns the folder that systemd made for it.
    { uid: 999, folderUid: 999 },
    // The user of maglevc.
    { uid: 1000, folderUid: null },
  ];
  for (const rest of trusted) {
    assert.deepEqual(tokens("127.0.0.1:9090", filesOf(pair(systemFile, secret, listen, rest))), [secret]);
  }
  // What stands beside the token decides where it goes, so it is looked at as strictly.
  const [token] = pair(systemFile, secret, listen);
  const [, info] = pair(systemFile, secret, listen, { uid: 1001, folderUid: null });
  assert.ok(token !== undefined && info !== undefined);
  assert.match(tokens("127.0.0.1:9090", filesOf([token, info])).join(), /token\.json belongs to user 1001/);
});

Deno.test("with two daemons the file that names the address counts, and both do if both name it", () => {
  const both = [
    ...pair(systemFile, secret, ["127.0.0.1:9090"]),
    ...pair(userFile, "fedcba9876543210", ["127.0.0.1:9191"]),
  ];
  assert.deepEqual(tokens("127.0.0.1:9090", filesOf(both)), [secret]);
  assert.deepEqual(tokens("127.0.0.1:9191", filesOf(both)), ["fedcba9876543210"]);
  const same = [
    ...pair(systemFile, secret, ["127.0.0.1:9090"]),
    ...pair(userFile, "fedcba9876543210", ["127.0.0.1:9090"]),
  ];
  assert.deepEqual(tokens("127.0.0.1:9090", filesOf(same)), [secret, "fedcba9876543210"]);
});

Deno.test("without a local token the note says why", () => {
  const at = "127.0.0.1:9090";
  assert.deepEqual(tokens(at, filesOf([])), [`no token was sent: there is no ${systemFile} or ${userFile}`]);
  assert.deepEqual(tokens(at, filesOf([]), { runtimeDir: undefined }), [
    `no token was sent: there is no ${systemFile}`,
  ]);
  const [token] = pair(systemFile, secret, [at]);
  assert.ok(token !== undefined);
  assert.deepEqual(tokens(at, filesOf([token])), [
    `no token was sent: ${systemFile}.json does not say whose token ${systemFile} is`,
  ]);
  assert.deepEqual(tokens(at, filesOf(pair(systemFile, "short", [at]))), [
    `no token was sent: ${systemFile} holds no token`,
  ]);
  assert.deepEqual(tokens(at, filesOf(pair(systemFile, secret, []))), [
    `no token was sent: ${systemFile} is for no address and not for ${at}`,
  ]);
  const closed: Files = { ...filesOf([]), open: () => err("permission denied") };
  assert.match(
    tokens(at, closed).join(),
    /^no token was sent: cannot read \/run\/vpp-maglev\/token: permission denied/,
  );
});

Deno.test("a token of the user's own is readable for nobody on its way, unless that is wanted", () => {
  const source = { text: "mine", from: "--token" };
  const files = filesOf([]);
  for (
    const url of [
      "https://lb1.example:9090",
      "http://127.0.0.1:9090",
      "http://127.9.9.9",
      "http://localhost:9090",
      "http://[::1]:9090",
      "unix:/run/x.sock",
    ]
  ) assert.deepEqual(tokens(url, files, { source }), ["mine"], url);
  for (
    const url of [
      "http://lb1.example:9090",
      "lb1:9090",
      "http://192.0.2.1",
      "http://[2001:db8::1]:9090",
      "http://localhost.example",
    ]
  ) {
    assert.deepEqual(tokens(url, files, { source }), [
      `error: the token would cross the network in clear to ${url}; use https://, or --insecure-token`,
    ]);
    assert.deepEqual(tokens(url, files, { source, insecure: true }), ["mine"]);
  }
});

Deno.test("files are looked at before they are read: no link is followed, no pipe is waited for", async () => {
  const folder = await Deno.makeTempDir();
  const { open } = realFiles();
  const path = `${folder}/token`;
  assert.deepEqual(open(path), { ok: true, value: null });
  await Deno.writeTextFile(path, `${secret}\n`, { mode: 0o640 });
  await Deno.chmod(folder, 0o755);
  const opened = open(path);
  assert.ok(opened.ok && opened.value !== null);
  const { text, uid, isFile, folderUid } = opened.value;
  assert.deepEqual([text, uid, isFile, folderUid], [`${secret}\n`, Deno.uid(), true, Deno.uid()]);
  await Deno.chmod(folder, 0o777);
  assert.equal(open(path).ok && (open(path) as { value: OpenedFile }).value.folderUid, null);
  await Deno.symlink(path, `${folder}/link`);
  const link = open(`${folder}/link`);
  assert.deepEqual(link.ok && link.value !== null && [link.value.isFile, link.value.text], [false, ""]);
  assert.equal((await start(["-m", "600", `${folder}/pipe`], { command: ["mkfifo"] })).code, 0);
  const pipe = open(`${folder}/pipe`);
  assert.deepEqual(pipe.ok && pipe.value !== null && pipe.value.isFile, false);
  await Deno.remove(folder, { recursive: true });
});

/** What a server of this test was asked. */
interface Asked {
  readonly path: string;
  readonly authorization: string | null;
  readonly actor: string | null;
}

/** A server that takes one token and notes what it is asked. */
function guarded(token: string): { url: string; port: number; asked: Asked[]; close(): Promise<void> } {
  const asked: Asked[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const authorization = request.headers.get("authorization");
    asked.push({
      path: new URL(request.url).pathname,
      authorization,
      actor: request.headers.get("x-maglev-actor"),
    });
    if (authorization === `Bearer ${token}`) return Response.json({ healthchecks: [] });
    return Response.json({
      type: "urn:maglev:problem:unauthorized",
      status: 401,
      title: "t",
      detail: "This needs a token",
    }, {
      status: 401,
      headers: { "content-type": "application/problem+json" },
    });
  });
  const { port } = server.addr;
  return { url: `http://127.0.0.1:${port}`, port, asked, close: () => server.shutdown() };
}

Deno.test("a real local token is read anew for each request, and the server's sentence is what one sees of a 401", async () => {
  const runtime = await Deno.makeTempDir();
  const folder = `${runtime}/vpp-maglev`;
  await Deno.mkdir(folder, { mode: 0o755 });
  const server = guarded(secret);
  const env = {
    XDG_RUNTIME_DIR: runtime,
    SUDO_USER: "op\u00e9r",
    MAGLEV_SERVER: server.url,
  };
  const write = async (token: string, port: number) => {
    await Deno.writeTextFile(`${folder}/token`, `${token}\n`, { mode: 0o640 });
    await Deno.writeTextFile(
      `${folder}/token.json`,
      localTokenInfoText({ pid: 1, listen: [`127.0.0.1:${port}`] }),
    );
  };
  await write("fedcba9876543210", server.port);
  const wrong = await start(["show", "healthchecks"], { env });
  assert.deepEqual([wrong.code, wrong.out], [1, ""]);
  assert.equal(
    wrong.err,
    `maglevc: This needs a token\n  the token that was sent is the local one, ${folder}/token\n`,
  );
  await write(secret, server.port);
  assert.deepEqual(await start(["show", "healthchecks"], { env }), {
    code: 0,
    out: "no health checks\n",
    err: "",
  });
  assert.deepEqual(server.asked.at(-1), {
    path: "/v1/healthchecks",
    authorization: `Bearer ${secret}`,
    actor: "op?r",
  });
  await write(secret, 1);
  const elsewhere = await start(["show", "healthchecks"], { env });
  assert.match(elsewhere.err, /no token was sent: .*token is for 127\.0\.0\.1:1 and not for /);
  assert.equal(server.asked.at(-1)?.authorization, null);
  await server.close();
  await Deno.remove(runtime, { recursive: true });
});

Deno.test("the local token is read anew for each connection: a daemon that was started again has another", async () => {
  const runtime = await Deno.makeTempDir();
  await Deno.mkdir(`${runtime}/vpp-maglev`, { mode: 0o755 });
  let current = secret;
  let port = 0;
  const write = async () => {
    const path = `${runtime}/vpp-maglev/token`;
    await Deno.writeTextFile(path, `${current}\n`, { mode: 0o640 });
    await Deno.writeTextFile(`${path}.json`, localTokenInfoText({ pid: 1, listen: [`127.0.0.1:${port}`] }));
  };
  const seen: boolean[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    seen.push(request.headers.get("authorization") === `Bearer ${current}`);
    current = `${secret}-${seen.length}`;
    await write();
    return Response.json({ healthchecks: [] });
  });
  port = server.addr.port;
  await write();
  const { code, err } = await start([], {
    env: { XDG_RUNTIME_DIR: runtime, MAGLEV_SERVER: `127.0.0.1:${port}` },
    stdin: "show healthchecks\nshow healthchecks\nshow healthchecks\n",
  });
  assert.deepEqual([code, err, seen], [0, "", [true, true, true]]);
  await server.shutdown();
  await Deno.remove(runtime, { recursive: true });
});

Deno.test("a token that is refused is followed by the next, and the refusal of the last one counts", async () => {
  const server = guarded("second");
  const parsed = parseServer(server.url);
  assert.ok(parsed !== null);
  const ask = async (...given: string[]) => {
    const client = new Client({
      server: parsed,
      credentials: () => ok(given.map((token) => ({ token, connectTo: null, note: `sent ${token}` }))),
      caCerts: [],
      userAgent: "maglevc/test",
      actor: null,
    });
    const answer = await client.json({ path: "/v1/healthchecks", method: "POST" }, any);
    return answer.ok ? "ok" : answer.error.kind === "refused" ? answer.error.note : answer.error.kind;
  };
  assert.equal(await ask("first", "second"), "ok");
  assert.deepEqual(server.asked.map(({ authorization }) => authorization), ["Bearer first", "Bearer second"]);
  assert.equal(await ask("first", "third"), "sent third");
  await server.close();
});

Deno.test("a redirect takes no token to another server", async () => {
  const thief = guarded("none");
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(null, { status: 307, headers: { location: `${thief.url}/v1/info` } }),
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const { code, err } = await start(["--server", url, "--token", secret, "show", "version"]);
  assert.deepEqual([code, err], [
    1,
    `maglevc: ${url} did not answer as maglevd does: HTTP 307, no media type\n`,
  ]);
  assert.deepEqual(thief.asked, []);
  await server.shutdown();
  await thief.close();
});
