import assert from "node:assert/strict";
import { diffConfigs } from "../../src/config/diff.ts";
import { checkText } from "../../src/config/load.ts";
import type { Config } from "../../src/configuration.ts";
import { generousFile } from "./files.ts";

const BEFORE = `maglev:
  healthchecker: {netns: ""}
  healthchecks:
    web: {type: http, port: 80, params: {path: /a, headers: {X-Token: one}}}
    old: {type: icmp}
  backends:
    b1: {address: 192.0.2.10, healthcheck: web}
    b2: {address: 192.0.2.11, healthcheck: web}
    b3: {address: 192.0.2.12}
    v6: {address: 2001:db8::1}
  frontends:
    www: {address: 198.51.100.1, protocol: tcp, port: 80, pools: [{name: p, backends: {b1: , b2: }}]}
    dns: {address: 198.51.100.2, protocol: udp, port: 53, pools: [{name: p, backends: {b3: }}]}
  vpp: {lb: {ipv4-src-address: 192.0.2.1, ipv6-src-address: 2001:db8::2}}
`;

function config(text: string): Config {
  const result = checkText(text, "f", { fileRules: false });
  assert.ok(result.config !== null, result.parseError + result.semanticError);
  return result.config;
}

/** What a reload says after the given replacements in BEFORE. */
function changes(...replacements: [string, string][]): string[] {
  let after = BEFORE;
  for (const [from, to] of replacements) {
    assert.ok(after.includes(from), from);
    after = after.replace(from, to);
  }
  return diffConfigs(config(BEFORE), config(after)).map(({ object, name, change, fields, effect }) =>
    `${object} ${name} ${change} [${fields.join(" ")}] ${effect}`
  );
}

Deno.test("nothing is said of what stays the same", () => {
  assert.deepEqual(diffConfigs(config(generousFile), config(generousFile)), []);
  assert.deepEqual(changes(["address: 2001:db8::1}", "address: 2001:DB8:0:0::1, enabled: true}"]), []);
  assert.deepEqual(changes(["web: {type: http,", "web: {interval: 2000ms, rise: 2, type: http,"]), []);
});

Deno.test("each kind of change names its keys and its effect", () => {
  const table: [replacements: [string, string][], expected: string[]][] = [
    [[['netns: ""', "netns: x, transition-history: 1"]], [
      "healthchecker healthchecker changed [transition-history netns] 1 transition kept per backend; 2 backends probed anew there; states stay",
    ]],
    [[["path: /a", "path: /b, host: x"]], [
      "healthcheck web changed [params.path params.host] 2 backends probed anew; states stay",
    ]],
    [[["X-Token: one", "X-Token: two"]], [
      "healthcheck web changed [params.headers] 2 backends probed anew; states stay",
    ]],
    [[["{type: http, port: 80,", "{type: http, port: 80, interval: 1s,"]], [
      "healthcheck web changed [interval fast-interval down-interval] 2 backends probed anew; states stay",
    ]],
    [[["old:", "new:"]], [
      "healthcheck new added [] used by 0 backends",
      "healthcheck old removed [] was used by 0 backends",
    ]],
    [[["192.0.2.11, healthcheck: web", "192.0.2.99, healthcheck: old"]], [
      "backend b2 changed [address healthcheck] a new server: unknown, probed at once; the previous one serves until the first verdict; probed anew; its state stays",
    ]],
    [[["192.0.2.11, healthcheck: web", "192.0.2.11"]], [
      "backend b2 changed [healthcheck] no longer probed: up",
    ]],
    [[["192.0.2.12}", "192.0.2.12, healthcheck: old}"]], [
      "backend b3 changed [healthcheck] probed from now on, stays up meanwhile",
    ]],
    [[["192.0.2.12}", "192.0.2.12, enabled: false}"]], [
      "backend b3 changed [enabled] disabled, its flows are flushed",
    ]],
    [[[
      "    v6: {address: 2001:db8::1}",
      "    n1: {address: 2001:db8::3}\n    n2: {address: 2001:db8::4, healthcheck: old}\n    n3: {address: 2001:db8::5, enabled: false}",
    ]], [
      "backend n1 added [] up, as it has no health check",
      "backend n2 added [] starts as unknown, probed at once",
      "backend n3 added [] starts as disabled",
      "backend v6 removed [] no longer probed, deleted from VPP",
    ]],
    [[["backends: {b1: , b2: }", "backends: {b1: {weight: 1}, b2: }"]], [
      "frontend www changed [pools] servers and weights follow in VPP",
    ]],
    [[["port: 53, pools: [{name: p, backends: {b3: }", "port: 53, pools: [{name: p, backends: {v6: }"]], [
      "frontend dns changed [pools] the VIP must be deleted and added again in VPP (encapsulation): traffic-affecting; servers and weights follow in VPP",
    ]],
    [[["port: 53,", "port: 53, src-ip-sticky: true, new-flows-table-length: 4096,"]], [
      "frontend dns changed [src-ip-sticky new-flows-table-length] the VIP must be deleted and added again in VPP (src-ip-sticky, table length): traffic-affecting",
    ]],
    [[["port: 53,", "port: 53, new-flows-table-length: 1024,"]], [
      "frontend dns changed [new-flows-table-length] no effect on traffic",
    ]],
    [[["port: 53,", "port: 53, description: names, flush-on-down: false,"]], [
      "frontend dns changed [description flush-on-down] holds from the next transition on",
    ]],
    [[["port: 53,", "port: 53, description: names,"]], [
      "frontend dns changed [description] no effect on traffic",
    ]],
    [[["port: 53,", "port: 54,"]], [
      "frontend dns changed [port] a new VIP is added to VPP, the old one is deleted",
    ]],
    [[["    dns:", "    ns:"]], [
      "frontend ns added [] its VIP is added to VPP",
      "frontend dns removed [] its VIP is deleted from VPP",
    ]],
    [[[
      "2001:db8::2}",
      "2001:db8::9, sticky-buckets-per-core: 1024, sync-interval: 1m, startup-min-delay: 1s}",
    ]], [
      "vpp lb changed [sync-interval ipv6-src-address sticky-buckets-per-core startup-min-delay] every worker of VPP throws its flow table away: traffic-affecting; VPP's global settings are set anew; holds from the next sync on; startup delays are read at start only",
    ]],
  ];
  for (const [replacements, expected] of table) assert.deepEqual(changes(...replacements), expected);
});

