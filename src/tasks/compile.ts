/**
 * `deno task compile [--out <folder>]`: makes maglevd and maglevc programs by Deno's own compiler.
 *
 * It compiles what the package holds: one file for each program and thread, with everything that it imports. From the
 * sources it would take in every file of every npm package, and end in a stack overflow at a data file of 2 MB that
 * is only a test of one of them.
 *
 * @module
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../../deno.json" with { type: "json" };
import { stampStatement } from "../version.ts";
import { buildStamp } from "./deb.ts";
import { bundlePrograms, type Bundles } from "./deb_bundle.ts";
import { memoryFlags, permissionFlags } from "../deno_flags.ts";

/** The programs: entry, and flags of `deno compile` beside those of every program. */
export const programs: Readonly<
  Record<string, { readonly entry: string; readonly flags: readonly string[] }>
> = {
  maglevd: { entry: "main.ts", flags: [...permissionFlags(manifest.permissions.daemon), ...memoryFlags] },
  maglevc: { entry: "src/cli/main.ts", flags: permissionFlags(manifest.permissions.client) },
};

/** What a program is compiled from, and how. */
export interface Source {
  /** Its name. */
  readonly program: string;
  /** Arguments of `deno`; the last one is the file. */
  readonly args: readonly string[];
}

/** Writes what is to be compiled into a folder. */
export async function compileSources(folder: string, out: string): Promise<Source[]> {
  const { commit, date } = await buildStamp();
  const named = Object.entries(programs);
  const bundles: Bundles = await bundlePrograms(
    Object.fromEntries(named.map(([program, { entry }]) => [`${program}.js`, entry])),
  );
  for (const [name, text] of bundles.files) {
    const own = named.some(([program]) => name === `${program}.js`);
    const head = own ? stampStatement({ commit, date: date.toISOString() }) : "";
    await Deno.writeTextFile(`${folder}/${name}`, head + text);
  }
  return named.map(([program, { flags }]) => ({
    program,
    args: [
      ...["compile", "--no-check", "--no-config", "--no-lock", "--no-remote", "--no-npm", "--no-prompt"],
      ...flags,
      // A thread is no import: what is not named here is missing in the program.
      ...(bundles.beside.get(`${program}.js`) ?? []).flatMap((file) => ["--include", `${folder}/${file}`]),
      ...["--output", `${out}/${program}`, `${folder}/${program}.js`],
    ],
  }));
}

/** Why a program could not be compiled. */
export class CompileError extends Error {}

/** The sentence for a machine where Deno finds no base binary. */
function noBase(denoDir: string): string {
  const { arch } = Deno.build;
  const target = `${arch}-unknown-linux-gnu`;
  return `deno compile needs denort, the base of compiled programs, and can neither find nor fetch it: place ` +
    `denort-${target}.zip of the release v${Deno.version.deno} in ${denoDir}/dl/release/v${Deno.version.deno}/, ` +
    `or name the unpacked program in DENORT_BIN. "deno task pack" makes maglevc one file without it.`;
}

async function deno(args: readonly string[]): Promise<{ success: boolean; text: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return { success, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/**
 * Compiles both programs.
 *
 * @param out absolute path of the folder that gets them; nothing is there before both are made
 * @returns what Deno says of each, the files that it took in among it
 * @throws CompileError if one of them cannot be made
 */
export async function compile(out: string): Promise<ReadonlyMap<string, string>> {
  await using cleanup = new AsyncDisposableStack();
  const work = await Deno.makeTempDir({ prefix: "maglev-compile-" });
  cleanup.defer(() => Deno.remove(work, { recursive: true }));
  await Deno.mkdir(`${work}/out`);
  const said = new Map<string, string>();
  for (const { program, args } of await compileSources(work, `${work}/out`)) {
    const { success, text } = await deno(args);
    said.set(program, text);
    if (success) continue;
    if (!/Setting up base binary|Could not find denort/.test(text)) {
      throw new CompileError(`${program} cannot be compiled: ${text}`);
    }
    const { denoDir } = JSON.parse((await deno(["info", "--json"])).text) as { denoDir: string };
    throw new CompileError(noBase(denoDir));
  }
  await Deno.mkdir(out, { recursive: true });
  for (const program of said.keys()) {
    // Copied and renamed: the folder may be of another file system, and a program that runs is not written to.
    await Deno.copyFile(`${work}/out/${program}`, `${out}/.${program}.new`);
    await Deno.chmod(`${out}/.${program}.new`, 0o755);
    await Deno.rename(`${out}/.${program}.new`, `${out}/${program}`);
  }
  return said;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: "string", default: "dist" } } });
  const write = (stream: typeof Deno.stdout, text: string) =>
    stream.writeSync(new TextEncoder().encode(text));
  try {
    for (const text of (await compile(resolve(values.out))).values()) write(Deno.stdout, text);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    write(Deno.stderr, `${error.message}\n`);
    Deno.exit(1);
  }
}
