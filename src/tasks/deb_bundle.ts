/**
 * The programs of the package as plain JavaScript, each with everything it imports, so that they run without
 * network, npm or a cache.
 *
 * Workers are not imports: they are files that `new Worker(new URL("./x.ts", import.meta.url))` opens when they
 * are needed, so each becomes a bundle of its own beside the program, behind a file of the name that is asked for.
 *
 * @module
 */
import { relative } from "node:path";

/** A package of npm whose code is part of a bundle. */
export interface BundledPackage {
  /** As on npm. */
  readonly name: string;
  /** Exact version. */
  readonly version: string;
  /** Folder with its files, its licence among them. */
  readonly folder: string;
}

/** Files of the programs and what they were made of. */
export interface Bundles {
  /** Text by file name. */
  readonly files: ReadonlyMap<string, string>;
  /** The files that a file of code opens while it runs, threads of its threads included; by its name. */
  readonly beside: ReadonlyMap<string, readonly string[]>;
  /** Sorted by name. */
  readonly packages: readonly BundledPackage[];
}

/** What `deno info --json` tells, the parts used here. */
interface Graph {
  readonly modules: readonly { readonly specifier: string; readonly local?: string }[];
  readonly npmPackages: Readonly<
    Record<string, { readonly name: string; readonly version: string; readonly localPath: string }>
  >;
}

/** Root of the project. */
export const root: string = new URL("../../", import.meta.url).pathname;

/** Runs a program and gives its standard output; throws with its standard error if it fails. */
export async function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const { success, code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: root,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${program} ${args[0] ?? ""} ended with ${code}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

async function moduleGraph(entry: string): Promise<Graph> {
  return JSON.parse(await run(Deno.execPath(), ["info", "--json", entry])) as Graph;
}

const workerReference = /new URL\("(\.\/[\w.-]+\.ts)", import\.meta\.url\)/g;

/** Names that a module opens beside itself, e.g. `./worker.ts`. */
export function openedBeside(source: string): string[] {
  return [...source.matchAll(workerReference)].map(([, name = ""]) => name);
}

/** The workers that the modules of a graph start, as paths. */
async function workersOf(graph: Graph): Promise<string[]> {
  const found: string[] = [];
  for (const { specifier, local } of graph.modules) {
    if (local === undefined || !local.startsWith(root)) continue;
    for (const name of openedBeside(await Deno.readTextFile(local))) {
      found.push(new URL(name, specifier).pathname);
    }
  }
  return found;
}

async function bundle(entry: string, folder: string): Promise<string> {
  const output = `${folder}/bundle.js`;
  await run(Deno.execPath(), ["bundle", "--quiet", "--platform", "deno", "--output", output, entry]);
  return await Deno.readTextFile(output);
}

/**
 * Bundles programs and every worker that they start.
 *
 * @param programs path of each entry by the name of its file, e.g. `maglevd.js` to `main.ts`
 * @throws Error when two workers have the same file name, because they will stand in one folder
 */
export async function bundlePrograms(programs: Readonly<Record<string, string>>): Promise<Bundles> {
  const folder = await Deno.makeTempDir({ prefix: "maglev-bundle-" });
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => Deno.remove(folder, { recursive: true }));
  const files = new Map<string, string>();
  const packages = new Map<string, BundledPackage>();
  const workers = new Map<string, string>();
  const opened = new Map<string, string[]>();
  const queue = Object.entries(programs).map(([file, entry]) => ({ file, entry: `${root}${entry}` }));
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { file, entry } = next;
    const graph = await moduleGraph(entry);
    const text = withoutPlace(await bundle(entry, folder), graph, packages);
    files.set(file, text);
    for (const worker of await workersOf(graph)) {
      const name = worker.slice(worker.lastIndexOf("/") + 1);
      opened.set(file, [...opened.get(file) ?? [], name, compiledName(name)]);
      const known = workers.get(name);
      if (known === worker) continue;
      if (known !== undefined) throw new Error(`two workers are called ${name}: ${known} and ${worker}`);
      workers.set(name, worker);
      const compiled = compiledName(name);
      if (files.has(compiled)) throw new Error(`a worker and a program are both called ${compiled}`);
      files.set(name, `import "./${compiled}";\n`);
      queue.push({ file: compiled, entry: worker });
    }
  }
  return {
    files,
    beside: new Map([...files.keys()].map((file) => [file, openedBy(file, opened)])),
    packages: [...packages.values()].sort((a, b) => a.name < b.name ? -1 : 1),
  };
}

function compiledName(worker: string): string {
  return worker.replace(/\.ts$/, ".js");
}

/** What a file opens, and what that opens. */
function openedBy(file: string, opened: ReadonlyMap<string, readonly string[]>): string[] {
  const found = new Set<string>();
  const queue = [file];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    for (const name of opened.get(next) ?? []) {
      if (found.has(name)) continue;
      found.add(name);
      queue.push(name);
    }
  }
  return [...found].sort();
}

/** Names packages in place of where this machine keeps them, and notes those that the bundle holds. */
function withoutPlace(bundled: string, graph: Graph, packages: Map<string, BundledPackage>): string {
  let text = bundled;
  for (const { name, version, localPath } of Object.values(graph.npmPackages)) {
    const place = `${relative(root, localPath)}/`;
    if (!text.includes(place)) continue;
    text = text.replaceAll(place, `npm:${name}@${version}/`);
    packages.set(`${name}@${version}`, { name, version, folder: localPath });
  }
  return text;
}
