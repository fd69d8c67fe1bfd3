import type { Client, Failure, Request } from "./client.ts";
import { exit, type ExitCode } from "./exit.ts";
import type { Grammar, Parsed } from "./grammar.ts";
import { nameHint, refusalText } from "./hints.ts";
import type { Shape } from "./shape.ts";
import type { KeySource } from "./shell/keys.ts";
import type { Block } from "./table.ts";
import type { Line } from "./text.ts";
import { sentenceText } from "./units.ts";
import type { Zone } from "./when.ts";

/** What a renderer may depend on, apart from the value it shows. */
export interface View {
  /** Wall-clock time in unix milliseconds, for ages. */
  readonly now: number;
  /** The zone that times are shown in. */
  readonly zone: Zone;
}

/** Where a command writes. */
export interface Output {
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
  /** Columns of the terminal; null where there is none. */
  readonly width: number | null;
  /** Rows of the terminal; null where there is none. */
  readonly height: number | null;
  /** Writes blocks for a person to standard output. */
  print(blocks: readonly Block[]): void;
  /** Writes JSON to standard output: the same value in characters that no terminal obeys. The line is ended. */
  json(text: string): void;
  /** Writes a text of maglevc's own to standard output as it is; nothing in it comes from a server. */
  raw(text: string): void;
  /** Writes blocks for a person to standard error. */
  complain(blocks: readonly Block[]): void;
  /** Draws blocks in place of those drawn last; only on a terminal. */
  redraw(blocks: readonly Block[]): void;
  /** Lets what was drawn stand; the next drawing goes below it. */
  keep(): void;
  /** What follows is printed at once, and not screen by screen. */
  unpaged(): void;
  /** Takes the whole terminal; null where that cannot be done. */
  readonly fullScreen: (() => FullScreen) | null;
}

/** The whole terminal, until it is disposed: then it is as it was before. */
export interface FullScreen extends Disposable {
  /** Shows these lines, from the top; only what is other than before is written. */
  draw(lines: readonly Line[]): void;
  /** Forgets what the terminal shows: it was resized, or (`left`) somebody else has used it meanwhile. */
  forget(left: boolean): void;
}

/** What commands read of the machine, apart from the API; tests have their own. */
export interface World {
  /** Wall-clock time in unix milliseconds. */
  readonly now: () => number;
  /** The zone of this machine. */
  readonly zone: Zone;
  /** Monotonic time in milliseconds. */
  readonly ticks: () => number;
  /** Resolves after `ms`, or at once when the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Reads a file as text. */
  readonly readFile: (path: string) => Promise<string>;
}

/** Everything a command works with. */
export interface Context {
  /** Asks maglevd. */
  readonly client: Client;
  /** Where the command writes. */
  readonly out: Output;
  /** Whether to print what the API said instead of tables. */
  readonly json: boolean;
  /** The rest of the machine. */
  readonly world: World;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Aborted by the first key pressed; only for commands that end that way. */
  readonly anyKey: () => AbortSignal;
  /** Asks a person whether to go on; null: there is none, as in a script. */
  readonly ask: ((question: string, signal: AbortSignal) => Promise<boolean>) | null;
  /** The keys of the terminal; null: there is none. */
  readonly keys: KeySource | null;
  /** Version of this client. */
  readonly version: string;
  /** The commands, for help within them. */
  readonly grammar: Grammar<Run>;
}

/** A line that was understood, with typed access to its parts. */
export class Call {
  readonly #parsed: Parsed<Run>;

  /** Wraps what the grammar made of a line. */
  constructor(parsed: Parsed<Run>) {
    this.#parsed = parsed;
  }

  /** Whether a keyword was given. */
  has(word: string): boolean {
    return this.#parsed.words.has(word);
  }

  /** An argument, or null if it was left out. */
  optional(name: string): string | null {
    return this.#parsed.values.get(name) ?? null;
  }

  /** An argument that the syntax demands. */
  text(name: string): string {
    const value = this.#parsed.values.get(name);
    if (value === undefined) throw new ReferenceError(`"${this.#parsed.command.syntax}" has no <${name}>`);
    return value;
  }

  /** An argument as a part of a URL's path or query. */
  url(name: string): string {
    return encodeURIComponent(this.text(name));
  }
}

/** What a command does. */
export type Run = (call: Call, context: Context) => Promise<ExitCode>;

/** The view that a context's output has now. */
export function viewOf({ world }: Context): View {
  return { now: world.now(), zone: world.zone };
}

/** One line that names the program, as every message on standard error does. */
export function complain({ out }: Context, message: string): void {
  out.complain(
    message.split("\n").map((text, i) => [
      { text: i === 0 ? "maglevc: " : "  ", style: null },
      { text: text.replaceAll("\t", " "), style: null },
    ]),
  );
}

/**
 * Reports a request without a good answer, with the names that were probably meant where one was not found. With
 * `--json` the problem document goes to standard output as well.
 */
export async function fail(call: Call, context: Context, failure: Failure): Promise<ExitCode> {
  if (failure.kind === "interrupted") return exit.failed;
  if (failure.kind === "unreachable") {
    complain(context, failure.message);
    return exit.unreachable;
  }
  const { problem, note } = failure;
  if (problem === null) {
    complain(context, failure.message);
    return exit.failed;
  }
  if (context.json) context.out.json(failure.text);
  const values = (name: string) => call.optional(name);
  const told = refusalText(problem.errors ?? [], values) ?? failure.message;
  const hint = problem.status === 404 ? await nameHint(values, context.client, context.signal) : null;
  // The daemon guesses too, among fewer names: one guess is enough.
  const guessed = hint === null ? told : told.replace(/; did you mean "[^"]*"\?$/, "");
  const text = sentenceText(guessed, context.world);
  complain(context, [text, hint, note].filter((line) => line !== null).join("\n"));
  return exit.failed;
}

/** A command that asks the API once and shows the answer. */
export function ask<T>(
  request: (call: Call) => Request,
  shape: Shape<T>,
  render: (value: T, view: View, call: Call) => Block[],
): Run {
  return async (call, context) => {
    const answer = await context.client.json({ ...request(call), signal: context.signal }, shape);
    if (!answer.ok) return await fail(call, context, answer.error);
    if (context.json) context.out.json(answer.value.text);
    else context.out.print(render(answer.value.value, viewOf(context), call));
    return exit.done;
  };
}
