/**
 * Reads the small files that protect the API: auth file, certificate, key.
 *
 * @module
 */
import { err, ok, type Result } from "../result.ts";

/** Size beyond which such a file cannot be meant, in octets. */
const limit = 1024 * 1024;

/** A file that was read. */
export interface SecretFile {
  /** Its text; octets that are no UTF-8 are replacement characters. */
  readonly text: string;
  /** Its rights; null where the system does not tell. */
  readonly mode: number | null;
}

function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  return error instanceof Error ? error.message : String(error);
}

/**
 * Reads a regular file of at most 1 MiB; says why it cannot. Never throws, never waits for anything but the disk: a
 * pipe or a device in the place of the file is refused before it is opened.
 */
export async function readSecretFile(path: string): Promise<Result<SecretFile, string>> {
  try {
    const { isFile, isDirectory, size, mode } = await Deno.stat(path);
    if (isDirectory) return err("it is a directory");
    if (!isFile) return err("it is not a regular file");
    if (size > limit) return err(`it is larger than ${limit} octets`);
    return ok({ text: new TextDecoder().decode(await Deno.readFile(path)), mode });
  } catch (error) {
    return err(reason(error));
  }
}
