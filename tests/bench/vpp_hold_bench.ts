// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * How long a sync that finds nothing to do holds VPP's workers at a time. VPP holds them while it handles one
 * message and lets go before the next, so the longest of a sync is that of its most expensive message. VPP writes
 * the answers when the message is done, so each message is sent alone and timed to the first octets that come back:
 * the hold and a wake-up of VPP's main loop, which a bare ping shows. 1,000 VIPs × 8 servers.
 *
 * It needs a real VPP without VIPs in 198.18.0.0/15, which it uses and clears. Bound: 2 ms.
 */
import { calls, dumps } from "../../src/vpp/messages.ts";
import type { ByteStream } from "../../src/vpp/client.ts";
import { connectUnix } from "../../src/vpp/link.ts";
import { octets16, parseIp } from "../../src/net/ip.ts";
import { openSession, realVpp } from "./vpp_target.ts";
import { additions, clear, keys, send } from "./vpp_load.ts";

const ROUNDS = 5;
const BOUND_MS = 2;
const TABLE = Number(Deno.env.get("MAGLEV_BENCH_TABLE") ?? 8192);
const SERVERS = 8;

const target = realVpp();
if (target === null) {
  console.log("skipped: MAGLEV_TEST_VPP_API and MAGLEV_TEST_VPP_STATS are not set");
  Deno.exit(0);
}
/** When the first octets came since this was cleared. */
let firstAt: number | null = null;

async function watched(path: string, signal: AbortSignal): Promise<ByteStream> {
  const stream = await connectUnix(path, signal);
  return {
    async read(into) {
      const length = await stream.read(into);
      firstAt ??= performance.now();
      return length;
    },
    write: (from) => stream.write(from),
    close: () => stream.close(),
  };
}

await using vpp = target;
await using session = await openSession(vpp, watched);
const { client, lb } = session;

/** The least of some rounds: whatever else the machine does only adds to it. */
async function least(rounds: number, ask: () => Promise<unknown>): Promise<number> {
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    firstAt = null;
    const start = performance.now();
    await ask();
    best = Math.min(best, (firstAt ?? Infinity) - start);
  }
  return best;
}

await clear(session);
const load = additions(TABLE, SERVERS);
await send(session, load.vips);
await send(session, load.servers);
await lb.readAll();
console.log(
  `-- ${vpp.name} ${session.info.version}, ${keys.length} VIPs × ${SERVERS}, tables of ${TABLE}; load average ${
    Deno.loadavg().map((load) => load.toFixed(2)).join(" ")
  }`,
);
const ping = await least(50, () => client.demand(calls.controlPing, {}));
const conf = await least(ROUNDS, () => client.demand(calls.lbConfGet, {}));
const all = { pfx: "0.0.0.0/0", le: 0, ge: 0, protocol: 255, port: 0 };
const list = await least(2 * ROUNDS, () => client.dump(dumps.lbVips, all));
const filtered: number[] = [];
for (const { prefix, protocol, port } of keys) {
  const address = parseIp(prefix.split("/")[0] ?? "");
  if (address === null) throw new TypeError(prefix);
  const filter = { pfx: { af: 0, octets: octets16(address), len: 32 }, protocol, port };
  filtered.push(await least(ROUNDS, () => client.dump(dumps.lbServers, filter)));
}
const text = await least(ROUNDS, () => client.demand(calls.cliInband, { cmd: "show lb vips verbose" }));
const servers = filtered.toSorted((a, b) => a - b);
const median = servers[servers.length >> 1] ?? NaN;
const greatest = servers.at(-1) ?? NaN;
const longest = Math.max(conf, list, greatest);
const ms = (value: number) => `${value.toFixed(3)} ms`;
console.log(`a bare ping: ${ms(ping)}`);
console.log(`lb_conf_get: ${ms(conf)}`);
console.log(`lb_vip_dump: ${ms(list)}`);
console.log(`filtered lb_as_v2_dump: median ${ms(median)}, greatest of ${servers.length} ${ms(greatest)}`);
console.log(
  `longest of an idle sync: ${ms(longest)}; bound ${BOUND_MS} ms ${longest <= BOUND_MS ? "kept" : "BROKEN"}`,
);
console.log(`not in it, at most every 10 minutes: show lb vips verbose ${ms(text)}`);
await clear(session);
