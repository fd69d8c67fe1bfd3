/** Whom maglevc believes over TLS, what it says of the others, and that the environment changes nothing of it. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { Client } from "../../src/cli/client.ts";
import { parseServer } from "../../src/cli/server.ts";
import { any } from "../../src/cli/shape.ts";
import { readCaCertificates } from "../../src/cli/trust.ts";
import { ok } from "../../src/result.ts";
import { Certificates, type Pair } from "../probes/certificates.ts";
import { startDaemon } from "./daemon.ts";
import { has, start } from "./process.ts";

const withOpenssl = await has("openssl", "version");

/** A test that needs openssl. */
function opensslTest(name: string, fn: (certificates: Certificates) => Promise<void>): void {
  Deno.test({
    name: `tls: ${name}${withOpenssl ? "" : " (skipped: no openssl)"}`,
    ignore: !withOpenssl,
    async fn() {
      using certificates = new Certificates();
      await fn(certificates);
    },
  });
}

async function openssl(...args: string[]): Promise<void> {
  const { code, err } = await start(args, { command: ["openssl"] });
  assert.equal(code, 0, err);
}

/**
 * A certificate for 127.0.0.1 that names the site's CA and is signed by another key.
 *
 * @param version 1: as `openssl x509 -req` makes it without extensions
 */
async function forge(certificates: Certificates, version: 1 | 3): Promise<Pair> {
  const path = (name: string) => certificates.path(`forged${version}-${name}`);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await openssl(
    "req",
    "-x509",
    ...key,
    "-keyout",
    path("ca.key"),
    "-out",
    path("ca.pem"),
    "-subj",
    "/CN=Test CA",
  );
  await openssl("req", ...key, "-keyout", path("key"), "-out", path("csr"), "-subj", "/CN=127.0.0.1");
  await Deno.writeTextFile(path("ext"), "subjectAltName=IP:127.0.0.1\n");
  await openssl(
    ...[
      "x509",
      "-req",
      "-in",
      path("csr"),
      "-CA",
      path("ca.pem"),
      "-CAkey",
      path("ca.key"),
      "-CAcreateserial",
    ],
    ...["-days", "30", "-out", path("pem"), ...(version === 3 ? ["-extfile", path("ext")] : [])],
  );
  return { cert: path("pem"), key: path("key") };
}

