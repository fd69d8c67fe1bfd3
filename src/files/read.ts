/**
 * Reads files whole, within a size and a time, whatever kind of file it is.
 *
 * @module
 */
import { E } from "../../ffi/constants.ts";
import { readWhole } from "../../ffi/file.ts";
import { ErrnoError } from "../../ffi/libc.ts";
import type { Millis } from "../model.ts";
import { err, ok, type Result } from "../result.ts";

/** Octets that a configuration may have: 2,000 backends take a third of a megabyte. */
export const FILE_LIMIT: number = 64 * 1024 * 1024;

/** Time in which a file must have been read to its end. */
export const READ_MS: Millis = 5000;

const REASONS: Readonly<Record<number, string>> = {
  [E.ENOENT]: "no such file",
  [E.ENOTDIR]: "no such file",
  [E.EACCES]: "permission denied",
  [E.EPERM]: "permission denied",
  [E.EISDIR]: "it is a directory",
  [E.ENXIO]: "it is a socket, or a device that is not there",
  [E.ELOOP]: "too many symbolic links",
  [E.ENAMETOOLONG]: "its name is too long",
  [E.EMFILE]: "no file descriptor is left",
  [E.ENFILE]: "no file descriptor is left",
};

/**
 * Reads a file to its end. Blocks the thread while it does, at most 5 s.
 *
 * @param limit octets that it may hold
 * @returns its octets, or why they cannot be had, as the end of "cannot read the file: ..."
 */
export function readFileWhole(path: string, limit: number = FILE_LIMIT): Result<Uint8Array, string> {
  if (path.includes("\0")) return err("no such file");
  try {
    const read = readWhole(path, limit, READ_MS, () => performance.now());
    switch (read.kind) {
      case "whole":
        return ok(read.octets);
      case "too-large":
        return err(`it is larger than ${limit} octets`);
      case "late":
        return err(`it has no end: nothing, or not all of it, came within ${READ_MS / 1000} s`);
    }
  } catch (thrown) {
    if (!(thrown instanceof ErrnoError)) throw thrown;
    return err(REASONS[thrown.errno] ?? thrown.message);
  }
}
