import assert from "node:assert/strict";
import { N, SSL_R, X509_V } from "../../ffi/openssl_constants.ts";
import { testWith } from "../probes/needs.ts";
import { Headers } from "./headers.ts";

const files = ["ssl", "tls1", "sslerr", "x509", "x509v3", "x509_vfy", "asn1", "bio", "err", "crypto", "pem"];
const headers = new Headers(
  ["/usr/include/openssl"],
  [...files, "pemerr", "obj_mac"].map((name) => `${name}.h`),
);
const lacking = headers.number("SSL_CTRL_MODE") === null ? "no libssl-dev installed" : null;

/** `SSL_OP_BIT(30)` is the one macro with an argument. */
function theirs(name: string): number | null {
  const bit = new RegExp(`define ${name}\\s+SSL_OP_BIT\\((\\d+)\\)`).exec(headers.text)?.[1];
  return bit === undefined ? headers.number(name) : 2 ** Number(bit);
}

testWith([lacking], "the constants of OpenSSL are those of its headers", () => {
  const ours = { ...N, ...SSL_R, ...X509_V };
  assert.deepEqual(ours, Object.fromEntries(Object.keys(ours).map((name) => [name, theirs(name)])));
});
