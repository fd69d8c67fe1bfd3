import assert from "node:assert/strict";
import { Openssl, OpensslMissing, opensslMissing } from "../../ffi/openssl.ts";
import { SUITES, TlsClient, TlsContext, tlsPeer, TlsSetupError } from "../../ffi/tls.ts";
import { longestRsaKey, peerCertificate, whyRefused } from "../../ffi/x509.ts";
import { collect, handedOut } from "./malloc.ts";
import { noOpenssl, notEmulated, run, testWith } from "../probes/needs.ts";
import { keyKind, Pki, SERVER } from "../probes/pki.ts";
import { shakeHands, taken, TlsServerSide } from "./tls_server.ts";

const nobody = { ca: null, cert: null, key: null };
const web = tlsPeer("web.test", "web.test", false);
const page = new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n");

/** A client and a server that have shaken hands. */
function pair(openssl: Openssl, pki: Pki, old = false) {
  const stack = new DisposableStack();
  const ca = Deno.readFileSync(pki.root.cert);
  const context = stack.use(new TlsContext(openssl, { ca, cert: null, key: null }, true));
  const server = stack.use(new TlsServerSide(openssl, pki.make({ name: "good" }), old));
  const client = stack.use(new TlsClient(context, web, null));
  shakeHands(client, server);
  return { client, server, context, [Symbol.dispose]: () => stack[Symbol.dispose]() };
}

testWith([noOpenssl], "TlsClient: data both ways, and the peer's end", () => {
  using openssl = new Openssl();
  using pki = new Pki();
  for (const old of [false, true]) {
    using both = pair(openssl, pki, old);
    const { client, server } = both;
    assert.equal(client.write(page), page.length);
    server.feed(taken(client));
    assert.equal(server.read(), "GET / HTTP/1.1\r\n\r\n");
    server.write("fine");
    server.close();
    client.feed(server.take());
    const into = new Uint8Array(100);
    let got = client.read(into, 2);
    while (got === "more") got = client.read(into, 2);
    assert.deepEqual([got, new TextDecoder().decode(into.subarray(0, 2))], [2, "fi"]);
    assert.equal(client.read(into, 100), 2);
    assert.equal(client.read(into, 100), "end");
  }
});

testWith([noOpenssl], "TlsClient: one KeyUpdate a call, so that none without end holds a call", () => {
  using openssl = new Openssl();
  using pki = new Pki();
  using both = pair(openssl, pki);
  const { client, server } = both;
  const into = new Uint8Array(100);
  while (client.fed > 0) assert.equal(client.read(into, 100), "more");
  const updates = 200;
  for (let i = 0; i < updates; i++) {
    server.updateKeys();
    client.feed(server.take());
  }
  const record = client.fed / updates;
  // Some calls take a record, others write the answer to it.
  for (let calls = 0; client.fed > 0; calls++) {
    const before = client.fed;
    assert.equal(client.read(into, 100), "more");
    assert.ok(before - client.fed <= record);
    assert.ok(calls < 3 * updates);
  }
});

testWith([noOpenssl], "TlsClient: a HelloRequest is not followed", () => {
  using openssl = new Openssl();
  using pki = new Pki();
  using both = pair(openssl, pki, true);
  const { client, server } = both;
  server.askAnew();
  client.feed(server.take());
  const into = new Uint8Array(100);
  assert.equal(client.read(into, 100), "more");
  // A refusal by a warning, which is far shorter than a ClientHello.
  const answer = taken(client);
  assert.ok(answer.length > 0 && answer.length < 64, `${answer.length} octets`);
  assert.equal(answer[0], 21);
});

testWith(
  [noOpenssl],
  "TlsClient: a peer's HelloRequests in a handshake use up what was fed, and no more",
  () => {
    using openssl = new Openssl();
    using context = new TlsContext(openssl, nobody, true);
    using client = new TlsClient(context, web, null);
    assert.equal(client.connect(), "more");
    // A record of 16 KiB of them.
    const requests = new Uint8Array(5 + 16_384);
    requests.set([22, 3, 3, 0x40, 0]);
    for (let i = 0; i < 20; i++) {
      client.feed(requests);
      assert.equal(client.connect(), "more");
      assert.equal(client.fed, 0);
    }
  },
);

