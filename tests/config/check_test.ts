import assert from "node:assert/strict";
import { formatFinding } from "../../src/config/findings.ts";
import { checkText } from "../../src/config/load.ts";

const GOOD = `maglev:
  healthchecks:
    web: {type: http, port: 80}
  backends:
    b1: {address: 192.0.2.10, healthcheck: web}
  frontends:
    www:
      address: 2001:db8::1
      protocol: tcp
      port: 80
      pools:
        - name: primary
          backends: {b1: {weight: 50}}
  vpp:
    lb: {ipv4-src-address: 192.0.2.1, ipv6-src-address: 2001:db8::2}
`;

Deno.test("a good file gives a configuration with every default filled in", () => {
  const result = checkText(GOOD, "good.yaml", { fileRules: true });
  assert.deepEqual(result.findings, []);
  assert.equal(result.exitCode, 0);
  assert.deepEqual(result.config?.lb, {
    syncIntervalMs: 30_000,
    ipv4SrcAddress: "192.0.2.1",
    ipv6SrcAddress: "2001:db8::2",
    stickyBucketsPerCore: 65536,
    flowTimeoutSeconds: 40,
    startupMinDelayMs: 5_000,
    startupMaxDelayMs: 30_000,
    foreignVips: "delete",
  });
  assert.equal(result.config?.healthchecks.get("web")?.fastIntervalMs, 2_000);
  assert.equal(result.config?.frontends.get("www")?.newFlowsTableLength, 1024);
});

Deno.test("every error is told at its place, in the order of the sections; one structural error makes it 1", () => {
  const wrong = GOOD.replace("weight: 50", "weight: 101").replace("port: 80}", "prot: 80}")
    .replace("192.0.2.10", "192.0.2.300");
  const result = checkText(wrong, "x.yaml", { fileRules: true });
  assert.equal(result.exitCode, 1);
  assert.equal(result.config, null);
  assert.deepEqual(result.findings.map(formatFinding), [
    'x.yaml:3:5: maglev.healthchecks.web: required key "port" is missing (type http needs one)',
    'x.yaml:3:23: maglev.healthchecks.web.prot: unknown key (did you mean "port"?)',
    'x.yaml:5:19: maglev.backends.b1.address: "192.0.2.300" is not an IP address',
    "x.yaml:13:35: maglev.frontends.www.pools[0].backends.b1.weight: must be from 0 to 100, not 101",
  ]);
});
