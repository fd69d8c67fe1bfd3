/**
 * How long a new-flow table takes: 20 servers and 500 servers of weight 100, 65,536 buckets, and the longest of
 * the slices that the same work is cut into. `deno run -A tests/bench/table_bench.ts` prints one JSON line a case
 * with the median of five runs, every run, and the load of the machine. Targets: 8 ms and 80 ms; a slice 5 ms.
 */
import { FlowTableBuilder, newFlowTable, type TableServer } from "../../src/lb/table/table.ts";
import { ip } from "../../src/net/ip.ts";

const RUNS = 5;
const LENGTH = 65536;

function report(name: string, targetMs: number, runs: number[]): void {
  const sorted = runs.toSorted((a, b) => a - b);
  // deno-lint-ignore no-console
  console.log(JSON.stringify({
    name,
    median_ms: Number((sorted[Math.floor(RUNS / 2)] ?? 0).toFixed(2)),
    target_ms: targetMs,
    runs_ms: runs.map((ms) => Number(ms.toFixed(2))),
    loadavg: Deno.loadavg().map((load) => Number(load.toFixed(2))),
  }));
}

const servers = (count: number): TableServer[] =>
  Array.from({ length: count }, (_, i) => ({ address: ip(`10.${i >> 8}.${i & 255}.7`), weight: 100 }));

for (const [count, target] of [[20, 8], [500, 80]] as const) {
  const list = servers(count);
  newFlowTable(LENGTH, list); // The first call pays for compiling.
  const whole: number[] = [];
  const slice: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now();
    newFlowTable(LENGTH, list);
    whole.push(performance.now() - start);
    const builder = new FlowTableBuilder({ length: LENGTH, servers: list });
    let longest = 0;
    for (let done = false; !done;) {
      const from = performance.now();
      done = builder.step(FlowTableBuilder.SLICE);
      longest = Math.max(longest, performance.now() - from);
    }
    slice.push(longest);
  }
  report(`table: ${count} servers x weight 100 x ${LENGTH} buckets`, target, whole);
  report(`table: longest slice of the same`, 5, slice);
}
