import assert from "node:assert/strict";
import fc from "fast-check";
import { instanceOf } from "../../routes/instance.ts";
import { makeWorld } from "./world.ts";

/** path-absolute of RFC 3986, appendix A, or `/` and `/.//…` as its section 4.2 advises. */
const pchar = "(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})";
const pathAbsolute = new RegExp(`^/(?:${pchar}+(?:/${pchar}*)*)?$`);

Deno.test("the instance of a problem is a URI reference to the path, without the query", () => {
  const rows = [
    ["/v1/backends/b1", "/v1/backends/b1"],
    ["/v1/backends/b%201?token=abc", "/v1/backends/b%201"],
    ["/v1/backends/b 1", "/v1/backends/b%201"],
    ["/v1/backends/%zz", "/v1/backends/%25zz"],
    ['/v1/backends/[x]|^`{}"<>\\', "/v1/backends/%5Bx%5D%7C%5E%60%7B%7D%22%3C%3E%5C"],
    ["/v1/é", "/v1/%C3%A9"],
    ["//evil.example/x", "/.//evil.example/x"],
    ["", "/"],
    ["*", "/*"],
  ] as const;
  for (const [path, instance] of rows) assert.equal(instanceOf(path), instance);
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 40 }), (path) => {
    assert.match(instanceOf(path), pathAbsolute);
    assert.match(instanceOf(`/${path}`), pathAbsolute);
  }));
});

Deno.test("a problem document carries it", async () => {
  const { ask } = makeWorld();
  for (
    const [target, instance] of [
      ["/v1/backends/a%20b", "/v1/backends/a%20b"],
      ["/v1/backends/[x]", "/v1/backends/%5Bx%5D"],
      ["/v1/backends/%E0%A4%A", "/v1/backends/%E0%A4%25A"],
      ["/nowhere/%5B|", "/nowhere/%5B%7C"],
    ] as const
  ) {
    const body = await (await ask(target)).json();
    assert.equal(body.instance, instance, target);
    assert.match(body.instance, pathAbsolute);
  }
});
