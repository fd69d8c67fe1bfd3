/**
 * The files of the local token (src/net/local_token.ts says what is in them): taken at the start, filled when the
 * listeners are open, removed at the end.
 *
 * `<file>.json` carries an exclusive lock while its daemon lives. The kernel gives the lock back with the process, so
 * the file of a daemon that was killed is taken over, and a process id that was used again does no harm.
 *
 * Order: `<file>.json` is written before the token, and removed after it. A client reads the token first and then
 * `<file>.json`; so a new token is never taken together with the addresses of an older daemon.
 *
 * @module
 */
import {
  localTokenInfoFile,
  localTokenInfoText,
  parseLocalTokenInfo,
  parseTokenText,
} from "../net/local_token.ts";
import { err, ok, type Result } from "../result.ts";

/** Why a token file could not be taken. */
export interface TokenFileError {
  /** `held`: by a daemon that lives; `unusable`: no such folder, no right, no file. */
  readonly reason: "held" | "unusable";
  /** The end of a sentence about the file. */
  readonly detail: string;
}

/**
 * Rights of both files: the owner may write them, the group may read them. `<file>.json` holds no secret, but a user
 * who may open it may lock it, and keep the next daemon from taking over what a killed one left.
 */
const mode = 0o640;

function message(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "its folder does not exist";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.NotADirectory) return "its folder is no folder";
  return error instanceof Error ? error.message : String(error);
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether a path still names the file that is open. */
function isSame(open: Deno.FsFile, path: string): boolean {
  try {
    const [here, there] = [open.statSync(), Deno.lstatSync(path)];
    return here.ino === there.ino && here.dev === there.dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function holder(path: string): string {
  try {
    const info = parseLocalTokenInfo(Deno.readTextFileSync(path));
    return info === null ? "another process" : `process ${info.pid}`;
  } catch {
    // The daemon that holds it may be ending just now.
    return "another process";
  }
}

/** More than any token or `<file>.json` has, in octets: a larger file is something else, and is not read. */
const largest = 65_536;

/**
 * Why what is at `path` was not left by a daemon, as the end of a sentence; null: nothing is there, or it was. A flag
 * that names the auth file or the configuration by mistake must not delete it. A link loses nothing when it is
 * replaced.
 */
function whyForeign(path: string, isOurs: (text: string) => boolean): string | null {
  try {
    const { isFile, isSymlink, size } = Deno.lstatSync(path);
    if (isSymlink) return null;
    // Checked first: reading a FIFO would wait for a writer.
    if (!isFile) return `${path} is no regular file`;
    if (size <= largest && isOurs(Deno.readTextFileSync(path))) return null;
    return `${path} holds something else, which is not deleted`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Writes a file beside `path` and renames it into place; the new file stays open. */
function replace(path: string, text: string): Deno.FsFile {
  const beside = `${path}.new`;
  remove(beside);
  const file = Deno.openSync(beside, { createNew: true, write: true, mode: 0o600 });
  try {
    const octets = new TextEncoder().encode(text);
    for (let at = 0; at < octets.length;) at += file.writeSync(octets.subarray(at));
    Deno.chmodSync(beside, mode);
    file.lockSync(true);
    Deno.renameSync(beside, path);
    return file;
  } catch (error) {
    file.close();
    remove(beside);
    throw error;
  }
}

/** A token whose files belong to this daemon until it is disposed. */
export class LocalToken implements Disposable {
  /** Path of the token. */
  readonly file: string;
  /** The token: 256 random bits in base64url. */
  readonly token: string;
  #info: Deno.FsFile;
  #gone = false;

  private constructor(file: string, token: string, info: Deno.FsFile) {
    this.file = file;
    this.token = token;
    this.#info = info;
  }

  /**
   * Takes a path. What a dead daemon left there is removed.
   *
   * @param random fills octets with random ones
   */
  static claim(
    file: string,
    random: (octets: Uint8Array<ArrayBuffer>) => void,
  ): Result<LocalToken, TokenFileError> {
    const path = localTokenInfoFile(file);
    try {
      // More than once only if other daemons begin or end at the same moment.
      for (let attempt = 0; attempt < 100; attempt++) {
        if (isLink(path)) return err({ reason: "unusable", detail: `${path} is a symbolic link` });
        // `<file>.json` is empty if a daemon was killed between making and filling it.
        const foreign = whyForeign(file, (text) => parseTokenText(text) !== null) ??
          whyForeign(path, (text) => text === "" || parseLocalTokenInfo(text) !== null);
        if (foreign !== null) return err({ reason: "unusable", detail: foreign });
        const old = Deno.openSync(path, { read: true, write: true, create: true, mode });
        try {
          if (!old.tryLockSync(true)) return err({ reason: "held", detail: `${holder(path)} holds it` });
          if (!isSame(old, path)) continue;
          remove(file);
          const octets = new Uint8Array(32);
          random(octets);
          const token = octets.toBase64({ alphabet: "base64url", omitPadding: true });
          const info = replace(path, localTokenInfoText({ pid: Deno.pid, listen: [] }));
          return ok(new LocalToken(file, token, info));
        } finally {
          old.close();
        }
      }
      return err({ reason: "held", detail: "other processes take it again and again" });
    } catch (error) {
      return err({ reason: "unusable", detail: message(error) });
    }
  }

  /** Writes the token and where the API listens; says why it cannot. */
  publish(listen: readonly string[]): Result<void, string> {
    try {
      const info = replace(
        localTokenInfoFile(this.file),
        localTokenInfoText({ pid: Deno.pid, listen }),
      );
      this.#info.close();
      this.#info = info;
      replace(this.file, `${this.token}\n`).close();
      return ok(undefined);
    } catch (error) {
      return err(message(error));
    }
  }

  /** Removes both files; a second time does nothing. */
  [Symbol.dispose](): void {
    if (this.#gone) return;
    this.#gone = true;
    try {
      // The folder may be gone, or another file may be there by now: only what is this daemon's own is removed.
      if (isSame(this.#info, localTokenInfoFile(this.file))) {
        remove(this.file);
        remove(localTokenInfoFile(this.file));
      }
    } catch {
      // The end of a daemon must not fail because of a file that it cannot remove.
    } finally {
      this.#info.close();
    }
  }
}

/** A token, or why there is none. */
export type TakenToken =
  | { readonly token: Pick<LocalToken, "file" | "token" | "publish">; readonly why: "" }
  | { readonly token: null; readonly why: string };

/**
 * Takes the first default path that can be used. One that a living daemon holds ends the search: which of two daemons
 * gets a token must not depend on what else is there.
 */
export function claimDefault(
  files: readonly string[],
  random: (octets: Uint8Array<ArrayBuffer>) => void,
): { readonly token: LocalToken; readonly why: "" } | { readonly token: null; readonly why: string } {
  const reasons: string[] = [];
  for (const file of files) {
    makeFolder(file);
    const claimed = LocalToken.claim(file, random);
    if (claimed.ok) return { token: claimed.value, why: "" };
    reasons.push(`${file}: ${claimed.error.detail}`);
    if (claimed.error.reason === "held") break;
  }
  return { token: null, why: reasons.join("; ") };
}

/** Makes the folder of a default path, which nobody else may write; its parent must be there. */
function makeFolder(file: string): void {
  const folder = file.slice(0, file.lastIndexOf("/"));
  try {
    Deno.mkdirSync(folder, { mode: 0o755 });
    Deno.chmodSync(folder, 0o755);
  } catch (error) {
    // What matters is whether the file can be taken, which is tried next.
    if (!(error instanceof Error)) throw error;
  }
}
