/**
 * The process: flags, environment, terminal and signals around one command, a shell, or lines from a pipe.
 *
 * @module
 */
import { parseCommandLine } from "../command_line.ts";
import { err, ok, type Result } from "../result.ts";
import { version } from "../version.ts";
import { Client } from "./client.ts";
import { grammar } from "./commands/grammar.ts";
import { completionLines } from "./completion.ts";
import { type Context, viewOf } from "./context.ts";
import { exit, type ExitCode } from "./exit.ts";
import { readText, realFiles } from "./files.ts";
import { mismatchText } from "./grammar.ts";
import { helpLines, helpText } from "./help.ts";
import { historyPath } from "./history.ts";
import { liveNames } from "./names.ts";
import { flagShapes, type NamedFile, type Options, parseOptions } from "./options.ts";
import { codeWithoutAnswer, helpWidth, runLine, runWords, toTokens } from "./run.ts";
import { worstProblemsLines } from "./render/problems.ts";
import { info, problemList } from "./shapes/mod.ts";
import { askYesNo } from "./shell/ask.ts";
import { Keyboard } from "./shell/keyboard.ts";
import { Prompt } from "./shell/prompt.ts";
import type { ShellOptions } from "./shell/shell.ts";
import type { Block } from "./table.ts";
import { isDumb, processOutput, ReaderGone, realWorld, WriteFailed } from "./terminal.ts";
import { line } from "./text.ts";
import { credentials } from "./token.ts";
import { isolate } from "../net/isolate.ts";
import { readCaCertificates } from "./trust.ts";

const env = (name: string): string | undefined => Deno.env.get(name);

/** Who is at the keyboard, as far as the environment tells, in characters that a header may hold. */
function actorName(): string | null {
  const name = env("SUDO_USER") || env("USER") || "";
  return name.replace(/[^\x20-\x7e]/g, "?").slice(0, 64).trim() || null;
}

function readCa(named: NamedFile): Result<string[], string> {
  const text = readText(named.file);
  if (!text.ok) return err(`${named.from}: ${text.error}`);
  const certificates = readCaCertificates(text.value);
  return certificates.ok ? certificates : err(`${named.from}: ${named.file}: ${certificates.error}`);
}

/** A client that trusts and sends what the options say; an error is a usage error. */
function makeClient(options: Options): Result<Client, string> {
  const { server, token: source, insecureToken: insecure, caFile } = options;
  isolate(Deno.env, caFile !== null);
  const ca = caFile === null ? ok([]) : readCa(caFile);
  if (!ca.ok) return ca;
  const question = { server, source, insecure, runtimeDir: env("XDG_RUNTIME_DIR") };
  const files = realFiles();
  const read = () => credentials(question, files);
  // A token that cannot be sent is said once, and before anything is done.
  const first = read();
  if (!first.ok) return first;
  return ok(
    new Client({
      server,
      credentials: read,
      caCerts: ca.value,
      userAgent: `maglevc/${version}`,
      actor: actorName(),
    }),
  );
}

/** Lines of standard input as they come; the last one need not be ended. */
async function* inputLines(): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.map((line) => line.replace(/\r$/, ""));
  }
  if (rest !== "") yield rest;
}

/** Lines from a pipe or a file, until the first that fails. */
async function runLines(context: Context): Promise<ExitCode> {
  for await (const line of inputLines()) {
    const { code, leave } = await runLine(line, context, null);
    if (code !== exit.done || leave || context.signal.aborted) return code;
  }
  return exit.done;
}

/** More problems than this are only counted in the first lines of a shell. */
const bannerProblems = 10;

/** The first lines of a shell: both versions, what is wrong, and how to go on. */
async function banner(context: Context, hint: string): Promise<Block[]> {
  const { client } = context;
  const [about, problems] = await Promise.all([
    client.json({ path: "/v1/info", timeoutMs: 3_000 }, info),
    client.json({ path: "/v1/problems", timeoutMs: 3_000 }, problemList),
  ]);
  const server = about.ok
    ? `maglevd ${about.value.value.version} at ${client.server.text}`
    : about.error.kind === "interrupted"
    ? client.server.text
    : about.error.message;
  const wrong = problems.ok
    ? worstProblemsLines(problems.value.value, viewOf(context), bannerProblems)
    // The same sentence twice says no more.
    : about.ok && problems.error.kind !== "interrupted"
    ? [line(`what is wrong is not known: ${problems.error.message}`)]
    : [];
  return [line(`maglevc ${version}, ${server}`), ...wrong, line(hint)];
}

async function runShell(
  context: Context,
  keyboard: Keyboard,
  running: ShellOptions["running"],
): Promise<ExitCode> {
  const { client, out } = context;
  // Loaded only here: one command has no use for it and should start fast.
  const { shell } = await import("./shell/shell.ts");
  const prompt = new Prompt(client);
  return await shell({
    grammar,
    out,
    keyboard,
    running,
    names: liveNames(client, context.world.ticks),
    historyFile: historyPath(env),
    context: (of) => ({ ...context, ...of }),
    banner: () => banner(context, "Tab completes, ? helps at every point, Ctrl-D leaves."),
    prompt: () => prompt.text(),
  });
}