testWith(
  [noOpenssl],
  "TlsSession: a later connection goes on from it, with the certificate of the first",
  () => {
    using openssl = new Openssl();
    using pki = new Pki();
    for (const old of [false, true]) {
      using stack = new DisposableStack();
      const context = stack.use(
        new TlsContext(openssl, { ...nobody, ca: Deno.readFileSync(pki.root.cert) }, true),
      );
      const pem = pki.make({ name: `good ${old}`, extensions: SERVER });
      using first = new TlsClient(context, web, null);
      using server = new TlsServerSide(openssl, pem, old);
      shakeHands(first, server);
      assert.equal(first.resumed, false);
      server.write("fine");
      first.feed(server.take());
      const into = new Uint8Array(100);
      for (let got = first.read(into, 100); got === "more"; got = first.read(into, 100));
      using session = first.session();
      assert.ok(session !== null);
      using certificate = peerCertificate(first);
      // OpenSSL takes a connection that ends without this for a broken one.
      first[Symbol.dispose]();
      const again = stack.use(server.another());
      const second = stack.use(new TlsClient(context, web, session));
      shakeHands(second, again);
      assert.equal(second.resumed, true);
      assert.equal(certificate?.isOf(second), true);
      // What a resumed handshake takes out of it, it does not spoil.
      const third = stack.use(new TlsClient(context, web, null));
      shakeHands(third, stack.use(server.another()));
      assert.equal(third.resumed, false);
    }
  },
);

testWith([noOpenssl], "TlsContext refuses files that it cannot use, and never asks for a password", () => {
  using openssl = new Openssl();
  using pki = new Pki();
  const read = (path: string) => Deno.readFileSync(path);
  const good = pki.make({ name: "good" });
  const other = pki.make({ name: "other" });
  const locked = pki.path("locked.key");
  run("openssl", "ec", "-in", good.key, "-aes128", "-passout", "pass:secret", "-out", locked);
  const none = new TextEncoder().encode("nothing\n");
  const half = read(good.cert).slice(0, 300);
  const rows: [unknown, RegExp][] = [
    [{ ...nobody, ca: none }, /^ca-file: it holds no PEM certificate$/],
    [{ ...nobody, ca: half }, /^ca-file: /],
    [{ ...nobody, cert: read(good.cert), key: read(other.key) }, /^key-file: key values mismatch$/],
    [{ ...nobody, cert: read(good.cert), key: none }, /^key-file: /],
    [{ ...nobody, cert: read(good.cert), key: read(locked) }, /^key-file: /],
    [{ ...nobody, cert: none, key: read(good.key) }, /^cert-file: it holds no PEM certificate$/],
  ];
  for (const [credentials, message] of rows) {
    assert.throws(
      () => new TlsContext(openssl, credentials as ConstructorParameters<typeof TlsContext>[1], true),
      (error) => error instanceof TlsSetupError && message.test(error.message),
    );
  }
  // Nothing is left in OpenSSL's queue that a later call would take for its own.
  assert.equal(openssl.error(), null);
});

testWith([noOpenssl], "TlsContext: the system's certificates are read only where they count", () => {
  using openssl = new Openssl();
  using pki = new Pki();
  const crypto = Deno.dlopen("libcrypto.so.3", {
    X509_STORE_get0_objects: { parameters: ["pointer"], result: "pointer" },
    OPENSSL_sk_num: { parameters: ["pointer"], result: "i32" },
  });
  const before = Deno.env.get("SSL_CERT_FILE");
  using _end = {
    [Symbol.dispose]() {
      crypto.close();
      if (before === undefined) Deno.env.delete("SSL_CERT_FILE");
      else Deno.env.set("SSL_CERT_FILE", before);
    },
  };
  Deno.env.set("SSL_CERT_FILE", pki.root.cert);
  const trusted = (verify: boolean) => {
    using context = new TlsContext(openssl, nobody, verify);
    const store = openssl.ssl.SSL_CTX_get_cert_store(context.pointer);
    return crypto.symbols.OPENSSL_sk_num(crypto.symbols.X509_STORE_get0_objects(store));
  };
  assert.deepEqual([trusted(false), trusted(true)], [0, 1]);
});

