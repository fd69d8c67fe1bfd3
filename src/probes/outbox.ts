import type { Millis } from "../model.ts";
import type { CheckType } from "../configuration.ts";
import { BatchWriter, type PlacedReport } from "./batch.ts";
import type { FromWorker } from "./messages.ts";

/**
 * Reports that surely change no state wait this long for company, in ms. Each message wakes the main thread, and costs
 * both threads some 0.1 ms.
 */
const BATCH_MS: Millis = 200;
/**
 * Other reports go at once, but not so soon after the last message, in ms: where a thousand servers come up together
 * the main thread weighs a frontend once for each message.
 */
const URGENT_MS: Millis = 20;
/** No message holds more reports than the main thread gets through in some ms. */
const MAX_REPORTS = 512;

/** What the probe worker has to tell, collected and sent in batches. */
export class Outbox {
  readonly #send: (message: FromWorker, transfer: Transferable[]) => void;
  readonly #reports = new BatchWriter();
  #begun: { backend: string; type: CheckType }[] = [];
  /** When the oldest of the reports was first seen by `flush`. */
  #oldest: Millis | null = null;
  #urgent = false;
  #sentAt: Millis = -Infinity;

  /** Sends by `send`. */
  constructor(send: (message: FromWorker, transfer: Transferable[]) => void) {
    this.#send = send;
  }

  /** Takes a report; an urgent one goes with the next `flush`. */
  report(report: PlacedReport, urgent: boolean): void {
    this.#reports.add(report);
    this.#urgent ||= urgent;
  }

  /** Takes the beginning of a probe. */
  begun(backend: string, type: CheckType): void {
    this.#begun.push({ backend, type });
  }

  /** Sends what is due; `sent` gets the place of each report that was sent. */
  flush(now: Millis, sent: (place: number) => void): void {
    if (this.#begun.length > 0) this.#send({ kind: "begun", probes: this.#begun.splice(0) }, []);
    const { size } = this.#reports;
    if (size === 0) return;
    this.#oldest ??= now;
    const due = this.#urgent ? this.#sentAt + URGENT_MS : this.#oldest + BATCH_MS;
    if (size < MAX_REPORTS && now < due) return;
    this.#oldest = null;
    this.#urgent = false;
    this.#sentAt = now;
    for (const place of this.#reports.places()) sent(place);
    const batch = this.#reports.take();
    this.#send({ kind: "batch", batch }, [batch.numbers.buffer]);
  }
}
