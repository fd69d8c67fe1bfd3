/**
 * A daemon on a VPP of the test's own, without probes: backends are up at once, so all depends on VPP alone.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Plan } from "../../src/api/mod.ts";
import type { Level } from "../../src/log/mod.ts";
import type { VipKey } from "../../src/model.ts";
import type { OwnVpp } from "./each_vpp.ts";
import { JumpClock } from "./jump_clock.ts";
import { LocalDaemon } from "./local_daemon.ts";
import { lbSettings } from "./world.ts";

const intervalMs = 30_000;

/** A frontend on TCP port 80, of two servers unless told otherwise. */
export function frontend(
  name: string,
  address: string,
  more = "",
  pool = "b1: {}, b2: { weight: 50 }",
): string {
  return `    ${name}: { address: "${address}", protocol: tcp, port: 80, ${more} pools: [{ name: p, backends: { ${pool} } }] }\n`;
}

/** A configuration of these frontends, with backends b1, b2 (10.77.0.1, 2) and c1, c2 (2001:db8:78::1, 2). */
export function text(frontends: string, lb = ""): string {
  return `maglev:
${lbSettings}${lb}  backends:
    b1: { address: 10.77.0.1 }
    b2: { address: 10.77.0.2 }
    c1: { address: "2001:db8:78::1" }
    c2: { address: "2001:db8:78::2" }
  frontends:
${frontends}`;
}

/** A VIP's key; TCP port 80 unless told otherwise. */
export function key(prefix: string, port = 80, protocol = 6): VipKey {
  return { prefix, protocol, port };
}

/** A daemon that has synced, with a clock that the test sets forward to the next sync of its own. */
export class Running implements AsyncDisposable {
  readonly daemon: LocalDaemon;
  readonly #clock: JumpClock;

  private constructor(daemon: LocalDaemon, clock: JumpClock) {
    this.daemon = daemon;
    this.#clock = clock;
  }

  /** Starts one and waits until it is ready. */
  static async start(vpp: OwnVpp, config: string, level: Level = "info"): Promise<Running> {
    const clock = new JumpClock();
    const daemon = await LocalDaemon.start({ config, vpp: vpp.paths, clock, level });
    await daemon.logged(({ msg }) => msg === "ready");
    // `ready` is logged before the first sync has ended, and a question would have its turn before the next sync.
    await daemon.planned();
    return new Running(daemon, clock);
  }

  /** Sets the clock forward. */
  jump(ms: number): void {
    this.#clock.jump(ms);
  }

  /** Lets the interval pass; resolves with what the sync that follows changed, one line each. */
  async interval(): Promise<string[]> {
    const from = this.daemon.log.length;
    this.jump(intervalMs);
    // What is asked for comes after what is due.
    await this.daemon.planned();
    return this.told(from);
  }

  /** Reloads; what the sync that follows changed, and what it held. */
  async reload(config: string): Promise<{ told: string[]; held: string[] }> {
    const from = this.daemon.log.length;
    const { sync } = await this.daemon.reload(config);
    const held = sync?.changes.flatMap((change) =>
      change.held === null ? [] : `${change.kind} ${change.prefix}`
    );
    return { told: this.told(from), held: held ?? [] };
  }

  /** What was changed in VPP since index `from` of the log: kind, VIP, server, weights, reason. */
  told(from = 0): string[] {
    return this.daemon.log.slice(from).filter(({ msg }) => /^vpp-lb(sync-(vip|as)-|-conf)/.test(msg)).map((
      line,
    ) =>
      [
        line.msg.replace(/^vpp-lb(sync)?-/, ""),
        line.vip,
        line.port,
        line.address,
        line.from,
        line.to,
        line.reason,
      ]
        .filter((field) => field !== undefined && field !== null).join(" ")
    );
  }

  /** Names of the messages that went to VPP since index `from` of a log at level debug. */
  asked(from: number): string[] {
    return this.daemon.log.slice(from).filter(({ msg }) => msg.startsWith("vpp-api-send"))
      .map(({ message }) => String(message));
  }

  /** The plan as it is now. */
  async plan(): Promise<Plan> {
    const planned = await this.daemon.control.plan(null);
    assert.ok(planned.ok);
    return planned.value;
  }

  /** Ends the daemon. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.daemon[Symbol.asyncDispose]();
  }
}