/** OpenSSL's own server, which prints what it is sent; Deno's refuses to serve with a forged certificate. */
async function opensslServer({ cert, key }: Pair): Promise<{ port: number; end(): Promise<string> }> {
  const child = new Deno.Command("openssl", {
    args: ["s_server", "-accept", "127.0.0.1:0", "-cert", cert, "-key", key],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let port = 0;
  while (port === 0) {
    const { value, done } = await reader.read();
    assert.ok(!done, `openssl s_server ended: ${text}`);
    text += value;
    port = Number(/ACCEPT .*:([0-9]+)/.exec(text)?.[1] ?? 0);
  }
  return {
    port,
    async end() {
      child.kill("SIGTERM");
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value;
      }
      await child.stdin.close();
      await child.status;
      return text;
    },
  };
}

/** What a client that trusts the authority says of a server. */
async function sentence(url: string, certificates: Certificates): Promise<string> {
  const server = parseServer(url);
  assert.ok(server !== null);
  const ca = readCaCertificates(await Deno.readTextFile(certificates.ca));
  assert.ok(ca.ok);
  const client = new Client({
    server,
    credentials: () => ok([{ token: "secret-token-of-the-site", connectTo: null, note: "" }]),
    caCerts: ca.value,
    userAgent: "maglevc/test",
    actor: null,
    timeoutMs: 5_000,
  });
  const answer = await client.json({ path: "/v1/info" }, any);
  if (answer.ok) return "ok";
  if (answer.error.kind === "interrupted") return "interrupted";
  return answer.error.message.replace(`cannot reach ${url}: `, "");
}

async function pem({ cert, key }: Pair): Promise<{ cert: string; key: string }> {
  return { cert: await Deno.readTextFile(cert), key: await Deno.readTextFile(key) };
}

opensslTest("each reason to refuse a certificate has its sentence", async (certificates) => {
  const alternatives = "IP:127.0.0.1";
  const cases: [Pair, string][] = [
    [certificates.issue("good", alternatives), "ok"],
    [
      certificates.issue("other", "DNS:other.example,DNS:www.other.example"),
      "its certificate is for other.example, www.other.example, not for 127.0.0.1",
    ],
    [
      certificates.issue("old", alternatives, "20200101000000Z", "20210101000000Z"),
      "its certificate has expired, on 2021-01-01",
    ],
    [
      certificates.issue("early", alternatives, "20900101000000Z", "20910101000000Z"),
      "its certificate is not valid before 2090-01-01",
    ],
    [
      certificates.selfSigned("self", alternatives),
      "its certificate is marked as a CA, as openssl marks a self-signed one; a server needs one with " +
      "basicConstraints CA:FALSE, or one from a CA (--ca-file)",
    ],
  ];
  for (const [pair, wanted] of cases) {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {}, ...await pem(pair) },
      () => Response.json({}),
    );
    assert.equal(await sentence(`https://127.0.0.1:${server.addr.port}`, certificates), wanted);
    await server.shutdown();
  }
  using others = new Certificates();
  const unknown = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {}, ...await pem(others.issue("good", alternatives)) },
    () => Response.json({}),
  );
  // The other authority has the same name, so its key decides.
  assert.match(
    await sentence(`https://127.0.0.1:${unknown.addr.port}`, certificates),
    /^(its certificate comes from an unknown CA, or is self-signed|the CA that its certificate names has not signed it) \(--ca-file names the CA to trust\)$/,
  );
  await unknown.shutdown();
});

opensslTest(
  "what is no TLS, or ends before its time, is told from a bad certificate",
  async (certificates) => {
    const plain = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => Response.json({}));
    assert.equal(
      await sentence(`https://127.0.0.1:${plain.addr.port}`, certificates),
      "it does not speak TLS there (https:// needs a TLS port)",
    );
    await plain.shutdown();
    const good = await pem(certificates.issue("good", "IP:127.0.0.1"));
    const secure = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {}, ...good },
      () => Response.json({}),
    );
    assert.equal(
      await sentence(`http://127.0.0.1:${secure.addr.port}`, certificates),
      "its answer is no HTTP/1 response (a TLS port needs https://)",
    );
    await secure.shutdown();

    const endings: [string, "end" | "resetAndDestroy", string][] = [
      ["https", "end", "the connection was closed during the TLS handshake"],
      ["https", "resetAndDestroy", "the connection was reset"],
      ["http", "end", "the connection was closed"],
      ["http", "resetAndDestroy", "the connection was reset"],
    ];
    for (const [scheme, how, wanted] of endings) {
      const server = createServer((socket) => void socket.once("data", () => socket[how]()));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const address = server.address();
      assert.ok(typeof address === "object" && address !== null);
      assert.equal(await sentence(`${scheme}://127.0.0.1:${address.port}`, certificates), wanted, scheme);
      await new Promise((resolve) => server.close(resolve));
    }
  },
);

opensslTest("a forged certificate is refused, and its server never gets the token", async (certificates) => {
  for (
    const [version, wanted] of [
      [1, /its certificate is not of X\.509 version 3; it may be forged/],
      [3, /the CA that its certificate names has not signed it|comes from an unknown CA/],
    ] as const
  ) {
    const server = await opensslServer(await forge(certificates, version));
    const { code, out, err } = await start([
      ...["--server", `https://127.0.0.1:${server.port}`, "--ca-file", certificates.ca],
      ...["--token", "secret-token-of-the-site", "show", "version"],
    ]);
    assert.deepEqual([code, out], [3, ""]);
    assert.match(err, wanted);
    assert.ok(!(await server.end()).includes("secret-token"));
  }
});