testWith([noOpenssl], "whyRefused() names the certificate, and longestRsaKey() its key", () => {
  using openssl = new Openssl();
  using pki = new Pki();
  using context = new TlsContext(openssl, nobody, true);
  using client = new TlsClient(context, web, null);
  const own = pki.make({ name: "stranger", subject: "/O=Örtlich", key: keyKind("rsa2048") });
  using server = new TlsServerSide(openssl, own);
  assert.throws(() => shakeHands(client, server), /certificate verify failed/);
  // A file was renewed meanwhile.
  context[Symbol.dispose]();
  const refusal = whyRefused(client);
  assert.equal(refusal?.certificate.subject, "O=Örtlich, CN=stranger");
  assert.equal(refusal?.certificate.issuer, "CN=Test Root");
  assert.deepEqual(refusal?.certificate.dnsNames, ["web.test"]);
  assert.deepEqual(refusal?.certificate.addresses.map(({ length }) => length), [4, 16]);
  assert.equal(refusal?.certificate.notBefore, Date.UTC(2020, 0, 1));
  assert.equal(refusal?.certificate.notAfter, Date.UTC(2099, 0, 1));
  assert.equal(refusal?.certificate.version, 3);
  assert.equal(longestRsaKey(client), 2048);
});

Deno.test("opensslMissing() says why a library cannot be used", () => {
  assert.match(opensslMissing({ ssl: "libssl.so.none", crypto: "libcrypto.so.3" }) ?? "", /libssl\.so\.none/);
  // A library that is there and lacks the calls; the runtime names any one of them.
  assert.match(opensslMissing({ ssl: "libc.so.6", crypto: "libcrypto.so.3" }) ?? "", /(SSL|TLS)_/);
  assert.throws(() => new Openssl({ ssl: "libssl.so.none", crypto: "libcrypto.so.3" }), OpensslMissing);
  assert.equal(opensslMissing(), null);
});

testWith([noOpenssl], "the suites are those of DEFAULT:!DHE, and CCM behind them", () => {
  const names = (list: string) => run("openssl", "ciphers", list).trim().split(":");
  const ours = names(SUITES);
  const plain = names("DEFAULT:!DHE:!PSK:!SRP");
  assert.deepEqual(ours.slice(0, plain.length), plain);
  assert.ok(ours.length > plain.length);
  for (const name of ours.slice(plain.length)) assert.match(name, /CCM/);
});

testWith([noOpenssl, notEmulated], "contexts, refused and not, leave no memory behind", () => {
  using openssl = new Openssl();
  using pki = new Pki();
  const { cert, key } = pki.make({ name: "good" });
  const bundle = Deno.readFileSync(pki.bundle("bundle", pki.root, pki.make({ name: "Middle" })));
  const good = { ca: bundle, cert: Deno.readFileSync(cert), key: Deno.readFileSync(key) };
  const make = (count: number) => {
    for (let i = 0; i < count; i++) {
      new TlsContext(openssl, good, true)[Symbol.dispose]();
      assert.throws(() => new TlsContext(openssl, { ...good, cert: bundle }, true), TlsSetupError);
    }
    collect();
    return handedOut();
  };
  make(50);
  const before = make(50);
  const count = 300;
  const more = (make(count) - before) / count;
  // A certificate takes thousands.
  assert.ok(more < 500, `${more} octets more for each pair`);
});
