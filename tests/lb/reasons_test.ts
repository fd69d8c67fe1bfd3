import assert from "node:assert/strict";
import type { DesiredServer, DesiredVip } from "../../src/lb/desired.ts";
import { weightReason } from "../../src/lb/diff.ts";
import { ip } from "../../src/net/ip.ts";

const unseen: DesiredServer = {
  address: ip("10.0.0.1"),
  backend: "b1",
  pool: "primary",
  state: "unknown",
  known: false,
  configured: 0,
  weight: 0,
};

const vip: DesiredVip = {
  id: "192.0.2.1/32 6 80",
  vip: { prefix: "192.0.2.1/32", protocol: 6, port: 80 },
  frontend: "www",
  encap: "gre4",
  srcIpSticky: false,
  tableLength: 1024,
  tableLengthAuto: true,
  activePool: "primary",
  servers: [unseen],
};

Deno.test("what is not yet known and loses its weight does so by an operator's word, or because its pool is passive", () => {
  const reason = (weighed: boolean, server: DesiredServer = unseen) =>
    weightReason(vip, server, 70, null, {
      previous: null,
      asked: () => undefined,
      weightBy: () => weighed ? "alice" : null,
      isSetHere: () => weighed,
    });
  assert.equal(reason(true), "weight set by operator");
  assert.equal(reason(true, { ...unseen, weight: 30, configured: 30 }), "weight set by operator");
  assert.equal(reason(false, { ...unseen, pool: "fallback" }), "pool primary took over");
  assert.equal(reason(false, { ...unseen, weight: 100 }), "drift", "its witness is 100");
  assert.equal(reason(true, { ...unseen, known: true }), "backend b1 unknown");
});
