import { lines } from "../lines.ts";

/** A child process of the demo, killed with it. */
export class DemoProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: AsyncGenerator<string>;
  #ended = false;
  /** Name for messages, e.g. `simulator`. */
  readonly name: string;
  /** Resolves with the exit status. */
  readonly status: Promise<Deno.CommandStatus>;

  /**
   * Starts this Deno with `args`. The child's standard input is a pipe that closes when the demo dies, however
   * it dies; its standard error goes to the demo's.
   */
  constructor(name: string, args: readonly string[]) {
    this.name = name;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#lines = lines(this.#child.stdout);
    this.status = this.#child.status.then((status) => {
      this.#ended = true;
      return status;
    });
  }

  /** Process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Lines of standard output; may be consumed by one reader only. */
  get lines(): AsyncGenerator<string> {
    return this.#lines;
  }

  /** Writes one line to the process's standard input; does nothing once it has ended. */
  async tell(line: string): Promise<void> {
    if (this.#ended) return;
    await this.#stdin.write(new TextEncoder().encode(`${line}\n`)).catch(ignorePipe);
  }

  /** Ends the process at once, as a crash would. */
  kill(): void {
    if (!this.#ended) this.#child.kill("SIGKILL");
  }

  /** Whether the process has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Asks the process to end with SIGTERM, insists with SIGKILL after 6 s, and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#child.kill("SIGTERM");
    const insist = setTimeout(() => {
      if (!this.#ended) this.#child.kill("SIGKILL");
    }, 6000);
    await this.#stdin.abort().catch(ignorePipe);
    await drain(this.#lines);
    await this.status;
    clearTimeout(insist);
  }
}

function ignorePipe(error: unknown): void {
  // The other end may be gone already, which is what we want.
  if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
}

async function drain(source: AsyncGenerator<string>): Promise<void> {
  for await (const _ of source) { /* the child must not block on a full pipe while it ends */ }
}
