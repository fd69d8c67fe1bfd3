import { setImmediate } from "node:timers";
import type { Clock } from "../../clock.ts";
import type { Millis } from "../../model.ts";
import { type FlowTable, FlowTableBuilder, type TableSpec } from "./table.ts";

/** Longest time for which a computation keeps the thread. */
const sliceMs: Millis = 4;

/** Gives the event loop a turn: sockets and timers that are ready run first. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Computes tables in slices, so that neither a probe's verdict nor a change on its way to VPP waits for one. */
export class TableSlices {
  readonly #clock: Pick<Clock, "now">;
  readonly #turn: () => Promise<void>;

  /** `turn` gives the thread back; tests count it. */
  constructor(clock: Pick<Clock, "now">, giveTurn: () => Promise<void> = turn) {
    this.#clock = clock;
    this.#turn = giveTurn;
  }

  /** The table of `spec`; null when `deadline` (monotonic) passed before it was ready. */
  async table(spec: TableSpec, deadline: Millis = Infinity): Promise<FlowTable | null> {
    const builder = new FlowTableBuilder(spec);
    let began = this.#clock.now();
    while (!builder.step(FlowTableBuilder.SLICE)) {
      const now = this.#clock.now();
      if (now >= deadline) return null;
      if (now - began < sliceMs) continue;
      await this.#turn();
      began = this.#clock.now();
    }
    // Many small tables in a row add up, so each gives one turn at least.
    await this.#turn();
    return builder.table;
  }
}
