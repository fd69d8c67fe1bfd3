// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * The designs that were tried for probes, in turn against the same nginx, 1,000 http checks a second: sockets of our
 * own with one epoll in a thread of their own (the product), sockets made by FFI and handed to Deno, and Deno's own
 * sockets. The two others do less: no deadline, no phases, no parser of the answer.
 *
 *   deno run -A tests/bench/probe_designs_bench.ts [seconds of each run, default 10]
 *
 * @module
 */
import { httpCheck } from "../probes/helpers.ts";
import { noNginx } from "../probes/needs.ts";
import { Nginx } from "../probes/nginx.ts";
import type { Figures } from "./probe_child.ts";
import type { DesignTask } from "./probe_design_child.ts";
import { measure, probesOf, row } from "./probe_world.ts";

if (noNginx !== null) {
  console.log(`skipped: ${noNginx}`);
  Deno.exit(0);
}
const seconds = Number(Deno.args[0] ?? 10);
const count = 1000;
const warmSeconds = 4;
const rounds = 5;
await using nginx = await Nginx.start(
  'access_log off; server { listen {http} backlog=8192; location / { return 200 "well"; } }',
  ["http"],
);
const check = httpCheck(nginx.port("http"), {}, { intervalMs: 1000, fastIntervalMs: 1000, timeoutMs: 1000 });

async function other(design: DesignTask["design"]): Promise<Figures> {
  const task: DesignTask = { design, count, port: nginx.port("http"), warmSeconds, seconds };
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      new URL("probe_design_child.ts", import.meta.url).pathname,
      JSON.stringify(task),
    ],
    stdin: "null",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`The process of ${design} failed`);
  return JSON.parse(new TextDecoder().decode(stdout)) as Figures;
}

const designs: readonly (readonly [string, () => Promise<Figures>])[] = [
  [
    "own epoll, own thread",
    () => measure({ groups: [{ name: "all", check, count, network: "127.66.0" }], warmSeconds, seconds }),
  ],
  ["made by FFI, adopted", () => other("adopted")],
  ["Deno.connect", () => other("own")],
];
console.log(row("", "us/check", "ratio", "late p99", "RSS MiB", "failed", "load"));
const costs = designs.map((): number[] => []);
for (let round = 0; round < rounds; round++) {
  for (const [i, [name, run]] of designs.entries()) {
    const figures = await run();
    const cost = figures.cpuUs / probesOf(figures);
    costs[i]?.push(cost);
    const group = figures.groups.all;
    console.log(row(
      name,
      cost.toFixed(1),
      (cost / (costs[0]?.[round] ?? NaN)).toFixed(2),
      group?.lateMs.p99.toFixed(1) ?? "-",
      figures.rssMib.toFixed(0),
      group?.failed ?? 0,
      Deno.loadavg()[0]?.toFixed(2) ?? "",
    ));
  }
}
for (const [i, [name]] of designs.entries()) {
  console.log(`${name}: median ${costs[i]?.toSorted((a, b) => a - b)[rounds >> 1]?.toFixed(1)} us a check`);
}
