/**
 * The API as the page uses it.
 *
 * @module
 */
import type {
  Backend,
  BackendList,
  Consequences,
  Explain,
  Frontend,
  FrontendList,
  Info,
  Journal,
  LbCounters,
  OverrideList,
  PeerList,
  Plan,
  Problem,
  ProblemList,
  Ready,
  SyncResult,
  VppInfo,
  Whereis,
} from "../../api/mod.ts";

/** The daemon refused, or did not answer (status 0). */
export class ApiError extends Error {
  /** `message` is one sentence for the person before the page. */
  constructor(
    readonly status: number,
    message: string,
    readonly problem: Problem | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** What a change answers; a daemon of another version may not tell what it changed. */
export type Changed<T> = T & { readonly consequences?: Consequences };

/** How requests are made; a test brings its own. */
export interface Transport {
  /** As the browser's `fetch`. */
  fetch(path: string, init: RequestInit): Promise<Response>;
  /** Token of the person; null: none. */
  token(): string | null;
}

/** Longest wait for an answer, in ms. */
const deadlineMs = 10_000;

/** The API of a daemon; with `peer` of another one, read through it. */
export class ApiClient {
  readonly #transport: Transport;
  readonly #peer: string | null;

  /** `peer` is the name of another daemon; then only reads work. */
  constructor(transport: Transport, peer: string | null = null) {
    this.#transport = transport;
    this.#peer = peer;
  }

  /** GET /v1/info */
  info(signal: AbortSignal): Promise<Info> {
    return this.#get("info", signal);
  }

  /** GET /readyz: a daemon that is not ready says so with 503. Null: a peer, of which only `/v1` is read. */
  async ready(signal: AbortSignal): Promise<Ready | null> {
    if (this.#peer !== null) return null;
    try {
      return await this.#json<Ready>(
        "GET",
        "readyz",
        null,
        signal,
      );
    } catch (error) {
      if (error instanceof ApiError && error.problem?.readiness !== undefined) {
        return error.problem.readiness;
      }
      throw error;
    }
  }

  /** GET /v1/backends */
  backends(signal: AbortSignal): Promise<BackendList> {
    return this.#get("backends", signal);
  }

  /** GET /v1/backends/{name} */
  backend(name: string, signal: AbortSignal): Promise<Backend> {
    return this.#get(`backends/${encodeURIComponent(name)}`, signal);
  }

  /** GET /v1/frontends */
  frontends(signal: AbortSignal): Promise<FrontendList> {
    return this.#get("frontends", signal);
  }

  /** GET /v1/problems */
  problems(signal: AbortSignal): Promise<ProblemList> {
    return this.#get("problems", signal);
  }

  /** GET /v1/overrides */
  overrides(signal: AbortSignal): Promise<OverrideList> {
    return this.#get("overrides", signal);
  }

  /** GET /v1/vpp/lb/counters */
  counters(signal: AbortSignal): Promise<LbCounters> {
    return this.#get("vpp/lb/counters", signal);
  }

  /** GET /v1/vpp/info */
  vppInfo(signal: AbortSignal): Promise<VppInfo> {
    return this.#get("vpp/info", signal);
  }

  /** GET /v1/vpp/lb/plan */
  plan(signal: AbortSignal): Promise<Plan> {
    return this.#get("vpp/lb/plan", signal);
  }

  /** GET /v1/journal */
  journal(
    query: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Journal> {
    return this.#get(`journal?${new URLSearchParams(query)}`, signal);
  }

  /** GET /v1/{kind}/{name}/explain */
  explain(
    kind: "backends" | "frontends",
    name: string,
    signal: AbortSignal,
  ): Promise<Explain> {
    return this.#get(`${kind}/${encodeURIComponent(name)}/explain`, signal);
  }

  /** GET /v1/frontends/{name}/whereis */
  whereis(
    frontend: string,
    client: string,
    port: string,
    signal: AbortSignal,
  ): Promise<Whereis> {
    const query = new URLSearchParams(
      port === "" ? { client } : { client, client_port: port },
    );
    return this.#get(
      `frontends/${encodeURIComponent(frontend)}/whereis?${query}`,
      signal,
    );
  }

  /** GET /v1/peers; always of the daemon that serves the page. */
  peers(signal: AbortSignal): Promise<PeerList> {
    return this.#json("GET", "v1/peers", null, signal);
  }

  /** POST /v1/backends/{name}/{action} */
  act(
    name: string,
    action: string,
    body: unknown,
    dryRun: boolean,
  ): Promise<Changed<Backend>> {
    return this.#change(
      "POST",
      `backends/${encodeURIComponent(name)}/${action}`,
      body,
      dryRun,
    );
  }

  /** PUT …/weight */
  setWeight(
    frontend: string,
    pool: string,
    backend: string,
    body: unknown,
    dryRun: boolean,
  ): Promise<Changed<Frontend>> {
    const [f, p, b] = [frontend, pool, backend].map(encodeURIComponent);
    return this.#change(
      "PUT",
      `frontends/${f}/pools/${p}/backends/${b}/weight`,
      body,
      dryRun,
    );
  }

