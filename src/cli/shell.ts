/**
 * The interactive shell. The terminal stays in raw mode all the time; while a command runs, readline goes on
 * reading (so typing ahead works) but writes nothing.
 *
 * @module
 */
import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { Writable } from "node:stream";
import { complete } from "./complete.ts";
import type { Context, Output, Run } from "./context.ts";
import { exit, type ExitCode } from "./exit.ts";
import type { Grammar } from "./grammar.ts";
import { historyLimit, loadHistory, rememberLine } from "./history.ts";
import type { NameLookup } from "./names.ts";
import { lineHelp, runLine } from "./run.ts";
import { type Line, line, styled } from "./text.ts";
import { splitLine } from "./tokens.ts";

/** What stands before each line. */
const prompt = "maglevc> ";

/** Readline's way to the terminal, which can be closed for a while. */
class Screen extends Writable {
  muted = true;
  /** Readline asks this and `columns` to lay out its line. */
  readonly isTTY = true;
  readonly #out: Output;

  constructor(out: Output) {
    super({ decodeStrings: false });
    this.#out = out;
  }

  get columns(): number {
    return this.#out.width ?? 80;
  }

  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    if (!this.muted) this.#out.raw(String(chunk));
    done();
  }
}

/** What a shell is made of. */
export interface ShellOptions {
  /** The commands. */
  readonly grammar: Grammar<Run>;
  /** The terminal. */
  readonly out: Output;
  /** Makes the context of one command, given its interrupts. */
  readonly context: (signal: AbortSignal, anyKey: () => AbortSignal) => Context;
  /** Names for completion and help. */
  readonly names: NameLookup;
  /** File of the history, or null to keep none. */
  readonly historyFile: string | null;
  /** First lines that the user sees. */
  readonly banner: () => Promise<Line[]>;
}

class Shell {
  readonly #options: ShellOptions;
  readonly #screen: Screen;
  readonly #readline: Interface;
  /** Lines that were entered and wait for their turn. */
  readonly #queue: { readonly text: string; readonly echoed: boolean }[] = [];
  #wake: () => void = () => {};
  #closed = false;
  /** Set while a command runs or help is being made. */
  #running: AbortController | null = null;
  #historyFile: string | null;

