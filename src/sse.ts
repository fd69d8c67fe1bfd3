/** One frame of a server-sent event stream. */
export interface SseFrame {
  /** Name of the event, `message` where none is given. */
  readonly event: string;
  /** Last id seen, "" before the first. */
  readonly id: string;
  /** Lines of data, joined by line feeds. */
  readonly data: string;
}

/** Largest text held for one frame, in characters; a longer one ends the stream with an error. */
const frameLimit = 4 * 1024 * 1024;

/**
 * Splits a `text/event-stream` body into frames, as the WHATWG's HTML standard (section 9.2) says. Comments and
 * frames without data are skipped.
 *
 * @throws RangeError when one frame is over 4 Mi characters
 */
export async function* sseFrames(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<SseFrame> {
  let rest = "";
  let id = "";
  let event = "";
  let data: string[] = [];
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    rest += chunk;
    // A CR at the very end may be the first half of a CRLF, so it waits for the next chunk.
    const parts = rest.split(/\r\n|\n|\r(?!$)/);
    rest = parts.pop() ?? "";
    if (rest.length > frameLimit || data.length > frameLimit) {
      throw new RangeError(`Cannot read an event of over ${frameLimit} characters`);
    }
    for (const line of parts) {
      if (line === "") {
        if (data.length > 0) yield { event: event || "message", id, data: data.join("\n") };
        event = "";
        data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") event = value;
      else if (field === "data") data.push(value);
      else if (field === "id" && !value.includes("\0")) id = value;
    }
  }
}
