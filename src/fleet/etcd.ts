/**
 * etcd 3.4 and newer through its JSON gateway (`/v3/...` over HTTP, as etcd's own documentation of the gRPC gateway
 * describes).
 *
 * Every call has a deadline. Endpoints are tried in turn; a call that may have written something is never repeated
 * here, since only a read can tell whether it did.
 *
 * @module
 */
import { abortableBody } from "../async/abortable_body.ts";
import type { Clock } from "../clock.ts";
import { lines } from "../lines.ts";
import type { Millis, UnixMillis } from "../model.ts";
import {
  asFailure,
  encode,
  failureOf,
  headOf,
  isNetworkError,
  keyValue,
  messageOf,
  parse,
  rangeOf,
  type RawAnswer,
  type RawWatch,
} from "./gateway.ts";
import {
  type Compared,
  type KeyValue,
  type Listing,
  type Revision,
  type Store,
  StoreError,
  type StoreHead,
  type WatchEvent,
  type Write,
} from "./store.ts";

/** How to reach the store. */
export interface EtcdOptions {
  /** Base addresses without a slash at the end, e.g. `https://10.0.0.1:2379`; tried in turn. */
  readonly endpoints: readonly string[];
  /** PEM texts for https; null: none. */
  readonly tls:
    | {
      readonly ca: string | null;
      readonly cert: string | null;
      readonly key: string | null;
      /** When the certificate ends; null or none: nobody looked. */
      readonly until?: UnixMillis | null;
    }
    | null;
  /** Null: the store asks for none. */
  readonly user: { readonly name: string; readonly password: string } | null;
  /** Time of a whole call, in ms. */
  readonly deadlineMs: Millis;
  /** Time. */
  readonly clock: Clock;
}

/** A client of one store. Owns its connections until disposal. */
export class Etcd implements Store, Disposable {
  readonly #options: EtcdOptions;
  readonly #client: Deno.HttpClient;
  readonly #end = new AbortController();
  #at = 0;
  #token: string | null = null;

