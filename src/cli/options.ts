/**
 * The flags of maglevc as data.
 *
 * @module
 */
import { type FlagShape, parseCommandLine } from "../command_line.ts";
import { err, ok, type Result } from "../result.ts";
import { parseServer, type Server } from "./server.ts";

/** One flag. */
export interface FlagSpec {
  /** Without its two hyphens. */
  readonly name: string;
  /** Name of its value, "" for a switch. */
  readonly value: string;
  /** Environment variable of the same meaning, or null. */
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
    help: `http://, https://, host:port or unix:/path of maglevd (default ${defaultServer})`,
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
  {
    name: "insecure-token",
    value: "",
    env: null,
    help: "send the token over plain http to another host, where anybody on the way can read it",
  },
  {
    name: "ca-file",
    value: "file",
    env: "MAGLEV_CA_FILE",
    help: "PEM certificates of the CAs to trust, and no others",
  },
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

/** A file that the user names, and the flag or variable that names it, for messages. */
export interface NamedFile {
  /** Its path. */
  readonly file: string;
  /** `--ca-file`, `MAGLEV_CA_FILE` and the like. */
  readonly from: string;
}

/** The token that the user names: itself, or a file that is read anew for each connection. */
export type TokenSource = { readonly text: string; readonly from: string } | NamedFile;

/** The command line, checked. */
export interface Options {
  /** Where maglevd answers. */
  readonly server: Server;
  /** The token that the user names; null: the local token, if there is one. */
  readonly token: TokenSource | null;
  /** Whether the token may be sent where others can read it. */
  readonly insecureToken: boolean;
  /** File of PEM certificates, or null for the ones that Deno trusts. */
  readonly caFile: NamedFile | null;
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

/** `true` and `false` are how the Go client's flag is given. */
const colourModes: ReadonlyMap<string, ColourMode> = new Map([
  ["auto", "auto"],
  ["always", "always"],
  ["never", "never"],
  ["true", "always"],
  ["false", "never"],
]);

/** The flags, as a reader of a command line must know them. */
export const flagShapes: readonly FlagShape[] = flagSpecs.map(({ name, value }) =>
  name === "help" ? { name, takesValue: false, short: "h" } : { name, takesValue: value !== "" }
);

/**
 * Reads the command line; flags may come anywhere, a flag wins over the environment, and `--` ends the flags.
 *
 * @returns the options, or a usage error as a sentence
 */
export function parseOptions(
  args: readonly string[],
  env: (name: string) => string | undefined,
): Result<Options, string> {
  const line = parseCommandLine(args, flagShapes);
  if (!line.ok) return line;
  const { values, words } = line.value;
  const given = (name: string): string | null => values.get(name)?.at(-1) || null;
  const variable = (name: string): string => flagSpecs.find((spec) => spec.name === name)?.env ?? "";
  const fromEnv = (name: string): string | null => (variable(name) && env(variable(name))) || null;
  const isOn = (name: string): boolean => /^(true|1)$/.test(given(name) ?? "");
  const serverText = given("server") ?? fromEnv("server") ?? defaultServer;
  const server = parseServer(serverText);
  if (server === null) {
    const source = given("server") === null ? variable("server") : "--server";
    return err(
      `${source}: "${serverText}" is not http://host:port, https://host:port, host:port or unix:/path`,
    );
  }
  const colourText = given("color") ?? "auto";
  const colour = colourModes.get(colourText);
  if (colour === undefined) return err(`--color: "${colourText}" is not auto, always or never`);
  const flagOrVariable = (name: string): { readonly text: string; readonly from: string } | null => {
    const flag = given(name);
    const text = flag ?? fromEnv(name);
    return text === null ? null : { text, from: flag === null ? variable(name) : `--${name}` };
  };
  const file = (name: string): NamedFile | null => {
    const named = flagOrVariable(name);
    return named === null ? null : { file: named.text, from: named.from };
  };
  // A flag of either kind wins over a variable of either kind.
  const tokens = [flagOrVariable("token"), file("token-file")].filter((source) => source !== null);
  return ok({
    server,
    token: tokens.find((source) => source.from.startsWith("--")) ?? tokens[0] ?? null,
    insecureToken: isOn("insecure-token"),
    caFile: file("ca-file"),
    json: isOn("json"),
    colour,
    help: isOn("help"),
    version: isOn("version"),
    words,
  });
}
