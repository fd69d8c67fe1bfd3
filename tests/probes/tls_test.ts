import assert from "node:assert/strict";
import { createServer, type TlsOptions } from "node:tls";
import type { ProbeCode } from "../../src/model.ts";
import type { TlsParams } from "../../src/configuration.ts";
import { Certificates, type Pair } from "./certificates.ts";
import { httpCheck, noTls, target, tcpCheck } from "./helpers.ts";
import { LocalProber, probeOnce } from "./local.ts";
import { noOpenssl, testWith } from "./needs.ts";
import { mute, ResettingServer, ScriptedServer } from "./servers.ts";

/** A TLS server that answers any request with a small page; remembers the name that each client asked for. */
class TlsServer implements AsyncDisposable {
  readonly names: (string | false | undefined)[] = [];
  readonly #server: ReturnType<typeof createServer>;

  constructor({ cert, key }: Pair, options: TlsOptions = {}) {
    const pem = { cert: Deno.readTextFileSync(cert), key: Deno.readTextFileSync(key) };
    this.#server = createServer({ ...pem, ...options }, (socket) => {
      this.names.push((socket as unknown as { servername?: string | false }).servername);
      socket.on("error", () => {});
      socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"));
    });
    this.#server.on("tlsClientError", () => {});
  }

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, "127.0.0.1", () => {
        const address = this.#server.address();
        if (address === null || typeof address === "string") throw new Error("No port");
        resolve(address.port);
      });
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

testWith([noOpenssl], "TLS probes: every kind of certificate", async (t) => {
  using certificates = new Certificates();
  const alternatives = "DNS:web.test,IP:127.0.0.1";
  const good = certificates.issue("web.test", alternatives);
  const client = certificates.issue("client", "DNS:client.test");
  const caFile = certificates.ca;
  const self = certificates.selfSigned("self.test", alternatives);
  const mutual = { requestCert: true, rejectUnauthorized: true, ca: await Deno.readTextFile(caFile) };
  type Row = [
    name: string,
    server: Pair,
    tls: Partial<TlsParams>,
    https: [ProbeCode, string],
    tcp: [ProbeCode, string],
    options?: TlsOptions,
  ];
  const fine: [ProbeCode, string] = ["L7OK", "HTTP 200"];
  const done: [ProbeCode, string] = ["L6OK", "TLS handshake done"];
  const refused = (detail: string): [ProbeCode, string] => ["L6RSP", detail];
  const both = (
    detail: string,
  ): [[ProbeCode, string], [ProbeCode, string]] => [refused(detail), refused(detail)];
  const rows: Row[] = [
    ["good, by name", good, { caFile, serverName: "web.test" }, fine, done],
    ["good, by address", good, { caFile }, fine, done],
    [
      "wrong name",
      good,
      { caFile, serverName: "other.test" },
      ...both("certificate is not valid for other.test, but for web.test, 127.0.0.1"),
    ],
    [
      "expired",
      certificates.issue("old", alternatives, "20200101000000Z", "20210101000000Z"),
      { caFile },
      ...both("certificate has expired: CN=old ended 2021-01-01 00:00:00 UTC"),
    ],
    [
      "not yet valid",
      certificates.issue("new", alternatives, "20980101000000Z", "20990101000000Z"),
      { caFile },
      ...both("certificate is not yet valid: CN=new begins 2098-01-01 00:00:00 UTC"),
    ],
    [
      "unknown authority",
      good,
      {},
      ...both(
        "certificate signed by an unknown authority: CN=Test CA is not trusted by this system, and the server " +
          "sends no certificate of it (an intermediate may be missing)",
      ),
    ],
    ["self-signed", self, { caFile }, ...both("self-signed certificate: CN=self.test is not in ca-file")],
    ["self-signed, trusted", self, { caFile: self.cert }, fine, done],
    ["self-signed, not verified", self, { insecureSkipVerify: true, serverName: "x.test" }, fine, done],
    [
      "client certificate",
      good,
      { caFile, certFile: client.cert, keyFile: client.key },
      fine,
      done,
      mutual,
    ],
    // In TLS 1.3 a server asks after the handshake is done.
    [
      "no client certificate",
      good,
      { caFile },
      ...both("TLS alert: certificate required (set cert-file and key-file)"),
      mutual,
    ],
  ];
  await using prober = new LocalProber();
  for (const [name, pair, tls, https, tcp, options] of rows) {
    await t.step(name, async () => {
      await using server = new TlsServer(pair, options);
      const port = await server.listen();
      const params = { tls: { ...noTls, ...tls } };
      const overHttps = await prober.once(
        target("https", httpCheck(port, { ...params, responseRegexp: "fi.e" })),
      );
      assert.deepEqual([overHttps.code, overHttps.detail], https);
      const overTcp = await prober.once(target("tcp", tcpCheck(port, params)));
      assert.deepEqual([overTcp.code, overTcp.detail], tcp);
      if (tcp[0] === "L6OK") assert.ok(overTcp.tlsMs !== null);
    });
  }
  await t.step("the name asked for is server-name, else host, else none", async () => {
    await using server = new TlsServer(good);
    const port = await server.listen();
    const tls = { ...noTls, caFile };
    const host = "web.test:8443";
    await prober.once(target("a", httpCheck(port, { host, tls })));
    await prober.once(target("b", httpCheck(port, { tls })));
    assert.deepEqual(server.names.map((name) => name || null), ["web.test", null]);
  });
});

