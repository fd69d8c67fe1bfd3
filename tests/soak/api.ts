/** An answer of the API. */
export interface Answer<T> {
  /** HTTP status. */
  readonly status: number;
  /** The JSON. */
  readonly body: T;
}

/** Longest wait for an answer, in ms: a change waits for VPP, which may be silent for a while. */
const patienceMs = 30_000;

/** The daemon's API for one soak: every answer that no caller can have provoked is noted. */
export class SoakApi {
  readonly #base: string;
  readonly #token: string;
  /** Answers that must not be, as sentences. */
  readonly wrong: string[] = [];
  /** Requests so far. */
  requests = 0;

  /** Talks to the daemon at `base`; every request carries `token`. */
  constructor(base: string, token: string) {
    this.#base = base;
    this.#token = token;
  }

  /**
   * Sends a request on a connection of its own. A status that is neither 200 nor in `expected` is noted.
   *
   * @returns null when there was no answer at all, which is noted too
   */
  async send<T>(
    method: string,
    path: string,
    body: unknown = undefined,
    expected: readonly number[] = [],
  ): Promise<Answer<T> | null> {
    this.requests++;
    try {
      const response = await fetch(`${this.#base}${path}`, {
        method,
        signal: AbortSignal.timeout(patienceMs),
        headers: {
          connection: "close",
          authorization: `Bearer ${this.#token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const { status } = response;
      if (status !== 200 && !expected.includes(status)) this.#note(method, path, `${status} ${text}`);
      const json = response.headers.get("content-type")?.includes("json") === true;
      return { status, body: (json ? JSON.parse(text) : text) as T };
    } catch (error) {
      this.#note(method, path, error instanceof Error ? error.message : String(error));
      return null;
    }
  }

  /** GETs what must be there. Throws when it is not. */
  async get<T>(path: string): Promise<T> {
    const answer = await this.send<T>("GET", path);
    if (answer === null || answer.status !== 200) {
      throw new Error(`GET ${path}: ${answer?.status ?? "no answer"}`);
    }
    return answer.body;
  }

  #note(method: string, path: string, what: string): void {
    if (this.wrong.length < 50) this.wrong.push(`${method} ${path}: ${what.slice(0, 300)}`);
  }
}
