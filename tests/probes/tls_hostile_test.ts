import assert from "node:assert/strict";
import { Openssl } from "../../ffi/openssl.ts";
import { TlsServerSide } from "../ffi/tls_server.ts";
import { httpCheck, noTls, target, tcpCheck } from "./helpers.ts";
import { LocalProber } from "./local.ts";
import { noOpenssl, testWith } from "./needs.ts";
import { Pki } from "./pki.ts";
import { type Peer, ScriptedServer } from "./servers.ts";

const tls = noTls;

/** Sends octets until the probe closes. */
async function flood(peer: Peer, octets: Uint8Array): Promise<void> {
  for (;;) {
    for (let sent = 0; sent < octets.length;) sent += await peer.connection.write(octets.subarray(sent));
  }
}

/** Shakes hands as a server of TLS 1.3, reads the request, and goes on as `then` says. */
function secure(pki: Pki, openssl: Openssl, then: (peer: Peer, server: TlsServerSide) => Promise<void>) {
  const pem = pki.make({ name: "good" });
  return async (peer: Peer) => {
    using server = new TlsServerSide(openssl, pem);
    const buffer = new Uint8Array(16 * 1024);
    for (let request = ""; request === "";) {
      const got = await peer.connection.read(buffer);
      if (got === null) return;
      server.feed(buffer.slice(0, got));
      if (server.accept()) request = server.read();
      const octets = server.take();
      for (let sent = 0; sent < octets.length;) sent += await peer.connection.write(octets.subarray(sent));
    }
    await then(peer, server);
  };
}

Deno.test("TLS probe: HelloRequests without end are refused, and no other probe suffers", async () => {
  // Records of 16 KiB of them: a client that is in a handshake skips each.
  const requests = new Uint8Array(5 + 16_384);
  requests.set([22, 3, 3, 0x40, 0]);
  await using server = new ScriptedServer((peer) => flood(peer, requests));
  await using prober = new LocalProber();
  for (const check of [httpCheck(server.port, { tls }), tcpCheck(server.port, { tls })]) {
    const { code, detail } = await prober.once(target("b", check));
    assert.deepEqual([code, detail], ["L6RSP", "more than 96 KiB in the TLS handshake"]);
  }
});

testWith([noOpenssl], "TLS probe: KeyUpdates without end are refused", async () => {
  using pki = new Pki();
  using openssl = new Openssl();
  const script = secure(pki, openssl, async (peer, side) => {
    // Made at once: this server runs on the thread that probes.
    for (let i = 0; i < 2000; i++) side.updateKeys();
    const octets = side.take();
    for (let sent = 0; sent < octets.length;) sent += await peer.connection.write(octets.subarray(sent));
    await peer.closing();
  });
  await using server = new ScriptedServer(script);
  await using prober = new LocalProber();
  const check = httpCheck(server.port, { tls: { ...tls, caFile: pki.root.cert } });
  const { code, detail } = await prober.once(target("b", check));
  assert.deepEqual([code, detail], ["L7RSP", "more than 1000 records without data"]);
});

testWith(
  [noOpenssl],
  "TLS probe: a response in single octets, each a record of its own, is read",
  async () => {
    using pki = new Pki();
    using openssl = new Openssl();
    const script = secure(pki, openssl, async (peer, side) => {
      for (const character of "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine") side.write(character);
      const octets = side.take();
      // And the records in pieces that fit none of them.
      for (let at = 0; at < octets.length; at += 7) await peer.connection.write(octets.subarray(at, at + 7));
      await peer.closing();
    });
    await using server = new ScriptedServer(script);
    await using prober = new LocalProber();
    const params = { tls: { ...tls, caFile: pki.root.cert }, responseRegexp: "^fine$" };
    const { code, detail } = await prober.once(target("b", httpCheck(server.port, params)));
    assert.deepEqual([code, detail], ["L7OK", "HTTP 200"]);
  },
);

testWith(
  [noOpenssl],
  "TLS probe over tcp: a peer that never closes costs no time-out, and its data is not kept",
  async () => {
    using pki = new Pki();
    using openssl = new Openssl();
    const pem = pki.make({ name: "good" });
    const buffer = new Uint8Array(16 * 1024);
    const script = (greeting: string) => async (peer: Peer) => {
      using side = new TlsServerSide(openssl, pem);
      for (let done = false; !done;) {
        const got = await peer.connection.read(buffer);
        if (got === null) return;
        side.feed(buffer.slice(0, got));
        done = side.accept();
        if (done && greeting !== "") side.write(greeting);
        const octets = side.take();
        for (let sent = 0; sent < octets.length;) sent += await peer.connection.write(octets.subarray(sent));
      }
      await peer.closing();
    };
    await using prober = new LocalProber();
    for (const greeting of ["", "220 mail.test ESMTP\r\n"]) {
      await using server = new ScriptedServer(script(greeting));
      const timeoutMs = 30_000;
      const check = tcpCheck(server.port, { tls: { ...tls, caFile: pki.root.cert }, timeoutMs });
      const { code, totalMs } = await prober.once(target("b", check));
      assert.equal(code, "L6OK");
      assert.ok(totalMs < timeoutMs / 2, `${totalMs} ms`);
    }
  },
);