Deno.test("TLS probe: files whose contents have not arrived are this host's failure", async () => {
  const check = tcpCheck(1, { tls: { ...noTls, caFile: "/nonexistent/ca.pem" } });
  const result = await probeOnce(target("b", check));
  assert.equal(result.void, "permission");
  assert.equal(result.detail, "the check's files have not been read");
});

Deno.test("TLS probe: a peer that speaks something else, closes, resets or stalls", async () => {
  const tls = noTls;
  await using web = new ScriptedServer(async (peer) => {
    await peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    await peer.closing();
  });
  const plain = await probeOnce(target("b", tcpCheck(web.port, { tls })));
  assert.deepEqual([plain.code, plain.detail], [
    "L6RSP",
    "peer does not speak TLS: HTTP/1.1 400 Bad Request",
  ]);
  await using closing = new ScriptedServer(() => {});
  const closed = await probeOnce(target("b", tcpCheck(closing.port, { tls })));
  assert.deepEqual([closed.code, closed.detail], ["L6RSP", "connection closed during the TLS handshake"]);
  await using resetting = await ResettingServer.listen();
  assert.equal((await probeOnce(target("b", tcpCheck(resetting.port, { tls })))).code, "L6RSP");
  await using silent = new ScriptedServer(mute);
  const stalled = await probeOnce(target("b", httpCheck(silent.port, { tls }, { timeoutMs: 200 })));
  assert.deepEqual([stalled.code, stalled.detail], ["L6TOUT", "no TLS handshake within 200ms"]);
});

testWith(
  [noOpenssl],
  "TLS probe: a server that stalls after the handshake is late with its response",
  async () => {
    using certificates = new Certificates();
    const { cert, key } = certificates.issue("web.test", "IP:127.0.0.1");
    const pem = { cert: await Deno.readTextFile(cert), key: await Deno.readTextFile(key) };
    const sockets = new Set<{ destroy(): void }>();
    const server = createServer(pem, (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
    });
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resolve(address === null || typeof address === "string" ? 0 : address.port);
      });
    });
    const check = httpCheck(port, { tls: { ...noTls, caFile: certificates.ca } }, { timeoutMs: 300 });
    const result = await probeOnce(target("b", check));
    assert.deepEqual([result.code, result.detail], ["L7TOUT", "no response within 300ms"]);
    assert.ok(result.tlsMs !== null);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  },
);
