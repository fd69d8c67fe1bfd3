import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Peer, tcpPeer } from "../../routes/access.ts";
import { type AuthTable, authTable, bearerToken, Tokens } from "../../routes/auth.ts";
import { parseAuthFile } from "../../routes/auth_file.ts";
import { formatFinding } from "../../src/config/findings.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

const here = tcpPeer("127.0.0.1", 1);
const far = tcpPeer("192.0.2.9", 1);

function tokensOf(table: AuthTable | null, local: string | null = null): Tokens {
  return new Tokens({ table, local, hint: "" });
}

Deno.test("a token is its owner's, and nothing near it is anybody's", () => {
  const table = authTable([
    { name: "grafana", sha256: sha256("one"), role: "viewer" },
    { name: "ops", sha256: sha256("two").toUpperCase(), role: "operator" },
  ]);
  const tokens = tokensOf(table, "local-one");
  const who = (token: string, peer: Peer | null = far) => tokens.identify(token, peer)?.who ?? null;
  assert.deepEqual(who("one"), { name: "grafana", role: "viewer" });
  assert.deepEqual(who("two"), { name: "ops", role: "operator" });
  for (const token of ["", "One", "one ", "on", "three", sha256("one")]) assert.equal(who(token), null);
  assert.deepEqual(who("local-one", here), { name: "local", role: "admin" });
  assert.equal(who("local-one", far), null);
  assert.equal(who("local-one", null), null);
  assert.equal(tokensOf(null).identify("", here), null);
});

Deno.test("a table that is read again replaces the tokens, and tells those who watch", () => {
  const row = { name: "ops", sha256: sha256("one"), role: "admin" } as const;
  const tokens = tokensOf(authTable([row]));
  let told = 0;
  {
    using _watch = tokens.watch(() => told++);
    tokens.replace(authTable([{ ...row, sha256: sha256("two") }]));
  }
  tokens.replace(authTable([{ ...row, sha256: sha256("three") }]));
  assert.equal(told, 1);
  assert.equal(tokens.identify("two", far), null);
  assert.deepEqual(tokens.identify("three", far)?.who, { name: "ops", role: "admin" });
});

Deno.test("an Authorization header holds one bearer token or none", () => {
  assert.equal(bearerToken("Bearer abc.DEF-123_~+/=="), "abc.DEF-123_~+/==");
  assert.equal(bearerToken("bearer  abc "), "abc");
  for (
    const header of [
      null,
      "",
      "Bearer",
      "Bearer ",
      "Basic abc",
      "Bearer a b",
      "Bearer a, Bearer b",
      "xBearer a",
    ]
  ) {
    assert.equal(bearerToken(header), null, String(header));
  }
});

function findings(text: string): string[] {
  const result = parseAuthFile(text, "auth.yaml");
  assert.ok(!result.ok, "no error was found");
  return result.error.map(formatFinding);
}

Deno.test("the auth file: names, hashes and roles", () => {
  const result = parseAuthFile(
    `# who may use the API
tokens:
  - name: grafana
    sha256: ${sha256("one")}
    role: viewer
  - {name: "7", sha256: "${sha256("two").toUpperCase()}", role: admin}
`,
    "auth.yaml",
  );
  assert.deepEqual(result, {
    ok: true,
    value: [
      { name: "grafana", sha256: sha256("one"), role: "viewer" },
      { name: "7", sha256: sha256("two"), role: "admin" },
    ],
  });
});

Deno.test("the auth file: every mistake with its place, and never the token itself", () => {
  const secret = "this-is-the-token-itself";
  const text = `tokens:
  - name: grafana
    sha256: ${secret}
    role: viewer
  - name: grafana
    sha256: ${sha256("")}
    role: root
  - name: local
    sha256: ${sha256("x")}
    role: admin
  - name: other
    sha256: ${sha256("x")}
    role: admin
    tokn: ${secret}
  - name: lacking
`;
  const found = findings(text);
  assert.ok(!found.join("\n").includes(secret));
  const wanted = [
    /^auth\.yaml:3:13: tokens\[0\]\.sha256: is no SHA-256 hash/,
    /^auth\.yaml:5:\d+: tokens\[1\]\.name: there are two tokens named "grafana"/,
    /^auth\.yaml:6:\d+: tokens\[1\]\.sha256: is the hash of an empty token/,
    /^auth\.yaml:7:\d+: tokens\[1\]\.role: /,
    /^auth\.yaml:8:\d+: tokens\[2\]\.name: "local"/,
    /^auth\.yaml:12:\d+: tokens\[3\]\.sha256: is the token of "local" too/,
    /^auth\.yaml:14:\d+: .*tokn/,
    /^auth\.yaml:15:\d+: .*"sha256" is missing/,
    /^auth\.yaml:15:\d+: .*"role" is missing/,
  ];
  for (const pattern of wanted) {
    assert.ok(found.some((line) => pattern.test(line)), `${pattern}\n${found.join("\n")}`);
  }
  assert.equal(found.length, wanted.length, found.join("\n"));
});

Deno.test("the auth file: empty, of another kind", () => {
  for (const text of ["", "tokens:\n", "tokens: []\n", "[]", "tokens: {}", "tokens: [x", "other: 1"]) {
    assert.ok(findings(text).length > 0, text);
  }
});