  /** Connects when first asked. Throws for a certificate or key that is none. */
  constructor(options: EtcdOptions) {
    this.#options = options;
    const { tls } = options;
    this.#client = Deno.createHttpClient({
      ...(tls?.ca == null ? {} : { caCerts: [tls.ca] }),
      ...(tls?.cert == null || tls.key == null ? {} : { cert: tls.cert, key: tls.key }),
    });
  }

  /** The endpoint that is asked first. */
  get endpoint(): string {
    return this.#options.endpoints[this.#at] ?? "";
  }

  /** Every key that begins with `prefix`. Throws StoreError. */
  async list(prefix: string): Promise<Listing> {
    const { answer, date } = await this.#call("kv/range", rangeOf(prefix), "read");
    return { ...headOf(answer, date), rows: (answer.kvs ?? []).map(keyValue) };
  }

  /** One key; null: it is not there. Throws StoreError. */
  async get(key: string): Promise<{ readonly head: StoreHead; readonly row: KeyValue | null }> {
    const { answer, date } = await this.#call("kv/range", { key: encode(key) }, "read");
    const [row] = answer.kvs ?? [];
    return { head: headOf(answer, date), row: row === undefined ? null : keyValue(row) };
  }

  /** Writes without a look at what is there. Throws StoreError; after `late` the write may have happened. */
  async put(key: string, value: string, lease?: string): Promise<StoreHead> {
    const body = { key: encode(key), value: encode(value), ...(lease === undefined ? {} : { lease }) };
    const { answer, date } = await this.#call("kv/put", body, "write");
    return headOf(answer, date);
  }

  /**
   * Writes if the key still has the revision that the caller knows.
   *
   * @param known 0n: the key is not there
   */
  async compareAndWrite(key: string, known: Revision, write: Write): Promise<Compared> {
    const body = {
      compare: [{ key: encode(key), target: "MOD", result: "EQUAL", mod_revision: String(known) }],
      success: [
        "put" in write
          ? {
            request_put: {
              key: encode(write.put),
              value: encode(write.value),
              ...(write.lease === undefined ? {} : { lease: write.lease }),
            },
          }
          : { request_delete_range: { key: encode(write.delete) } },
      ],
      failure: [{ request_range: { key: encode(key) } }],
    };
    const { answer, date } = await this.#call("kv/txn", body, "write");
    const head = headOf(answer, date);
    if (answer.succeeded === true) return { done: true, head };
    const [row] = answer.responses?.[0]?.response_range?.kvs ?? [];
    return { done: false, head, present: row === undefined ? null : keyValue(row) };
  }

  /** A lease that ends `seconds` after its last keepalive, or some time later. Throws StoreError. */
  async grantLease(seconds: number): Promise<string> {
    const { answer } = await this.#call("lease/grant", { TTL: String(seconds) }, "write");
    if (answer.ID === undefined) throw new StoreError("answer", "the store granted no lease");
    return answer.ID;
  }

  /** Prolongs a lease; false: it is gone. Throws StoreError. */
  async keepLease(id: string): Promise<boolean> {
    const { answer } = await this.#call("lease/keepalive", { ID: id }, "stream");
    return Number(answer.TTL ?? 0) > 0;
  }

  /** Ends a lease and deletes its keys. Throws StoreError. */
  async revokeLease(id: string): Promise<void> {
    await this.#call("lease/revoke", { ID: id }, "write");
  }

  /**
   * Changes of keys that begin with `prefix`, from revision `from` on, in their order; the first value, `[]`, says
   * that the watch is on. It may fall silent without a word: a caller lists from time to time.
   *
   * @throws {StoreError} The stream ended; `compacted`: list, then watch from that revision.
   */
  async *watch(prefix: string, from: Revision, signal: AbortSignal): AsyncGenerator<readonly WatchEvent[]> {
    const ended = AbortSignal.any([signal, this.#end.signal]);
    const body = { create_request: { ...rangeOf(prefix), start_revision: String(from) } };
    const response = await this.#open("watch", body, ended);
    if (response.body === null) throw new StoreError("answer", "the store answered a watch with nothing");
    try {
      for await (const line of lines(abortableBody(response, ended))) {
        if (line.trim() === "") continue;
        const { error, result } = parse<RawWatch>(line);
        if (error !== undefined) throw failureOf(0, { message: error.message ?? "the watch failed" });
        if (result?.compact_revision !== undefined) {
          throw new StoreError("compacted", "the revision is compacted");
        }
        if (result?.canceled === true) {
          throw failureOf(0, { message: result.cancel_reason ?? "the store ended the watch" });
        }
        yield (result?.events ?? []).map(({ kv = {}, type }) => {
          const { key, modRevision, value } = keyValue(kv);
          return { key, modRevision, value: type === "DELETE" ? null : value };
        });
      }
    } catch (error) {
      if (error instanceof StoreError || ended.aborted) throw error;
      if (!isNetworkError(error)) throw error;
      throw new StoreError("unreachable", `the watch broke: ${messageOf(error)}`);
    }
    throw new StoreError("unreachable", "the store closed the watch");
  }

  /** Ends every call and closes the connections. */
  [Symbol.dispose](): void {
    this.#end.abort(new StoreError("unreachable", "the client is closed"));
    this.#client.close();
  }

  /** One call within the deadline. A read goes on with the next endpoint; a write only if nobody was reached. */
  async #call(
    path: string,
    body: Record<string, unknown>,
    kind: "read" | "write" | "stream",
  ): Promise<{ answer: RawAnswer; date: UnixMillis | null }> {
    const { clock, deadlineMs, endpoints } = this.#options;
    const late = new AbortController();
    using _timer = clock.after(
      deadlineMs,
      () => late.abort(new StoreError("late", `no answer in ${deadlineMs} ms`)),
    );
    const signal = AbortSignal.any([late.signal, this.#end.signal]);
    for (let tries = 1;; tries++) {
      // A member that hangs must not use up the time of the others.
      const share = new AbortController();
      const token = this.#token;
      using _share = clock.after(
        deadlineMs / endpoints.length,
        () => share.abort(new StoreError("late", `${this.endpoint} did not answer in time`)),
      );
      try {
        const response = await this.#open(
          path,
          body,
          kind === "write" ? signal : AbortSignal.any([signal, share.signal]),
        );
        const date = Date.parse(response.headers.get("date") ?? "");
        const answer = kind === "stream"
          ? await firstResult(response, signal)
          : parse<RawAnswer>(await response.text());
        return { answer, date: Number.isNaN(date) ? null : date };
      } catch (error) {
        const failure = this.#blamed(asFailure(error, signal));
        // A store that came back from a backup does not answer to a token from after it, for good: etcd waits for the
        // index that the token names. The next call logs in anew.
        if (failure.failure === "late" && this.#token === token) this.#token = null;
        if (failure.failure === "login" && this.#token !== null && tries <= endpoints.length) {
          // The token has ended: they live for five minutes without use.
          this.#token = null;
          continue;
        }
        const next = failure.failure === "unreachable" ||
          kind !== "write" && (failure.failure === "late" || failure.failure === "no-leader");
        if (next) this.#at = (this.#at + 1) % endpoints.length;
        if (!next || tries >= endpoints.length || signal.aborted) throw failure;
      }
    }
  }

  /** A store that refuses an expired certificate closes the connection, most often before it could say why. */
  #blamed(failure: StoreError): StoreError {
    const until = this.#options.tls?.until ?? null;
    if (failure.failure !== "unreachable" || until === null || this.#options.clock.wall() < until) {
      return failure;
    }
    const ended = new Date(until).toISOString();
    return new StoreError(
      "unreachable",
      `the certificate of this node for the store has expired at ${ended}: ${failure.message}`,
    );
  }

  /** Sends a request; the answer has status 200. */
  async #open(path: string, body: Record<string, unknown>, signal: AbortSignal): Promise<Response> {
    const { user } = this.#options;
    if (user !== null && this.#token === null) {
      const login = { name: user.name, password: user.password };
      const answer = parse<RawAnswer>(await (await this.#post("auth/authenticate", login, signal)).text());
      this.#token = answer.token ?? null;
    }
    return await this.#post(path, body, signal);
  }

  async #post(path: string, body: Record<string, unknown>, signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (this.#token !== null) headers.authorization = this.#token;
    const response = await fetch(`${this.endpoint}/v3/${path}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
      signal,
      client: this.#client,
      redirect: "error",
    });
    if (response.status === 200) return response;
    const text = await response.text();
    if (response.status === 404) {
      throw new StoreError(
        "answer",
        `${this.endpoint} has no JSON gateway (enable-grpc-gateway) or is no etcd 3.4`,
      );
    }
    throw failureOf(response.status, parse<{ code?: number; message?: string; error?: string }>(text));
  }
}

/** The first result of a stream of results; the rest is left. */
async function firstResult(response: Response, signal: AbortSignal): Promise<RawAnswer> {
  for await (const line of lines(abortableBody(response, signal))) {
    const { error, result } = parse<{ result?: RawAnswer; error?: { message?: string } }>(line);
    if (error !== undefined) throw failureOf(0, error);
    return result ?? {};
  }
  return {};
}
