import { err, ok, type Result } from "../result.ts";
import { clean } from "./clean.ts";
import { fileErrorText } from "./files.ts";

/** Lines that are kept. */
export const historyLimit = 1_000;

/** Where the history is kept: the XDG state directory; null without a home. */
export function historyPath(env: (name: string) => string | undefined): string | null {
  const state = env("XDG_STATE_HOME") || (env("HOME") ? `${env("HOME")}/.local/state` : "");
  return state.startsWith("/") ? `${state}/maglevc/history` : null;
}

/** Reads the history, newest first, each line once, and shortens a file that has grown to twice the limit. */
export function loadHistory(path: string): Result<string[], string> {
  try {
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
    Deno.writeTextFileSync(path, "", { append: true, mode: 0o600 });
    const lines = Deno.readTextFileSync(path).split("\n").filter((line) =>
      line !== "" && clean(line) === line
    );
    const kept = lines.slice(-historyLimit);
    if (lines.length > 2 * historyLimit) Deno.writeTextFileSync(path, `${kept.join("\n")}\n`);
    return ok([...new Set(kept.reverse())]);
  } catch (error) {
    return err(fileErrorText(error));
  }
}

/** Appends one line, so that shells side by side all leave theirs. */
export function rememberLine(path: string, line: string): Result<null, string> {
  try {
    Deno.writeTextFileSync(path, `${line}\n`, { append: true, mode: 0o600 });
    return ok(null);
  } catch (error) {
    return err(fileErrorText(error));
  }
}
