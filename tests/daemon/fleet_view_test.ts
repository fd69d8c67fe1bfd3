/** What the daemon makes of what it knows of its fleet: digests, problems, and the record that outlives it. */
import assert from "node:assert/strict";
import { isFleetUnknown } from "../../src/daemon/fleet.ts";
import { fleetAnswer, fleetTroubles } from "../../src/daemon/fleet_answer.ts";
import { configDigest, TableDigests } from "../../src/daemon/fleet_row.ts";
import { checkText } from "../../src/config/load.ts";
import type { FleetView } from "../../src/fleet/fleet.ts";
import {
  type Intent,
  intentKey,
  intentText,
  learnList,
  noMemory,
  targetOf,
} from "../../src/fleet/intents.ts";
import { memoryOf, recordOf } from "../../src/fleet/record.ts";
import type { DesiredVip } from "../../src/lb/desired.ts";
import { ip } from "../../src/net/ip.ts";
import type { Config } from "../../src/configuration.ts";
import { wwwConfig } from "../e2e/world.ts";

const quiet: FleetView = {
  name: "site",
  node: "lb1",
  store: { kind: "live", since: 5_000, detail: "" },
  rows: [],
  disagreements: [],
  doubled: null,
  clockOff: null,
};

function configOf(edit: (text: string) => string = (text) => text): Config {
  const { config, findings } = checkText(edit(wwwConfig("1.1", 80)), "maglev.yaml", { fileRules: false });
  assert.ok(config !== null, JSON.stringify(findings));
  return config;
}

Deno.test("what is wrong with a fleet is told with its hour: store, clock, another daemon of the name, differences", () => {
  assert.deepEqual(fleetTroubles(quiet, 1_000, 100_000), { store: null, clock: null, nodes: [] });
  const told = fleetTroubles(
    {
      ...quiet,
      store: { kind: "replaced", since: 7_000, detail: "" },
      doubled: { instance: "x", since: 400 },
      clockOff: { ms: -35_400, since: 8_000 },
      disagreements: [{ kind: "table", object: "www", text: "frontend www: lb2 …", nodes: {}, since: 900 }],
    },
    1_000,
    100_000,
  );
  assert.deepEqual([told.store?.since, told.clock], [
    7_000,
    { since: 8_000, detail: "this node's clock is 35 s behind that of the fleet's store" },
  ]);
  assert.match(told.store?.detail ?? "", /^the store was replaced/);
  assert.deepEqual(told.nodes, [
    {
      object: "lb1",
      since: 99_400,
      detail: "another daemon has the node name lb1, too: give each its own with --node-name",
    },
    { object: "www", since: 99_900, detail: "frontend www: lb2 …" },
  ]);
  assert.equal(fleetAnswer(quiet, 0).store, "live");
});

Deno.test("the digest of a configuration leaves out what differs between nodes by design, and secrets", () => {
  const digest = configDigest(configOf());
  const same = [
    (text: string) => text.replace("192.0.2.254", "192.0.2.253"),
    (text: string) => text.replace("timeout: 2s", "timeout: 2s, probe-ipv4-src: 192.0.2.9"),
    (text: string) => text.replace("maglev:\n", "maglev:\n  healthchecker: { netns: dataplane }\n"),
    (text: string) => `${text}  fleet: { name: a, node: lb7, endpoints: ["https://192.0.2.1:2379"] }\n`,
    (text: string) => text.replace(/( {4}b1: .*\n)( {4}b2: .*\n)/, "$2$1"),
  ];
  for (const [i, edit] of same.entries()) assert.equal(configDigest(configOf(edit)), digest, `${i}`);
  const others = [
    (text: string) => text.replace("weight: 50", "weight: 51"),
    (text: string) => text.replace("fall: 3", "fall: 4"),
    (text: string) => text.replace(/( +- \{ name: primary.*\n)( +- \{ name: fallback.*\n)/, "$2$1"),
    (text: string) => text.replace("rise: 2", 'rise: 2, params: { headers: { x-trace: "1" } }'),
  ];
  for (const [i, edit] of others.entries()) assert.notEqual(configDigest(configOf(edit)), digest, `${i}`);
  const secret = (value: string) =>
    configOf((text) =>
      text.replace("rise: 2", `rise: 2, params: { headers: { authorization: "${value}" } }`)
    );
  assert.equal(configDigest(secret("a")), configDigest(secret("b")));
});

Deno.test("a table's digest is of what VPP has where that is another length, and changes with its inputs only", () => {
  const tables = new TableDigests();
  const vip = (weight: number): DesiredVip => ({
    id: "v",
    vip: { prefix: "192.0.2.1/32", protocol: 6, port: 80 },
    frontend: "www",
    encap: "gre4",
    srcIpSticky: false,
    tableLength: 1024,
    tableLengthAuto: true,
    activePool: "p",
    servers: [{
      address: ip("198.51.100.1"),
      backend: "b1",
      pool: "p",
      state: "up",
      known: true,
      configured: weight,
      weight,
    }],
  });
  const digest = (weight: number, length: number | null) => tables.of([vip(weight)], () => length).www;
  const first = digest(100, null);
  assert.equal(digest(100, 1024), first);
  assert.notEqual(digest(100, 2048), first);
  assert.notEqual(digest(50, null), first);
  assert.equal(digest(100, null), first);
});

Deno.test("what is known of a store survives as it was; that of another fleet is nothing", () => {
  const intent: Intent = {
    kind: "disable",
    backend: "b7",
    by: "anna",
    claimed: "a",
    reason: "disk swap",
    since: Date.UTC(2026, 0, 1),
    until: Date.UTC(2026, 0, 2),
    node: "lb1",
  };
  const key = intentKey("site", targetOf(intent));
  const rows = [{ key, value: intentText(intent), modRevision: 12n }];
  const learned = learnList(noMemory, "site", { clusterId: "17", revision: 2n ** 60n, date: null, rows });
  const memory = { ...(learned?.memory ?? noMemory), floor: 3n, held: new Set([key]) };
  const record = recordOf("site", memory);
  assert.deepEqual(memoryOf("site", JSON.parse(JSON.stringify(record))), memory);
  assert.equal(memoryOf("other", record), noMemory);
  assert.equal(recordOf("site", noMemory), null);
  const fleet = configOf((text) => `${text}  fleet: { name: site, endpoints: ["https://192.0.2.1:2379"] }\n`);
  assert.deepEqual([
    isFleetUnknown(fleet, record),
    isFleetUnknown(fleet, null),
    isFleetUnknown(configOf(), null),
  ], [
    false,
    true,
    false,
  ]);
});
