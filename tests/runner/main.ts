// deno-lint-ignore-file no-console -- the runner of the tests talks to the person who runs them
/**
 * Runs every test, up to four groups of files at a time, each in a lane: a test that waits leaves a processor to another. Each
 * lane but the first has a network and mounts of its own, so that no two tests meet at an address. That needs root, unshare
 * and ip. Without them, with one processor, or with arguments, which go to `deno test`, one process runs all tests one after
 * the other.
 *
 *   deno task test [arguments of deno test]
 *
 * @module
 */
import manifest from "../../deno.json" with { type: "json" };
import { closingLine, countsOf, type Group, groupsOf, type Ran, sumOf } from "./groups.ts";

const project = new URL("../../", import.meta.url);
const testArguments = ["test", "-A", "--lock=tests/deno.lock", "--preload=tests/runner/suppressed_cause.ts"];
/** More than so many at a time would starve tests that have to be in time. */
const MOST_LANES = 4;

/** Runs a program with its output in a file, the first argument: a pipe would be held open by what a test leaves behind. */
const inThisNetwork = ["sh", "-c", 'exec "$@" >"$0" 2>&1'];
/** The same in a network and with mounts of its own. */
const inOwnNetwork = ["unshare", "--net", "--mount", "sh", "-c", 'ip link set lo up && exec "$@" >"$0" 2>&1'];

function spawn([command = "", ...args]: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(command, { args, cwd: project, stdin: "null" }).spawn();
}

/** Runs a program with this terminal. */
async function exitCodeOf(words: readonly string[]): Promise<number> {
  return (await spawn(words).status).code;
}

async function filesOfTests(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { isDirectory, name } of Deno.readDir(new URL(folder, project))) {
    if (isDirectory) found.push(...await filesOfTests(`${folder}${name}/`));
    else if (name.endsWith("_test.ts")) found.push(folder + name);
  }
  return found;
}

/** Whether a lane can have a network of its own here. */
async function canBeApart(): Promise<boolean> {
  const [command = "", ...args] = [...inOwnNetwork, "/dev/null", "true"];
  try {
    return (await new Deno.Command(command, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

class Lanes {
  readonly #groups: Group[];
  readonly #count: number;
  readonly #running = new Set<Deno.ChildProcess>();
  readonly #ran: Ran[] = [];
  #interrupted = false;

  constructor(groups: readonly Group[]) {
    this.#groups = [...groups];
    this.#count = groups.length;
  }

  /** Ends what runs; Deno's runner then names the tests that are pending. */
  interrupt(): void {
    this.#interrupted = true;
    for (const child of this.#running) child.kill("SIGINT");
  }

  /** Runs groups until none is left. */
  async lane(prefix: readonly string[]): Promise<void> {
    const file = await Deno.makeTempFile({ prefix: "maglev-test-" });
    await using _ = { [Symbol.asyncDispose]: () => Deno.remove(file) };
    for (let group = this.#next(); group !== undefined; group = this.#next()) {
      const began = performance.now();
      const name = `${this.#count - this.#groups.length} of ${this.#count}: ${group.name}`;
      console.log(
        `running ${name}, ${group.files.length} files; what they print follows when all are done`,
      );
      const child = spawn([...prefix, file, Deno.execPath(), ...testArguments, "--no-check", ...group.files]);
      this.#running.add(child);
      const { success } = await child.status;
      this.#running.delete(child);
      const output = await Deno.readTextFile(file);
      this.#ran.push({ ok: success, counts: countsOf(output) });
      console.log(`${output}== ${name}: ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
    }
  }

  #next(): Group | undefined {
    return this.#interrupted ? undefined : this.#groups.shift();
  }

  /** What came of those that ran. */
  get ran(): readonly Ran[] {
    return this.#ran;
  }

  /** Whether none is left, and nobody interrupted. */
  get allRan(): boolean {
    return !this.#interrupted && this.#groups.length === 0;
  }
}

async function main(): Promise<number> {
  const cores = navigator.hardwareConcurrency;
  if (Deno.args.length > 0) return await exitCodeOf([Deno.execPath(), ...testArguments, ...Deno.args]);
  if (cores === 1 || !await canBeApart()) {
    console.log("one process runs all tests: there is one processor only, or no root, unshare or ip");
    return await exitCodeOf([Deno.execPath(), ...testArguments, "tests/"]);
  }
  const began = performance.now();
  const checkCode = await exitCodeOf([Deno.execPath(), "check", "-q", "--lock=tests/deno.lock", "tests"]);
  if (checkCode !== 0) return checkCode;
  // A lane with a network of its own has no way out, so what tests fetch while they run is fetched before: Deno's bundler,
  // and packages of programs that they write.
  const packages = Object.values(manifest.scopes["./tests/"]);
  await exitCodeOf([Deno.execPath(), "bundle", "-q", "--output=/dev/null", "tests/runner/groups.ts"]);
  await exitCodeOf([Deno.execPath(), "cache", "-q", "--no-lock", "--no-config", ...packages]);
  const lanes = new Lanes(groupsOf(await filesOfTests("tests/")));
  const interrupt = () => lanes.interrupt();
  Deno.addSignalListener("SIGINT", interrupt);
  Deno.addSignalListener("SIGTERM", interrupt);
  const all = Array.from(
    { length: Math.min(cores, MOST_LANES) },
    (_, lane) => lanes.lane(lane === 0 ? inThisNetwork : inOwnNetwork),
  );
  await Promise.all(all);
  Deno.removeSignalListener("SIGINT", interrupt);
  Deno.removeSignalListener("SIGTERM", interrupt);
  const ok = lanes.allRan && lanes.ran.every((ran) => ran.ok);
  console.log(closingLine(ok, sumOf(lanes.ran), performance.now() - began));
  return ok ? 0 : 1;
}

Deno.exit(await main());
