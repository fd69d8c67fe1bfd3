import assert from "node:assert/strict";
import { tlsPair } from "../../routes/tls_pair.ts";
import { encrypted, hasOpenssl, makePem } from "../pem.ts";

const fixture = (name: string) => Deno.readTextFileSync(new URL(`../fixtures/${name}`, import.meta.url));
const cert = fixture("api_cert.pem");
const key = fixture("api_key.pem");
const ignore = !await hasOpenssl();

function mistake(cert: string, key: string): string {
  const result = tlsPair(cert, key);
  return result.ok ? "" : `${result.error.part}: ${result.error.detail}`;
}

Deno.test("a pair is taken, from two texts or from one that holds both in any order", () => {
  assert.deepEqual(tlsPair(cert, key), { ok: true, value: { cert, key } });
  for (const both of [cert + key, key + cert]) assert.equal(mistake(both, both), "");
});

Deno.test("what is not whole is refused with one sentence: empty, cut off, no PEM, the wrong way round", () => {
  for (const text of ["", "nothing", cert.slice(0, 200), key]) {
    assert.match(mistake(text, key), /^cert: [^\n]+$/, text);
  }
  assert.match(mistake(cert + cert.slice(0, 200), key), /^cert: the file ends within a certificate/);
  for (const text of ["", "nothing", key.slice(0, 60), cert]) {
    assert.match(mistake(cert, text), /^key: [^\n]+$/, text);
  }
  assert.equal(mistake(cert, key.slice(0, 60)), "key: the file ends within the private key");
  assert.equal(mistake(cert, cert), "key: the file holds no PEM private key");
});

Deno.test({
  name: "a key that is another's, encrypted, too short or of a kind that cannot be served is one sentence",
  ignore,
  fn: async () => {
    const other = await makePem("ec:P-256");
    assert.equal(mistake(cert, other.key), "key: the key does not belong to the certificate");
    assert.equal(mistake(other.cert, await encrypted(other.key)), "key: the private key is encrypted");
    const served = "RSA of 2048 bits or more, P-256, P-384, P-521 and Ed25519 can be served";
    for (
      const [kind, detail] of [
        ["rsa:1024", "the RSA key of 1024 bits is too short"],
        ["ec:secp256k1", "the curve secp256k1 cannot be served"],
        ["ed448", "keys of type ed448 cannot be served"],
      ] as const
    ) {
      const pem = await makePem(kind);
      assert.equal(mistake(pem.cert, pem.key), `key: ${detail}: ${served}`);
    }
    for (const kind of ["rsa:2048", "ec:P-384", "ec:P-521", "ed25519"]) {
      const pem = await makePem(kind);
      assert.equal(mistake(pem.cert, pem.key), "", kind);
    }
  },
});
