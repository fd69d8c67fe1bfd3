// deno-lint-ignore-file no-console -- the runner of the tests talks to the person who runs them
/**
 * Runs every test, two or more groups of files at a time: a test that waits leaves a processor to another. Each lane but the
 * first has a network and mounts of its own, so that no two tests meet at an address. That needs root; without it one
 * process runs all tests one after the other, as it does with arguments, which go to `deno test`.
 *
 *   deno task test [arguments of deno test]
 *
 * @module
 */
import { closingLine, type Counts, countsOf, type Group, groupsOf, noCounts, plus } from "./groups.ts";

const root = new URL("../../", import.meta.url);
const test = ["test", "-A", "--lock=tests/deno.lock"];
/** More than so many at a time would starve tests that have to be in time. */
const MOST_LANES = 4;

/** How a lane but the first starts a program. */
const apart = ["unshare", "--net", "--mount", "sh", "-c", 'ip link set lo up && exec "$0" "$@"'];

interface Ran {
  readonly ok: boolean;
  /** Null: it ended before it could count. */
  readonly counts: Counts | null;
}

function spawn(words: readonly string[], stdio: "inherit" | "piped"): Deno.ChildProcess {
  const [command = "", ...args] = words;
  return new Deno.Command(command, { args, cwd: root, stdin: "null", stdout: stdio, stderr: stdio }).spawn();
}

/** Runs a program with this terminal; its exit code. */
async function code(words: readonly string[]): Promise<number> {
  return (await spawn(words, "inherit").status).code;
}

async function filesOfTests(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { isDirectory, name } of Deno.readDir(new URL(folder, root))) {
    if (isDirectory) found.push(...await filesOfTests(`${folder}${name}/`));
    else if (name.endsWith("_test.ts")) found.push(folder + name);
  }
  return found;
}

/** Whether lanes can be kept apart here. */
async function canBeApart(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("unshare", {
      args: [...apart.slice(1), "true"],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Gathers what a program writes, both of its streams in the order in which they come. */
async function gather(child: Deno.ChildProcess): Promise<string> {
  const decoder = new TextDecoder();
  let output = "";
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const chunk of stream) output += decoder.decode(chunk);
  };
  await Promise.all([read(child.stdout), read(child.stderr)]);
  return output;
}

class Lanes {
  readonly #groups: Group[];
  readonly #running = new Set<Deno.ChildProcess>();
  readonly #ran: Ran[] = [];
  #interrupted = false;

  constructor(groups: readonly Group[]) {
    this.#groups = [...groups];
  }

  /** Ends what runs; Deno's runner then names the tests that are pending. */
  interrupt(): void {
    this.#interrupted = true;
    for (const child of this.#running) child.kill("SIGINT");
  }

  async lane(prefix: readonly string[]): Promise<void> {
    for (let group = this.#next(); group !== undefined; group = this.#next()) {
      const began = performance.now();
      const child = spawn([...prefix, Deno.execPath(), ...test, "--no-check", ...group.files], "piped");
      this.#running.add(child);
      const output = await gather(child);
      const { success } = await child.status;
      this.#running.delete(child);
      this.#ran.push({ ok: success, counts: countsOf(output) });
      console.log(`${output}== ${group.name}: ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
    }
  }

  #next(): Group | undefined {
    return this.#interrupted ? undefined : this.#groups.shift();
  }

  /** Whether all ran and nothing failed, and the sum; a process that ended before it counted is a failure. */
  sum(): { readonly ok: boolean; readonly counts: Counts } {
    let counts = noCounts;
    for (const ran of this.#ran) {
      counts = plus(counts, ran.counts ?? { ...noCounts, failed: 1 });
    }
    const ok = !this.#interrupted && this.#groups.length === 0 && this.#ran.every((ran) => ran.ok);
    return { ok, counts };
  }
}

async function main(): Promise<number> {
  const cores = navigator.hardwareConcurrency;
  if (Deno.args.length > 0) return await code([Deno.execPath(), ...test, ...Deno.args]);
  if (cores === 1 || !await canBeApart()) return await code([Deno.execPath(), ...test, "tests/"]);
  const began = performance.now();
  const types = await code([Deno.execPath(), "check", "--lock=tests/deno.lock", "tests"]);
  if (types !== 0) return types;
  const lanes = new Lanes(groupsOf(await filesOfTests("tests/")));
  const interrupt = () => lanes.interrupt();
  Deno.addSignalListener("SIGINT", interrupt);
  Deno.addSignalListener("SIGTERM", interrupt);
  const all = Array.from(
    { length: Math.min(cores, MOST_LANES) },
    (_, lane) => lanes.lane(lane === 0 ? [] : apart),
  );
  await Promise.all(all);
  Deno.removeSignalListener("SIGINT", interrupt);
  Deno.removeSignalListener("SIGTERM", interrupt);
  const { counts, ok } = lanes.sum();
  console.log(closingLine(ok, counts, performance.now() - began));
  return ok ? 0 : 1;
}

Deno.exit(await main());
