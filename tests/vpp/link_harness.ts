import assert from "node:assert/strict";
import type { Attrs, Level, Log } from "../../src/log/mod.ts";
import { type LinkChange, type LinkOptions, VppLink } from "../../src/vpp/link.ts";
import { FakeClock } from "../fake_clock.ts";
import type { Target } from "./targets.ts";

/** A log that keeps what is said, but for debug records. */
export class MemoryLog implements Log {
  readonly lines: { level: Level; msg: string; attrs: Attrs }[] = [];
  enabled(level: Level): boolean {
    return level !== "debug";
  }
  debug(): void {}
  info(msg: string, attrs?: Attrs | (() => Attrs)): void {
    this.#keep("info", msg, attrs);
  }
  warn(msg: string, attrs?: Attrs | (() => Attrs)): void {
    this.#keep("warn", msg, attrs);
  }
  error(msg: string, attrs?: Attrs | (() => Attrs)): void {
    this.#keep("error", msg, attrs);
  }
  /** Level and name of each record. */
  get names(): string[] {
    return this.lines.map((line) => `${line.level} ${line.msg}`);
  }
  #keep(level: Level, msg: string, attrs: Attrs | (() => Attrs) = {}): void {
    this.lines.push({ level, msg, attrs: typeof attrs === "function" ? attrs() : attrs });
  }
}

/** A link with time of its own over real sockets. */
export class LinkHarness implements AsyncDisposable {
  readonly clock: FakeClock = new FakeClock();
  readonly log: MemoryLog = new MemoryLog();
  readonly changes: LinkChange[] = [];
  readonly link: VppLink;

  constructor(target: Pick<Target, "api" | "stats">, changes: Partial<LinkOptions> = {}) {
    this.link = new VppLink({
      apiAddress: target.api,
      statsAddress: target.stats,
      clock: this.clock,
      log: this.log,
      random: () => 0.5,
      onMessage: () => {},
      onChange: (change) => this.changes.push(change),
      ...changes,
    });
  }

  /**
   * Lets sockets and short waits proceed until `condition` holds. Time moves by 2 ms a step, which is what the
   * wait for the stats descriptor needs; a condition that never holds fails the test.
   */
  async until(condition: () => boolean, what: string): Promise<void> {
    for (let step = 0; step < 1000; step++) {
      if (condition()) return;
      await new Promise((resolve) => setTimeout(resolve, 1));
      await this.clock.advance(2);
    }
    assert.fail(`never: ${what}; the link is ${this.link.state}: ${this.link.reason}`);
  }

  connected(): Promise<void> {
    return this.until(() => this.link.state === "connected", "connected");
  }

  disconnected(): Promise<void> {
    return this.until(() => this.link.state !== "connected", "disconnected");
  }

  /** Lets time pass in steps that leave room for answers over the sockets. */
  async pass(ms: number, step = 1000): Promise<void> {
    for (let passed = 0; passed < ms; passed += step) {
      await this.clock.advance(Math.min(step, ms - passed));
      for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.link[Symbol.asyncDispose]();
    assert.equal(this.clock.pending, 0, "a link that ended leaves no timer");
  }
}
