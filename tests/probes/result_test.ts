import assert from "node:assert/strict";
import { PROBE_CODES, sentence, voidCause } from "../../src/probes/result.ts";

Deno.test("PROBE_CODES: the layer of a code is in its name, and only the three OK codes pass", () => {
  for (const [code, { ok, layer }] of Object.entries(PROBE_CODES)) {
    assert.equal(code.slice(0, 2), layer);
    assert.equal(ok, code.endsWith("OK"), code);
  }
});

Deno.test("voidCause() blames the host for its own failures and nothing else", () => {
  const rows: [call: string, errno: string, cause: string | null][] = [
    ["netns", "ENOENT", "netns"],
    ["netns", "EINVAL", "netns"],
    ["netns", "EPERM", "permission"],
    ["socket", "EPERM", "permission"],
    ["socket", "EACCES", "permission"],
    ["socket", "EAFNOSUPPORT", "family"],
    ["send", "EADDRNOTAVAIL", "family"],
    ["bind", "EADDRNOTAVAIL", "source-address"],
    ["bind", "EADDRINUSE", "ports"],
    ["connect", "EADDRNOTAVAIL", "ports"],
    ["socket", "EMFILE", "descriptors"],
    ["netns", "EMFILE", "descriptors"],
    ["socket", "ENFILE", "descriptors"],
    ["connect", "ENOBUFS", "memory"],
    ["send", "ENOBUFS", "memory"],
    ["socket", "ENOMEM", "memory"],
    // What the network says counts, also a local firewall's word.
    ["connect", "ECONNREFUSED", null],
    ["connect", "ENETUNREACH", null],
    ["connect", "EHOSTUNREACH", null],
    ["connect", "EPERM", null],
    ["connect", "EACCES", null],
    ["connect", "ECONNRESET", null],
    ["connect", "ETIMEDOUT", null],
    ["send", "EPIPE", null],
    ["send", "EPERM", null],
    ["send", "ENETUNREACH", null],
    ["send", "EHOSTUNREACH", null],
  ];
  for (const [call, errno, cause] of rows) assert.equal(voidCause(call, errno), cause, `${call} ${errno}`);
});

Deno.test("sentence() speaks to humans and falls back to the name", () => {
  assert.equal(sentence("ECONNREFUSED"), "connection refused");
  assert.equal(sentence("EHOSTUNREACH"), "no route to host");
  assert.equal(sentence("EWHATEVER"), "EWHATEVER");
});
