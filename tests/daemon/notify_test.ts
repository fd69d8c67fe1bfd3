import assert from "node:assert/strict";
import { managerOf, Notify } from "../../src/daemon/notify.ts";
import { E } from "../../ffi/constants.ts";
import { ErrnoError } from "../../ffi/libc.ts";
import { silentLog } from "../../src/log/mod.ts";
import { FakeClock } from "../fake_clock.ts";

/** A daemon with a service manager that keeps what it hears. */
class Trial {
  readonly clock = new FakeClock();
  readonly heard: string[] = [];
  readonly warned: unknown[] = [];
  alive = true;
  reachable = true;
  vpp: "disconnected" | "in-sync" = "disconnected";

  start(watchdogMs: number | null): Notify {
    return new Notify({
      manager: { socket: "/run/notify", watchdogMs },
      clock: this.clock,
      log: { ...silentLog, warn: (_msg, attrs) => void this.warned.push(attrs) },
      ready: () => ({ ready: this.vpp === "in-sync", probes: "running", vpp: this.vpp }),
      alive: () => this.alive,
      send: (_socket, message) => {
        if (!this.reachable) throw new ErrnoError("connect", E.ECONNREFUSED, "/run/notify");
        this.heard.push(...message.split("\n"));
      },
    });
  }

  /** What was heard since the last call. */
  new(): string[] {
    return this.heard.splice(0);
  }
}

Deno.test("managerOf(): a socket, and a watchdog that is for this process", () => {
  const of = (variables: Record<string, string>) => managerOf((name) => variables[name], 7);
  assert.equal(of({}), null);
  assert.equal(of({ NOTIFY_SOCKET: "", WATCHDOG_USEC: "60000000" }), null);
  assert.deepEqual(of({ NOTIFY_SOCKET: "@x" }), { socket: "@x", watchdogMs: null });
  const watched = { NOTIFY_SOCKET: "/run/n", WATCHDOG_USEC: "60000000" };
  assert.deepEqual(of(watched), { socket: "/run/n", watchdogMs: 60_000 });
  assert.deepEqual(of({ ...watched, WATCHDOG_PID: "7" }), { socket: "/run/n", watchdogMs: 60_000 });
  assert.deepEqual(of({ ...watched, WATCHDOG_PID: "8" }), { socket: "/run/n", watchdogMs: null });
  assert.deepEqual(of({ ...watched, WATCHDOG_USEC: "0" }), { socket: "/run/n", watchdogMs: null });
});

Deno.test("Notify: READY at once although VPP is away, STATUS when it changes, STOPPING at the end", async () => {
  const trial = new Trial();
  const notify = trial.start(null);
  assert.deepEqual(trial.new(), ["READY=1", "STATUS=not ready: probes running, VPP disconnected"]);
  await trial.clock.advance(10_000);
  assert.deepEqual(trial.new(), []);
  trial.vpp = "in-sync";
  await trial.clock.advance(1000);
  assert.deepEqual(trial.new(), ["STATUS=ready: probes running, VPP in-sync"]);
  notify[Symbol.dispose]();
  assert.deepEqual(trial.new(), ["STOPPING=1", "STATUS=stopping"]);
  assert.equal(trial.clock.pending, 0);
});

Deno.test("Notify: four signs of life in the watchdog's time, and none while the probe thread is dead", async () => {
  const trial = new Trial();
  using _notify = trial.start(60_000);
  assert.deepEqual(trial.new().slice(2), ["WATCHDOG=1"]);
  await trial.clock.advance(60_000);
  assert.deepEqual(trial.new(), Array(4).fill("WATCHDOG=1"));
  trial.alive = false;
  await trial.clock.advance(120_000);
  assert.deepEqual(trial.new(), []);
  trial.alive = true;
  await trial.clock.advance(15_000);
  assert.deepEqual(trial.new(), ["WATCHDOG=1"]);
});

Deno.test("Notify: what the service manager did not get is sent again, and one warning says so", async () => {
  const trial = new Trial();
  trial.reachable = false;
  using _notify = trial.start(null);
  await trial.clock.advance(5000);
  assert.deepEqual(trial.warned, [{ socket: "/run/notify", error: "connect /run/notify: ECONNREFUSED" }]);
  trial.reachable = true;
  await trial.clock.advance(1000);
  assert.deepEqual(trial.new(), ["READY=1", "STATUS=not ready: probes running, VPP disconnected"]);
});