opensslTest("with --ca-file nobody else is trusted, whatever the environment says", async (certificates) => {
  using ours = new Certificates();
  await using daemon = startDaemon({ tls: await pem(certificates.issue("good", "IP:127.0.0.1")) });
  const words = ["--server", daemon.url, "show", "version"];
  for (
    const env of [
      { DENO_CERT: certificates.ca },
      { NODE_EXTRA_CA_CERTS: certificates.ca },
      { DENO_TLS_CA_STORE: "system", SSL_CERT_FILE: certificates.ca },
    ]
  ) {
    // The variable works where the user leaves the choice to the environment, so the refusal below is ours.
    assert.equal((await start(words, { env })).code, 0, JSON.stringify(env));
    const { code, err } = await start(["--ca-file", ours.ca, ...words], { env });
    assert.equal(code, 3, JSON.stringify(env));
    assert.match(err, /^maglevc: cannot reach https:.*--ca-file/);
    assert.equal((await start(["--ca-file", certificates.ca, ...words], { env })).code, 0);
  }
});

opensslTest("no proxy of the environment gets a request", async (certificates) => {
  await using plain = startDaemon();
  await using secure = startDaemon({ tls: await pem(certificates.issue("good", "IP:127.0.0.1")) });
  let asked = 0;
  const proxy = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    asked++;
    return new Response(null, { status: 502 });
  });
  const names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].flatMap((name) => [name, name.toLowerCase()]);
  await Promise.all(
    names.flatMap((name) =>
      [plain.url, secure.url].map(async (url) => {
        const env = { [name]: `http://127.0.0.1:${proxy.addr.port}` };
        const { code, err } = await start([
          ...["--server", url, "--token", "secret-token-of-the-site", "--ca-file", certificates.ca],
          ...["show", "version"],
        ], { env });
        assert.deepEqual([code, err], [0, ""], `${name} ${url}`);
      })
    ),
  );
  await proxy.shutdown();
  assert.equal(asked, 0);
});

opensslTest("a CA file that holds no certificate is said to be none", async (certificates) => {
  const good = await Deno.readTextFile(certificates.ca);
  const damaged = good.replace(/\n(.{40})/, (_, head: string) => `\n${head.slice(0, 20)}!${head.slice(21)}`);
  const cut = good.replace(/\n[^\n]*\n-----END/, "\n-----END");
  const cases: [string, RegExp][] = [
    ["", /there is no PEM certificate in it/],
    ["rubbish\n", /there is no PEM certificate in it/],
    [await Deno.readTextFile(certificates.path("ca.key")), /there is no PEM certificate in it/],
    [damaged, /certificate 1 in it cannot be read/],
    [cut, /certificate 1 in it cannot be read/],
    [`${good}${cut}`, /certificate 2 in it cannot be read/],
    [good.replace(/-----END[^]*/, ""), /certificate 1 in it cannot be read/],
  ];
  for (const [text, wanted] of cases) {
    const result = readCaCertificates(text);
    assert.match(result.ok ? "no error" : result.error, wanted);
  }
  const both = readCaCertificates(`a comment\n${good}${good}`);
  assert.equal(both.ok && both.value.length, 2);
  // Deno leaves out what it cannot read and says nothing, so the file is looked at before any connection.
  const file = certificates.path("rubbish.pem");
  await Deno.writeTextFile(file, damaged);
  for (
    const [args, env, from] of [[["--ca-file", file], {}, "--ca-file"], [
      [],
      { MAGLEV_CA_FILE: file },
      "MAGLEV_CA_FILE",
    ]] as const
  ) {
    const { code, err } = await start([...args, "--server", "https://127.0.0.1:1", "show", "version"], {
      env,
    });
    assert.deepEqual([code, err], [2, `maglevc: ${from}: ${file}: certificate 1 in it cannot be read\n`]);
  }
});

Deno.test("tls: a port that fetch refuses is named as such", async () => {
  const { code, err } = await start(["--server", "http://127.0.0.1:6000", "show", "version"]);
  assert.equal(code, 3);
  assert.match(err, /port 6000 is one that HTTP clients refuse/);
});
