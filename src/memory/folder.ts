/**
 * The folder of `--state-dir` on a disk.
 *
 * @module
 */

/** Files of a folder. Every call may take as long as the disk does. */
export interface Folder {
  /** Text of a file; null: there is none. Rejects when it cannot be read. */
  read(name: string): Promise<string | null>;
  /**
   * Replaces a file whole: afterwards the disk has either all of the new text or all of the old one, whatever ends
   * the machine. Rejects when it cannot be written, with the old text in place.
   *
   * @param keep not null: the text that is there is kept under this name
   */
  replace(name: string, text: string, keep: string | null): Promise<void>;
  /** Gives a file another name; nothing happens when there is none. */
  rename(from: string, to: string): Promise<void>;
}

/** Only the owner may read or write the files. */
const MODE = 0o600;

/** Octets of the largest file that is read. */
const MOST = 64 * 2 ** 20;

/** A folder of this machine. */
export class DiskFolder implements Folder {
  readonly #path: string;

  /** The folder at `path`, which must exist before it is used. */
  constructor(path: string) {
    this.#path = path;
  }

  /** See `Folder`. Octets that are no UTF-8 read as replacement characters. */
  async read(name: string): Promise<string | null> {
    const path = `${this.#path}/${name}`;
    try {
      const { isFile, size } = await Deno.stat(path);
      // A device or a pipe has no end that could be waited for.
      if (!isFile) throw new Error(`${path} is no ordinary file`);
      if (size > MOST) throw new Error(`${path} has ${size} octets, more than any state`);
      return await Deno.readTextFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  /** See `Folder`. */
  async replace(name: string, text: string, keep: string | null): Promise<void> {
    const path = `${this.#path}/${name}`;
    const made = `${path}.new`;
    await this.#write(made, text);
    if (keep !== null) await this.#keep(path, `${this.#path}/${keep}`);
    await Deno.rename(made, path);
    await this.#syncFolder();
  }

  /** See `Folder`. */
  async rename(from: string, to: string): Promise<void> {
    try {
      await Deno.rename(`${this.#path}/${from}`, `${this.#path}/${to}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async #write(path: string, text: string): Promise<void> {
    // A mode of an earlier file, or a link that somebody put there, must not stay.
    await removeIfThere(path);
    using file = await Deno.open(path, { write: true, createNew: true, mode: MODE });
    const octets = new TextEncoder().encode(text);
    for (let written = 0; written < octets.length;) written += await file.write(octets.subarray(written));
    await file.sync();
  }

  /** A second name for what is there, so that the first one is never without a file. */
  async #keep(path: string, kept: string): Promise<void> {
    const linked = `${kept}.new`;
    await removeIfThere(linked);
    try {
      await Deno.link(path, linked);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      // Not every file system has links.
      await Deno.copyFile(path, linked);
    }
    await Deno.rename(linked, kept);
  }

  /** A new name is on the disk only when its folder is. */
  async #syncFolder(): Promise<void> {
    using folder = await Deno.open(this.#path, { read: true });
    await folder.sync();
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
