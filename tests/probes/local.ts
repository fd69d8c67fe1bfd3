import { setImmediate } from "node:timers";
import { systemClock } from "../../src/clock.ts";
import type { ProbeResult } from "../../src/model.ts";
import { Engine } from "../../src/probes/engine.ts";
import { Probes } from "../../src/probes/probe.ts";
import type { ProbeTarget } from "../../src/probes/prober.ts";
import { Reactor } from "../../src/probes/socket.ts";
import { Reports } from "./helpers.ts";

/** An engine on this thread, over real sockets and the machine's clock. */
export class LocalProber implements AsyncDisposable {
  /** What it reported. */
  readonly reports: Reports = new Reports();
  /** Defects that probes ran into; a test that expects none should look. */
  readonly defects: unknown[] = [];
  /** The engine. */
  readonly engine: Engine;
  readonly #reactor: Reactor;
  readonly #probes: Probes;
  readonly #begun: (() => void)[] = [];

  /** Starts it with nothing to probe. */
  constructor(limit = 1000) {
    this.#reactor = new Reactor(() => this.engine.pass());
    this.#probes = new Probes(this.#reactor);
    this.engine = new Engine({
      clock: systemClock,
      random: () => 0.5,
      version: "test",
      limit,
      limited: () => {},
      probe: (attempt) => this.#probes.run(attempt),
      drain: () => void this.#reactor.drain(),
      soon: (callback) => void setImmediate(callback),
      begin: () => this.#begun.splice(0).forEach((resolve) => resolve()),
      report: (report) => this.reports.sink([report]),
      defect: (error) => this.defects.push(error),
    });
  }

  /** Probes a target once and returns the result. */
  async once(target: ProbeTarget): Promise<ProbeResult> {
    const count = this.reports.of(target.backend).length + 1;
    // The interval is long, so that one probe is all that happens before the target is stopped.
    this.engine.start([{ ...target, intervalMs: 3_600_000 }]);
    const { result } = await this.reports.next(target.backend, count);
    this.engine.stop([target.backend]);
    if (this.defects.length > 0) throw this.defects[0];
    return result;
  }

  /** Waits until the next probe has begun and is on its way. */
  async begun(): Promise<void> {
    await new Promise<void>((resolve) => this.#begun.push(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Stops everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.engine[Symbol.dispose]();
    this.#probes[Symbol.dispose]();
    await this.#reactor[Symbol.asyncDispose]();
  }
}

/** Probes a target once on an engine of its own. */
export async function probeOnce(target: ProbeTarget): Promise<ProbeResult> {
  await using prober = new LocalProber();
  return await prober.once(target);
}
