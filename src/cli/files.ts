/**
 * Files of this machine, read as the rules of the token need it.
 *
 * @module
 */
import { err, ok, type Result } from "../result.ts";
import type { Files, OpenedFile } from "./token.ts";

/** Largest token file, info file of a token and CA file that is read, in octets. */
const sizeLimit = 4 * 1024 * 1024;

/** Why a file cannot be used, as the end of a sentence. */
export function fileErrorText(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.IsADirectory) return "it is a directory";
  if (!(error instanceof Error)) return String(error);
  // Deno's words, without the number of the error and the path that the caller names anyway.
  return error.message.replace(/ \(os error [0-9]+\).*$/s, "").replace(
    /^./,
    (letter) => letter.toLowerCase(),
  );
}

function text(file: Deno.FsFile): string {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(64 * 1024);
  let out = "";
  let size = 0;
  for (;;) {
    const count = file.readSync(buffer);
    if (count === null) return out + decoder.decode();
    size += count;
    if (size > sizeLimit) throw new RangeError(`it is over ${sizeLimit / 1024 / 1024} MiB`);
    out += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

/** Reads a file as text. */
export function readText(path: string): Result<string, string> {
  try {
    using file = Deno.openSync(path);
    return ok(text(file));
  } catch (error) {
    return err(`cannot read ${path}: ${fileErrorText(error)}`);
  }
}

/** Owner of a folder that nobody else can write; null for any other. */
function ownerOf(folder: string): number | null {
  const { isDirectory, mode, uid } = Deno.lstatSync(folder);
  return isDirectory && mode !== null && (mode & 0o022) === 0 ? uid : null;
}

function open(path: string): Result<OpenedFile | null, string> {
  try {
    const named = Deno.lstatSync(path);
    // A symbolic link may name a secret of the user's, and opening a pipe waits for a writer.
    if (!named.isFile) {
      return ok({ text: "", uid: named.uid, mode: named.mode, isFile: false, folderUid: null });
    }
    using file = Deno.openSync(path);
    const opened = file.statSync();
    const same = opened.dev === named.dev && opened.ino === named.ino;
    return ok({
      text: text(file),
      uid: opened.uid,
      mode: opened.mode,
      isFile: opened.isFile && same,
      folderUid: ownerOf(path.slice(0, path.lastIndexOf("/")) || "/"),
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return ok(null);
    return err(fileErrorText(error));
  }
}

/** The machine's own files. */
export function realFiles(): Files {
  return { read: readText, open, uid: Deno.uid() };
}
