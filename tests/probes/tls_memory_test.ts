import assert from "node:assert/strict";
import { Openssl } from "../../ffi/openssl.ts";
import { TlsClient, TlsContext } from "../../ffi/tls.ts";
import type { LeafCertificate, Millis } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import { probePlan } from "../../src/probes/plan.ts";
import { TlsMemory, tlsNames } from "../../src/probes/tls_memory.ts";
import { shakeHands, TlsServerSide } from "../ffi/tls_server.ts";
import { httpCheck, noTls, target } from "./helpers.ts";
import { noOpenssl, testWith } from "./needs.ts";
import { Pki } from "./pki.ts";

/** One memory, one server, and handshakes between them at given times. */
class Bench implements Disposable {
  readonly openssl = new Openssl();
  readonly pki = new Pki();
  readonly context: TlsContext;
  readonly memory: TlsMemory;
  readonly told: LeafCertificate[] = [];
  server: TlsServerSide;

  constructor(intervalMs: Millis = 1000) {
    this.context = this.another();
    const check = httpCheck(443, { tls: { ...noTls, serverName: "web.test" } }, { intervalMs });
    this.memory = new TlsMemory(probePlan(target("b", check), "test"), (leaf) => this.told.push(leaf));
    this.server = new TlsServerSide(this.openssl, this.pki.make({ name: "good" }));
  }

  /** A context of its own, with the same trust. */
  another(): TlsContext {
    return new TlsContext(
      this.openssl,
      { ca: Deno.readFileSync(this.pki.root.cert), cert: null, key: null },
      true,
    );
  }

  /** A probe at `now`, which the server answers; whether its handshake was a full one. */
  probe(now: Millis, context = this.context): "full" | "resumed" {
    using server = this.server.another();
    using client = new TlsClient(context, this.memory.peer, this.memory.session(context, now));
    shakeHands(client, server);
    assert.equal(this.memory.opened(client, now), null);
    server.write("fine");
    client.feed(server.take());
    const into = new Uint8Array(100);
    for (let got = client.read(into, 100); got === "more"; got = client.read(into, 100));
    this.memory.keep(client);
    return client.resumed ? "resumed" : "full";
  }

  [Symbol.dispose](): void {
    this.memory[Symbol.dispose]();
    this.server[Symbol.dispose]();
    this.context[Symbol.dispose]();
    this.pki[Symbol.dispose]();
    this.openssl[Symbol.dispose]();
  }
}

testWith([noOpenssl], "TlsMemory: resumed, with a full handshake at least once in a minute", () => {
  for (const intervalMs of [1000, 7000, 20_000]) {
    using bench = new Bench(intervalMs);
    let fullAt = 0;
    let resumed = 0;
    for (let now = 0; now < 300_000; now += intervalMs * 1.1) {
      if (bench.probe(now) === "resumed") resumed++;
      else fullAt = now;
      assert.ok(now - fullAt <= 60_000, `${now - fullAt} ms without a full one at ${intervalMs} ms`);
    }
    assert.ok(resumed > 0);
  }
});

testWith(
  [noOpenssl],
  "TlsMemory: a probe less often than twice a minute always makes a full handshake",
  () => {
    using bench = new Bench(31_000);
    for (let now = 0; now < 300_000; now += 31_000) assert.equal(bench.probe(now), "full");
  },
);

testWith([noOpenssl], "TlsMemory: a session goes with its context, a refusal, and its plan", () => {
  using bench = new Bench();
  assert.equal(bench.probe(0), "full");
  assert.equal(bench.probe(1000), "resumed");
  // Another CA or client certificate means another context.
  using context = bench.another();
  assert.equal(bench.probe(2000, context), "full");
  assert.equal(bench.probe(3000, context), "resumed");
  assert.equal(bench.probe(4000), "full");
  assert.equal(bench.probe(5000), "resumed");
  bench.memory.forget();
  assert.equal(bench.probe(6000), "full");
  bench.memory[Symbol.dispose]();
  // A probe that was cancelled may end behind its plan.
  assert.equal(bench.probe(7000), "full");
  assert.equal(bench.probe(8000), "full");
});

testWith([noOpenssl], "TlsMemory: a certificate is told when it is another one", () => {
  using bench = new Bench();
  bench.probe(0);
  bench.probe(1000);
  bench.probe(70_000);
  assert.deepEqual(bench.told, [{
    subject: "CN=good",
    issuer: "CN=Test Root",
    names: ["web.test", "127.0.0.1", "::1"],
    notBefore: Date.UTC(2020, 0, 1),
    notAfter: Date.UTC(2099, 0, 1),
  }]);
  bench.server[Symbol.dispose]();
  bench.server = new TlsServerSide(bench.openssl, bench.pki.make({ name: "renewed", to: "20350101000000Z" }));
  // A server that was restarted does not know the session, and shows its certificate.
  assert.equal(bench.probe(71_000), "full");
  assert.deepEqual(bench.told.map(({ subject }) => subject), ["CN=good", "CN=renewed"]);
  assert.equal(bench.told[1]?.notAfter, Date.UTC(2035, 0, 1));
});

testWith([noOpenssl], "TlsMemory: a look for DHE is made once in a minute", () => {
  using bench = new Bench();
  assert.equal(bench.memory.onlyDhe(0), null);
  bench.memory.looked(true, 0);
  assert.equal(bench.memory.onlyDhe(59_999), true);
  assert.equal(bench.memory.onlyDhe(60_000), null);
});

Deno.test("tlsNames(): server-name, else a host that is a name, else none and the address", () => {
  const names = (host: string | null, serverName: string | null, address = "192.0.2.1") => {
    const check = httpCheck(443, { host, tls: { ...noTls, serverName } });
    const { sni, checked } = tlsNames(probePlan(target("b", check, { address: ip(address) }), "test"));
    return [sni, checked];
  };
  assert.deepEqual(names(null, null), ["", "192.0.2.1"]);
  assert.deepEqual(names(null, null, "2001:db8::1"), ["", "2001:db8::1"]);
  assert.deepEqual(names("web.test", null), ["web.test", "web.test"]);
  assert.deepEqual(names("web.test:8443", null), ["web.test", "web.test"]);
  assert.deepEqual(names("192.0.2.9", null), ["", "192.0.2.1"]);
  assert.deepEqual(names("[2001:db8::9]:443", null), ["", "192.0.2.1"]);
  assert.deepEqual(names("web.test", "tls.test"), ["tls.test", "tls.test"]);
  assert.deepEqual(names(null, "192.0.2.7"), ["", "192.0.2.7"]);
});
