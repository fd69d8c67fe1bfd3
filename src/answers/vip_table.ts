/**
 * The new-flow table of a VIP: as VPP has it, as it is after a sync, and computed in slices.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Clock } from "../clock.ts";
import type { DesiredVip } from "../lb/desired.ts";
import { type FlowTable, FlowTableBuilder, type TableSpec } from "../lb/table/table.ts";
import type { ActualVip, Millis } from "../model.ts";

/** The table of a VIP as VPP has it. */
export function actualTable(actual: ActualVip): TableSpec {
  return {
    length: actual.tableLength,
    servers: actual.servers.map(({ address, weight }) => ({ address, weight })),
  };
}

/** Whether a sync must recreate the VIP, so that it gets the length that is wanted. */
export function isRecreated(desired: DesiredVip, actual: ActualVip): boolean {
  if (actual.encap !== desired.encap) return true;
  if (actual.srcIpSticky !== null && actual.srcIpSticky !== desired.srcIpSticky) return true;
  return !desired.tableLengthAuto && actual.tableLength !== desired.tableLength;
}

/**
 * The table of a VIP after a sync.
 *
 * @param actual null: VPP does not have the VIP
 * @param release true: after a sync that sends a held table length too
 */
export function tableAfter(desired: DesiredVip, actual: ActualVip | null, release: boolean): TableSpec {
  const made = actual === null || release || isRecreated(desired, actual);
  return {
    length: made ? desired.tableLength : actual.tableLength,
    servers: desired.servers.map(({ address, weight }) => ({ address, weight })),
  };
}

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
