/**
 * The simulator as a process of its own:
 *
 *   deno run -A src/simulator/main.ts --api PATH [--stats PATH] [--workers N] [--forward VIP:PORT]...
 *     [--until-stdin-closes]
 *
 * Prints one JSON line when its sockets are there, and ends on SIGTERM or SIGINT, removing them. Exit code 1 when
 * it cannot start or a request ended it, 2 for wrong flags. --forward takes real TCP connections to a VIP on this
 * machine. With --until-stdin-closes it reads words from standard input, one a line, and answers each with one
 * JSON line:
 *
 *   restart   VPP ends and starts anew, with nothing configured
 *   drift     the first server with a weight gets weight 0, as if somebody had changed it by hand
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { IpAddress } from "../model.ts";
import { parseIp } from "../net/ip.ts";
import { lines } from "../lines.ts";
import { Forwarder } from "./forwarder.ts";
import { Simulator } from "./simulator.ts";
import { FLAG_USED } from "./vip.ts";

const encoder = new TextEncoder();
const print = (line: string) => Deno.stdout.writeSync(encoder.encode(`${line}\n`));
const complain = (line: string) => Deno.stderr.writeSync(encoder.encode(`${line}\n`));

interface Flags {
  readonly api: string;
  readonly stats: string | undefined;
  readonly workers: number;
  readonly forward: readonly { readonly vip: IpAddress; readonly port: number }[];
  readonly untilStdinCloses: boolean;
}

function flags(): Flags {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      api: { type: "string" },
      stats: { type: "string" },
      workers: { type: "string", default: "0" },
      forward: { type: "string", multiple: true, default: [] },
      // Whoever started it holds the other end of its standard input: it does not outlive them, however they end.
      "until-stdin-closes": { type: "boolean", default: false },
    },
  });
  if (values.api === undefined) throw new TypeError("--api is missing");
  if (!/^[0-9]{1,2}$/.test(values.workers)) throw new TypeError(`--workers ${values.workers} is not 0…99`);
  return {
    api: values.api,
    stats: values.stats,
    workers: Number(values.workers),
    forward: values.forward.map((text) => {
      const [, host = "", port = ""] = /^\[?([^\]]+)\]?:(\d{1,5})$/.exec(text) ?? [];
      const vip = parseIp(host);
      if (vip === null || Number(port) > 65535) throw new TypeError(`--forward ${text} is not VIP:PORT`);
      return { vip, port: Number(port) };
    }),
    untilStdinCloses: values["until-stdin-closes"],
  };
}

/** Reads words from standard input until it closes. */
async function obey(simulator: Simulator): Promise<void> {
  for await (const line of lines(Deno.stdin.readable)) {
    const word = line.trim();
    if (word === "restart") {
      await simulator.restart();
      print(JSON.stringify({ did: word, boottime: simulator.bootTime }));
    } else if (word === "drift") {
      print(JSON.stringify({ did: word, server: drift(simulator) }));
    } else {
      print(JSON.stringify({ error: `unknown word "${word}"` }));
    }
  }
}

/** Sets the weight of the first server that has one to 0; null: there is none. */
function drift({ vpp }: Simulator): string | null {
  for (const vip of vpp.lb.vips()) {
    for (const { row } of vip.servers) {
      if ((row.flags & FLAG_USED) === 0 || row.weight === 0) continue;
      const { pfx, protocol, port } = vip.shown;
      vpp.lb.lb_as_set_weight({ pfx, protocol, port, as_address: row.address, weight: 0, is_flush: false });
      return row.address;
    }
  }
  return null;
}

async function main(): Promise<number> {
  let wanted: ReturnType<typeof flags>;
  try {
    wanted = flags();
  } catch (error) {
    complain(`simulator: ${error instanceof Error ? error.message : error}`);
    return 2;
  }
  const stopped = Promise.withResolvers<null>();
  const stop = () => stopped.resolve(null);
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener("SIGINT", stop);
  try {
    const { api, stats, workers, forward } = wanted;
    await using simulator = await Simulator.start({
      api,
      ...(stats === undefined ? {} : { stats }),
      workers,
      keep: 0,
    });
    await using forwarders = new AsyncDisposableStack();
    for (const { vip, port } of forward) {
      forwarders.use(Forwarder.open(vip, port, (packets) => {
        return simulator.death === null ? simulator.forward(packets) : null;
      }));
    }
    if (wanted.untilStdinCloses) obey(simulator).finally(stop);
    print(
      JSON.stringify({ ready: true, api, stats: stats ?? null, pid: Deno.pid, boottime: simulator.bootTime }),
    );
    const death = await Promise.race([stopped.promise, simulator.crashed]);
    if (death === null) return 0;
    complain(`simulator: VPP would have ended here: ${death}`);
    return 1;
  } catch (error) {
    complain(`simulator: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    Deno.removeSignalListener("SIGTERM", stop);
    Deno.removeSignalListener("SIGINT", stop);
  }
}

if (import.meta.main) Deno.exit(await main());
