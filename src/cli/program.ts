/**
 * The process: flags, environment, terminal and signals around one command, a shell, or lines from a pipe.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Info } from "../api.ts";
import { err, ok, type Result } from "../result.ts";
import { version } from "../version.ts";
import { Client } from "./client.ts";
import { grammar } from "./commands/grammar.ts";
import { completionLines } from "./completion.ts";
import type { Context } from "./context.ts";
import { exit, type ExitCode } from "./exit.ts";
import { helpText } from "./help.ts";
import { historyPath } from "./history.ts";
import { liveNames } from "./names.ts";
import { type Options, parseOptions } from "./options.ts";
import { runLine, runWords, toTokens } from "./run.ts";
import { Keyboard, processOutput, ReaderGone, realWorld } from "./terminal.ts";

const env = (name: string): string | undefined => process.env[name];

function readText(file: string): Result<string, string> {
  try {
    return ok(readFileSync(file, "utf8").trim());
  } catch (error) {
    return err(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function makeClient(options: Options): Result<Client, string> {
  const { server, token, caFile } = options;
  const secret = token === null || "text" in token ? ok(token?.text ?? null) : readText(token.file);
  if (!secret.ok) return secret;
  if (secret.value !== null && !/^[\x21-\x7e]+$/.test(secret.value)) {
    return err("the token is not one line of printable characters");
  }
  const ca = caFile === null ? ok(null) : readText(caFile);
  if (!ca.ok) return ca;
  const userAgent = `maglevc/${version}`;
  return ok(new Client({ server, token: secret.value, ca: ca.value, userAgent }));
}

/** Lines from a pipe or a file, until the first that fails. */
async function runLines(context: Context): Promise<ExitCode> {
  const lines = createInterface({ input: process.stdin, terminal: false });
  for await (const line of lines) {
    const { code, leave } = await runLine(line, context, null);
    if (code !== exit.done || leave || context.signal.aborted) return code;
  }
  return exit.done;
}

async function runShell(context: Context): Promise<ExitCode> {
  const { client, out } = context;
  // Loaded only here: one command has no use for it and should start fast.
  const { shell } = await import("./shell.ts");
  return await shell({
    grammar,
    out,
    names: liveNames(client, context.world.ticks),
    historyFile: historyPath(env),
    context: (signal, anyKey) => ({ ...context, signal, anyKey }),
    async banner() {
      const info = await client.json<Info>({ path: "/v1/info", timeoutMs: 3_000 });
      const server = info.ok
        ? `maglevd ${info.value.value.version} at ${client.server.text}`
        : info.error.kind === "interrupted"
        ? client.server.text
        : info.error.message;
      return `maglevc ${version}, ${server}\nTab completes, ? helps at every point, Ctrl-D leaves.\n`;
    },
  });
}

async function run(options: Options, client: Client): Promise<ExitCode> {
  const out = processOutput(options.colour, env);
  const stop = new AbortController();
  const onInterrupt = () => stop.abort();
  process.once("SIGINT", onInterrupt);
  using keyboard = new Keyboard(onInterrupt);
  const context: Context = {
    client,
    out,
    json: options.json,
    world: realWorld,
    signal: stop.signal,
    anyKey: () => keyboard.anyKey(),
    version,
    grammar,
  };
  if (options.words.length > 0) return (await runWords(toTokens(options.words), context)).code;
  if (!keyboard.present || !out.terminal) return await runLines(context);
  process.off("SIGINT", onInterrupt);
  return await runShell(context);
}

/** Runs maglevc and gives its exit code. */
export async function main(args: readonly string[]): Promise<ExitCode> {
  const plain = processOutput("never", env);
  const usage = (message: string): ExitCode => {
    plain.complain([[{ text: `maglevc: ${message}`, style: null }]]);
    return exit.usage;
  };
  try {
    if (args[0] === "--complete") {
      plain.raw(await completionLines(args[1] ?? "", env, makeClient));
      return exit.done;
    }
    const options = parseOptions(args, env);
    if (!options.ok) return usage(`${options.error}; --help lists the flags`);
    if (options.value.help || options.value.version) {
      plain.raw(options.value.help ? helpText(grammar) : `maglevc ${version}\n`);
      return exit.done;
    }
    const client = makeClient(options.value);
    if (!client.ok) return usage(client.error);
    return await run(options.value, client.value);
  } catch (error) {
    if (error instanceof ReaderGone) return exit.done;
    throw error;
  }
}
