/**
 * A process of its own that probes targets and prints every report as a line of JSON. For tests that stop,
 * starve or cripple a whole process.
 *
 *   deno run -A child.ts '{"targets": [...], "hog": true}'
 *
 * With `hog` it uses up all descriptors when a line comes in, and gives them back at the next line. The end of
 * its input ends it.
 */
import type { Log } from "../../src/log/mod.ts";
import type { ProbeTarget } from "../../src/probes/prober.ts";
import { startProber } from "../../src/probes/runner.ts";

const { targets, hog = false } = JSON.parse(Deno.args[0] ?? "") as { targets: ProbeTarget[]; hog?: boolean };
const encoder = new TextEncoder();
const print = (value: unknown) => void Deno.stdout.writeSync(encoder.encode(`${JSON.stringify(value)}\n`));
const log: Log = {
  enabled: (level) => level !== "debug",
  debug() {},
  info() {},
  warn: (msg, attrs) => print({ log: msg, attrs }),
  error: (msg, attrs) => print({ log: msg, attrs }),
};

// Deno sets its signals up when it first needs them, and ends the process if that finds no descriptor left.
const ignore = () => {};
Deno.addSignalListener("SIGUSR2", ignore);

await using prober = startProber({ log, sink: (reports) => reports.forEach((report) => print({ report })) });
prober.start(targets);
const held: Deno.FsFile[] = [];
for await (const _line of Deno.stdin.readable) {
  if (!hog) continue;
  if (held.length > 0) {
    for (const file of held.splice(0)) file.close();
    continue;
  }
  try {
    while (true) held.push(Deno.openSync("/proc/self/status"));
  } catch { /* all are used up */ }
}
for (const file of held) file.close();
Deno.removeSignalListener("SIGUSR2", ignore);
