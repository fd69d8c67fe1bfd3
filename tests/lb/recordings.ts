/** Readers of the recorded tables and flows of a real VPP. */
import type { IpAddress } from "../../src/model.ts";
import type { Flow } from "../../src/lb/table/flow.ts";
import type { TableServer } from "../../src/lb/table/table.ts";
import { ip } from "../../src/net/ip.ts";

const folder = new URL("../fixtures/recordings/", import.meta.url);

interface TableLine {
  table_length: number;
  as: { address: string; weight: number; buckets: number }[];
}

interface FlowLine {
  vip: string;
  port: number;
  src_ip_sticky: boolean;
  table_length: number;
  servers: { address: string; weight: number }[];
  client: string;
  client_port: number;
  server: string;
}

async function lines<T>(file: string): Promise<T[]> {
  const text = await Deno.readTextFile(new URL(file, folder));
  return text.trimEnd().split("\n").map((line): T => JSON.parse(line));
}

/** The recorded tables, with the buckets that VPP gave to each server. */
export async function tableRecordings(): Promise<
  { length: number; servers: (TableServer & { buckets: number })[] }[]
> {
  return (await lines<TableLine>("tables.jsonl")).map((line) => ({
    length: line.table_length,
    servers: line.as.map(({ address, weight, buckets }) => ({ address: ip(address), weight, buckets })),
  }));
}

/** The recorded connections, with the server that answered. */
export async function flowRecordings(): Promise<
  { flow: Flow; length: number; servers: TableServer[]; server: IpAddress }[]
> {
  return (await lines<FlowLine>("flows.jsonl")).map((line) => ({
    flow: {
      client: ip(line.client),
      clientPort: line.client_port,
      vip: ip(line.vip),
      vipPort: line.port,
      srcIpSticky: line.src_ip_sticky,
    },
    length: line.table_length,
    servers: line.servers.map(({ address, weight }) => ({ address: ip(address), weight })),
    server: ip(line.server),
  }));
}
