import { readFileSync, writeSync } from "node:fs";
import process from "node:process";
import type { Output, World } from "./context.ts";
import type { ColourMode } from "./options.ts";
import { columns, type Line, paint, plain } from "./text.ts";

/** The reader of our output is gone (`| head`): nothing is left to say, and that is no error. */
export class ReaderGone extends Error {}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** Writes everything at once; a pipe that is full is waited for. */
function writeAll(fd: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if (codeOf(error) === "EPIPE") throw new ReaderGone();
      if (codeOf(error) !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** Whether to colour what goes to a stream. */
export function wantsColour(
  mode: ColourMode,
  terminal: boolean,
  env: (name: string) => string | undefined,
): boolean {
  if (mode !== "auto") return mode === "always";
  return terminal && !env("NO_COLOR") && env("TERM") !== "dumb";
}

/** The process's own standard output and error. */
export function processOutput(mode: ColourMode, env: (name: string) => string | undefined): Output {
  const terminal = process.stdout.isTTY === true;
  const colour = wantsColour(mode, terminal, env);
  const errorColour = wantsColour(mode, process.stderr.isTTY === true, env);
  let drawn = 0;
  return {
    terminal,
    get width() {
      return terminal && process.stdout.columns > 0 ? process.stdout.columns : null;
    },
    print: (lines) => writeAll(1, paint(lines, colour)),
    raw: (text) => writeAll(1, text),
    complain: (lines) => writeAll(2, paint(lines, errorColour)),
    redraw(lines: readonly Line[]) {
      const width = process.stdout.columns || 80;
      const up = drawn === 0 ? "" : `\x1b[${drawn}A`;
      // Each line is cleared before it is written, so nothing of a longer older one stays.
      const text = lines.map((line) => `\x1b[2K${paint([line], colour)}`).join("");
      writeAll(1, `${up}${text}\x1b[J`);
      drawn = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(columns(plain(line)) / width)), 0);
    },
    keep() {
      drawn = 0;
    },
  };
}

/** The machine's clock and files. */
export const realWorld: World = {
  now: () => Date.now(),
  ticks: () => performance.now(),
  pause: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done, { once: true });
    }),
  readFile: (path) => Promise.resolve(readFileSync(path, "utf8")),
};

/** Keys of the terminal, for a command that ends with the first one pressed. */
export class Keyboard implements Disposable {
  readonly #interrupt: () => void;
  #release: () => void = () => {};

  /** Touches nothing yet; `interrupt` is called for Ctrl-C, which is no signal while keys are watched. */
  constructor(interrupt: () => void) {
    this.#interrupt = interrupt;
  }

  /** Whether standard input is a terminal. */
  get present(): boolean {
    return process.stdin.isTTY === true;
  }

  /** Aborted by the first key; never without a terminal. */
  anyKey(): AbortSignal {
    const pressed = new AbortController();
    if (!this.present) return pressed.signal;
    const { stdin } = process;
    const onKey = (chunk: Uint8Array | string) => {
      if (String(chunk).includes("\x03")) this.#interrupt();
      pressed.abort();
    };
    stdin.setRawMode(true);
    stdin.on("data", onKey);
    stdin.resume();
    this.#release = () => {
      stdin.off("data", onKey);
      stdin.pause();
      stdin.setRawMode(false);
    };
    return pressed.signal;
  }

  /** Gives the terminal back. */
  [Symbol.dispose](): void {
    this.#release();
    this.#release = () => {};
  }
}
