/**
 * The message table of a simulated VPP: every message that it knows under an id of its own, among others that
 * nobody here uses. As with the real VPP only the handshake's ids are the same from one run to the next.
 *
 * @module
 */
import { type Message, messages, SOCKCLNT_CREATE_ID } from "../vpp/messages.ts";

/** Messages of the recorded VPP that was a usual build, to give the table its usual size. */
const USUAL_SIZE = 865;

const fixed = ["sockclnt_create", "sockclnt_create_reply", "sockclnt_delete", "sockclnt_delete_reply"];

/** A row of `sockclnt_create_reply`. */
export interface TableRow {
  /** Id of the message in this run. */
  readonly index: number;
  /** `<name>_<crc>`. */
  readonly name: string;
}

/** Ids of messages, both ways. */
export class MessageTable {
  /** Every message, also those that nobody here uses, in no particular order. */
  readonly rows: readonly TableRow[];
  readonly #ids = new Map<string, number>();

  /**
   * Makes the table of one run.
   *
   * @param run Another run has other ids.
   * @param without Messages, by name without the CRC, that this VPP does not have: an older one.
   */
  constructor(run: number, without: ReadonlySet<string>) {
    const known: Message<unknown>[] = Object.values(messages);
    const rows: TableRow[] = [];
    fixed.forEach((name, i) => {
      const message = known.find((one) => one.name === name);
      if (message !== undefined) rows.push({ index: SOCKCLNT_CREATE_ID + i, name: message.tableName });
    });
    const rest = known.filter(({ name }) => !fixed.includes(name) && !without.has(name));
    // Every few ids one message that is used, not in the order of their names.
    const step = Math.floor(USUAL_SIZE / (rest.length + 2));
    let id = SOCKCLNT_CREATE_ID + fixed.length + 1 + (run % step);
    for (const { tableName } of rest.toReversed()) {
      rows.push({ index: id, name: tableName });
      id += step;
    }
    const taken = new Set(rows.map(({ index }) => index));
    for (let index = 1; rows.length < USUAL_SIZE; index++) {
      if (!taken.has(index)) {
        rows.push({ index, name: `simulated_${index}_${(0x10000000 + index).toString(16)}` });
      }
    }
    this.rows = rows;
    for (const { index, name } of rows) this.#ids.set(name, index);
  }

  /** Id of a message; undefined if this VPP does not have it. */
  idOf(message: Message<unknown>): number | undefined {
    return this.#ids.get(message.tableName);
  }
}
