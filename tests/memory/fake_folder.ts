import type { Folder } from "../../src/memory/folder.ts";

/** A folder in memory, on a disk that fails or hangs as a test says. */
export class FakeFolder implements Folder {
  readonly files = new Map<string, string>();
  /** Every replacement, as the text that was written. */
  readonly writes: string[] = [];
  /** Not null: what the disk answers to a write. */
  writeError: string | null = null;
  /** Not null: what the disk answers to a write that it carried out. */
  lateError: string | null = null;
  /** Names of files that cannot be read. */
  readonly unreadable = new Set<string>();
  /** Awaited before each answer. */
  gate: () => Promise<void> = () => Promise.resolve();

  async read(name: string): Promise<string | null> {
    await this.gate();
    if (this.unreadable.has(name)) throw new Error("Input/output error (os error 5)");
    return this.files.get(name) ?? null;
  }

  async replace(name: string, text: string, keep: string | null): Promise<void> {
    await this.gate();
    if (this.writeError !== null) throw new Error(this.writeError);
    const present = this.files.get(name);
    if (keep !== null && present !== undefined) this.files.set(keep, present);
    this.files.set(name, text);
    this.writes.push(text);
    if (this.lateError !== null) throw new Error(this.lateError);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.gate();
    const text = this.files.get(from);
    if (text === undefined) return;
    this.files.delete(from);
    this.files.set(to, text);
  }
}
