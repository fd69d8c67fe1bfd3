import assert from "node:assert/strict";
import { cleanEnv, maglevc } from "./process.ts";

/** A real terminal, made by tmux. */
export class Terminal implements AsyncDisposable {
  readonly #state: string;

  private constructor(state: string) {
    this.#state = state;
  }

  /** Opens a terminal in which `command` runs. */
  static async open(...command: string[]): Promise<Terminal> {
    const terminal = new Terminal(await Deno.makeTempDir());
    await terminal.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "40", ...command);
    return terminal;
  }

  /** Opens a terminal with maglevc's shell in it. */
  static async withShell(url: string): Promise<Terminal> {
    const terminal = await Terminal.open("sh");
    await terminal.launch(url);
    return terminal;
  }

  /** Starts maglevc in the terminal's shell; the exit code is printed when it ends. */
  async launch(url: string): Promise<void> {
    const command = maglevc.map((word) => `'${word}'`).join(" ");
    const env = `MAGLEV_SERVER=${url} XDG_STATE_HOME=${this.#state} TERM=screen-256color`;
    await this.type(`clear; ${env} ${command}; echo "exit=$?"`, "Enter");
    // The end is part of it: the screen may still show the shell before this one.
    await this.see(/Ctrl-D leaves\.\nmaglev(@lb1)? ?[0-9?]*!?>$/);
  }

  /** Where the shell keeps its history. */
  get historyFile(): string {
    return `${this.#state}/maglevc/history`;
  }

  /** Runs a command of tmux. */
  async tmux(...args: string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command("tmux", {
      args: ["-S", `${this.#state}/tmux.sock`, ...args],
      clearEnv: true,
      env: cleanEnv({ TERM: "xterm-256color", LANG: "C.UTF-8" }),
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  }

  /** Presses keys: names of tmux such as `Tab` and `C-c`, anything else as it is. */
  async type(...keys: string[]): Promise<void> {
    for (const key of keys) {
      const named = /^(Enter|Tab|Up|Left|C-[a-z])$/.test(key);
      await this.tmux("send-keys", ...(named ? [key] : ["-l", key]));
    }
  }

  /** Everything on the screen, blanks at the ends of lines and empty lines at the end left out. */
  async screen(): Promise<string> {
    const text = await this.tmux("capture-pane", "-p");
    return text.split("\n").map((row) => row.trimEnd()).join("\n").trimEnd();
  }

  /** Waits until the screen fits; a terminal tells nobody that it has changed. */
  async see(wanted: RegExp): Promise<string> {
    const until = Date.now() + 20_000;
    for (;;) {
      const screen = await this.screen();
      if (wanted.test(screen)) return screen;
      if (Date.now() > until) assert.match(screen, wanted);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }

  /** Empties the screen but for the prompt. */
  async clear(): Promise<void> {
    await this.type("C-l");
    await this.see(/^maglev@lb1 (3!|\?)>$/);
  }

  /** Ends everything in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.tmux("kill-server");
    await Deno.remove(this.#state, { recursive: true });
  }
}
