/** maglevd as a process on each VPP: restarts, two of them, a kill, and a stop in the middle of its work. */
import assert from "node:assert/strict";
import type { Ready } from "../../src/api/mod.ts";
import { onEachVpp, type OwnVpp, vipLines } from "./each_vpp.ts";
import { frontend, text } from "./each_vpp_world.ts";
import { TestDaemon } from "./harness.ts";
import { JumpClock } from "./jump_clock.ts";
import { LocalDaemon } from "./local_daemon.ts";

const some = text(frontend("web", "203.0.113.1") + frontend("six", "2001:db8:77::1", "", "c1: {}, c2: {}"));
const others = text(frontend("web", "203.0.113.1", "", "b1: { weight: 3 }") + frontend("dns", "203.0.113.2"));

/** Messages that it sent and that change something in VPP, by name, from its own metrics. */
async function changesSent(daemon: TestDaemon): Promise<string[]> {
  const metrics = await (await fetch(`${daemon.api}/metrics`)).text();
  const sent =
    /^maglev_vpp_api_total\{msg="(lb_(?:conf|add_del_\w+|as_set_weight|flush_vip))",direction="send"/gm;
  return [...metrics.matchAll(sent)].map(([, msg = ""]) => msg);
}

const start = (vpp: OwnVpp, config: string) => TestDaemon.start({ config, vpp: vpp.paths, until: "ready" });

onEachVpp("maglevd: a restart in an unchanged world sends VPP nothing at all", async (vpp) => {
  {
    await using first = await start(vpp, some);
    assert.deepEqual((await changesSent(first)).sort(), ["lb_add_del_as_v2", "lb_add_del_vip_v2", "lb_conf"]);
    first.kill("SIGTERM");
    assert.equal((await first.status()).code, 0);
  }
  const made = await vipLines(vpp.hand);
  assert.equal(made.length, 2);
  await using second = await start(vpp, some);
  assert.deepEqual(await changesSent(second), []);
  assert.deepEqual(await vipLines(vpp.hand), made);
});

onEachVpp(
  "maglevd: one that was killed is no conflict for its successor, which finds nothing to do",
  async (vpp) => {
    {
      await using first = await start(vpp, some);
      first.kill("SIGKILL");
      await first.status();
    }
    await using second = await start(vpp, some);
    assert.ok(!second.log.some(({ msg }) => msg === "vpp-conflict"), second.tail());
    assert.deepEqual(await changesSent(second), []);
  },
);

onEachVpp(
  "maglevd: of two one writes; the other says so, and takes over when the first has left",
  async (vpp) => {
    const first = await start(vpp, some);
    const made = await vipLines(vpp.hand);
    const clock = new JumpClock();
    await using second = await LocalDaemon.start({ config: others, vpp: vpp.paths, clock });
    await second.logged(({ msg }) => msg === "vpp-conflict");
    assert.equal(second.control.ready().vpp, "disconnected");
    assert.deepEqual(await vipLines(vpp.hand), made);
    assert.deepEqual((await first.get<Ready>("/readyz")).vpp, "in-sync");
    await first[Symbol.asyncDispose]();
    // It looks again after 5 to 10 s.
    clock.jump(10_000);
    await second.logged(({ msg }) => msg === "ready");
    // The live VIP keeps its length, and the one that is left over is of nobody now.
    assert.deepEqual(await vipLines(vpp.hand), [
      "203.0.113.1/32 6 80 gre4 2048: 10.77.0.1 3",
      "203.0.113.2/32 6 80 gre4 2048: 10.77.0.1 100, 10.77.0.2 50",
    ]);
  },
);

onEachVpp("maglevd: no more changes wait for VPP's answer than --vpp-inflight allows", async (vpp) => {
  const config = text(Array.from({ length: 40 }, (_, n) => frontend(`f${n}`, `203.0.113.${n}`)).join(""));
  for (const [args, bound] of [[["--vpp-inflight", "3"], 3], [[], 32]] as const) {
    const daemon = await TestDaemon.start({
      config,
      vpp: vpp.paths,
      until: "ready",
      args: ["--log-level", "debug", ...args],
    });
    await daemon[Symbol.asyncDispose]();
    let waiting = 0;
    let most = 0;
    for (const { msg, message } of daemon.log) {
      if (!/^lb_(conf|add_del_\w+?|as_set_weight|flush_vip)(_reply)?$/.test(String(message))) continue;
      waiting += msg === "vpp-api-send" ? 1 : -1;
      most = Math.max(most, waiting);
    }
    assert.deepEqual([most, waiting], [bound, 0]);
    for (const vip of await vpp.hand.vips()) await vpp.hand.remove(vip);
  }
});

onEachVpp(
  "maglevd: SIGTERM in the middle of recreates leaves every VIP whole, before or after",
  async (vpp) => {
    const many = (length: number) =>
      text(
        Array.from(
          { length: 120 },
          (_, n) => frontend(`f${n}`, `203.0.113.${n}`, `new-flows-table-length: ${length},`),
        )
          .join(""),
      );
    const daemon = await start(vpp, many(4096));
    // A real one takes its time for tables; the simulated one would be done before a signal arrives.
    const slow = vpp.simulator?.faults.add({ on: "lb_flush_vip", outcome: { kind: "delay", ms: 5 } });
    await Deno.writeTextFile(daemon.config, many(16_384));
    daemon.kill("SIGHUP");
    await daemon.logged(({ msg }) => msg === "vpp-lbsync-vip-recreate");
    daemon.kill("SIGTERM");
    assert.equal((await daemon.status()).code, 0);
    await daemon[Symbol.asyncDispose]();
    slow?.[Symbol.dispose]();
    const lines = await vipLines(vpp.hand);
    assert.equal(lines.length, 120);
    for (const line of lines) assert.match(line, / gre4 (4096|16384): 10\.77\.0\.1 100, 10\.77\.0\.2 50$/);
    assert.ok(lines.some((line) => line.includes(" 4096: ")), "it was stopped in the middle");
    assert.ok(lines.some((line) => line.includes(" 16384: ")));
    // The next one goes on where it stopped.
    await using next = await start(vpp, many(16_384));
    assert.equal(
      (await vipLines(vpp.hand)).filter((line) => line.includes(" 16384: ")).length,
      120,
      next.tail(),
    );
  },
);
