import type { ProbeReport, ProbeTarget } from "../../src/probes/prober.ts";
import { Reports } from "./helpers.ts";

/** A child process that probes; see child.ts. */
export class ProbeProcess implements AsyncDisposable {
  /** What it reported. */
  readonly reports: Reports = new Reports();
  /** Names of what it logged. */
  readonly logged: string[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reading: Promise<void>;

  /** Starts it; `wrap` is a program and its arguments that runs the rest, e.g. `["sh", "-c", 'exec "$@"', "sh"]`. */
  constructor(targets: readonly ProbeTarget[], options: { hog?: boolean; wrap?: string[] } = {}) {
    const { hog = false, wrap = [] } = options;
    const child = new URL("child.ts", import.meta.url).pathname;
    const own = [Deno.execPath(), "run", "-A", "--no-check", child, JSON.stringify({ targets, hog })];
    const [program = "", ...args] = [...wrap, ...own];
    this.#process = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "inherit" })
      .spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** Sends a signal. */
  kill(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** Sends a line. */
  async line(): Promise<void> {
    await this.#input.write(new TextEncoder().encode("\n"));
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#process.status;
    await this.#reading;
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const { report, log } = JSON.parse(line) as { report?: ProbeReport; log?: string };
        if (report !== undefined) this.reports.sink([report]);
        if (log !== undefined) this.logged.push(log);
      }
    }
  }
}
