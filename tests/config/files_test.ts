import assert from "node:assert/strict";
import type { Finding } from "../../src/api/mod.ts";
import { checkConfig } from "../../src/config/check.ts";
import { checkText } from "../../src/config/load.ts";
import { formatFinding } from "../../src/config/findings.ts";
import type { NamedText } from "../../src/files/disk.ts";
import type { Trial } from "../../src/files/trial.ts";
import { type FileUnit, unitKey } from "../../src/files/unit.ts";
import { err, ok } from "../../src/result.ts";
import { complete } from "./golden.ts";

const folder = new URL("pem/", import.meta.url);
const pem = (name: string) => Deno.readTextFileSync(new URL(name, folder));

const FILES: Record<string, string> = {
  "rsa.crt": pem("rsa.crt"),
  "rsa.key": pem("rsa.key"),
  "ec.crt": pem("ec.crt"),
  "ec.key": pem("ec.key"),
  "both.crt": `A comment\n${pem("rsa.crt")}\n${pem("ec.crt")}`,
  "second-broken.crt": pem("rsa.crt") + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
  "cut.crt": pem("rsa.crt") + pem("ec.crt").slice(0, 200),
  "encrypted.key": pem("encrypted.key"),
  "broken.key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
  "empty": "",
  "password": "secret\n",
  "passwords": "one\ntwo\n",
};

function read(path: string): NamedText {
  const content = FILES[path];
  return { signature: path, text: content === undefined ? err("no such file") : ok(content) };
}

function told({ path, pass, message }: Finding): string {
  return `${pass} ${path.split(".").at(-1)}: ${message}`;
}

/** What is said of `params`, with the reads that it took. */
function check(params: string): { said: string[]; reads: string[] } {
  const reads: string[] = [];
  const text = complete(`  healthchecks: {web: {type: https, port: 443, params: {${params}}}}\n`);
  const { findings } = checkConfig(text, {
    file: "f",
    readFile(path) {
      reads.push(path);
      return read(path);
    },
  });
  return {
    said: findings.map(told),
    reads,
  };
}

Deno.test("certificates and keys that fit are accepted, each file read once", () => {
  assert.deepEqual(check("ca-file: both.crt, cert-file: rsa.crt, key-file: rsa.key"), {
    said: [],
    reads: ["both.crt", "rsa.crt", "rsa.key"],
  });
  assert.deepEqual(check("cert-file: ec.crt, key-file: ec.key").said, []);
});

Deno.test("files that cannot be used are semantic errors with the reason", () => {
  const table: [string, string[]][] = [
    ["ca-file: none", ['semantic ca-file: cannot use "none": no such file']],
    ["ca-file: empty", ['semantic ca-file: cannot use "empty": the file is empty']],
    ["ca-file: rsa.key", ['semantic ca-file: cannot use "rsa.key": the file holds no PEM certificate']],
    ["ca-file: cut.crt", [
      'semantic ca-file: cannot use "cut.crt": the file ends within a certificate',
    ]],
    ["ca-file: second-broken.crt", [
      'semantic ca-file: cannot use "second-broken.crt": certificate 2 of the file cannot be parsed',
    ]],
    ["cert-file: none, key-file: rsa.crt", [
      'semantic cert-file: cannot use "none": no such file',
      'semantic key-file: cannot use "rsa.crt": the file holds no PEM private key',
    ]],
    ["cert-file: rsa.crt, key-file: encrypted.key", [
      'semantic key-file: cannot use "encrypted.key": the private key is encrypted',
    ]],
    ["cert-file: rsa.crt, key-file: broken.key", [
      'semantic key-file: cannot use "broken.key": the private key cannot be parsed',
    ]],
    ["cert-file: rsa.crt, key-file: ec.key", [
      'semantic key-file: cannot use "ec.key": it is not the key of the certificate in "rsa.crt"',
    ]],
    ["cert-file: rsa.crt", ["semantic cert-file: needs key-file too"]],
    ["key-file: rsa.key", ["semantic key-file: needs cert-file too"]],
  ];
  for (const [params, said] of table) assert.deepEqual(check(params).said, said, params);
});

Deno.test("a posted body learns nothing about files, but must name both of a pair", () => {
  const text = complete(
    "  healthchecks: {web: {type: https, port: 443, params: {ca-file: /etc/shadow, cert-file: /x}}}\n",
  );
  const { findings } = checkText(text, "<body>", { fileRules: false });
  assert.deepEqual(findings.map(({ message }) => message), ["needs key-file too"]);
});

Deno.test("an empty name of a file is no file", () => {
  assert.deepEqual(check('ca-file: "", cert-file: "", key-file: ""'), { said: [], reads: [] });
});

