/**
 * The flags of maglevc as data.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { err, ok, type Result } from "../result.ts";
import { parseServer, type Server } from "./client.ts";

/** One flag. */
export interface FlagSpec {
  /** Without its two hyphens. */
  readonly name: string;
  /** Name of its value, "" for a switch. */
  readonly value: string;
  /** Environment variable that stands in for it, or null. */
  readonly env: string | null;
  /** One line on what it does. */
  readonly help: string;
}

/** Where maglevd answers unless told otherwise. */
export const defaultServer = "http://127.0.0.1:9090";

/** Every flag, in the order of the help. */
export const flagSpecs: readonly FlagSpec[] = [
  {
    name: "server",
    value: "url",
    env: "MAGLEV_SERVER",
    help: `http://, https:// or unix:/path of maglevd (default ${defaultServer})`,
  },
  {
    name: "token-file",
    value: "file",
    env: "MAGLEV_TOKEN_FILE",
    help: "file that holds the bearer token, alone on a line",
  },
  {
    name: "token",
    value: "token",
    env: "MAGLEV_TOKEN",
    help: "the bearer token; a file or the environment keeps it out of the process list",
  },
  { name: "ca-file", value: "file", env: "MAGLEV_CA_FILE", help: "PEM certificates of the CAs to trust" },
  { name: "json", value: "", env: null, help: "print what the API said" },
  {
    name: "color",
    value: "when",
    env: null,
    help: "auto (on a terminal, unless NO_COLOR is set), always or never",
  },
  { name: "help", value: "", env: null, help: "print this text and exit" },
  { name: "version", value: "", env: null, help: "print the client's version and exit" },
];

/** When to colour. */
export type ColourMode = "auto" | "always" | "never";

/** The command line, checked. */
export interface Options {
  /** Where maglevd answers. */
  readonly server: Server;
  /** Token, or the file that holds it. */
  readonly token: { readonly text: string } | { readonly file: string } | null;
  /** File of PEM certificates, or null for the ones of the system. */
  readonly caFile: string | null;
  /** Whether to print what the API said. */
  readonly json: boolean;
  /** When to colour. */
  readonly colour: ColourMode;
  /** Whether to print the help and nothing else. */
  readonly help: boolean;
  /** Whether to print the version and nothing else. */
  readonly version: boolean;
  /** The words of the command. */
  readonly words: readonly string[];
}

const colourModes: readonly ColourMode[] = ["auto", "always", "never"];

/**
 * Reads the command line; flags may stand anywhere, a flag wins over the environment, and `--` ends the flags.
 *
 * @returns the options, or a usage error as a sentence
 */
export function parseOptions(
  args: readonly string[],
  env: (name: string) => string | undefined,
): Result<Options, string> {
  let values: Readonly<Record<string, unknown>>;
  let words: string[];
  try {
    const parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: Object.fromEntries([
        ...flagSpecs.map((spec) => [spec.name, { type: spec.value === "" ? "boolean" : "string" } as const]),
      ]),
    });
    values = parsed.values;
    words = parsed.positionals;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return err(error.message.split(". To specify")[0]?.split("\n")[0] ?? error.message);
  }
  const given = (name: string): string | null => {
    const value = values[name];
    return typeof value === "string" && value !== "" ? value : null;
  };
  const fromEnv = (name: string): string | null => {
    const variable = flagSpecs.find((spec) => spec.name === name)?.env;
    return (variable == null ? undefined : env(variable)) || null;
  };
  const serverText = given("server") ?? fromEnv("server") ?? defaultServer;
  const server = parseServer(serverText);
  if (server === null) {
    return err(`--server: "${serverText}" is not http://host:port, https://host:port or unix:/path`);
  }
  const colourText = given("color") ?? "auto";
  const colour = colourModes.find((mode) => mode === colourText);
  if (colour === undefined) return err(`--color: "${colourText}" is not ${colourModes.join(", ")}`);
  const token = (text: string | null, file: string | null): Options["token"] =>
    text !== null ? { text } : file !== null ? { file } : null;
  return ok({
    server,
    token: token(given("token"), given("token-file")) ?? token(fromEnv("token"), fromEnv("token-file")),
    caFile: given("ca-file") ?? fromEnv("ca-file"),
    json: values.json === true,
    colour,
    help: values.help === true,
    version: values.version === true,
    words,
  });
}
