import assert from "node:assert/strict";
import fc from "fast-check";
import { silentLog } from "../../src/log/mod.ts";
import type { ProbeTarget } from "../../src/probes/prober.ts";
import { probeLimit } from "../../src/probes/limit.ts";
import { startProbers } from "../../src/probes/threads.ts";
import { Reports, target, tcpCheck } from "./helpers.ts";

/** A worker that probes nothing; keeps what it is asked. */
class DeafWorker extends EventTarget {
  readonly probed = new Map<string, number>();
  readonly paced: string[] = [];
  limit = 0;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onerror = null;
  postMessage(message: {
    readonly kind: string;
    readonly limit?: number;
    readonly backend?: string;
    readonly targets?: { readonly target: ProbeTarget }[];
    readonly backends?: string[];
  }): void {
    const { kind, limit, backend = "", targets = [], backends = [] } = message;
    if (kind === "begin") this.limit = limit ?? 0;
    for (const { target } of targets) this.probed.set(target.backend, target.generation);
    for (const name of backends) assert.ok(this.probed.delete(name), `${name} is stopped where it is probed`);
    if (kind === "pace") this.paced.push(backend);
    if (kind === "end") this.onmessage?.(new MessageEvent("message", { data: { kind: "ended" } }));
  }
  terminate(): void {}
}

const name = fc.integer({ min: 0, max: 11 }).map((n) => `b${n}`);
const step = fc.oneof(
  fc.record({ kind: fc.constant("start" as const), names: fc.uniqueArray(name, { minLength: 1 }) }),
  fc.record({ kind: fc.constant("stop" as const), names: fc.uniqueArray(name, { minLength: 1 }) }),
);

Deno.test("startProbers(): each backend has one thread as long as it is probed, and none has many more", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 5 }),
      fc.array(step, { maxLength: 20 }),
      async (threads, steps) => {
        const workers: DeafWorker[] = [];
        const spawn = () => {
          const worker = new DeafWorker();
          workers.push(worker);
          return worker as unknown as Worker;
        };
        const lack = () => null;
        await using prober = startProbers(threads, {
          log: silentLog,
          sink() {},
          descriptors: 1000,
          spawn,
          lack,
        });
        assert.deepEqual(
          workers.map(({ limit }) => limit),
          Array(threads).fill(probeLimit(1000, 1 / threads)),
        );
        const model = new Map<string, number>();
        const owners = new Map<string, number>();
        for (const [generation, { kind, names }] of steps.entries()) {
          if (kind === "start") {
            prober.start(names.map((backend) => target(backend, tcpCheck(1), { generation })));
            for (const backend of names) model.set(backend, generation);
          } else {
            prober.stop(names);
            for (const backend of names) model.delete(backend);
          }
          const all = workers.flatMap(({ probed }) => [...probed]);
          assert.deepEqual(new Map(all), model);
          assert.equal(all.length, model.size, "no backend has two threads");
          for (const [i, { probed }] of workers.entries()) {
            for (const backend of probed.keys()) {
              assert.equal(owners.get(backend) ?? i, i, "a backend stays where it is");
              owners.set(backend, i);
            }
          }
          for (const backend of owners.keys()) if (!model.has(backend)) owners.delete(backend);
        }
        const before = model.size;
        prober.start(Array.from({ length: 100 }, (_, i) => target(`new${i}`, tcpCheck(1))));
        const sizes = workers.map(({ probed }) => probed.size);
        assert.ok(
          Math.max(...sizes) <= Math.max(before, Math.ceil((100 + before) / threads)),
          sizes.join(" "),
        );
        prober.pace("new3", target("new3", tcpCheck(1)).generation, 77);
        assert.deepEqual(workers.flatMap(({ paced }) => paced), ["new3"]);
        assert.deepEqual(workers.filter(({ probed }) => probed.has("new3")).map(({ paced }) => paced), [[
          "new3",
        ]]);
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("startProbers(): two threads probe at once, and both end", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const reports = new Reports();
  await using prober = startProbers(2, { log: silentLog, sink: reports.sink });
  const names = ["a", "b", "c", "d"];
  prober.start(names.map((backend) => target(backend, tcpCheck(listener.addr.port))));
  for (const backend of names) assert.equal((await reports.next(backend, 2)).result.code, "L4OK");
  assert.equal(prober.alive(), true);
  prober.stop(["a", "b"]);
  for (const backend of ["c", "d"]) {
    assert.equal((await reports.next(backend, reports.of(backend).length + 1)).result.code, "L4OK");
  }
});
