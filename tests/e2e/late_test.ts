/**
 * A daemon that did not get to run must not hold that against a backend. Each disturbance meets healthy backends,
 * which must stay up without a single write to VPP, and one that really dies meanwhile, which must be found.
 */
import assert from "node:assert/strict";
import { optionalTool } from "../tool.ts";
import { project, TestDaemon } from "./harness.ts";
import { Backends, Vpp, wwwConfig } from "./world.ts";

interface Disturbance {
  readonly name: string;
  readonly net: string;
  readonly disturb: (daemon: TestDaemon) => Promise<void>;
}

/** The disturbances are spans of time by nature; nothing tells their end but the clock. */
function spend(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function prlimit(daemon: TestDaemon, limit: string): Promise<void> {
  const { success } = await new Deno.Command("prlimit", {
    args: ["--pid", String(daemon.pid), `--nofile=${limit}`],
  })
    .output();
  assert.ok(success, "prlimit");
}

const disturbances: Disturbance[] = [
  {
    name: "the whole daemon stopped for 3 s",
    net: "79.1",
    async disturb(daemon) {
      daemon.kill("SIGSTOP");
      await spend(3000);
      daemon.kill("SIGCONT");
    },
  },
  {
    name: "the main thread busy for 2 s",
    net: "79.2",
    async disturb(daemon) {
      daemon.kill("SIGUSR1");
      await spend(2100);
    },
  },
  {
    name: "a busy process on each core",
    net: "79.3",
    async disturb() {
      const hogs = Array.from(
        { length: 2 * navigator.hardwareConcurrency },
        () => new Deno.Command("sh", { args: ["-c", "while :; do :; done"], stdin: "null" }).spawn(),
      );
      await spend(2500);
      for (const hog of hogs) hog.kill("SIGKILL");
      await Promise.all(hogs.map((hog) => hog.status));
    },
  },
  {
    name: "no descriptor left",
    net: "79.4",
    async disturb(daemon) {
      await prlimit(daemon, "8:4096");
      await daemon.logged((line) => line.msg === "probe-void" && line.cause === "descriptors");
      await spend(1000);
      await prlimit(daemon, "4096:4096");
    },
  },
];

async function settled(daemon: TestDaemon): Promise<void> {
  for (const backend of ["b1", "b2", "b3"]) {
    await daemon.logged((line) =>
      line.msg === "backend-transition" && line.backend === backend && line.to === "up"
    );
  }
  await daemon.send("POST", "/v1/vpp/lb/sync", {});
}

const prlimitTool = optionalTool("prlimit");

for (const { name, net, disturb } of disturbances) {
  Deno.test({
    name:
      `late: ${name}: nobody healthy goes down, VPP is left alone, and the dead are found${prlimitTool.suffix}`,
    ignore: prlimitTool.missing,
    async fn() {
      await using vpp = await Vpp.start();
      await using servers = new Backends(net);
      const config = wwwConfig(net, servers.port).replace("timeout: 2s", "timeout: 400ms");
      await using daemon = await TestDaemon.start({
        config,
        vpp: vpp.paths,
        until: "ready",
        entry: project("tests/e2e/busy_main.ts"),
      });
      await settled(daemon);
      const mark = daemon.log.length;
      const changes = vpp.changes().length;
      await disturb(daemon);
      for (const server of [1, 2, 3]) await servers.at(server).more(6);
      const moved = () => daemon.log.slice(mark).filter((line) => line.msg === "backend-transition");
      assert.deepEqual(moved(), []);
      assert.equal(vpp.changes().length, changes, "no write to VPP");

      const dead = servers.at(3).stop();
      await Promise.all([disturb(daemon), dead]);
      await daemon.logged((line) => line.msg === "backend-transition" && line.to === "down", mark);
      assert.deepEqual(moved().map((line) => [line.backend, line.to]), [["b3", "down"]]);
    },
  });
}