Deno.test("a file in use that is wrong now is a warning, a newly named one an error", () => {
  const inUse = (...units: FileUnit[]) => units.map(unitKey);
  const pair = { kind: "pair", paths: ["rsa.crt", "ec.key"] } as const;
  const said = (params: string, keys: readonly string[]) => {
    const text = complete(`  healthchecks: {web: {type: https, port: 443, params: {${params}}}}\n`);
    const { config, files, findings } = checkConfig(text, { file: "f", readFile: read, inUse: keys });
    return { good: config !== null, wrong: files.map(({ wrong }) => wrong.length), said: findings.map(told) };
  };
  const params = "ca-file: empty, cert-file: rsa.crt, key-file: ec.key";
  const all = inUse({ kind: "authorities", paths: ["empty"] }, pair);
  assert.deepEqual(said(params, all), {
    good: true,
    wrong: [1, 1],
    said: [
      'lint ca-file: cannot use "empty" as it is now: the file is empty',
      'lint key-file: cannot use "ec.key" as it is now: it is not the key of the certificate in "rsa.crt"',
    ],
  });
  // The certificate and the key were in use, but each with another one.
  const others = inUse({ kind: "pair", paths: ["rsa.crt", "rsa.key"] }, {
    kind: "pair",
    paths: ["ec.crt", "ec.key"],
  });
  assert.deepEqual(said(params, others), {
    good: false,
    wrong: [1, 1],
    said: [
      'semantic ca-file: cannot use "empty": the file is empty',
      'semantic key-file: cannot use "ec.key": it is not the key of the certificate in "rsa.crt"',
    ],
  });
});

/** What is said of a fleet with these keys, when a flag gave the daemon this name. */
function checkFleet(keys: string, nodeName: string | null = null): string[] {
  const text = complete(`  fleet: {name: site, endpoints: ["https://db1:2379"], ${keys}}\n`);
  const { findings } = checkConfig(text, {
    file: "f",
    nodeName,
    readFile: read,
  });
  return findings.map(told);
}

Deno.test("the files of a fleet are judged as those of a health check, and its password is one line", () => {
  const good =
    "ca-file: both.crt, cert-file: rsa.crt, key-file: rsa.key, username: u, password-file: password";
  assert.deepEqual(checkFleet(good), []);
  assert.deepEqual(checkFleet(good.replace("both.crt", "empty").replace("rsa.key", "ec.key")), [
    'semantic ca-file: cannot use "empty": the file is empty',
    'semantic key-file: cannot use "ec.key": it is not the key of the certificate in "rsa.crt"',
  ]);
  assert.deepEqual(checkFleet("username: u, password-file: empty"), [
    'semantic password-file: cannot use "empty": the file is empty',
  ]);
  assert.deepEqual(checkFleet("username: u, password-file: passwords"), [
    'semantic password-file: cannot use "passwords": the file holds more than one line',
  ]);
});

Deno.test("the node of a fleet is the daemon's name, where both are given", () => {
  assert.deepEqual(checkFleet("node: lb1"), []);
  assert.deepEqual(checkFleet("node: lb1", "lb1"), []);
  assert.deepEqual(checkFleet("insecure: false", "lb2"), []);
  assert.deepEqual(checkFleet("node: lb1", "lb2"), [
    'semantic node: is not the name that --node-name gives: "lb2"',
  ]);
});

Deno.test("what OpenSSL does not take is wrong, though it looks good", () => {
  const text = complete(
    "  healthchecks: {web: {type: https, port: 443, params: {cert-file: rsa.crt, key-file: rsa.key}}}\n",
  );
  const trial: Trial = { missing: null, refusal: () => ({ at: 1, why: "OpenSSL says: no" }) };
  const { files, findings } = checkConfig(text, { file: "f", readFile: read, trial });
  assert.deepEqual(findings.map(told), ['semantic key-file: cannot use "rsa.key": OpenSSL says: no']);
  assert.deepEqual(files.map(({ texts, wrong }) => [texts, wrong.length]), [[[], 1]]);
});

Deno.test("where OpenSSL is missing, a check with TLS is refused by --check and reload, and not by a start", () => {
  const text = complete(`  healthchecks:
    web: {type: https, port: 443}
    imaps: {type: tcp, port: 993, params: {ssl: true}}
    plain: {type: tcp, port: 25}
  backends:
    b1: {address: 192.0.2.10, healthcheck: web}
    b2: {address: 192.0.2.11, healthcheck: imaps}
    b3: {address: 192.0.2.12, healthcheck: plain}
  frontends: {www: {address: 198.51.100.1, pools: [{name: p, backends: {b1: , b2: , b3: }}]}}
`);
  const trial: Trial = { missing: "libssl.so.3: not found", refusal: () => null };
  const said = (tlsRequired: boolean) =>
    checkConfig(text, { file: "f", readFile: read, trial, tlsRequired }).findings.map(formatFinding);
  assert.deepEqual(said(false), []);
  const why = "TLS needs OpenSSL 3, which cannot be loaded: libssl.so.3: not found " +
    "(install the package libssl3, or libssl3t64)";
  assert.deepEqual(said(true), [
    `f:3:17: maglev.healthchecks.web.type: ${why}`,
    `f:4:19: maglev.healthchecks.imaps.type: ${why}`,
  ]);
});
