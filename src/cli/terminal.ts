import type { FullScreen, Output, World } from "./context.ts";
import type { ColourMode } from "./options.ts";
import { cleanJson } from "./clean.ts";
import { type Block, layout, mapText } from "./table.ts";
import { asciiText, columns, type Line, paint, plain } from "./text.ts";

/** The reader of our output is gone (`| head`): nothing is left to say, and that is no error. */
export class ReaderGone extends Error {}

/** Our output cannot be written, as on a full disk; the message is the system's. */
export class WriteFailed extends Error {}

/** Writes everything at once; a pipe that is full is waited for. */
function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += stream.writeSync(bytes.subarray(at));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw new ReaderGone();
      if (!(error instanceof Deno.errors.WouldBlock)) {
        throw new WriteFailed(error instanceof Error ? error.message : String(error));
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** Columns and rows of the terminal; null where there is none, or it does not say. */
function terminalSize(): { readonly columns: number; readonly rows: number } | null {
  try {
    const size = Deno.consoleSize();
    return size.columns > 0 && size.rows > 0 ? size : null;
  } catch (error) {
    // ENOTTY comes as a plain Error.
    if (error instanceof Error) return null;
    throw error;
  }
}

/** Whether the terminal knows no sequences that move the cursor. */
export function isDumb(env: (name: string) => string | undefined): boolean {
  return (env("TERM") || "dumb") === "dumb";
}

/** Whether the locale says that the terminal shows ASCII only; one that is not set says nothing. */
export function isAscii(env: (name: string) => string | undefined): boolean {
  const locale = env("LC_ALL") || env("LC_CTYPE") || env("LANG") || "";
  return locale !== "" && !/utf-?8/i.test(locale);
}

/** Whether to colour what goes to a stream. */
export function wantsColour(
  mode: ColourMode,
  terminal: boolean,
  env: (name: string) => string | undefined,
): boolean {
  if (mode !== "auto") return mode === "always";
  return terminal && !env("NO_COLOR") && !isDumb(env);
}

/** The process's own standard output and error. */
export function processOutput(mode: ColourMode, env: (name: string) => string | undefined): Output {
  const terminal = Deno.stdout.isTerminal();
  const colour = wantsColour(mode, terminal, env);
  const errorColour = wantsColour(mode, Deno.stderr.isTerminal(), env);
  const width = () => terminal ? terminalSize()?.columns ?? null : null;
  const ascii = isAscii(env);
  const laid = (blocks: readonly Block[]) =>
    layout(ascii ? blocks.map((block) => mapText(block, asciiText)) : blocks, width());
  const dumb = isDumb(env);
  let drawn = 0;
  /** What a dumb terminal gets at the end, in place of every drawing. */
  let last: readonly Line[] = [];
  return {
    terminal,
    get width() {
      return width();
    },
    get height() {
      return terminal ? terminalSize()?.rows ?? null : null;
    },
    print: (blocks) => writeAll(Deno.stdout, paint(laid(blocks), colour)),
    json(text) {
      const json = cleanJson(text);
      writeAll(Deno.stdout, json.endsWith("\n") ? json : `${json}\n`);
    },
    raw: (text) => writeAll(Deno.stdout, text),
    complain: (blocks) => writeAll(Deno.stderr, paint(laid(blocks), errorColour)),
    redraw(blocks: readonly Block[]) {
      const lines = laid(blocks);
      if (dumb) {
        last = lines;
        return;
      }
      const room = width() ?? 80;
      const up = drawn === 0 ? "" : `\x1b[${drawn}A`;
      // Each line is cleared before it is written, so nothing of a longer older one stays.
      const text = lines.map((line) => `\x1b[2K${paint([line], colour)}`).join("");
      writeAll(Deno.stdout, `${up}${text}\x1b[J`);
      drawn = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(columns(plain(line)) / room)), 0);
    },
    keep() {
      if (dumb) writeAll(Deno.stdout, paint(last, colour));
      last = [];
      drawn = 0;
    },
    unpaged() {},
    fullScreen: terminal && !dumb
      ? () => wholeTerminal((text) => writeAll(Deno.stdout, text), (line) => paint(line, colour), ascii)
      : null,
  };
}

/** The alternate screen of xterm: what was on the terminal comes back with its end. */
function wholeTerminal(
  write: (text: string) => void,
  painted: (lines: readonly Line[]) => string,
  ascii: boolean,
): FullScreen {
  let shown: string[] = [];
  let away = false;
  const take = "\x1b[?1049h\x1b[?25l";
  const leave = "\x1b[?25h\x1b[?1049l";
  // Ctrl-Z: the shell gets its own screen back before this process stops.
  const suspend = () => {
    away = true;
    write(leave);
    Deno.kill(Deno.pid, "SIGSTOP");
  };
  Deno.addSignalListener("SIGTSTP", suspend);
  write(`${take}\x1b[2J`);
  return {
    draw(lines) {
      // After the stop the screen is taken by `forget` first.
      if (away) return;
      const texts = lines.map((line) => {
        const spans = ascii ? line.map(({ text, style }) => ({ text: asciiText(text), style })) : line;
        return painted([spans]).replace(/\n$/, "");
      });
      const changed = texts.flatMap((text, i) => text === shown[i] ? [] : [`\x1b[${i + 1};1H\x1b[2K${text}`]);
      const below = shown.length > texts.length ? `\x1b[${texts.length + 1};1H\x1b[J` : "";
      shown = texts;
      // A row is emptied first: behind a full one the cursor is still on its last column. In one piece: a terminal at the end of a slow line shows no half of a row.
      if (changed.length > 0 || below !== "") write(changed.join("") + below);
    },
    forget(left) {
      shown = [];
      away = false;
      write(`${left ? take : ""}\x1b[2J`);
    },
    [Symbol.dispose]() {
      Deno.removeSignalListener("SIGTSTP", suspend);
      if (!away) write(leave);
    },
  };
}

/** The machine's clock and files. */
export const realWorld: World = {
  now: () => Date.now(),
  zone: (ms) => -new Date(ms).getTimezoneOffset(),
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
  readFile: (path) => Deno.readTextFile(path),
};
