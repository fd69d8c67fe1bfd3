/**
 * maglevd in trouble for a long time:
 *
 *   deno task soak [--for 15m] [--seed N] [--backends 500]
 *
 * Hundreds of application servers on loopback addresses, of which a random few die, stall, reset or lie; a
 * simulated VPP that restarts every minute and misbehaves in between; reloads, operators, subscribers and
 * strangers. Afterwards VPP must have what the configuration and the real states ask for, and the daemon must
 * hold no more than before. Exit code 0 when all is well, 1 when not, 2 for wrong flags.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { parseDuration, toMillis } from "../../src/duration.ts";
import { soak, type SoakOptions } from "./run.ts";

const usage = "usage: deno task soak [--for <duration, e.g. 15m>] [--seed <number>] [--backends <20…5000>]";
const encoder = new TextEncoder();
const say = (line: string) => Deno.stdout.writeSync(encoder.encode(`${line}\n`));
const complain = (line: string) => Deno.stderr.writeSync(encoder.encode(`${line}\n`));

function options(args: readonly string[]): Omit<SoakOptions, "say"> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      for: { type: "string", default: "15m" },
      seed: { type: "string", default: String(crypto.getRandomValues(new Uint32Array(1))[0]) },
      backends: { type: "string", default: "500" },
    },
  });
  const length = parseDuration(values.for);
  const [seed, backends] = [Number(values.seed), Number(values.backends)];
  if (!length.ok || length.value <= 0n) throw new TypeError(`--for ${values.for} is no duration`);
  if (!Number.isInteger(seed)) throw new TypeError(`--seed ${values.seed} is no whole number`);
  if (!(backends >= 20 && backends <= 5000)) {
    throw new TypeError(`--backends ${values.backends} is not 20…5000`);
  }
  return { forMs: toMillis(length.value), seed, backends };
}

async function main(): Promise<number> {
  let wanted: Omit<SoakOptions, "say">;
  try {
    wanted = options(Deno.args);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    complain(`soak: ${error.message}\n${usage}`);
    return 2;
  }
  const { seed, backends, forMs } = wanted;
  say(`seed ${seed}: repeat with --seed ${seed} --backends ${backends} --for ${forMs / 1000}s`);
  const { problems, figures } = await soak({ ...wanted, say });
  for (const [name, value] of figures) say(`  ${name}: ${value}`);
  for (const problem of problems) complain(`PROBLEM: ${problem}`);
  say(problems.length === 0 ? `seed ${seed}: all is well` : `seed ${seed}: ${problems.length} problems`);
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