/** The shell of a terminal that knows no sequences: the terminal itself edits the line. */
async function runDumbShell(context: Context, running: ShellOptions["running"]): Promise<ExitCode> {
  const { out, client } = context;
  out.print(await banner(context, "A line that ends with ? shows what may follow; Ctrl-D leaves."));
  const prompt = new Prompt(client);
  out.raw(await prompt.text());
  const lines = inputLines();
  const ask = async (question: string) => {
    out.raw(`${question} (y or n) `);
    const { value } = await lines.next();
    return typeof value === "string" && /^y(es)?$/i.test(value.trim());
  };
  for await (const text of lines) {
    const stop = new AbortController();
    running(stop);
    // Keys cannot be told from lines here; Ctrl-C ends what runs.
    const anyKey = () => stop.signal;
    const { leave } = await runLine(text, { ...context, signal: stop.signal, anyKey, ask, keys: null }, null);
    running(null);
    if (leave) return exit.done;
    const next = await prompt.text();
    // The terminal shows ^C and stays on that row.
    out.raw(stop.signal.aborted ? `\n${next}` : next);
  }
  out.raw("\n");
  return exit.done;
}

async function run(options: Options, client: Client): Promise<ExitCode> {
  const out = processOutput(options.colour, env);
  // What Ctrl-C ends; null: nothing runs, and it is a key of the shell.
  let stop: AbortController | null = new AbortController();
  const onInterrupt = (): boolean => {
    stop?.abort();
    return stop !== null;
  };
  Deno.addSignalListener("SIGINT", onInterrupt);
  using keyboard = new Keyboard(onInterrupt);
  const person = keyboard.present && out.terminal;
  const context: Context = {
    client,
    out,
    json: options.json,
    world: realWorld,
    signal: stop.signal,
    anyKey: () => keyboard.anyKey().signal,
    ask: person ? (question, signal) => askYesNo(keyboard, out.raw, question, signal) : null,
    keys: person ? keyboard : null,
    version,
    grammar,
  };
  if (options.words.length > 0) return (await runWords(toTokens(options.words), context)).code;
  if (!person) return await runLines(context);
  stop = null;
  const running = (command: AbortController | null) => void (stop = command);
  return await (isDumb(env) ? runDumbShell(context, running) : runShell(context, keyboard, running));
}

/** So many arguments are looked at where the flags among them cannot be read. */
const fewArguments = 16;

/** The commands that may have been meant by arguments; there is one where the flags among them can be read. */
function meantWords(args: readonly string[]): (readonly string[])[] {
  const line = parseCommandLine(args, flagShapes);
  if (line.ok) return [line.value.words];
  // A flag that is not known may have a value, which stands before the words.
  const words = args.slice(0, fewArguments).filter((arg) => !arg.startsWith("-"));
  return words.map((_, i) => words.slice(i));
}

/** Exit code where nothing is answered. */
function codeOf(args: readonly string[], otherwise: ExitCode): ExitCode {
  const codes = meantWords(args).map((words) => codeWithoutAnswer(grammar, toTokens(words), otherwise));
  return codes.find((code) => code !== otherwise) ?? otherwise;
}

/** Runs maglevc and gives its exit code. */
export async function main(args: readonly string[]): Promise<ExitCode> {
  const plain = processOutput("never", env);
  const usage = (message: string): ExitCode => {
    plain.complain([[{ text: `maglevc: ${message}`, style: null }]]);
    return codeOf(args, exit.usage);
  };
  try {
    if (args[0] === "--complete") {
      plain.raw(await completionLines(grammar, args[1] ?? "", env, makeClient));
      return exit.done;
    }
    const options = parseOptions(args, env);
    if (!options.ok) return usage(`${options.error}; --help lists the flags`);
    const { help, version: versionWanted, words } = options.value;
    if (help) {
      const width = plain.width ?? helpWidth;
      const text = words.length === 0
        ? ok(helpText(grammar, width))
        : helpLines(grammar, toTokens(words), width);
      if (!text.ok) return usage(mismatchText(text.error));
      plain.print(text.value);
      return exit.done;
    }
    if (versionWanted) {
      plain.print([line(`maglevc ${version}`)]);
      return exit.done;
    }
    const client = makeClient(options.value);
    if (!client.ok) return usage(client.error);
    return await run(options.value, client.value);
  } catch (error) {
    if (error instanceof ReaderGone) return exit.done;
    if (!(error instanceof WriteFailed)) throw error;
    // Standard error may be on the same full disk.
    try {
      plain.complain([line(`maglevc: the output cannot be written: ${error.message}`)]);
    } catch (second) {
      if (!(second instanceof ReaderGone) && !(second instanceof WriteFailed)) throw second;
    }
    return codeOf(args, exit.failed);
  }
}
