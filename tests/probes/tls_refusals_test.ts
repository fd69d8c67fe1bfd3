import assert from "node:assert/strict";
import type { TlsParams } from "../../src/configuration.ts";
import { httpCheck, noTls, target, tcpCheck } from "./helpers.ts";
import { LocalProber } from "./local.ts";
import { noOpenssl, testWith } from "./needs.ts";
import { CA, keyKind, Pki, SERVER, type Signed } from "./pki.ts";
import { OpensslServer } from "./tls_servers.ts";

/** A server, what is asked of it, and what is said of it; null: nothing is wrong. */
interface Row {
  readonly name: string;
  readonly own: Signed;
  /** File of the certificates that it sends after its own. */
  readonly chain?: string;
  readonly args?: readonly string[];
  readonly tls?: Partial<TlsParams>;
  readonly says: string | RegExp | null;
}

const OLD = { from: "20200101000000Z", to: "20210101000000Z" };
/** Lets the server offer what the probe refuses. */
const WEAK = ["-cipher", "DEFAULT@SECLEVEL=0"];
const LEVEL = "(security level 2 of this system)";

function certificateRows(pki: Pki): Row[] {
  const { root } = pki;
  const good = pki.make({ name: "good" });
  const middle = pki.make({ name: "Middle", extensions: CA });
  const belowMiddle = pki.make({ name: "below", by: middle });
  const oldMiddle = pki.make({ name: "Old Middle", extensions: CA, ...OLD });
  const other = pki.make({ name: "Other Root", by: null, extensions: CA });
  const otherMiddle = pki.make({ name: "Other Middle", by: other, extensions: CA });
  const strange = pki.make({ name: "strange", by: otherMiddle });
  const limited = pki.make({
    name: "Limited",
    extensions: [...CA, "nameConstraints=critical,permitted;DNS:allowed.test"],
  });
  const last = pki.make({
    name: "Last",
    extensions: ["basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=critical,keyCertSign"],
  });
  const belowLast = pki.make({ name: "Below Last", by: last, extensions: CA });
  const noCa = pki.make({ name: "No CA" });
  const version1 = pki.make({ name: "Version One", extensions: [] });
  const weakMiddle = pki.make({ name: "Weak Middle", extensions: CA, key: keyKind("rsa1024") });
  const fake = pki.make({ name: "Test Root", file: "fake", by: null, extensions: CA });
  const forged = (name: string, signer: string) =>
    `certificate is forged, or its CA has another key now: CN=${name} is not signed by the key of ` +
    `CN=${signer} that is in ca-file`;
  const unknown = (name: string) =>
    `certificate signed by an unknown authority: CN=${name} is not in ca-file`;
  return [
    { name: "good", own: good, says: null },
    { name: "good, by an intermediate", own: belowMiddle, chain: middle.cert, says: null },
    {
      name: "good, by an intermediate that is trusted alone",
      own: belowMiddle,
      tls: { caFile: middle.cert },
      says: null,
    },
    {
      name: "expired",
      own: pki.make({ name: "old", subject: "/O=Example", ...OLD }),
      says: "certificate has expired: O=Example, CN=old ended 2021-01-01 00:00:00 UTC",
    },
    {
      name: "not yet valid",
      own: pki.make({ name: "new", from: "20980101000000Z" }),
      says: "certificate is not yet valid: CN=new begins 2098-01-01 00:00:00 UTC",
    },
    {
      name: "expired intermediate",
      own: pki.make({ name: "below old", by: oldMiddle }),
      chain: oldMiddle.cert,
      says: "certificate of a CA in the chain has expired: CN=Old Middle ended 2021-01-01 00:00:00 UTC",
    },
    {
      name: "missing intermediate",
      own: belowMiddle,
      says: `${
        unknown("Middle")
      }, and the server sends no certificate of it (an intermediate may be missing)`,
    },
    { name: "unknown CA", own: strange, chain: otherMiddle.cert, says: unknown("Other Root") },
    {
      name: "unknown CA whose root is sent",
      own: strange,
      chain: pki.bundle("other", otherMiddle, other),
      says:
        "certificate signed by an unknown authority: CN=Other Root, the root that the server sent, is not in ca-file",
    },
    {
      name: "self-signed",
      own: pki.make({ name: "self", by: null }),
      says: "self-signed certificate: CN=self is not in ca-file",
    },
    { name: "forged", own: pki.make({ name: "forged", by: fake }), says: forged("forged", "Test Root") },
    {
      name: "forged, version 1",
      own: pki.make({ name: "forged1", by: fake, extensions: [] }),
      tls: { serverName: "forged1" },
      says: forged("forged1", "Test Root"),
    },
    {
      name: "expired, version 1",
      own: pki.make({ name: "old1", extensions: [], ...OLD }),
      tls: { serverName: "old1" },
      says: "certificate has expired: CN=old1 ended 2021-01-01 00:00:00 UTC",
    },
    { name: "version 1, of the CA", own: version1, tls: { serverName: "Version One" }, says: null },
    {
      name: "wrong purpose",
      own: pki.make({ name: "client", extensions: [...SERVER, "extendedKeyUsage=clientAuth,codeSigning"] }),
      says: "certificate is not for TLS servers: CN=client is for TLS clients, code signing",
    },
    {
      name: "wrong key usage",
      own: pki.make({ name: "signer", extensions: [...SERVER, "keyUsage=critical,keyCertSign"] }),
      says: "certificate is not for TLS servers: CN=signer has a key usage without them",
    },
    {
      name: "SHA-1",
      own: pki.make({ name: "sha1", digest: "sha1" }),
      args: WEAK,
      says: `certificate has a signature that is too weak: CN=sha1 is signed with ecdsa-with-SHA1 ${LEVEL}`,
    },
    {
      name: "key too short",
      own: pki.make({ name: "short", key: keyKind("rsa1024") }),
      args: WEAK,
      says: `certificate has a key that is too short: RSA of 1024 bits in CN=short ${LEVEL}`,
    },
    {
      name: "key of a CA too short",
      own: pki.make({ name: "below short", by: weakMiddle }),
      chain: weakMiddle.cert,
      args: WEAK,
      says:
        `certificate of a CA in the chain has a key that is too short: RSA of 1024 bits in CN=Weak Middle ${LEVEL}`,
    },
    {
      name: "name constraint",
      own: pki.make({ name: "constrained", by: limited }),
      chain: limited.cert,
      says:
        "certificate breaks a name constraint: CN=Limited may not sign for CN=constrained (web.test, 127.0.0.1, ::1)",
    },
    {
      name: "unknown critical extension",
      own: pki.make({ name: "critical", extensions: [...SERVER, "1.2.3.4.5=critical,ASN1:NULL"] }),
      says: "certificate has an unknown critical extension: 1.2.3.4.5 in CN=critical",
    },
    {
      name: "another name",
      own: good,
      tls: { serverName: "other.test" },
      says: "certificate is not valid for other.test, but for web.test, 127.0.0.1, ::1",
    },
    {
      name: "a wildcard in a part of a name",
      own: pki.make({ name: "wild", extensions: ["subjectAltName=DNS:w*.test"] }),
      tls: { serverName: "web.test" },
      says: "certificate is not valid for web.test, but for w*.test",
    },
    {
      name: "another address",
      own: pki.make({
        name: "elsewhere",
        extensions: [`subjectAltName=${[1, 2, 3, 4, 5, 6, 7].map((i) => `DNS:w${i}.test`)}`],
      }),
      says:
        "certificate is not valid for 127.0.0.1, but for w1.test, w2.test, w3.test, w4.test, w5.test and 2 more",
    },
    {
      name: "no name",
      own: pki.make({ name: "nameless", extensions: ["basicConstraints=CA:FALSE"] }),
      tls: { serverName: "web.test" },
      says: "certificate is not valid for web.test, but names only CN=nameless",
    },
    {
      name: "signed by no CA",
      own: pki.make({ name: "below none", by: noCa }),
      chain: noCa.cert,
      says: "certificate of a CA in the chain is not one of a CA, but signs others: CN=No CA is none",
    },
    {
      name: "signed by version 1",
      own: pki.make({ name: "below one", by: version1 }),
      chain: version1.cert,
      says:
        "certificate of a CA in the chain is not one of a CA, but signs others: CN=Version One is none, as no " +
        "certificate of version 1 is",
    },
    {
      name: "longer than a CA allows",
      own: pki.make({ name: "below below", by: belowLast }),
      chain: pki.bundle("path", belowLast, last),
      says: "chain of certificates is longer than CN=Last allows",
    },
    { name: "chain of 10", ...longChain(pki, 10), says: null },
    {
      name: "chain of 11",
      ...longChain(pki, 11),
      says: "chain of certificates is too long: more than 10 between the server's and a trusted one",
    },
    {
      name: "key that does not fit",
      own: { cert: good.cert, key: anothersKey(pki, good) },
      says: "TLS: the server's key does not fit its certificate",
    },
    {
      name: "key that is too long",
      own: pki.make({ name: "long", key: keyKind("rsa8200") }),
      says: "certificate has a key that is too long: RSA of 8200 bits, at most 8192 are taken",
    },
    {
      name: "certificates over 64 KiB",
      own: good,
      chain: pki.bundle("heavy", ...Array.from({ length: 3 }, (_, i) => heavy(pki, i))),
      says: "TLS: certificates over 64 KiB",
    },
    // What could not be probed before.
    {
      name: "secp256k1",
      own: pki.make({ name: "k1", key: keyKind("secp256k1") }),
      args: ["-tls1_2", "-named_curve", "secp256k1"],
      says: null,
    },
    {
      name: "Ed25519",
      own: pki.make({ name: "ed25519", key: keyKind("ed25519") }),
      says: null,
    },
    { name: "Ed448", own: pki.make({ name: "ed448", key: keyKind("ed448") }), says: null },
    {
      name: "P-521 only",
      own: pki.make({ name: "p521", key: keyKind("p521") }),
      args: ["-groups", "P-521"],
      says: null,
    },
    {
      name: "CCM only, TLS 1.3",
      own: good,
      args: ["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
      says: null,
    },
    {
      name: "CCM only, TLS 1.2",
      own: good,
      args: ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM"],
      says: null,
    },
    {
      name: "DHE only",
      own: pki.make({ name: "dhe", key: keyKind("rsa2048") }),
      args: ["-tls1_2", "-cipher", "kDHE"],
      says:
        "TLS alert: handshake failure (the server offers DHE key exchange only, which can hold up other probes and is not used)",
    },
    {
      name: "DHE only, TLS 1.3",
      own: good,
      args: ["-tls1_3", "-groups", "ffdhe2048"],
      says:
        "TLS alert: handshake failure (the server offers DHE key exchange only, which can hold up other probes and is not used)",
    },
    {
      name: "nothing in common",
      own: good,
      args: ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"],
      says: "TLS alert: handshake failure",
    },
    {
      name: "TLS 1.1 only",
      own: good,
      args: ["-tls1_1", ...WEAK],
      // By its security level, or by the least version of its configuration.
      says: /the server speaks (TLS 1\.0 or 1\.1 only|neither TLS 1\.2 nor TLS 1\.3)/,
    },
    {
      name: "unknown server name",
      own: good,
      args: ["-servername", "web.test", "-servername_fatal", "-cert2", good.cert, "-key2", good.key],
      tls: { serverName: "other.test" },
      says: "TLS alert: unrecognized name (set server-name)",
    },
    {
      name: "no client certificate",
      own: good,
      args: ["-Verify", "1", "-CAfile", root.cert],
      says: "TLS alert: certificate required (set cert-file and key-file)",
    },
    {
      name: "no client certificate, TLS 1.2",
      own: good,
      args: ["-Verify", "1", "-CAfile", root.cert, "-tls1_2"],
      says:
        "TLS alert: handshake failure (after the server's certificate: it may want the client's, see cert-file and key-file)",
    },
    {
      name: "client certificate",
      own: good,
      args: ["-Verify", "1", "-CAfile", root.cert, "-verify_return_error"],
      tls: { certFile: good.cert, keyFile: good.key },
      says: null,
    },
    {
      name: "client certificate of an unknown CA",
      own: good,
      args: ["-Verify", "1", "-CAfile", root.cert, "-verify_return_error"],
      tls: { certFile: strange.cert, keyFile: strange.key },
      says: "TLS alert: unknown ca",
    },
  ];
}

/** A leaf with `length` CAs between it and the root. */
function longChain(pki: Pki, length: number): { own: Signed; chain: string } {
  const between: Signed[] = [];
  for (let i = 0; i < length; i++) {
    between.unshift(pki.make({ name: `CA ${i} of ${length}`, by: between[0] ?? pki.root, extensions: CA }));
  }
  const [signer = pki.root] = between;
  return {
    own: pki.make({ name: `below ${length}`, by: signer }),
    chain: pki.bundle(`${length}`, ...between),
  };
}

/** A certificate of more than 30 KiB. */
function heavy(pki: Pki, i: number): Signed {
  const names = Array.from({ length: 1000 }, (_, j) => `DNS:a-name-of-some-length-${i}-${j}.test`);
  return pki.make({ name: `heavy ${i}`, extensions: [`subjectAltName=${names}`] });
}

/** A file whose private key is another's, and whose public key is that of `pair`, which is all that a server checks. */
function anothersKey(pki: Pki, pair: Signed): string {
  const der = (file: string): Uint8Array<ArrayBuffer> => {
    const { stdout } = new Deno.Command("openssl", { args: ["ec", "-in", file, "-outform", "DER"] })
      .outputSync();
    return new Uint8Array(stdout);
  };
  const key = der(pki.make({ name: "another" }).key);
  // The public key, a point of 65 octets, is the end of both.
  key.set(der(pair.key).subarray(-65), key.length - 65);
  const path = pki.path("another.key.pem");
  const base64 = btoa(String.fromCharCode(...key)).replace(/.{64}/g, "$&\n");
  Deno.writeTextFileSync(path, `-----BEGIN EC PRIVATE KEY-----\n${base64}\n-----END EC PRIVATE KEY-----\n`);
  return path;
}

testWith(
  [noOpenssl],
  "TLS probes: each thing that can be wrong has a sentence, over https and tcp",
  async (t) => {
    using pki = new Pki();
    await using prober = new LocalProber();
    for (const { name, own, chain, args = [], tls = {}, says } of certificateRows(pki)) {
      await t.step(name, async () => {
        await using server = await OpensslServer.start(own, args, chain);
        const params = { tls: { ...noTls, caFile: pki.root.cert, ...tls } };
        const overHttps = await prober.once(target("https", httpCheck(server.port, params)));
        const overTcp = await prober.once(target("tcp", tcpCheck(server.port, params)));
        if (says === null) {
          assert.deepEqual([overHttps.code, overHttps.detail], ["L7OK", "HTTP 200"]);
          assert.deepEqual([overTcp.code, overTcp.detail], ["L6OK", "TLS handshake done"]);
          return;
        }
        for (const { code, detail } of [overHttps, overTcp]) {
          assert.equal(code, "L6RSP");
          if (typeof says === "string") assert.equal(detail, says);
          else assert.match(detail, says);
        }
      });
    }
  },
);
