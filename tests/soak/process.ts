import { DemoProcess } from "../../src/demo/process.ts";
import { heapFlag } from "../../src/deno_flags.ts";

/** One line of the daemon's log. */
export interface LogLine {
  /** E.g. `ERROR`. */
  readonly level: string;
  /** Name of the record. */
  readonly msg: string;
  /** Its fields. */
  readonly [key: string]: unknown;
}

/** What the daemon's main thread holds. */
export interface Inside {
  /** Timers that wait: length and who made each. */
  readonly timers: readonly string[];
  /** Heap in use after all garbage was collected, in KiB. */
  readonly heapKib: number;
}

/** Longest wait for a line of the log, in ms. */
const patienceMs = 60_000;

/** maglevd as a child process, on a file of its own. Disposal ends it and removes the file. */
export class Maglevd implements AsyncDisposable {
  readonly #child: DemoProcess;
  readonly #folder: string;
  readonly #watchers = new Set<(line: LogLine) => void>();
  readonly #pump: Promise<void>;
  #ended: number | null = null;
  /** Where its API answers. */
  api = "";
  /** Number of records by level and name. */
  readonly counts: Map<string, number> = new Map();

  private constructor(folder: string, child: DemoProcess) {
    this.#folder = folder;
    this.#child = child;
    this.#pump = this.#read();
  }

  /** Starts it and waits until it listens. */
  static async start(
    config: string,
    vpp: { readonly api: string; readonly stats: string },
  ): Promise<Maglevd> {
    const folder = await Deno.makeTempDir({ prefix: "maglev-soak-" });
    await Deno.writeTextFile(`${folder}/maglev.yaml`, config);
    const entry = new URL("./daemon.ts", import.meta.url).pathname;
    const args = [
      "run",
      "-A",
      `${heapFlag},--expose-gc`,
      entry,
      "--config",
      `${folder}/maglev.yaml`,
      "--listen",
      "127.0.0.1:0",
      "--local-token",
      `${folder}/token`,
    ];
    args.push("--vpp-api-addr", vpp.api, "--vpp-stats-addr", vpp.stats);
    const daemon = new Maglevd(folder, new DemoProcess("maglevd", args));
    try {
      const { address } = await daemon.next((line) => line.msg === "listening");
      daemon.api = `http://${address}`;
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

  /** Exit code; null while it runs. */
  get ended(): number | null {
    return this.#ended;
  }

  /** Its local token, once it listens. */
  get token(): string {
    return Deno.readTextFileSync(`${this.#folder}/token`).trim();
  }

  /** Its configuration. */
  get config(): string {
    return `${this.#folder}/maglev.yaml`;
  }

  /** Calls `look` with every line from now on; dispose of the result to stop. */
  watch(look: (line: LogLine) => void): Disposable {
    this.#watchers.add(look);
    return { [Symbol.dispose]: () => void this.#watchers.delete(look) };
  }

  /** The next line that matches. Rejects after a minute, or when the daemon ends first. */
  async next(matches: (line: LogLine) => boolean): Promise<LogLine> {
    const { promise, resolve, reject } = Promise.withResolvers<LogLine>();
    using _watch = this.watch((line) => {
      if (matches(line)) resolve(line);
      else if (line.msg === "") reject(new Error(`maglevd ended with exit code ${this.#ended}`));
    });
    const timer = setTimeout(() => reject(new Error("maglevd did not log what was waited for")), patienceMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a signal. */
  kill(signal: Deno.Signal): void {
    if (this.#ended === null) Deno.kill(this.pid, signal);
  }

  /** What only the process itself can tell. */
  async inside(): Promise<Inside> {
    const told = this.next((line) => line.msg === "soak-inside");
    this.kill("SIGUSR2");
    const { timers, heap_kib: heapKib } = await told;
    return { timers: Array.isArray(timers) ? timers.map(String) : [], heapKib: Number(heapKib) };
  }

  /** Asks it to end and resolves with its exit code. */
  async stop(): Promise<number> {
    this.kill("SIGTERM");
    await this.#pump;
    return this.#ended ?? -1;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGCONT");
    await this.stop();
    await this.#child[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #read(): Promise<void> {
    for await (const text of this.#child.lines) {
      const line: LogLine = text.startsWith("{") ? JSON.parse(text) : { level: "", msg: text };
      const key = `${line.level} ${line.msg}`;
      this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
      for (const look of [...this.#watchers]) look(line);
    }
    this.#ended = (await this.#child.status).code;
    for (const look of [...this.#watchers]) look({ level: "", msg: "" });
  }
}
