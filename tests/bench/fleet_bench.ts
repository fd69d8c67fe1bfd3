// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * Fleets of 2 to 100 nodes in one process on one real etcd: from a change to its knowledge on all nodes, what the
 * store is asked for, how many revisions it makes, and what a node costs.
 *
 *   deno run -A --lock=tests/deno.lock tests/bench/fleet_bench.ts [<nodes> ...]
 */
import { cpuUsage } from "node:process";
import { systemClock } from "../../src/clock.ts";
import { Etcd } from "../../src/fleet/etcd.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import { type Intent, noMemory } from "../../src/fleet/intents.ts";
import type { NodeRow } from "../../src/fleet/node_row.ts";
import type { Store } from "../../src/fleet/store.ts";
import { Cluster } from "../fleet/cluster.ts";

const quietMs = 60_000;
const flappingMs = 30_000;
const changes = 50;
const frontends = 50;

/** A store that counts what it is asked for. */
function counted(store: Store, count: () => void): Store {
  const asked = <A extends unknown[], R>(call: (...args: A) => R) => (...args: A): R => {
    count();
    return call(...args);
  };
  return {
    list: asked((prefix) => store.list(prefix)),
    get: asked((key) => store.get(key)),
    put: asked((key, value, lease) => store.put(key, value, lease)),
    compareAndWrite: asked((key, known, write) => store.compareAndWrite(key, known, write)),
    grantLease: asked((seconds) => store.grantLease(seconds)),
    keepLease: asked((id) => store.keepLease(id)),
    revokeLease: asked((id) => store.revokeLease(id)),
    watch: asked((prefix, from, signal) => store.watch(prefix, from, signal)),
  };
}

function intent(weight: number): Intent {
  const head = { by: "bench", claimed: null, reason: null, since: Date.now(), until: null, node: "n0" };
  return { ...head, kind: "weight", frontend: "www", pool: "main", backend: "b1", weight, flush: false };
}

async function measure(nodes: number): Promise<string[]> {
  await using cluster = await Cluster.start();
  await using stack = new AsyncDisposableStack();
  let calls = 0;
  let turn = 0;
  let heard = Promise.withResolvers<void>();
  let missing = 0;
  const tables = Object.fromEntries(
    Array.from({ length: frontends }, (_, i) => [`f${i}`, "0123456789abcdef"]),
  );
  const fleets = Array.from({ length: nodes }, (_, i) => {
    const node = `n${i}`;
    const etcd = stack.use(
      new Etcd({
        endpoints: cluster.endpoints,
        tls: null,
        user: null,
        deadlineMs: 4_000,
        clock: systemClock,
      }),
    );
    const row = (): NodeRow => ({
      node,
      instance: node,
      version: "1",
      configDigest: "0123456789abcdef",
      intents: [],
      tables,
      notUp: turn === 0 ? {} : { b1: `down${turn}` },
      vpp: "in-sync",
    });
    const fleet = new Fleet({
      name: "bench",
      node,
      store: counted(etcd, () => calls++),
      clock: systemClock,
      memory: noMemory,
      row,
      onLearned: ({ written }) => {
        if (written.length > 0 && --missing === 0) heard.resolve();
      },
      onState() {},
      onRubbish() {},
      onCall() {},
      onDisagreements() {},
    });
    stack.use(fleet);
    fleet.start();
    return fleet;
  });
  const [first] = fleets;
  if (first === undefined) return [];
  await Promise.all(fleets.map((fleet) => fleet.listed));
  await systemClock.sleep(12_000);
  const took: number[] = [];
  for (let i = 0; i < changes; i++) {
    missing = nodes;
    heard = Promise.withResolvers();
    const began = performance.now();
    await first.write(intent(i), false);
    await heard.promise;
    took.push(performance.now() - began);
  }
  took.sort((a, b) => a - b);
  const probe = stack.use(
    new Etcd({ endpoints: cluster.endpoints, tls: null, user: null, deadlineMs: 4_000, clock: systemClock }),
  );
  const span = async (ms: number, step: () => void) => {
    const { revision } = (await probe.get("/none")).head;
    const before = calls;
    const cpu = cpuUsage();
    const began = performance.now();
    while (performance.now() - began < ms) {
      step();
      await systemClock.sleep(1_000);
    }
    const seconds = (performance.now() - began) / 1_000;
    const used = cpuUsage();
    const core = (used.user + used.system - cpu.user - cpu.system) / 1e6 / seconds / nodes;
    const made = Number((await probe.get("/none")).head.revision - revision);
    return {
      requests: ((calls - before) / seconds).toFixed(1),
      revisions: Math.round(made / seconds * 3_600).toString(),
      core: `${(core * 100).toFixed(2)} %`,
    };
  };
  const quiet = await span(quietMs, () => {});
  const flapping = await span(flappingMs, () => turn++);
  const ms = (at: number) => `${(took[Math.floor(at * (took.length - 1))] ?? 0).toFixed(0)} ms`;
  return [
    String(nodes),
    `${ms(0.5)}, ${ms(1)}`,
    quiet.requests,
    quiet.revisions,
    quiet.core,
    flapping.requests,
    flapping.revisions,
    flapping.core,
  ];
}

const wanted = Deno.args.length === 0 ? [2, 5, 20, 100] : Deno.args.map(Number);
console.log(
  "| nodes | change to all (median, greatest) | quiet: requests/s | revisions/h | core a node | flapping: requests/s | revisions/h | core a node |",
);
for (const nodes of wanted) console.log(`| ${(await measure(nodes)).join(" | ")} |`);
