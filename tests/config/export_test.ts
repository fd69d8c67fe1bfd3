import assert from "node:assert/strict";
import { stringify } from "yaml";
import { exportConfig } from "../../src/config/export.ts";
import { checkText } from "../../src/config/load.ts";
import { healthCheck } from "../../src/snapshot/convert.ts";
import { generousFile } from "./files.ts";
import { complete } from "./golden.ts";

function config(text: string) {
  const result = checkText(text, "f", { fileRules: false });
  assert.ok(result.config !== null, result.parseError + result.semanticError);
  return result.config;
}

Deno.test("the exported document has the file's keys with every default filled in", () => {
  assert.deepEqual(exportConfig(config(complete(""))), {
    maglev: {
      "healthchecker": { "transition-history": 5, "netns": "" },
      "healthchecks": {
        web: {
          "type": "http",
          "port": 80,
          "interval": "2s",
          "fast-interval": "2s",
          "down-interval": "2s",
          "timeout": "1s",
          "rise": 2,
          "fall": 3,
          "params": { "path": "/", "method": "GET", "response-code": "200-399", "headers": {} },
        },
      },
      "backends": { b1: { "address": "192.0.2.10", "healthcheck": "web", "enabled": true } },
      "frontends": {
        www: {
          "description": "",
          "address": "198.51.100.1",
          "protocol": "tcp",
          "port": 80,
          "pools": [{ "name": "p", "backends": { b1: { weight: 100 } } }],
          "src-ip-sticky": false,
          "flush-on-down": true,
          "new-flows-table-length": "auto",
        },
      },
      "vpp": {
        lb: {
          "sync-interval": "30s",
          "ipv4-src-address": "192.0.2.1",
          "ipv6-src-address": "2001:db8::1",
          "sticky-buckets-per-core": 65536,
          "flow-timeout": "40s",
          "startup-min-delay": "5s",
          "startup-max-delay": "30s",
          "foreign-vips": "delete",
        },
      },
    },
  });
});

Deno.test("secret header values are shown as ***, the others as they are", () => {
  const text = stringify(exportConfig(config(generousFile)));
  assert.match(text, /X-Probe: maglevd/);
  assert.match(text, /Authorization: "?\*\*\*"?/);
  assert.match(text, /X-Api-Key: "?\*\*\*"?/);
  assert.doesNotMatch(text, /Bearer abc|secret/);
});

Deno.test("secret query values are shown as ***, in the configuration and in the health check", () => {
  const text = generousFile.replace("path: /health?deep=1", "path: /check?token=abc&x=1");
  const read = config(text);
  assert.match(stringify(exportConfig(read)), /path: "?\/check\?token=\*\*\*&x=1"?\n/);
  const check = [...read.healthchecks.values()].find(({ type }) => type === "http" || type === "https");
  assert.ok(check !== undefined);
  assert.equal(healthCheck(check, read).params?.path, "/check?token=***&x=1");
});

Deno.test("durations are written as Go writes them", () => {
  const { maglev } = exportConfig(config(generousFile));
  const text = stringify(maglev);
  for (const written of ["interval: 1s", "fast-interval: 200ms", "timeout: 1.5s", "sync-interval: 1m30s"]) {
    assert.ok(text.includes(`${written}\n`), written);
  }
  assert.ok(text.includes("startup-max-delay: 100\u00b5s\n"));
  assert.ok(text.includes("flow-timeout: 1m0s\n"));
});

Deno.test("reading the exported document again gives the same configuration", () => {
  const plain = generousFile.replace(
    "X-Probe: maglevd, Authorization: Bearer abc, X-Api-Key: secret",
    "X-Probe: a",
  );
  for (const text of [plain, complete(""), complete("  frontends:\n")]) {
    const once = config(text);
    assert.deepEqual(config(stringify(exportConfig(once))), once);
  }
});
