import assert from "node:assert/strict";
import { OpensslTrial } from "../../src/files/trial.ts";
import { noOpenssl, testWith } from "../probes/needs.ts";
import { keyKind, Pki } from "../probes/pki.ts";
import { pem } from "./pem.ts";

testWith([noOpenssl], "OpenSSL takes what a probe can use, and says what it is that it does not take", () => {
  using pki = new Pki();
  using trial = new OpensslTrial();
  const read = (path: string) => Deno.readTextFileSync(path);
  assert.equal(trial.missing, null);
  const good = pki.make({ name: "good" });
  const short = pki.make({ name: "short", key: keyKind("rsa1024") });
  const refusal = (kind: "authorities" | "pair", ...texts: string[]) =>
    trial.refusal({ kind, paths: texts.map((_, at) => `file${at}`) }, texts);
  assert.equal(refusal("authorities", read(pki.root.cert) + pem("ec.crt")), null);
  assert.equal(refusal("pair", read(good.cert), read(good.key)), null);
  // The security level of the system forbids the key, which is well-formed.
  assert.deepEqual(refusal("pair", read(short.cert), read(short.key)), {
    at: 0,
    why: "OpenSSL says: ee key too small",
  });
  assert.equal(refusal("pair", read(good.cert), "no key")?.at, 1);
  assert.equal(trial.refusal({ kind: "secret", paths: ["p"] }, ["secret"]), null);
});

Deno.test("without OpenSSL nothing is refused, and it is said that it is missing", () => {
  using trial = new OpensslTrial({ ssl: "libssl.so.none", crypto: "libcrypto.so.none" });
  assert.match(trial.missing ?? "", /libcrypto\.so\.none/);
  assert.equal(trial.refusal({ kind: "authorities", paths: ["ca"] }, [pem("rsa.crt")]), null);
});
