import assert from "node:assert/strict";
import {
  localTokenFiles,
  localTokenInfoFile,
  localTokenInfoText,
  localTokenTarget,
  parseLocalTokenInfo,
  parseTokenText,
  whyTokenFileRefused,
} from "../../src/net/local_token.ts";

Deno.test("the token lies in /run, or else in the user's runtime directory", () => {
  assert.deepEqual(localTokenFiles(undefined), ["/run/vpp-maglev/token"]);
  assert.deepEqual(localTokenFiles(""), ["/run/vpp-maglev/token"]);
  assert.deepEqual(localTokenFiles("run"), ["/run/vpp-maglev/token"]);
  assert.deepEqual(localTokenFiles("/run/user/7/"), [
    "/run/vpp-maglev/token",
    "/run/user/7/vpp-maglev/token",
  ]);
  assert.equal(localTokenInfoFile("/a/token"), "/a/token.json");
});

Deno.test("what is written about the token is read again, and nothing else is taken for it", () => {
  const info = { pid: 12, listen: ["127.0.0.1:9090", "unix:/run/a.sock"] };
  const text = localTokenInfoText(info);
  assert.equal(text, '{"pid":12,"listen":["127.0.0.1:9090","unix:/run/a.sock"]}\n');
  assert.deepEqual(parseLocalTokenInfo(text), info);
  assert.deepEqual(parseLocalTokenInfo('{"pid":1,"listen":[],"more":true}'), { pid: 1, listen: [] });
  for (
    const wrong of [
      "",
      "{",
      "null",
      "[]",
      "{}",
      '{"pid":1}',
      '{"pid":0,"listen":[]}',
      '{"pid":1.5,"listen":[]}',
      '{"pid":1,"listen":[1]}',
    ]
  ) {
    assert.equal(parseLocalTokenInfo(wrong), null, wrong);
  }
});

Deno.test("a token file holds one token and nothing else", () => {
  const token = "0123456789abcdef-._~+/==";
  assert.equal(parseTokenText(token), token);
  assert.equal(parseTokenText(`${token}\n`), token);
  for (const wrong of ["", "short", "0123456789abcdef\n0123456789abcdef", "0123456789 abcdef", "\n"]) {
    assert.equal(parseTokenText(wrong), null, JSON.stringify(wrong));
  }
});

Deno.test("the token goes only where the daemon listens, and a name becomes the daemon's own address", () => {
  const at = (hostname: string, port: number, ...listen: string[]) =>
    localTokenTarget(listen, { hostname, port });
  assert.equal(at("127.0.0.1", 9090, "127.0.0.1:9090"), "127.0.0.1");
  assert.equal(at("::1", 9090, "127.0.0.1:9090", "[::1]:9090"), "::1");
  assert.equal(at("0:0:0:0:0:0:0:1", 9090, "[::1]:9090"), "::1");
  // Another port, another loopback address: another program may listen there.
  assert.equal(at("127.0.0.1", 9091, "127.0.0.1:9090"), null);
  assert.equal(at("127.0.0.2", 9090, "127.0.0.1:9090"), null);
  assert.equal(at("::1", 9090, "127.0.0.1:9090"), null);
  assert.equal(at("localhost", 9090, "[::1]:9090"), "::1");
  assert.equal(at("LOCALHOST", 9090, "192.0.2.1:9090", "127.0.0.1:9090"), "127.0.0.1");
  // A wildcard stands for loopback.
  assert.equal(at("127.0.0.1", 9090, "0.0.0.0:9090"), "127.0.0.1");
  assert.equal(at("::1", 9090, "0.0.0.0:9090"), null);
  assert.equal(at("127.0.0.1", 9090, "[::]:9090"), "127.0.0.1");
  assert.equal(at("::1", 9090, "[::]:9090"), "::1");
  assert.equal(at("localhost", 9090, "[::]:9090"), "127.0.0.1");
  // The daemon takes it from loopback peers only.
  assert.equal(at("192.0.2.1", 9090, "192.0.2.1:9090"), null);
  assert.equal(at("192.0.2.1", 9090, "0.0.0.0:9090"), null);
  assert.equal(at("localhost", 9090, "192.0.2.1:9090"), null);
  assert.equal(at("lb.example.com", 9090, "0.0.0.0:9090"), null);
  assert.equal(at("127.0.0.1", 9090), null, "under deno serve the list is empty");
  assert.equal(localTokenTarget(["unix:/run/a.sock"], { socketPath: "/run/a.sock" }), "/run/a.sock");
  assert.equal(localTokenTarget(["unix:/run/a.sock"], { socketPath: "/tmp/a.sock" }), null);
});

Deno.test("a token file of a stranger, or one that strangers can write, is not believed", () => {
  const why = (uid: number | null, mode: number | null, isFile = true) =>
    whyTokenFileRefused({ uid, mode, isFile }, [7]);
  assert.equal(why(0, 0o100640), null);
  assert.equal(why(7, 0o100640), null);
  assert.match(why(8, 0o100640) ?? "", /belongs to user 8/);
  assert.match(why(7, 0o100642) ?? "", /written by others/);
  assert.match(why(7, 0o100660) ?? "", /written by others/);
  assert.match(why(7, 0o10640, false) ?? "", /no regular file/);
  assert.match(why(null, null) ?? "", /no owner/);
});
