import type { ByteStream } from "../../src/vpp/client.ts";
import { encodeFrame, Splitter } from "../../src/vpp/frame.ts";
import { connectUnix } from "../../src/vpp/link.ts";
import {
  type BodyOf,
  type Message,
  messages,
  readMessage,
  SOCKCLNT_CREATE_REPLY_ID,
} from "../../src/vpp/messages.ts";

/** What is changed on the way between a client and its VPP. */
export interface Tampering {
  /** Changes what a command printed. */
  readonly text?: (reply: string) => string;
  /** Changes the filter of a dump of servers. */
  readonly filter?: (body: BodyOf<typeof messages.lb_as_v2_dump>) => BodyOf<typeof messages.lb_as_v2_dump>;
}

function frame(payload: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(16 + payload.length);
  new DataView(whole.buffer).setUint32(8, payload.length);
  whole.set(payload, 16);
  return whole;
}

/** Connects to a VPP that is not quite the one that it is. */
export function tamper(
  { text, filter }: Tampering,
): (path: string, signal: AbortSignal) => Promise<ByteStream> {
  return async (path, signal) => {
    const socket = await connectUnix(path, signal);
    const ids = new Map<number, string>();
    const change = <T>(
      payload: Uint8Array<ArrayBuffer>,
      message: Message<T>,
      how: ((body: T) => T) | undefined,
    ): Uint8Array<ArrayBuffer> => {
      const id = new DataView(payload.buffer, payload.byteOffset, 2).getUint16(0);
      if (how === undefined || ids.get(id) !== message.tableName) return frame(payload);
      const { head, body } = readMessage(message, payload);
      return encodeFrame(message, head, how(body));
    };
    const arriving: Uint8Array<ArrayBuffer>[] = [];
    const inward = new Splitter();
    const outward = new Splitter();
    const buffer = new Uint8Array(65536);
    return {
      async read(into) {
        while (arriving.length === 0) {
          const length = await socket.read(buffer);
          if (length === null) return null;
          inward.push(buffer.subarray(0, length), (payload) => {
            if (
              new DataView(payload.buffer, payload.byteOffset, 2).getUint16(0) === SOCKCLNT_CREATE_REPLY_ID
            ) {
              const { body } = readMessage(messages.sockclnt_create_reply, payload);
              for (const { index, name } of body.message_table) ids.set(index, name);
            }
            const reply = text &&
              ((body: BodyOf<typeof messages.cli_inband_reply>) => ({ reply: text(body.reply) }));
            arriving.push(change(payload, messages.cli_inband_reply, reply));
          });
        }
        const [first = new Uint8Array(0)] = arriving;
        const part = first.subarray(0, into.length);
        into.set(part);
        if (part.length === first.length) arriving.shift();
        else arriving[0] = first.subarray(part.length);
        return part.length;
      },
      async write(from) {
        const leaving: Uint8Array<ArrayBuffer>[] = [];
        outward.push(new Uint8Array(from), (payload) => {
          leaving.push(change(payload, messages.lb_as_v2_dump, filter));
        });
        for (const one of leaving) {
          for (let at = 0; at < one.length;) at += await socket.write(one.subarray(at));
        }
        return from.length;
      },
      close: () => socket.close(),
    };
  };
}
