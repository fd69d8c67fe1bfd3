// deno-lint-ignore-file no-console -- a benchmark talks to the person who runs it
/**
 * One backend of 1,000 VIPs goes down and comes back: from the change to VPP's last reply, against the same 1,000 messages
 * that a bare session sends to the same VPP all at once (goal: at most 1.3 times). Both in turn, in the same process, on the
 * simulated VPP, which has a core of its own, and then on a real one where the environment names it, which must run on the
 * last core; the median of 10 rounds of each run counts. Each begins from rest: what the other left in both processes (VIPs
 * to be read back) is not its cost. All rounds leave equally much garbage, so a collection would come at the same point of
 * each, in the change or beside it, as chance has it for the whole process; so each begins with some garbage of its own.
 *
 *   deno run -A tests/bench/lb_many_vips_bench.ts [runs, default 5] [word of a VPP's name]
 *
 * @module
 */
import { systemClock } from "../../src/clock.ts";
import type { Op } from "../../src/lb/balancer.ts";
import { frontendVip } from "../../src/lb/vips.ts";
import type { State, Transition } from "../../src/model.ts";
import { ip } from "../../src/net/ip.ts";
import { config, frontend } from "../lb/setup.ts";
import { quantile, reconcilerOf, startVpp } from "./lb_world.ts";
import { leaveCoreOfVpp } from "./own_core.ts";
import { clear } from "./vpp_load.ts";
import { type BenchTarget, eachVpp } from "./vpp_target.ts";

const runs = Number(Deno.args[0] ?? 5);
const only = Deno.args[1] ?? "";
const rounds = 10;
const count = 1000;
const boundRatio = 1.3;

// The backend b200 and seven others in each.
const frontends = Array.from(
  { length: count },
  (_, n) => {
    const others = Array.from({ length: 7 }, (_, m) => [`b${(n + m) % 64 + 1}`, 10]);
    return frontend(`f${n}`, { primary: Object.fromEntries([["b200", 10], ...others]) }, {
      address: ip(`203.0.${n >> 8}.${n & 255}`),
    });
  },
);

/** Measures against one VPP. */
async function against(target: BenchTarget): Promise<void> {
  const states = new Map<string, State>();
  let left = 0;
  let allAnswered = Promise.withResolvers<void>();
  await using vpp = await startVpp(target);
  await using stack = new AsyncDisposableStack();
  stack.defer(() => clear(vpp.session, "203."));
  await using reconciler = reconcilerOf(config(frontends, { syncIntervalMs: 3_600_000 }), states, {
    answered() {
      if (--left === 0) allAnswered.resolve();
    },
  });
  const { lb } = vpp.session;
  reconciler.connected(lb);
  const first = await reconciler.sync({});
  if (!first.ok) throw new Error(first.error.detail);

  /** The daemon's way: in ms from the change to the last reply. */
  async function byDaemon(to: State): Promise<number> {
    const from: State = to === "up" ? "down" : "up";
    states.set("b200", to);
    left = count;
    allAnswered = Promise.withResolvers();
    const transition: Transition = {
      backend: "b200",
      from,
      to,
      at: systemClock.wall(),
      code: "L4CON",
      detail: "",
      by: null,
      effects: frontends.map(({ name }) => ({
        frontend: name,
        pool: "primary",
        weightBefore: to === "down" ? 10 : 0,
        weightAfter: to === "down" ? 0 : 10,
        flush: to === "down",
      })),
    };
    const began = performance.now();
    reconciler.take({
      transitions: [transition],
      lateFlushes: [],
      reweighed: [],
      decidedAt: systemClock.now(),
      at: systemClock.wall(),
    });
    await allAnswered.promise;
    return performance.now() - began;
  }

  /** The messages alone: in ms from the first to the last reply. */
  async function alone(weight: number): Promise<number> {
    const ops = frontends.map((one): Op => ({
      kind: "as-weight",
      vip: frontendVip(one),
      address: ip("10.0.0.200"),
      weight,
      flush: weight === 0,
    }));
    const began = performance.now();
    const replies = await lb.applyTogether(ops);
    const took = performance.now() - began;
    if (replies.some(({ retval }) => retval !== 0)) throw new Error("VPP refused a weight");
    return took;
  }

  /** What a change leaves to do is over by then: VIPs are read back within a second, and nothing tells that they were. */
  const rest = () => new Promise<void>((resolve) => setTimeout(resolve, 1500));

  /** Old garbage, up to as much as there is between two collections. */
  const garbage: { litter: readonly { n: number }[] } = { litter: [] };
  const litter = () => {
    garbage.litter = Array.from({ length: Math.floor(Math.random() * 200_000) }, (_, n) => ({ n }));
  };

  const ratios: number[] = [];
  for (let run = 0; run <= runs; run++) {
    const ours: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < (run === 0 ? 4 : rounds); round++) {
      const down = round % 2 === 0;
      ours.push(await byDaemon(down ? "down" : "up"));
      // What was sent is read back within a second; that is not measured.
      await rest();
      // The same change again: VPP does as much, and what the daemon knows of it stays true.
      bare.push(await alone(down ? 0 : 10));
      litter();
      await rest();
    }
    const [mine, theirs] = [quantile(ours, 0.5), quantile(bare, 0.5)];
    if (run > 0) ratios.push(mine / theirs);
    console.log(
      `${target.name}, ${run === 0 ? "warm-up" : `run ${run}`}: last of ${count} replies after ${
        mine.toFixed(1)
      } ms (${Math.min(...ours).toFixed(1)} to ${Math.max(...ours).toFixed(1)}), the messages alone ${
        theirs.toFixed(1)
      } ms (${Math.min(...bare).toFixed(1)} to ${Math.max(...bare).toFixed(1)}), ${
        (mine / theirs).toFixed(2)
      } times; load ${Deno.loadavg().map((load) => load.toFixed(2)).join(" ")}`,
    );
  }
  const median = quantile(ratios, 0.5);
  console.log(
    `${target.name}, ${count} VIPs of one backend: median ${
      median.toFixed(2)
    } times the messages alone; goal ${boundRatio} ${median <= boundRatio ? "kept" : "MISSED"}`,
  );
}

await leaveCoreOfVpp();
for await (const target of eachVpp()) if (target.name.includes(only)) await against(target);
