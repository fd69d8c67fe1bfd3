/**
 * The simulator as a process of its own:
 *
 *   deno run -A src/simulator/main.ts --api PATH [--stats PATH] [--workers N] [--until-stdin-closes]
 *
 * Prints one JSON line when its sockets are there, and ends on SIGTERM or SIGINT, removing them. Exit code 1 when
 * it cannot start or a request ended it, 2 for wrong flags.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { Simulator } from "./simulator.ts";

const encoder = new TextEncoder();
const print = (line: string) => Deno.stdout.writeSync(encoder.encode(`${line}\n`));
const complain = (line: string) => Deno.stderr.writeSync(encoder.encode(`${line}\n`));

function flags(): { api: string; stats: string | undefined; workers: number; untilStdinCloses: boolean } {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      api: { type: "string" },
      stats: { type: "string" },
      workers: { type: "string", default: "0" },
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
    untilStdinCloses: values["until-stdin-closes"],
  };
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
  if (wanted.untilStdinCloses) Deno.stdin.readable.pipeTo(new WritableStream()).finally(stop);
  try {
    const { api, stats, workers } = wanted;
    await using simulator = await Simulator.start({
      api,
      ...(stats === undefined ? {} : { stats }),
      workers,
      keep: 0,
    });
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
