import { sseFrames } from "../../src/sse.ts";
import { EventMirror } from "./mirror.ts";

/** A subscriber of `GET /v1/events`; disposal leaves. */
export class Subscriber implements AsyncDisposable {
  readonly #ending = new AbortController();
  /** Held on purpose: a response that was garbage-collected can no longer be aborted. */
  #response: Response | null;
  readonly #reading: Promise<void>;
  #ended = false;
  /** What it knows. */
  readonly mirror: EventMirror;

  private constructor(response: Response, ending: AbortController, mirror: EventMirror) {
    this.#response = response;
    this.#ending = ending;
    this.mirror = mirror;
    this.#reading = this.#read(response.body);
  }

  /**
   * Subscribes.
   *
   * @param api where the daemon answers, e.g. `http://127.0.0.1:9090`
   * @param query e.g. `kinds=backend,frontend`
   * @param from goes on where this mirror's subscriber left; without it from the present state
   * @throws TypeError when nobody answers, Error for an answer other than 200
   */
  static async open(api: string, query: string, from?: EventMirror): Promise<Subscriber> {
    const ending = new AbortController();
    const mirror = from ?? new EventMirror();
    mirror.dropped = null;
    const headers: Record<string, string> = mirror.lastId === "" ? {} : { "last-event-id": mirror.lastId };
    const response = await fetch(`${api}/v1/events?${query}`, { signal: ending.signal, headers });
    if (response.status === 200) return new Subscriber(response, ending, mirror);
    throw new Error(`GET /v1/events: ${response.status} ${await response.text()}`);
  }

  /** Whether the stream has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Leaves. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#reading;
    this.#response = null;
  }

  async #read(body: ReadableStream<Uint8Array<ArrayBuffer>> | null): Promise<void> {
    try {
      if (body !== null) { for await (const frame of sseFrames(body)) this.mirror.take(frame); }
    } catch (error) {
      // Left on purpose, or the daemon is gone; what arrived until then counts all the same.
      const ended = error instanceof DOMException || error instanceof TypeError;
      if (!ended) throw error;
    } finally {
      this.#ended = true;
    }
  }
}
