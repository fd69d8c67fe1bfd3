import assert from "node:assert/strict";
import { unusedPort } from "../../src/demo/port.ts";
import { silentLog } from "../../src/log/mod.ts";
import { startProber } from "../../src/probes/runner.ts";
import { httpCheck, noTls, Reports, target, tcpCheck } from "./helpers.ts";
import { LocalProber, readFiles } from "./local.ts";
import { noOpenssl, testWith } from "./needs.ts";
import { Pki } from "./pki.ts";
import { OpensslServer } from "./tls_servers.ts";

testWith(
  [noOpenssl],
  "the probe thread reports the certificate, of a server that is refused too",
  async () => {
    using pki = new Pki();
    const pem = pki.make({ name: "good", subject: "/O=Example" });
    await using server = await OpensslServer.start(pem);
    const reports = new Reports();
    await using prober = startProber({ log: silentLog, sink: reports.sink });
    const tls = { ...noTls, caFile: pki.root.cert };
    prober.files(await readFiles(tcpCheck(1, { tls })), []);
    prober.start([
      target("good", httpCheck(server.port, { tls })),
      target("refused", httpCheck(server.port, { tls: { ...tls, serverName: "other.test" } })),
      target("plain", tcpCheck(server.port)),
    ]);
    const certificate = {
      subject: "O=Example, CN=good",
      issuer: "CN=Test Root",
      names: ["web.test", "127.0.0.1", "::1"],
      notBefore: Date.UTC(2020, 0, 1),
      notAfter: Date.UTC(2099, 0, 1),
    };
    for (const count of [1, 2]) {
      assert.deepEqual((await reports.next("good", count)).certificate, certificate);
      assert.deepEqual((await reports.next("refused", count)).certificate, certificate);
      assert.equal((await reports.next("plain", count)).certificate, null);
    }
    assert.equal((await reports.next("refused")).result.ok, false);
    // Another generation begins with nothing.
    prober.start([target("good", tcpCheck(unusedPort(), { tls }), { generation: 2 })]);
    await reports.until((all) => all.some(({ generation }) => generation === 2));
    assert.equal(reports.all.find(({ generation }) => generation === 2)?.certificate, null);
  },
);

Deno.test("without OpenSSL every TLS probe is void, and all others go on", async () => {
  const libraries = { ssl: "libssl.so.none", crypto: "libcrypto.so.none" };
  await using prober = new LocalProber(1000, { libraries });
  for (const check of [tcpCheck(1, { tls: noTls }), httpCheck(1, { tls: noTls })]) {
    const result = await prober.once(target("b", check));
    assert.deepEqual([result.ok, result.void], [false, "tls-library"]);
    assert.match(
      result.detail,
      /^OpenSSL 3 cannot be loaded: .*libcrypto\.so\.none.* \(install the package libssl3, or libssl3t64\)$/,
    );
  }
  assert.equal((await prober.once(target("b", tcpCheck(unusedPort())))).code, "L4CON");
});
