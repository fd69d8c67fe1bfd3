/**
 * The demo as a child process, for tests that type its words.
 *
 * @module
 */
import { unusedPort } from "../../src/demo/port.ts";
import manifest from "../../deno.json" with { type: "json" };
import { lines } from "../../src/lines.ts";
import { project } from "./harness.ts";

/** An address on which nothing listens. */
export function freeAddress(): string {
  return `127.0.0.1:${unusedPort()}`;
}

/** The words of the task: `deno`, `run`, the rights, and the program. */
const taskWords = manifest.tasks.demo.command.split(" ");

/** A demo that runs, with its output as it comes. Disposal interrupts it and waits for its end. */
export class Demo implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #words: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #errors: Promise<string>;
  readonly #pumped: Promise<void>;
  /** Every line that it wrote so far. */
  readonly seen: string[] = [];
  /** Lines before this one were waited for already. */
  #cursor = 0;
  #changed = Promise.withResolvers<void>();

  /** Starts one with the rights of its task, with these flags, and with these variables beside those of this process. */
  constructor(args: readonly string[], env: Record<string, string> = {}) {
    const child = new Deno.Command(Deno.execPath(), {
      args: [...taskWords.slice(1, -1), project("src/demo/main.ts"), ...args],
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#child = child;
    this.#words = child.stdin.getWriter();
    this.#errors = new Response(child.stderr).text();
    this.#pumped = (async () => {
      for await (const line of lines(child.stdout)) {
        this.seen.push(line);
        this.#changed.resolve();
      }
      this.#changed.resolve();
    })();
  }

  /** The next line that matches; lines before it are passed over. Rejects after a minute, or at the end. */
  async next(pattern: RegExp): Promise<string> {
    const deadline = AbortSignal.timeout(60_000);
    const late = new Promise<void>((resolve) => deadline.addEventListener("abort", () => resolve()));
    for (;;) {
      for (; this.#cursor < this.seen.length; this.#cursor++) {
        const line = this.seen[this.#cursor] ?? "";
        if (!pattern.test(line)) continue;
        this.#cursor++;
        return line;
      }
      this.#changed = Promise.withResolvers();
      await Promise.race([this.#changed.promise, late]);
      if (deadline.aborted) throw new Error(`no line like ${pattern} came:\n${this.seen.join("\n")}`);
    }
  }

  /** Types a line and waits for what it answers. */
  async say(line: string, answer: RegExp): Promise<string> {
    await this.#words.write(new TextEncoder().encode(`${line}\n`));
    return await this.next(answer);
  }

  /** Waits for the end; with `interrupt` asks for it as Ctrl-C does. */
  async end(interrupt: boolean): Promise<{ code: number; output: string; errors: string }> {
    if (interrupt) this.#child.kill("SIGINT");
    const { code } = await this.#child.status;
    await this.#pumped;
    const errors = await this.#errors;
    return { code, errors, output: `${this.seen.join("\n")}\n${errors}` };
  }

  /** Asks for the end as Ctrl-C in a terminal may arrive: at the parts first, and here when they are gone. */
  async interruptPartsFirst(): Promise<void> {
    const { stdout } = new Deno.Command("pgrep", { args: ["-P", String(this.#child.pid)] }).outputSync();
    const parts = new TextDecoder().decode(stdout).split("\n").filter(Boolean);
    for (const pid of parts) Deno.kill(Number(pid), "SIGINT");
    // What is gone, and only waited for by the demo, has no command any more.
    const isThere = async (pid: string) => {
      try {
        return (await Deno.readTextFile(`/proc/${pid}/cmdline`)) !== "";
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return false;
        throw error;
      }
    };
    while ((await Promise.all(parts.map(isThere))).every(Boolean));
    this.#child.kill("SIGINT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#words.close().catch(() => {});
    try {
      this.#child.kill("SIGINT");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.end(false);
  }
}
