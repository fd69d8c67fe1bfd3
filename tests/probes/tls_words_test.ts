import assert from "node:assert/strict";
import type { CertificateFacts } from "../../ffi/x509.ts";
import { cleaned, leafCertificate, validFor } from "../../src/probes/certificate.ts";
import { agrees, dheHello } from "../../src/probes/dhe.ts";
import { quoted } from "../../src/probes/peer.ts";
import { alertSentence, errorSentence, looksLikeTls } from "../../src/probes/tls_reason.ts";

const octets = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

Deno.test("quoted() keeps what is printed, escapes the rest, and cuts", () => {
  assert.equal(quoted(octets("SSH-2.0-OpenSSH_9.2p1\r\n")), "SSH-2.0-OpenSSH_9.2p1\\r\\n");
  assert.equal(quoted(octets("J\0\0\0\x0a8.0\x1b[31m\xff\\")), "J\\x00\\x00\\x00\\n8.0\\x1b[31m\\xff\\\\");
  assert.equal(quoted(octets("a".repeat(61))), `${"a".repeat(60)}…`);
  assert.equal(quoted(octets("abc"), 2), "ab…");
  assert.equal(quoted(new Uint8Array()), "");
});

Deno.test("cleaned() leaves nothing that moves a cursor or turns a line", () => {
  assert.equal(cleaned("CN=Zürich, O=例"), "CN=Zürich, O=例");
  assert.equal(cleaned("a\x1b[2Jb\u202ec\u2028d\r\n"), "a\\u{1b}[2Jb\\u{202e}c\\u{2028}d\\u{d}\\u{a}");
  assert.equal(cleaned("x".repeat(300)), `${"x".repeat(256)}…`);
});

const facts: CertificateFacts = {
  subject: "CN=a",
  issuer: "CN=b",
  dnsNames: ["a.test", "bad\nname"],
  addresses: [Uint8Array.of(192, 0, 2, 1), Uint8Array.of(1, 2, 3), new Uint8Array(16)],
  notBefore: 1000,
  notAfter: 2000,
  version: 3,
  keyType: "RSA",
  keyBits: 2048,
  signature: "sha256WithRSAEncryption",
  usage: 1,
  unknownExtension: null,
  constrains: false,
};

Deno.test("a certificate as it is kept: cleaned, with addresses as text, and not without its dates", () => {
  assert.deepEqual(validFor(facts), ["a.test", "bad\\u{a}name", "192.0.2.1", "::"]);
  assert.deepEqual(leafCertificate(facts), {
    subject: "CN=a",
    issuer: "CN=b",
    names: ["a.test", "bad\\u{a}name", "192.0.2.1", "::"],
    notBefore: 1000,
    notAfter: 2000,
  });
  assert.equal(leafCertificate({ ...facts, notAfter: null }), null);
});

Deno.test("each alert has its name, and some a hint", () => {
  assert.equal(alertSentence(112), "TLS alert: unrecognized name (set server-name)");
  assert.equal(alertSentence(116), "TLS alert: certificate required (set cert-file and key-file)");
  assert.equal(alertSentence(80), "TLS alert: internal error");
  assert.equal(alertSentence(99), "TLS alert: 99");
});

Deno.test("an error of another part of OpenSSL is told in its own words", () => {
  assert.equal(
    errorSentence({ library: 20, reason: 123, text: "bad signature" }),
    "TLS: the server's key does not fit its certificate",
  );
  assert.equal(errorSentence({ library: 4, reason: 123, text: "data too large" }), "TLS: data too large");
});

Deno.test("looksLikeTls() knows records from the first octets of other protocols", () => {
  for (const record of [[22, 3, 1], [21, 3, 3], [23, 3], [22]]) {
    assert.ok(looksLikeTls(Uint8Array.from(record)));
  }
  for (const text of ["SSH-2.0", "220 mail", "HTTP/1.1", "J\0\0\0", "\x16\x02", ""]) {
    assert.equal(looksLikeTls(octets(text)), false, text);
  }
});

Deno.test("dheHello() is one whole record that offers DHE only, with the name asked for", () => {
  for (const sni of ["", "web.test"]) {
    const hello = dheHello(sni);
    const view = new DataView(hello.buffer);
    assert.deepEqual([...hello.subarray(0, 3)], [22, 3, 1]);
    assert.equal(view.getUint16(3), hello.length - 5);
    assert.equal(view.getUint8(5), 1);
    assert.equal(view.getUint32(5) & 0xffffff, hello.length - 9);
    assert.equal(new TextDecoder("latin1").decode(hello).includes("web.test"), sni !== "");
  }
  assert.ok(agrees(Uint8Array.of(22, 3, 3, 0, 80, 2)));
  assert.equal(agrees(Uint8Array.of(21, 3, 3, 0, 2, 2)), false);
});
