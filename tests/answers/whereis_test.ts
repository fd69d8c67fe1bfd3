import assert from "node:assert/strict";
import { TableSlices } from "../../src/answers/vip_table.ts";
import { whereis } from "../../src/answers/whereis.ts";
import { ip } from "../../src/net/ip.ts";
import { frontend } from "../lb/setup.ts";

const slices = new TableSlices({ now: () => 0 });

interface RecordedFlow {
  readonly vip: string;
  readonly port: number;
  readonly src_ip_sticky: boolean;
  readonly table_length: number;
  readonly servers: readonly { readonly address: string; readonly weight: number }[];
  readonly client: string;
  readonly client_port: number;
  readonly server: string;
}

const recording = await Deno.readTextFile(new URL("../fixtures/recordings/flows.jsonl", import.meta.url));
const flows = recording.trim().split("\n").map((line) => JSON.parse(line) as RecordedFlow);

function asking(flow: RecordedFlow, weightsAfter?: readonly number[]) {
  const names = flow.servers.map((_, index) => `b${index + 1}`);
  const pools = { primary: Object.fromEntries(names.map((n, i) => [n, flow.servers[i]?.weight ?? 0])) };
  const web = frontend("web", pools, {
    address: ip(flow.vip),
    port: flow.port,
    srcIpSticky: flow.src_ip_sticky,
    newFlowsTableLength: flow.table_length,
  });
  const servers = flow.servers.map((server) => ({ ...server, address: ip(server.address) }));
  const key = {
    prefix: `${web.address}/${web.address.includes(":") ? 128 : 32}`,
    protocol: 6,
    port: web.port,
  };
  return {
    frontend: web,
    desired: {
      id: "web",
      vip: key,
      frontend: "web",
      encap: "gre4" as const,
      srcIpSticky: flow.src_ip_sticky,
      tableLength: flow.table_length,
      tableLengthAuto: true,
      activePool: "primary",
      servers: servers.map((server, index) => ({
        ...server,
        backend: names[index] ?? "",
        pool: "primary",
        state: "up" as const,
        known: true,
        configured: server.weight,
        weight: weightsAfter?.[index] ?? server.weight,
      })),
    },
    actual: {
      ...key,
      encap: "gre4" as const,
      srcIpSticky: flow.src_ip_sticky,
      tableLength: flow.table_length,
      index: 1,
      servers: servers.map((server) => ({ ...server, flags: 1, numBuckets: 0, inUseSince: 0 })),
    },
    backendOf: (address: string) => names[servers.findIndex((server) => server.address === address)] ?? null,
  };
}

Deno.test("whereis names the server that answered on a real VPP", async () => {
  assert.ok(flows.length > 0);
  for (const flow of flows) {
    const answer = await whereis(asking(flow), flow.client, flow.client_port, slices);
    assert.ok(answer.ok, JSON.stringify(answer));
    assert.equal(answer.value.now?.address, ip(flow.server));
    assert.equal(answer.value.after_plan?.address, ip(flow.server));
    assert.equal(answer.value.bucket, answer.value.hash % flow.table_length);
  }
});

Deno.test("whereis tells where the flow goes when its server is drained, or when VPP is away", async () => {
  const [flow] = flows;
  assert.ok(flow);
  const weights = flow.servers.map((server) => server.address === flow.server ? 0 : server.weight);
  const input = asking(flow, weights);
  const answer = await whereis(input, flow.client, flow.client_port, slices);
  assert.ok(answer.ok);
  assert.equal(answer.value.now?.address, ip(flow.server));
  assert.ok(answer.value.after_plan);
  assert.notEqual(answer.value.after_plan.address, ip(flow.server));
  const away = await whereis({ ...input, actual: null }, flow.client, flow.client_port, slices);
  assert.ok(away.ok);
  assert.equal(away.value.now, null);
  assert.deepEqual(away.value.after_plan, answer.value.after_plan);
});

Deno.test("whereis computes no table of more than 65,536 buckets, and says so", async () => {
  const [flow] = flows;
  assert.ok(flow);
  const counted = new TableSlices({ now: () => assert.fail("a table is computed") });
  const input = asking({ ...flow, table_length: 2 ** 26 });
  const answer = await whereis(input, flow.client, flow.client_port, counted);
  assert.ok(answer.ok);
  assert.equal(answer.value.now, null);
  assert.equal(answer.value.after_plan, null);
  assert.match(answer.value.note, /is not computed/);
});

Deno.test("whereis refuses what cannot be answered, and says why", async () => {
  const flow = flows.find((one) => !one.src_ip_sticky && !one.vip.includes(":"));
  const sticky = flows.find((one) => one.src_ip_sticky);
  assert.ok(flow && sticky);
  const refusal = async (input: ReturnType<typeof asking>, client: string, port: number | null) => {
    const answer = await whereis(input, client, port, slices);
    assert.ok(!answer.ok);
    return answer.error.errors?.[0]?.path;
  };
  assert.equal(await refusal(asking(flow), "nonsense", 1), "client");
  assert.equal(await refusal(asking(flow), "2001:db8::1", 1), "client");
  assert.equal(await refusal(asking(flow), flow.client, null), "client_port");
  assert.equal(await refusal(asking(flow), flow.client, 65_536), "client_port");
  const anyPort = asking(flow);
  const allPort = { ...anyPort, frontend: { ...anyPort.frontend, port: 0, protocol: "any" as const } };
  assert.equal(await refusal(allPort, flow.client, 1), "frontend");
  assert.ok((await whereis(asking(sticky), sticky.client, null, slices)).ok);
});
