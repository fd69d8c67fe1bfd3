/**
 * maglevd as a child process, web servers to be probed, and ways to wait for what they do.
 *
 * @module
 */
import { lines } from "../../src/lines.ts";

/** One JSON line of the daemon's log. */
export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly msg: string;
  readonly [key: string]: unknown;
}

/** Longest wait for anything in these tests; a loaded machine must not fail them. */
const patienceMs = 30_000;

/** Path of a file of the project. */
export function project(path: string): string {
  return new URL(`../../${path}`, import.meta.url).pathname;
}

/** Resolves when `look` gives something, asked again after every event that `changed` waits for. */
export async function eventually<T>(
  what: () => string,
  look: () => T | undefined,
  changed: () => Promise<void>,
  limitMs = patienceMs,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`waited too long for ${what()}`)), limitMs);
  try {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await Promise.race([changed(), late]);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** A web server that can be told how to answer; counts what arrives. */
export class WebServer implements AsyncDisposable {
  readonly #hostname: string;
  #server: Deno.HttpServer<Deno.NetAddr> | null = null;
  #port: number;
  #arrived = Promise.withResolvers<void>();
  /** Status that it answers with. */
  status = 200;
  /** User-Agent of every request so far. */
  readonly requests: string[] = [];

  /** Serves at once; port 0 chooses one. */
  constructor(hostname: string, port = 0) {
    this.#hostname = hostname;
    this.#port = port;
    this.start();
  }

  /** Port it serves on. */
  get port(): number {
    return this.#port;
  }

  /** Serves again after `stop`. */
  start(): void {
    if (this.#server !== null) return;
    this.#server = Deno.serve({
      hostname: this.#hostname,
      port: this.#port,
      onListen() {},
      handler: (request) => {
        this.requests.push(request.headers.get("user-agent") ?? "");
        const { resolve } = this.#arrived;
        this.#arrived = Promise.withResolvers();
        resolve();
        return new Response("fine\n", { status: this.status });
      },
    });
    this.#port = this.#server.addr.port;
  }

  /** Stops listening: connections are refused from now on. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    await server?.shutdown();
  }

  /** Resolves when `count` more requests have arrived. */
  async more(count: number): Promise<void> {
    const wanted = this.requests.length + count;
    await eventually(
      () => `request ${wanted} at ${this.#hostname}:${this.#port}`,
      () => this.requests.length >= wanted ? true : undefined,
      () => this.#arrived.promise,
    );
  }

  /** Stops for good. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** How to start a daemon. */
export interface DaemonOptions {
  /** Text of maglev.yaml. */
  readonly config: string;
  /** Paths of VPP's sockets; null: VPP is off. */
  readonly vpp: { readonly api: string; readonly stats: string } | null;
  /** More flags. */
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  /** Program to run in place of main.ts. */
  readonly entry?: string;
  /** Command to run in place of this Deno; it gets no environment but `env`. */
  readonly command?: string;
  /** Longest wait for anything; default 30 s. */
  readonly patienceMs?: number;
}

/** A running maglevd. */
export class TestDaemon implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #pumps: Promise<unknown>;
  readonly #folder: string;
  readonly #patienceMs: number;
  #changed = Promise.withResolvers<void>();
  #ended: Deno.CommandStatus | null = null;
  /** Everything it logged so far. */
  readonly log: LogLine[] = [];
  /** Everything it wrote to standard error so far. */
  errors = "";
  /** Where its API answers, once `listening` was logged. */
  api = "";
  /** Path of its configuration; write it and reload. */
  readonly config: string;

  /** Starts without waiting for anything. */
  constructor(options: DaemonOptions) {
    this.#folder = Deno.makeTempDirSync({ prefix: "maglev-test-" });
    this.#patienceMs = options.patienceMs ?? patienceMs;
    this.config = `${this.#folder}/maglev.yaml`;
    Deno.writeTextFileSync(this.config, options.config);
    this.#child = new Deno.Command(options.command ?? Deno.execPath(), {
      args: [
        ...options.command === undefined ? ["run", "-A", options.entry ?? project("main.ts")] : [],
        "--config",
        this.config,
        "--listen",
        "127.0.0.1:0",
        "--vpp-api-addr",
        options.vpp?.api ?? "",
        "--vpp-stats-addr",
        options.vpp?.stats ?? "",
        "--local-token",
        `${this.#folder}/token`,
        ...options.args ?? [],
      ],
      clearEnv: options.command !== undefined,
      env: { NO_COLOR: "1", ...options.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#pumps = Promise.all([this.#readLog(), this.#readErrors(), this.#watch()]);
  }

  /** Starts and waits until a record `until` (default `listening`) was logged. */
  static async start(options: DaemonOptions & { readonly until?: string }): Promise<TestDaemon> {
    const daemon = new TestDaemon(options);
    try {
      await daemon.logged((line) => line.msg === (options.until ?? "listening"));
      return daemon;
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Path of its local token, once `listening` was logged. */
  get tokenFile(): string {
    return `${this.#folder}/token`;
  }

  /** Its local token. */
  get token(): string {
    return Deno.readTextFileSync(this.tokenFile).trim();
  }

  /** Resolves with the exit status. */
  async status(): Promise<Deno.CommandStatus> {
    await this.#pumps;
    return await this.#child.status;
  }

  /** Resolves with the first record, old or new, that `matches`, from index `from` on. */
  logged(matches: (line: LogLine) => boolean, from = 0): Promise<LogLine> {
    return this.until(
      () => this.log.slice(from).find(matches),
      () => `a log record; the last ones:\n${this.tail()}`,
    );
  }

  /** Resolves when `look` gives something; asked again after each log record. */
  until<T>(look: () => T | undefined, what: () => string): Promise<T> {
    return eventually(
      what,
      () => {
        const found = look();
        if (found === undefined && this.#ended !== null) {
          throw new Error(
            `maglevd ended with ${this.#ended.code} while waiting for ${what()}\n${this.errors}`,
          );
        }
        return found;
      },
      () => this.#changed.promise,
      this.#patienceMs,
    );
  }

  /** The last log records and what stands in standard error. */
  tail(): string {
    return this.log.slice(-12).map((line) => JSON.stringify(line)).join("\n") + "\n" + this.errors;
  }

  /** GETs JSON; throws for a status other than `expected`. */
  async get<T>(path: string, expected = 200): Promise<T> {
    return await this.send<T>("GET", path, undefined, expected);
  }

  /** Sends a request with an optional JSON body and reads the JSON answer. */
  async send<T>(method: string, path: string, body?: unknown, expected = 200): Promise<T> {
    const response = await fetch(`${this.api}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.status !== expected) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** Sends a signal. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Ends the daemon and removes its files. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended === null) this.#child.kill("SIGTERM");
    const insist = setTimeout(() => {
      if (this.#ended === null) this.#child.kill("SIGKILL");
    }, 8000);
    await this.#pumps;
    clearTimeout(insist);
    await Deno.remove(this.#folder, { recursive: true });
  }

  #notify(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }

  async #readLog(): Promise<void> {
    for await (const text of lines(this.#child.stdout)) {
      const line: LogLine = text.startsWith("{") ? JSON.parse(text) : { time: "", level: "", msg: text };
      if (line.msg === "listening" && this.api === "" && typeof line.address === "string") {
        this.api = `http://${line.address}`;
      }
      this.log.push(line);
      this.#notify();
    }
  }

  async #readErrors(): Promise<void> {
    for await (const text of lines(this.#child.stderr)) this.errors += text + "\n";
  }

  async #watch(): Promise<void> {
    this.#ended = await this.#child.status;
    this.#notify();
  }
}