Deno.test("a disabled backend that the file enables is told so", () => {
  const off = config(BEFORE.replace("192.0.2.12}", "192.0.2.12, enabled: false}"));
  assert.deepEqual(diffConfigs(off, config(BEFORE)), [{
    object: "backend",
    name: "b3",
    change: "changed",
    fields: ["enabled"],
    effect: "enabled: unknown, probed at once",
  }]);
});

Deno.test("from a table length of its own to auto: the live VIP keeps what it has", () => {
  const own = config(BEFORE.replace("port: 53,", "port: 53, new-flows-table-length: 4096,"));
  assert.deepEqual(diffConfigs(own, config(BEFORE)).map(({ effect }) => effect), [
    "the live VIP keeps its table length",
  ]);
});

Deno.test("a fleet that comes, changes or goes does so at restart", () => {
  const fleet = '  fleet: {name: site, endpoints: ["https://192.0.2.20:2379"]}\n';
  const said = (before: string, after: string) =>
    diffConfigs(config(before), config(after)).map(({ object, name, change, fields, effect }) =>
      `${object} ${name} ${change} [${fields.join(" ")}] ${effect}`
    );
  const having = BEFORE + fleet;
  assert.deepEqual(said(having, having), []);
  assert.deepEqual(said(BEFORE, having), ["fleet fleet added [] at restart"]);
  assert.deepEqual(said(having, BEFORE), ["fleet fleet removed [] at restart"]);
  assert.deepEqual(said(having, having.replace("site", "sites").replace("20:", "21:")), [
    "fleet fleet changed [name endpoints] at restart",
  ]);
});

Deno.test("no secret shows in what a reload says", () => {
  const [change] = changes(["X-Token: one", "X-Token: two"]);
  assert.doesNotMatch(change ?? "one", /\b(one|two)\b/);
});

Deno.test("a renamed backend is neither gone nor new", () => {
  const after = BEFORE.replaceAll("b1:", "c1:").replace(
    "{address: 192.0.2.10,",
    "{enabled: false, address: 192.0.2.10,",
  )
    .replace("    v6: {address: 2001:db8::1}\n", "");
  const facts = { renamed: new Map([["c1", "b1"]]) };
  const found = diffConfigs(config(BEFORE), config(after), facts).filter(({ object }) =>
    object === "backend"
  );
  assert.deepEqual(found, [
    {
      object: "backend",
      name: "c1",
      change: "changed",
      fields: ["name", "enabled"],
      effect: "was b1; state and history stay; disabled, its flows are flushed",
    },
    {
      object: "backend",
      name: "v6",
      change: "removed",
      fields: [],
      effect: "no longer probed, deleted from VPP",
    },
  ]);
});
