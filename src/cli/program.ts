import { readFileSync } from "node:fs";
import process from "node:process";
import { err, ok, type Result } from "../result.ts";
import { version } from "../version.ts";
import { Client } from "./client.ts";
import { grammar } from "./commands/grammar.ts";
import type { Context } from "./context.ts";
import { exit, type ExitCode } from "./exit.ts";
import { helpText } from "./help.ts";
import { type Options, parseOptions } from "./options.ts";
import { runWords, toTokens } from "./run.ts";
import { processOutput, ReaderGone, realWorld } from "./terminal.ts";

function readSecret(file: string): Result<string, string> {
  try {
    return ok(readFileSync(file, "utf8").trim());
  } catch (error) {
    return err(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function makeClient(options: Options): Result<Client, string> {
  const { token } = options;
  const secret = token === null || "text" in token ? ok(token?.text ?? null) : readSecret(token.file);
  if (!secret.ok) return secret;
  const ca = options.caFile === null ? ok(null) : readSecret(options.caFile);
  if (!ca.ok) return ca;
  return ok(
    new Client({
      server: options.server,
      token: secret.value,
      ca: ca.value,
      userAgent: `maglevc/${version}`,
    }),
  );
}

/** Runs maglevc and gives its exit code. */
export async function main(args: readonly string[]): Promise<ExitCode> {
  const env = (name: string) => process.env[name];
  const options = parseOptions(args, env);
  if (!options.ok) {
    process.stderr.write(`maglevc: ${options.error}\nTry maglevc --help\n`);
    return exit.usage;
  }
  const out = processOutput(options.value.colour, env);
  try {
    if (options.value.help || options.value.version) {
      out.raw(options.value.help ? helpText(grammar) : `maglevc ${version}\n`);
      return exit.done;
    }
    const client = makeClient(options.value);
    if (!client.ok) {
      process.stderr.write(`maglevc: ${client.error}\n`);
      return exit.usage;
    }
    const stop = new AbortController();
    process.once("SIGINT", () => stop.abort());
    const context: Context = {
      client: client.value,
      out,
      json: options.value.json,
      world: realWorld,
      signal: stop.signal,
      anyKey: () => stop.signal,
      version,
      grammar,
    };
    return await runWords(toTokens(options.value.words), context);
  } catch (error) {
    if (error instanceof ReaderGone) return exit.done;
    throw error;
  }
}
