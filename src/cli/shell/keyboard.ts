/**
 * The keys of the terminal, in their order, for the part that asks next: the line editor, the pager, a question, a command
 * that ends with any key. What is typed while nobody asks waits.
 *
 * The terminal reads each key at once and does not echo it (cbreak). Ctrl-C and Ctrl-Z stay signals: Deno cannot stop
 * the other processes of its job without the right to run programs, and the terminal can. The shell that maglevc was started from
 * puts the terminal back while maglevc is stopped.
 *
 * @module
 */
import { type Key, type KeySource, named, readKeys } from "./keys.ts";

/** Signals that are keys here, or that say that the terminal is another one. */
const signals = [["SIGINT", "ctrl-c"], ["SIGWINCH", "resize"], ["SIGCONT", "continue"]] as const;

/** Keys of standard input. */
export class Keyboard implements Disposable, KeySource {
  readonly #interrupt: () => boolean;
  readonly #queue: Key[] = [];
  readonly #stop: (() => void)[] = [];
  #wake: () => void = () => {};
  #any: (() => void) | null = null;
  #open = false;

  /**
   * Touches nothing yet.
   *
   * @param interrupt called for Ctrl-C; false makes it a key for the part that asks next
   */
  constructor(interrupt: () => boolean) {
    this.#interrupt = interrupt;
  }

  /** Whether standard input is a terminal. */
  get present(): boolean {
    return Deno.stdin.isTerminal();
  }

  /** Takes the terminal, if that was not done yet. */
  open(): void {
    if (this.#open) return;
    this.#open = true;
    Deno.stdin.setRaw(true, { cbreak: true });
    for (const [signal, name] of signals) {
      const listener = () => this.#onSignal(name);
      Deno.addSignalListener(signal, listener);
      this.#stop.push(() => Deno.removeSignalListener(signal, listener));
    }
    this.#read();
  }

  /** The next key; null when the signal aborts before it comes: the key stays for the part that asks next. */
  async next(signal?: AbortSignal): Promise<Key | null> {
    this.open();
    for (;;) {
      if (signal?.aborted) return null;
      const key = this.#queue.shift();
      if (key !== undefined) return key;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal?.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  /** Whether more keys have come already. */
  get waiting(): boolean {
    return this.#queue.length > 0;
  }

  /** Forgets what was typed ahead. */
  flush(): void {
    this.#queue.length = 0;
  }

  /** Aborted by the next key, which is then no part of a line; `release` ends the wait for it. */
  anyKey(): { readonly signal: AbortSignal; readonly release: () => void } {
    const pressed = new AbortController();
    if (this.present) {
      this.open();
      this.#any = () => pressed.abort();
    }
    return { signal: pressed.signal, release: () => this.#any = null };
  }

  /** Gives the terminal back. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    for (const stop of this.#stop.splice(0)) stop();
    Deno.stdin.setRaw(false);
  }

  #onSignal(name: string): void {
    // The shell that stopped us has set the terminal as it likes it.
    if (name === "continue") Deno.stdin.setRaw(true, { cbreak: true });
    if (name === "ctrl-c" && this.#interrupt()) {
      this.flush();
      return;
    }
    this.#push([named(name)]);
  }

  #push(keys: readonly Key[]): void {
    const typed = keys.some(({ name }) => name !== "resize" && name !== "continue");
    if (this.#any !== null && typed) {
      this.#any();
      this.#any = null;
      this.flush();
      return;
    }
    this.#queue.push(...keys);
    this.#wake();
  }

  /** Reads until the process ends: a read of a terminal cannot be taken back. */
  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(4096);
    let rest = "";
    for (;;) {
      // A terminal that went away gives EIO, and that is the end as well.
      const count = await Deno.stdin.read(buffer).catch(() => null);
      const read = readKeys(rest + decoder.decode(buffer.subarray(0, count ?? 0), { stream: true }));
      rest = read.rest;
      this.#push(count === null ? [named("end-of-input")] : read.keys);
      if (count === null) return;
    }
  }
}
