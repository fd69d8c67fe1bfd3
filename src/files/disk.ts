/**
 * The disk under the files that the configuration names: what tells that one has changed, and what it holds.
 *
 * @module
 */
import type { UnixMillis } from "../model.ts";
import { err, ok, type Result } from "../result.ts";
import { judgeUnit } from "./judge.ts";
import { readFileWhole } from "./read.ts";
import { noTrial, type Trial } from "./trial.ts";
import type { FileUnit, UnitRead } from "./unit.ts";

/** Octets that a named file may have: a bundle of every public authority has 250 kB. */
const NAMED_LIMIT = 4 * 1024 * 1024;

/** Times that a file is read again because it changed meanwhile. */
const READS = 3;

/** A file as its directory shows it. */
export interface Sign {
  /** Another one when the file is written, replaced or moved; "" if it is not there. */
  readonly signature: string;
  /** When it was last written or moved; 0 if it is not there. */
  readonly changedAt: UnixMillis;
}

/** A file's text, and the sign that it had before and after it was read. */
export interface NamedText {
  /** As `Sign.signature`. */
  readonly signature: string;
  /** The text, or why it cannot be had. */
  readonly text: Result<string, string>;
}

/** Reads a named file; blocks the thread. */
export type ReadNamed = (path: string) => NamedText;

/** The disk as a thread sees it that must not be blocked. */
export interface Disk {
  /** What tells that a file has changed; links are followed. */
  sign(path: string): Promise<Sign>;
  /** Reads a named file. */
  read(path: string): Promise<NamedText>;
}

const NOTHING: Sign = { signature: "", changedAt: 0 };
const NOT_ORDINARY = "it is not a regular file";
const WRITTEN = "it is being written";

function signOf({ ctime, dev, ino, mtime, size }: Deno.FileInfo): Sign {
  const [written, moved] = [mtime?.getTime() ?? 0, ctime?.getTime() ?? 0];
  return {
    signature: [dev, ino, size, written, moved].join(":"),
    changedAt: Math.max(written, moved),
  };
}

/** Reads a named file. It must be an ordinary one: of pipes each would take its 5 s. Blocks the thread. */
export function readNamed(path: string): NamedText {
  let before = lookAt(path);
  for (let reads = 1;; reads++) {
    const text = before.ordinary ? textOf(readFileWhole(path, NAMED_LIMIT)) : err(NOT_ORDINARY);
    const after = lookAt(path);
    if (after.signature === before.signature) return { signature: after.signature, text };
    if (reads === READS) return { signature: "", text: err(WRITTEN) };
    before = after;
  }
}

function lookAt(path: string): { readonly signature: string; readonly ordinary: boolean } {
  try {
    const info = Deno.statSync(path);
    return { signature: signOf(info).signature, ordinary: info.isFile || info.isDirectory };
  } catch (error) {
    // Reading it says why it cannot be looked at.
    if (error instanceof Error) return { signature: "", ordinary: true };
    throw error;
  }
}

function textOf(octets: Result<Uint8Array, string>): Result<string, string> {
  return octets.ok ? ok(new TextDecoder().decode(octets.value)) : octets;
}

/** The machine's disk. */
export const systemDisk: Disk = {
  async sign(path) {
    try {
      return signOf(await Deno.stat(path));
    } catch (error) {
      if (error instanceof Error) return NOTHING;
      throw error;
    }
  },
  async read(path) {
    for (let reads = 1;; reads++) {
      const before = await systemDisk.sign(path);
      const text = textOf(await readLater(path));
      const after = await systemDisk.sign(path);
      if (after.signature === before.signature) return { signature: after.signature, text };
      if (reads === READS) return { signature: "", text: err(WRITTEN) };
    }
  },
};

/** Reads a file without blocking the thread; octets are counted while they are read. */
async function readLater(path: string): Promise<Result<Uint8Array, string>> {
  try {
    const info = await Deno.stat(path);
    if (info.isDirectory) return err("it is a directory");
    if (!info.isFile) return err(NOT_ORDINARY);
    using file = await Deno.open(path);
    const octets = new Uint8Array(Math.min(info.size, NAMED_LIMIT) + 1);
    let total = 0;
    while (total < octets.length) {
      const length = await file.read(octets.subarray(total));
      if (length === null) return ok(octets.subarray(0, total));
      total += length;
    }
    return err(total > NAMED_LIMIT ? `it is larger than ${NAMED_LIMIT} octets` : WRITTEN);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return err("no such file");
    if (error instanceof Deno.errors.PermissionDenied) return err("permission denied");
    if (error instanceof Error) return err(error.message);
    throw error;
  }
}

/** Makes what was read of a unit's files into what can be used of it; `trial` judges what looks good. */
export function unitRead(unit: FileUnit, files: readonly NamedText[], trial: Trial = noTrial): UnitRead {
  const signatures = files.map(({ signature }) => signature);
  const wrong = judgeUnit(unit, files.map(({ text }) => text));
  if (wrong.length > 0) return { unit, signatures, wrong, texts: [] };
  const texts = files.flatMap(({ text }) => text.ok ? [text.value] : []);
  const refusal = trial.refusal(unit, texts);
  return refusal === null
    ? { unit, signatures, wrong, texts }
    : { unit, signatures, wrong: [refusal], texts: [] };
}
