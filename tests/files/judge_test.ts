import assert from "node:assert/strict";
import { judgeUnit } from "../../src/files/judge.ts";
import type { FileUnit, UnitKind } from "../../src/files/unit.ts";
import { ok } from "../../src/result.ts";
import { pem } from "./pem.ts";

/** Why texts cannot be used as a unit of this kind, in the order of the files. */
function why(kind: UnitKind, ...texts: string[]): string[] {
  const unit: FileUnit = { kind, paths: texts.map((_, at) => `file${at}`) };
  return judgeUnit(unit, texts.map(ok)).map(({ at, why }) => `${at}: ${why}`);
}

const CUT = "the file ends within a certificate";

Deno.test("a bundle may hold comments, several certificates and lines of hyphens", () => {
  const bundle = `Issuer: X\n-----\n--------- ours\n${pem("rsa.crt")}\nother\n${pem("ec.crt")}`;
  for (const text of [bundle, bundle.replaceAll("\n", "\r\n"), bundle.trimEnd()]) {
    assert.deepEqual(why("authorities", text), []);
  }
});

Deno.test("a file that is cut within a block is never good, wherever it is cut", () => {
  const first = pem("rsa.crt").trimEnd();
  const bundle = `${first}\n${pem("ec.crt").trimEnd()}`;
  let refused = 0;
  for (let length = 0; length < bundle.length; length++) {
    const found = why("authorities", bundle.slice(0, length));
    // Between two blocks nothing shows that another one should follow.
    if (length === first.length || length === first.length + 1) assert.deepEqual(found, [], `${length}`);
    else assert.equal(found.length, 1, `${length}`);
    refused += found.length;
  }
  assert.ok(refused > 1000);
  const key = pem("rsa.key").trimEnd();
  for (let length = 0; length < key.length; length++) {
    assert.equal(why("pair", pem("rsa.crt"), key.slice(0, length)).length, 1, `${length}`);
  }
});

Deno.test("each reason has its words", () => {
  assert.deepEqual(why("authorities", " \n"), ["0: the file is empty"]);
  assert.deepEqual(why("authorities", "garbage"), ["0: the file holds no PEM certificate"]);
  assert.deepEqual(why("authorities", pem("rsa.crt").slice(0, -10)), [`0: ${CUT}`]);
  assert.deepEqual(why("authorities", pem("rsa.key")), ["0: the file holds no PEM certificate"]);
  assert.deepEqual(why("authorities", pem("rsa.crt").replace("MII", "AII")), [
    "0: certificate 1 of the file cannot be parsed",
  ]);
  assert.deepEqual(why("key", pem("rsa.key")), []);
  assert.deepEqual(why("key", pem("encrypted.key")), ["0: the private key is encrypted"]);
  const legacy = pem("rsa.key").replaceAll("PRIVATE KEY", "RSA PRIVATE KEY").replace(
    "KEY-----\n",
    "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n",
  );
  assert.deepEqual(why("key", legacy), ["0: the private key is encrypted"]);
  assert.deepEqual(why("pair", "", ""), ["0: the file is empty", "1: the file is empty"]);
  assert.deepEqual(why("pair", pem("rsa.crt"), pem("ec.key")), [
    '1: it is not the key of the certificate in "file0"',
  ]);
  assert.deepEqual(why("secret", "one\ntwo"), ["0: the file holds more than one line"]);
  assert.deepEqual(why("secret", "one\r\n"), []);
});

Deno.test("certificate and key may stand in one file, in any order", () => {
  for (const both of [pem("ec.crt") + pem("ec.key"), pem("ec.key") + pem("ec.crt")]) {
    assert.deepEqual(why("pair", both, both), []);
  }
});
