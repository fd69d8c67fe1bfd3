/** Runs lines of maglevc in this process, against a daemon, with a terminal made of strings. */
import { cleanJson } from "../../src/cli/clean.ts";
import { Client, type ClientOptions } from "../../src/cli/client.ts";
import { grammar } from "../../src/cli/commands/grammar.ts";
import type { Context, FullScreen, Output } from "../../src/cli/context.ts";
import { runLine } from "../../src/cli/run.ts";
import { parseServer } from "../../src/cli/server.ts";
import type { KeySource } from "../../src/cli/shell/keys.ts";
import { utc, type Zone } from "../../src/cli/when.ts";
import { layout } from "../../src/cli/table.ts";
import { paint } from "../../src/cli/text.ts";
import { ok } from "../../src/result.ts";
import type { Daemon } from "./daemon.ts";
import { siteNow } from "./site.ts";

/** How a line is run. */
export interface SessionOptions {
  /** Columns of the terminal; null: standard output is no terminal. */
  readonly width?: number | null;
  readonly colour?: boolean;
  readonly json?: boolean;
  readonly token?: string;
  /** Reads the tokens in place of `token`. */
  readonly credentials?: ClientOptions["credentials"];
  readonly signal?: AbortSignal;
  readonly anyKey?: AbortSignal;
  /** Somebody is there who answers every question like this. */
  readonly answer?: boolean;
  readonly keys?: KeySource;
  readonly screen?: () => FullScreen;
  readonly zone?: Zone;
  /** Wall clock in unix milliseconds; default: that of the site. */
  readonly now?: number;
  readonly files?: Readonly<Record<string, string>>;
  /** Called with everything written to standard output, as it is written. */
  readonly onOutput?: (text: string) => void;
}

/** What came of a line. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Each drawing in place, in order. */
  readonly drawings: readonly string[];
}

/** Runs one line. */
export async function run(
  daemon: Pick<Daemon, "url">,
  text: string,
  options: SessionOptions = {},
): Promise<Outcome> {
  const { width = null, colour = false, json = false, token, files = {}, answer } = options;
  const server = parseServer(daemon.url);
  if (server === null) throw new TypeError(daemon.url);
  let out = "";
  let err = "";
  const drawings: string[] = [];
  const write = (piece: string) => {
    out += piece;
    options.onOutput?.(piece);
  };
  const output: Output = {
    terminal: width !== null,
    width,
    height: width === null ? null : 24,
    print: (blocks) => write(paint(layout(blocks, width), colour)),
    json: (text) => write(`${cleanJson(text).trimEnd()}\n`),
    raw: write,
    complain: (blocks) => err += paint(layout(blocks, width), colour),
    redraw: (blocks) => drawings.push(paint(layout(blocks, width), colour)),
    keep: () => write(drawings.at(-1) ?? ""),
    unpaged() {},
    fullScreen: options.screen ?? null,
  };
  // Time stands still but for pauses, which pass at once.
  let ticks = 0;
  const context: Context = {
    client: new Client({
      server,
      credentials: options.credentials ??
        (() => ok([{ token: token ?? null, connectTo: null, note: "a note on the token" }])),
      caCerts: [],
      userAgent: "maglevc/test",
      actor: "tester",
    }),
    out: output,
    json,
    world: {
      now: () => options.now ?? siteNow,
      zone: options.zone ?? utc,
      ticks: () => ticks,
      pause: (ms) => {
        ticks += ms;
        return Promise.resolve();
      },
      readFile: (path) => {
        const file = files[path];
        return file === undefined ? Promise.reject(new Error("No such file")) : Promise.resolve(file);
      },
    },
    signal: options.signal ?? new AbortController().signal,
    anyKey: () => options.anyKey ?? new AbortController().signal,
    ask: answer === undefined ? null : (question) => {
      write(`${question} (y or n) ${answer ? "y" : "n"}\n`);
      return Promise.resolve(answer);
    },
    keys: options.keys ?? null,
    version: "0.1.0",
    grammar,
  };
  const { code } = await runLine(text, context, null);
  return { code, out, err, drawings };
}
