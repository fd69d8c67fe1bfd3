import type { CheckType, Millis } from "../model.ts";
import { packBatch, type PlacedReport } from "./batch.ts";
import type { FromWorker } from "./messages.ts";

/** Reports that surely change no state wait this long for company, in ms. */
const BATCH_MS: Millis = 25;

/** What the probe worker has to tell, collected and sent in batches. */
export class Outbox {
  readonly #send: (message: FromWorker, transfer: Transferable[]) => void;
  #reports: PlacedReport[] = [];
  #begun: { backend: string; type: CheckType }[] = [];
  /** When the oldest of the reports was first seen by `flush`. */
  #oldest: Millis | null = null;
  #urgent = false;

  /** Sends by `send`. */
  constructor(send: (message: FromWorker, transfer: Transferable[]) => void) {
    this.#send = send;
  }

  /** Takes a report; an urgent one goes with the next `flush`. */
  report(report: PlacedReport, urgent: boolean): void {
    this.#reports.push(report);
    this.#urgent ||= urgent;
  }

  /** Takes the beginning of a probe. */
  begun(backend: string, type: CheckType): void {
    this.#begun.push({ backend, type });
  }

  /** Sends what is due; returns the places of the reports sent. */
  flush(now: Millis): readonly number[] {
    if (this.#begun.length > 0) this.#send({ kind: "begun", probes: this.#begun.splice(0) }, []);
    if (this.#reports.length === 0) return [];
    this.#oldest ??= now;
    if (!this.#urgent && now - this.#oldest < BATCH_MS) return [];
    const reports = this.#reports;
    this.#oldest = null;
    this.#reports = [];
    this.#urgent = false;
    const batch = packBatch(reports);
    this.#send({ kind: "batch", batch }, [batch.numbers.buffer]);
    return reports.map(({ place }) => place);
  }
}
