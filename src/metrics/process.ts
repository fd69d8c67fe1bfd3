/**
 * Metrics of the process itself, under the names that prom-client and its dashboards use. Read at a scrape; nothing
 * runs between two. prom-client's own collector cannot be had without a clock of 10 ms and a histogram of 12 MB for
 * the lag of the event loop.
 *
 * @module
 */
import process from "node:process";
import { setImmediate } from "node:timers";
import { Counter, Gauge, type Registry } from "prom-client";

/** Descriptors that are open (null: not known, and then there is no such series), and how many may be. */
export type DescriptorCount = () => { readonly open: number | null; readonly max: number };

/** Adds a gauge that is read at each scrape; null: no series. */
function gauge(registry: Registry, name: string, help: string, read: () => number | null): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      const value = read();
      if (value === null) this.remove();
      else this.set(value);
    },
  });
}

/** Processor time in seconds; a counter of prom-client can only be added to. */
function cpu(
  registry: Registry,
  name: string,
  help: string,
  micros: (usage: NodeJS.CpuUsage) => number,
): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(micros(process.cpuUsage()) / 1e6);
    },
  });
}

/**
 * Adds the metrics of this process to a registry.
 *
 * @internal
 */
export function addProcessMetrics(registry: Registry, descriptors: DescriptorCount | undefined): void {
  const spent = "CPU time spent in seconds.";
  cpu(registry, "process_cpu_user_seconds_total", `Total user ${spent}`, ({ user }) => user);
  cpu(registry, "process_cpu_system_seconds_total", `Total system ${spent}`, ({ system }) => system);
  cpu(
    registry,
    "process_cpu_seconds_total",
    `Total user and system ${spent}`,
    ({ user, system }) => user + system,
  );
  const started = Math.floor((Date.now() - performance.now()) / 1000);
  gauge(
    registry,
    "process_start_time_seconds",
    "Start time of the process since unix epoch in seconds.",
    () => started,
  );
  const memory = () => Deno.memoryUsage();
  gauge(registry, "process_resident_memory_bytes", "Resident memory size in bytes.", () => memory().rss);
  gauge(
    registry,
    "nodejs_heap_size_total_bytes",
    "Size of the main thread's heap in bytes.",
    () => memory().heapTotal,
  );
  gauge(
    registry,
    "nodejs_heap_size_used_bytes",
    "Bytes used of the main thread's heap.",
    () => memory().heapUsed,
  );
  gauge(
    registry,
    "nodejs_external_memory_bytes",
    "Memory outside of the main thread's heap that belongs to it, in bytes.",
    () => memory().external,
  );
  new Gauge({
    name: "nodejs_eventloop_lag_seconds",
    help: "Time until the main thread's event loop came round, at this scrape, in seconds.",
    registers: [registry],
    async collect() {
      const asked = performance.now();
      await new Promise<void>((resolve) => setImmediate(resolve));
      this.set((performance.now() - asked) / 1000);
    },
  });
  if (descriptors === undefined) return;
  gauge(registry, "process_open_fds", "Number of open file descriptors.", () => descriptors().open);
  gauge(registry, "process_max_fds", "Maximum number of open file descriptors.", () => descriptors().max);
}
