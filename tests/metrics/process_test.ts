import assert from "node:assert/strict";
import { Registry } from "prom-client";
import { addProcessMetrics } from "../../src/metrics/process.ts";

const read = async (open: number | null) => {
  const registry = new Registry();
  addProcessMetrics(registry, () => ({ open, max: 1024 }));
  const text = await registry.metrics();
  return new Map([...text.matchAll(/^(\w+) (\S+)$/gm)].map(([, name = "", value]) => [name, Number(value)]));
};

Deno.test("the metrics of the process are those that docs/metrics.md names, and are plausible", async () => {
  const values = await read(17);
  const docs = await Deno.readTextFile(new URL("../../docs/metrics.md", import.meta.url));
  const named = docs.match(/`(process|nodejs)_\w+`/g)?.map((name) => name.slice(1, -1)) ?? [];
  assert.deepEqual([...values.keys()].sort(), [...new Set(named)].sort());
  const value = (name: string) => values.get(name) ?? assert.fail(name);
  assert.equal(value("process_open_fds"), 17);
  assert.equal(value("process_max_fds"), 1024);
  const spent = value("process_cpu_user_seconds_total") + value("process_cpu_system_seconds_total");
  assert.ok(spent > 0 && Math.abs(spent - value("process_cpu_seconds_total")) < 0.1);
  assert.ok(Math.abs(value("process_start_time_seconds") - Date.now() / 1000) < 3600);
  assert.ok(value("process_resident_memory_bytes") > value("nodejs_heap_size_used_bytes"));
  assert.ok(value("nodejs_eventloop_lag_seconds") >= 0);
});

Deno.test("processor time only grows from scrape to scrape", async () => {
  const registry = new Registry();
  addProcessMetrics(registry, undefined);
  const spent = async () =>
    Number(/^process_cpu_seconds_total (\S+)$/m.exec(await registry.metrics())?.[1] ?? assert.fail());
  const first = await spent();
  let sum = 0;
  for (let i = 0; i < 2e7; i++) sum += i;
  assert.ok(sum > 0);
  const second = await spent();
  assert.ok(second > first && second < first + 60, `${first} ${second}`);
});
