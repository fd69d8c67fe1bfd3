/**
 * What is told about each message on the API socket: a debug record with decoded fields, and a count.
 *
 * @module
 */
import type { Attrs, Log } from "../log/mod.ts";

/** Told of every message, for metrics. `failure`: a retval other than 0, or a write that failed. */
export type MessageHook = (
  msg: string,
  direction: "send" | "recv",
  result: "success" | "failure",
  count: number,
) => void;

/** A text of VPP's command line may have a megabyte; a record keeps its beginning. */
const LONGEST_TEXT = 2000;

function plain(value: unknown): unknown {
  if (typeof value === "string" && value.length > LONGEST_TEXT) {
    return `${value.slice(0, LONGEST_TEXT)}\u2026 (${value.length} characters)`;
  }
  if (value instanceof Uint8Array) return value.toHex();
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === "object" && value !== null ? printable(value) : value;
}

/** Fields of a message as they can stand in a log record. */
function printable(body: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).map(([key, value]) => [key, plain(value)]));
}

/** Logs and counts messages. With the debug level off a message costs one comparison and one call of the hook. */
export class Trace {
  readonly #log: Log;
  readonly #hook: MessageHook;

  /** Writes to `log` at debug and tells `hook` of every message. */
  constructor(log: Log, hook: MessageHook) {
    this.#log = log;
    this.#hook = hook;
  }

  /**
   * A request was queued. Its name stands under `message`: a record's own name has the key `msg`. It is told at the end
   * of the turn: a transition is told after its message left, and the record of the message comes after both.
   */
  sending(message: string, context: number, body: unknown): void {
    if (!this.#log.enabled("debug")) return;
    queueMicrotask(() => this.#write("vpp-api-send", { message, context }, body));
  }

  /** A dump was queued; with the ping that ends it, it makes one record. */
  sendingDump(message: string, context: number, body: unknown): void {
    if (this.#log.enabled("debug")) this.#write("vpp-api-send-multi", { message, context, count: 1 }, body);
  }

  /** So many queued messages of a name went out, or could not. */
  sent(message: string, result: "success" | "failure", count: number): void {
    this.#hook(message, "send", result, count);
  }

  /** A message arrived. */
  received(message: string, context: number, retval: number, body: unknown): void {
    this.#hook(message, "recv", retval === 0 ? "success" : "failure", 1);
    if (this.#log.enabled("debug")) this.#write("vpp-api-recv", { message, context, retval }, body);
  }

  /** All rows of some dumps arrived, `counts` by dump, and the answer `retval` to the ping `ping` that ends them. */
  receivedDumps(
    message: string,
    contexts: readonly number[],
    counts: readonly number[],
    ping: string,
    retval: number,
  ): void {
    const rows = counts.reduce((sum, count) => sum + count, 0);
    if (rows > 0) this.#hook(message, "recv", "success", rows);
    this.#hook(ping, "recv", retval === 0 ? "success" : "failure", 1);
    if (!this.#log.enabled("debug")) return;
    contexts.forEach((context, i) => {
      this.#log.debug("vpp-api-recv-multi", () => ({ message, context, count: counts[i] ?? 0 }));
    });
  }

  #write(line: string, head: Attrs, body: unknown): void {
    const fields = typeof body === "object" && body !== null ? body : {};
    this.#log.debug(line, () => ({ ...head, ...printable(fields) }));
  }
}