  /** DELETE /v1/overrides/{id} */
  clear(id: string, dryRun: boolean): Promise<OverrideList> {
    return this.#change(
      "DELETE",
      `overrides/${encodeURIComponent(id)}`,
      null,
      dryRun,
    );
  }

  /** POST /v1/vpp/lb/sync with the digest of the plan that was shown. */
  sync(digest: string): Promise<SyncResult> {
    return this.#change("POST", "vpp/lb/sync", { plan_digest: digest }, false);
  }

  /** GET /v1/events as a stream. A daemon of an older version does not know kind `change`. */
  async events(lastId: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const headers = { ...this.#headers(), ...(lastId === "" ? {} : { "last-event-id": lastId }) };
    const ask = (kinds: string) =>
      this.#ask(this.#path(`events?kinds=${kinds}&level=warn`), { headers, signal });
    let response: Response;
    try {
      response = await ask("backend,frontend,vpp,log,change");
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 422) throw error;
      response = await ask("backend,frontend,vpp,log");
    }
    if (response.body === null) throw new ApiError(0, "the daemon answered no stream");
    return response.body;
  }

  #path(path: string): string {
    return this.#peer === null ? `v1/${path}` : `v1/peers/${encodeURIComponent(this.#peer)}/${path}`;
  }

  #get<T>(path: string, signal: AbortSignal): Promise<T> {
    return this.#json("GET", this.#path(path), null, signal);
  }

  #change<T>(
    method: string,
    path: string,
    body: unknown,
    dryRun: boolean,
  ): Promise<T> {
    const query = dryRun ? "?dry_run=true" : "";
    return this.#json(
      method,
      `v1/${path}${query}`,
      body,
      AbortSignal.timeout(deadlineMs),
    );
  }

  async #json<T>(
    method: string,
    path: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<T> {
    const headers: Record<string, string> = {
      ...this.#headers(),
      accept: "application/json",
    };
    if (body !== null) headers["content-type"] = "application/json";
    const response = await this.#ask(path, {
      method,
      headers,
      signal: AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]),
      ...(body === null ? {} : { body: JSON.stringify(body) }),
    });
    try {
      return await response.json() as T;
    } catch (error) {
      if (error instanceof SyntaxError) throw new ApiError(0, "the daemon answered no JSON");
      if (error instanceof TypeError) throw new ApiError(0, "the connection is lost");
      if (isTimeout(error)) throw new ApiError(0, "the daemon does not answer");
      throw error;
    }
  }

  #headers(): Record<string, string> {
    const token = this.#transport.token();
    return token === null ? {} : { authorization: `Bearer ${token}` };
  }

  async #ask(path: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await this.#transport.fetch(path, {
        cache: "no-store",
        redirect: "error",
        ...init,
      });
    } catch (error) {
      if (init.signal?.aborted === true && !isTimeout(init.signal.reason)) {
        throw error;
      }
      throw new ApiError(
        0,
        isTimeout(error) ? "the daemon does not answer" : "the daemon cannot be reached",
      );
    }
    if (response.ok) return response;
    const problem = await problemOf(response);
    throw new ApiError(
      response.status,
      problem?.detail ?? `HTTP ${response.status}`,
      problem,
    );
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

async function problemOf(response: Response): Promise<Problem | null> {
  if (!(response.headers.get("content-type") ?? "").includes("json")) {
    await response.body?.cancel();
    return null;
  }
  try {
    return await response.json() as Problem;
  } catch (error) {
    // No JSON, or it did not come in time: the status alone tells enough.
    if (error instanceof SyntaxError || error instanceof TypeError || isTimeout(error)) return null;
    throw error;
  }
}
