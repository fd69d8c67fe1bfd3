/**
 * Frames of VPP's API socket: a header of 16 octets, then the payload. Of the header only the u32 at offset 8
 * means something: the payload's length, big-endian. VPP leaves junk in the rest; clients send zeros.
 *
 * @module
 */
import { type Head, type Message, writeMessage } from "./messages.ts";
import { Cursor, Writer } from "./wire.ts";

/** Octets before the payload. */
export const HEADER_SIZE = 16;

/** The largest payload that is accepted, in octets: 16 MiB. */
export const MAX_PAYLOAD = 16 * 1024 * 1024;

/** A stream that cannot be cut into frames; the connection is of no more use. */
export class FrameError extends Error {
  /** Makes the error that says what is wrong with the stream. */
  constructor(problem: string) {
    super(problem);
    this.name = "FrameError";
  }
}

/** Appends one whole frame to `to`. Throws EncodeError, and then nothing was appended. */
export function writeFrame<T>(to: Writer, message: Message<T>, head: Partial<Head>, body: T): void {
  const start = to.room(HEADER_SIZE);
  try {
    writeMessage(to, message, head, body);
  } catch (error) {
    to.length = start;
    throw error;
  }
  to.view.setUint32(start + 8, to.length - start - HEADER_SIZE);
}

/** One whole frame. Throws EncodeError. */
export function encodeFrame<T>(message: Message<T>, head: Partial<Head>, body: T): Uint8Array<ArrayBuffer> {
  const to = new Writer(64);
  writeFrame(to, message, head, body);
  return to.finish();
}

/**
 * Cuts a stream into payloads, wherever the stream was split or merged. It holds at most one unfinished frame,
 * so never more than `MAX_PAYLOAD` octets and what a doubling buffer adds.
 */
export class Splitter {
  #held: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #length = 0;

  /**
   * Takes the next octets of the stream and calls `onPayload` for each frame they complete. The payload is valid
   * during the call only. Throws FrameError for a frame over `MAX_PAYLOAD`, before any of it is kept.
   */
  push(chunk: Uint8Array<ArrayBuffer>, onPayload: (payload: Uint8Array<ArrayBuffer>) => void): void {
    this.read(chunk, ({ bytes, at, end }) => onPayload(bytes.subarray(at, end)));
  }

  /** The same with a cursor from the first to the last octet of the payload, one for all frames. */
  read(chunk: Uint8Array<ArrayBuffer>, onPayload: (payload: Cursor) => void): void {
    if (this.#length === 0) {
      const used = cut(chunk, onPayload);
      if (used < chunk.length) this.#keep(chunk.subarray(used));
      return;
    }
    this.#keep(chunk);
    const used = cut(this.#held.subarray(0, this.#length), onPayload);
    this.#held.copyWithin(0, used, this.#length);
    this.#length -= used;
    if (this.#length === 0) this.#held = new Uint8Array(0);
  }

  /** Octets of the frame that is not yet complete; not 0 at the end of a stream means that it was cut off. */
  get pending(): number {
    return this.#length;
  }

  #keep(chunk: Uint8Array<ArrayBuffer>): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#held.length) {
      const larger = new Uint8Array(Math.max(needed, this.#held.length * 2));
      larger.set(this.#held.subarray(0, this.#length));
      this.#held = larger;
    }
    this.#held.set(chunk, this.#length);
    this.#length = needed;
  }
}

/** Hands out every whole frame; returns how many octets they took. */
function cut(bytes: Uint8Array<ArrayBuffer>, onPayload: (payload: Cursor) => void): number {
  const cursor = new Cursor(bytes);
  let at = 0;
  while (bytes.length - at >= HEADER_SIZE) {
    const size = cursor.view.getUint32(at + 8);
    if (size > MAX_PAYLOAD) {
      throw new FrameError(`frame of ${size} octets, at most ${MAX_PAYLOAD} are accepted`);
    }
    if (size < 2) throw new FrameError(`frame of ${size} octets holds no message id`);
    const end = at + HEADER_SIZE + size;
    if (end > bytes.length) break;
    cursor.at = at + HEADER_SIZE;
    cursor.end = end;
    onPayload(cursor);
    at = end;
  }
  return at;
}