  constructor(options: ShellOptions) {
    this.#options = options;
    this.#screen = new Screen(options.out);
    this.#historyFile = options.historyFile;
    const history = this.#historyFile === null ? null : loadHistory(this.#historyFile);
    if (history?.ok === false) this.#withoutHistory(history.error);
    this.#readline = createInterface({
      input: process.stdin,
      output: this.#screen,
      terminal: true,
      prompt,
      historySize: historyLimit,
      removeHistoryDuplicates: true,
      history: history?.ok ? history.value : [],
      completer: (line: string, done: (error: Error | null, result: [string[], string]) => void) => {
        this.#complete(line).then((result) => done(null, result), (error) => done(error, [[], line]));
      },
    });
    this.#readline.on("line", this.#onLine);
    this.#readline.on("close", this.#onClose);
    this.#readline.on("SIGINT", this.#onInterrupt);
    process.stdin.on("keypress", this.#onKey);
    process.stdout.on("resize", this.#onResize);
  }

  readonly #onLine = (text: string) => {
    this.#queue.push({ text, echoed: !this.#screen.muted });
    // A chunk of input may hold more lines; they are shown when their turn comes.
    this.#screen.muted = true;
    this.#wake();
  };

  readonly #onClose = () => {
    this.#closed = true;
    this.#running?.abort();
    this.#wake();
  };

  readonly #onInterrupt = () => {
    if (this.#running !== null) return this.#running.abort();
    this.#options.out.raw("^C\n");
    this.#screen.muted = true;
    this.#clearLine();
    this.#resume();
  };

  readonly #onKey = (character: string | undefined) => {
    if (character !== "?" || this.#screen.muted) return;
    const before = this.#readline.line.slice(0, this.#readline.cursor - 1);
    // In quotes a question mark is part of a path.
    if (splitLine(before).open) return;
    const { grammar, out, names } = this.#options;
    this.#screen.muted = true;
    // Readline has taken the question mark for a part of the line, and echoed it.
    this.#readline.write(null, { name: "backspace" });
    out.raw("\n");
    this.#running = new AbortController();
    lineHelp(grammar, before, names)
      .catch((error: unknown) => [`  ${error instanceof Error ? error.message : String(error)}`])
      .then((help) => {
        out.print(help.map((text) => [styled(null, text)]));
        this.#resume();
      });
  };

  readonly #onResize = () => void this.#screen.emit("resize");

  readonly #onAnyKey = new Set<() => void>();

  /** Aborted by the next key, which is then no part of the next line. */
  #anyKey(): AbortSignal {
    const pressed = new AbortController();
    const onKey = () => {
      this.#queue.length = 0;
      this.#clearLine();
      pressed.abort();
    };
    process.stdin.once("keypress", onKey);
    this.#onAnyKey.add(() => process.stdin.off("keypress", onKey));
    return pressed.signal;
  }

  #clearLine(): void {
    this.#readline.write(null, { ctrl: true, name: "e" });
    this.#readline.write(null, { ctrl: true, name: "u" });
  }

  #withoutHistory(reason: string): void {
    this.#options.out.print([line(`the history is not kept: ${reason}`)]);
    this.#historyFile = null;
  }

  async #complete(line: string): Promise<[string[], string]> {
    const { grammar, names } = this.#options;
    const { tokens } = splitLine(line);
    const last = tokens.at(-1);
    const inWord = last !== undefined && last.end === line.length;
    const partial = inWord ? last : { text: "", quoted: false };
    const found = await complete(grammar, inWord ? tokens.slice(0, -1) : tokens, partial, names);
    return [found.map(({ text }) => text.endsWith("/") ? text : `${text} `), partial.text];
  }

  /** Gives the terminal back to readline, with what was typed ahead, unless more lines wait. */
  #resume(): void {
    this.#running = null;
    for (const off of this.#onAnyKey) off();
    this.#onAnyKey.clear();
    this.#wake();
    if (this.#closed || this.#queue.length > 0) return;
    this.#screen.muted = false;
    // The cursor is on a fresh line now, wherever readline remembers it to be.
    Reflect.set(this.#readline, "prevRows", 0);
    this.#readline.prompt(true);
  }

  async #run(text: string): Promise<boolean> {
    const stop = this.#running = new AbortController();
    const context = this.#options.context(stop.signal, () => this.#anyKey());
    if (text.trim() !== "" && this.#historyFile !== null) {
      const kept = rememberLine(this.#historyFile, text);
      if (!kept.ok) this.#withoutHistory(kept.error);
    }
    return (await runLine(text, context, prompt.length)).leave;
  }

  /** Runs until the user leaves. */
  async loop(): Promise<ExitCode> {
    const { out, banner } = this.#options;
    this.#running = new AbortController();
    out.print(await banner());
    this.#resume();
    for (;;) {
      const next = this.#running === null ? this.#queue.shift() : undefined;
      if (next !== undefined) {
        if (!next.echoed) out.print([line(prompt, next.text)]);
        if (await this.#run(next.text)) break;
        this.#resume();
      } else if (this.#closed) {
        out.raw("\n");
        break;
      } else await new Promise<void>((resolve) => this.#wake = resolve);
    }
    process.stdin.off("keypress", this.#onKey);
    process.stdout.off("resize", this.#onResize);
    this.#readline.close();
    return exit.done;
  }
}

/** Reads and runs lines until `quit`, `exit` or Ctrl-D. */
export async function shell(options: ShellOptions): Promise<ExitCode> {
  return await new Shell(options).loop();
}
