import { DemoError } from "./error.ts";
import { DemoProcess } from "./process.ts";

/** A process of the demo whose output is read line by line: into a log, and by those who wait for an answer. */
export class Part implements AsyncDisposable {
  readonly #process: DemoProcess;
  readonly #waiting: ((line: string) => boolean)[] = [];
  readonly #pumped: Promise<void>;
  /** Settles when the first line came that `accept` takes; rejects with a DemoError when the process ends before. */
  readonly ready: Promise<void>;

  /**
   * Starts this Deno with `args`.
   *
   * @param name name for messages
   * @param log file that gets the output; null: nobody keeps it
   * @param accept whether a line says that the process is up
   */
  constructor(name: string, args: readonly string[], log: string | null, accept: (line: string) => boolean) {
    const process = new DemoProcess(name, args);
    this.#process = process;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    // The process may end long after it was up: then nobody waits for this any more.
    this.ready.catch(() => {});
    this.#waiting.push((line) => {
      if (!accept(line)) return false;
      resolve();
      return true;
    });
    this.#pumped = (async () => {
      using file = log === null ? undefined : await Deno.open(log, { create: true, append: true });
      const encoder = new TextEncoder();
      for await (const line of process.lines) {
        if (file !== undefined) await file.write(encoder.encode(line + "\n"));
        const first = this.#waiting[0];
        if (first?.(line) === true) this.#waiting.shift();
      }
      const { code } = await process.status;
      reject(new DemoError(`${name} ended with exit code ${code}${log === null ? "" : `; its log: ${log}`}`));
    })();
  }

  /** Process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Whether the process has ended. */
  get ended(): boolean {
    return this.#process.ended;
  }

  /** Resolves when the process has ended. */
  get status(): Promise<Deno.CommandStatus> {
    return this.#process.status;
  }

  /** Writes a line to the process. */
  tell(line: string): Promise<void> {
    return this.#process.tell(line);
  }

  /** Writes a line to the process and resolves with the next line that it prints; rejects when it ends. */
  async ask(line: string): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#waiting.push((answer) => {
      resolve(answer);
      return true;
    });
    await this.#process.tell(line);
    const ended = this.#process.status.then(() => {
      throw new DemoError(`${this.#process.name} has ended`);
    });
    return await Promise.race([promise, ended]);
  }

  /** Ends the process at once, as a crash would, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#process.kill();
    await this.#process.status;
  }

  /** Ends the process in order and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
    await this.#pumped;
  }
}