Deno.test("TLS probe: a server that does not answer the look for DHE is looked at once, and its refusal stands", async () => {
  let connections = 0;
  await using server = new ScriptedServer(async (peer) => {
    const hello = new Uint8Array(4096);
    await peer.connection.read(hello);
    connections++;
    // The hello of the look is the one without a session's identifier, whose length this is.
    if (hello[43] !== 0) await peer.connection.write(Uint8Array.of(21, 3, 3, 0, 2, 2, 40));
    await peer.closing();
  });
  await using prober = new LocalProber();
  prober.engine.start([target("b", tcpCheck(server.port, { tls, timeoutMs: 300 }))]);
  await prober.reports.next("b", 3);
  prober.engine.stop(["b"]);
  const results = prober.reports.of("b").slice(0, 3).map(({ result }) => [result.code, result.detail]);
  assert.deepEqual(results, Array(3).fill(["L6RSP", "TLS alert: handshake failure"]));
  // Three probes and one look; a fourth probe may have begun.
  assert.ok(connections === 4 || connections === 5, `${connections} connections`);
});

Deno.test("TLS probe: what speaks first and is not TLS is quoted", async () => {
  const rows: [string, string][] = [
    ["SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "SSH-2.0-OpenSSH_9.2p1 Debian-2"],
    ["220 mail.test ESMTP\r\n", "220 mail.test ESMTP"],
    ["J\0\0\0\x0a8.0.36\0", "J\\x00\\x00\\x00\\n8.0.36\\x00"],
    ["-ERR unknown command\r\n", "-ERR unknown command"],
    ["\0\0\x12\x04\0\0\0\0\0", "\\x00\\x00\\x12\\x04\\x00\\x00\\x00\\x00\\x00"],
    ["x".repeat(100), `${"x".repeat(60)}…`],
  ];
  await using prober = new LocalProber();
  for (const [text, quote] of rows) {
    await using server = new ScriptedServer(async (peer) => {
      await peer.send(text);
      await peer.closing();
    });
    for (const check of [httpCheck(server.port, { tls }), tcpCheck(server.port, { tls })]) {
      const { code, detail } = await prober.once(target("b", check));
      assert.deepEqual([code, detail], ["L6RSP", `peer does not speak TLS: ${quote}`]);
    }
  }
});

Deno.test("TLS probe: each alert of a peer has its name", async () => {
  let alert = 0;
  await using server = new ScriptedServer(async (peer) => {
    const hello = new Uint8Array(4096);
    await peer.connection.read(hello);
    await peer.connection.write(Uint8Array.of(21, 3, 3, 0, 2, 2, alert));
    await peer.closing();
  });
  await using prober = new LocalProber();
  const names = new Map([
    [10, "unexpected message"],
    [20, "bad record mac"],
    [22, "record overflow"],
    [40, "handshake failure"],
    [42, "bad certificate"],
    [43, "unsupported certificate"],
    [44, "certificate revoked"],
    [45, "certificate expired"],
    [46, "certificate unknown"],
    [47, "illegal parameter"],
    [48, "unknown ca"],
    [49, "access denied"],
    [50, "decode error"],
    [51, "decrypt error"],
    [70, "protocol version (the server speaks neither TLS 1.2 nor TLS 1.3)"],
    [71, "insufficient security"],
    [80, "internal error"],
    [86, "inappropriate fallback"],
    [109, "missing extension"],
    [110, "unsupported extension"],
    [112, "unrecognized name (set server-name)"],
    [113, "bad certificate status response"],
    [115, "unknown psk identity"],
    [116, "certificate required (set cert-file and key-file)"],
    [120, "no application protocol"],
    [200, "200"],
  ]);
  for (const [number, name] of names) {
    alert = number;
    const { code, detail } = await prober.once(target("b", tcpCheck(server.port, { tls })));
    assert.deepEqual([code, detail], ["L6RSP", `TLS alert: ${name}`]);
  }
});
