import assert from "node:assert/strict";
import { collect, handedOut } from "../ffi/malloc.ts";
import { httpCheck, noTls, target, tcpCheck } from "./helpers.ts";
import { LocalProber, readFiles } from "./local.ts";
import { noNginx, noOpenssl, testWith } from "./needs.ts";
import { Nginx } from "./nginx.ts";
import { Pki } from "./pki.ts";

/** Probes in all; a leak of one session in each would be 20 MB in the long run. */
const PROBES = Deno.env.get("MAGLEV_TEST_RUNS") === "full" ? 20_000 : 2000;
/** What the whole process may have more of for each probe, in octets; a session takes a thousand. */
const PER_PROBE = 64;

testWith(
  [noOpenssl, noNginx],
  `${PROBES} TLS probes of every outcome leave no memory of OpenSSL's behind`,
  async () => {
    using pki = new Pki();
    const good = pki.make({ name: "good" });
    const old = pki.make({ name: "old", to: "20210101000000Z" });
    const server = (name: string, { cert, key }: typeof good, rest: string) =>
      `server { listen {${name}} ssl; ssl_certificate ${cert}; ssl_certificate_key ${key}; ${rest}
      location / { return 200 "well"; } }`;
    await using nginx = await Nginx.start(
      "access_log off; " + server("new", good, "ssl_protocols TLSv1.3;") +
        server("older", good, "ssl_protocols TLSv1.2;") + server("expired", old, "") +
        server("rejecting", good, "ssl_reject_handshake on;") +
        server("asking", good, `ssl_verify_client on; ssl_client_certificate ${pki.root.cert};`) +
        server("plain", good, "").replace(" ssl;", ";"),
      ["new", "older", "expired", "rejecting", "asking", "plain"],
    );
    const tls = { ...noTls, caFile: pki.root.cert };
    const own = { ...tls, certFile: good.cert, keyFile: good.key };
    const port = (name: string) => nginx.port(name);
    const pace = { intervalMs: 10, fastIntervalMs: 10, downIntervalMs: 10 };
    const checks = [
      httpCheck(port("new"), { tls }, pace),
      httpCheck(port("older"), { tls }, pace),
      tcpCheck(port("new"), { tls, ...pace }),
      tcpCheck(port("older"), { tls, ...pace }),
      httpCheck(port("new"), { tls: { ...tls, serverName: "other.test" } }, pace),
      httpCheck(port("expired"), { tls }, pace),
      httpCheck(port("rejecting"), { tls }, pace),
      httpCheck(port("asking"), { tls: own }, pace),
      tcpCheck(port("plain"), { tls, ...pace }),
    ];
    await using prober = new LocalProber();
    for (const check of checks) prober.contents.take(await readFiles(check), []);
    const { all } = prober.reports;
    let count = 0;
    const probe = async (number: number) => {
      // Started anew now and then: a plan that is dropped gives up its session and its certificate.
      for (let left = number; left > 0;) {
        const part = Math.min(left, 200);
        prober.engine.start(checks.map((check, i) => target(`b${i}`, check)));
        await prober.reports.until(() => all.length >= part);
        prober.engine.stop(checks.map((_, i) => `b${i}`));
        // A probe that cannot be made leaves nothing behind, either.
        assert.ok(all.every(({ result }) => result.void === null));
        count += all.length;
        left -= all.length;
        all.length = 0;
        prober.certificates.length = 0;
      }
      // What was cancelled ends behind its last turn.
      await new Promise((resolve) => setTimeout(resolve, 20));
      collect();
      return handedOut();
    };
    await probe(1000);
    const before = await probe(PROBES / 10);
    count = 0;
    const after = await probe(PROBES);
    assert.ok(after - before < PER_PROBE * count, `${(after - before) / count} octets more for each probe`);
    assert.deepEqual(prober.defects, []);
  },
);
