/**
 * The folder of `--state-dir`: who has it, and what it holds.
 *
 * @module
 */
import { ErrnoError } from "../../ffi/libc.ts";
import { FileLock } from "../../ffi/lock.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log/mod.ts";
import { DiskFolder } from "../memory/folder.ts";
import { StateKeeper } from "../memory/keeper.ts";
import { lockName, lockPatienceMs, takeLock } from "../memory/lock.ts";
import { err, ok, type Result } from "../result.ts";

/** A folder that is this daemon's. Disposing gives the lock back. */
export interface StateDir extends Disposable {
  /** Where it is; null: nothing is kept. */
  readonly path: string | null;
  /** Whether a daemon has used it before. */
  readonly used: boolean;
  /** Why it is not locked, so that it is read and never written; null: it is. */
  readonly problem: string | null;
}

/** Why a daemon must not start. */
export interface StateDirError {
  /** `wrong`: the flag names no folder. `taken`: another daemon has it. */
  readonly kind: "wrong" | "taken";
  /** One sentence. */
  readonly message: string;
}

/** Whether there is a folder; null: there is nothing. */
async function isFolder(path: string): Promise<boolean | null> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    if (error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/** What Deno throws for a path that the system refuses: some classes of its own, and plain errors with a number. */
function isDiskError(error: unknown): error is Error {
  return error instanceof ErrnoError || error instanceof Deno.errors.PermissionDenied ||
    (error instanceof Error && /\(os error \d+\)/.test(error.message));
}

/**
 * Makes the folder if need be, and locks it before anything in it is read. A disk that cannot be used is no error: a
 * load balancer must be looked after without memory, too.
 *
 * @param path null: nothing is kept
 */
export async function lockStateDir(
  path: string | null,
  clock: Clock,
): Promise<Result<StateDir, StateDirError>> {
  if (path === null) return ok({ path, used: false, problem: null, [Symbol.dispose]() {} });
  const file = `${path}/${lockName}`;
  let used = false;
  try {
    const folder = await isFolder(path);
    if (folder === false) return err({ kind: "wrong", message: `--state-dir ${path} is no folder` });
    if (folder === null) await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    used = await isFolder(file) !== null;
    const lock = await takeLock(() => FileLock.take(file), clock);
    if (lock !== null) {
      return ok({
        path,
        used,
        problem: null,
        [Symbol.dispose]: () => lock[Symbol.dispose](),
      });
    }
    const seconds = lockPatienceMs / 1000;
    return err({ kind: "taken", message: `another maglevd has had --state-dir ${path} for ${seconds} s` });
  } catch (error) {
    if (!isDiskError(error)) throw error;
    return ok({ path, used, problem: error.message, [Symbol.dispose]() {} });
  }
}

/** Reads what the folder holds. */
export async function openKeeper(folder: StateDir, clock: Clock, log: Log): Promise<StateKeeper> {
  const { path, problem, used } = folder;
  if (path === null) return StateKeeper.none();
  if (problem !== null) {
    const detail = `the folder ${path} cannot be locked, so nothing is kept: ${problem}`;
    log.error("memory-error", { detail });
  }
  return await StateKeeper.open({ folder: new DiskFolder(path), used, locked: problem === null, clock, log });
}
