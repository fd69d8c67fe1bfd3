/**
 * The prompt of the shell: which daemon it talks to, and how many things are wrong there.
 *
 *     maglev@lb1>        nothing is wrong
 *     maglev@lb1 3!>     three problems: critical ones and warnings
 *     maglev@lb1 ?>      the daemon does not say
 *
 * @module
 */
import { couldBeName } from "../clean.ts";
import type { Client } from "../client.ts";
import { info, problemList } from "../shapes/mod.ts";

/** Somebody waits for the prompt. */
const patienceMs = 1_000;

/** The prompt. `node` null: not known; `problems` null: not known. */
export function promptText(node: string | null, problems: number | null): string {
  const where = node === null ? "maglev" : `maglev@${node}`;
  return `${where}${problems === null ? " ?" : problems === 0 ? "" : ` ${problems}!`}> `;
}

/** Asks for what the prompt shows. */
export class Prompt {
  readonly #client: Client;
  #node: string | null = null;

  /** Asks nothing yet. */
  constructor(client: Client) {
    this.#client = client;
  }

  /** The prompt as it is now. A daemon that is away, or slow, makes it `?`. */
  async text(): Promise<string> {
    const client = this.#client;
    const list = await client.json({ path: "/v1/problems", timeoutMs: patienceMs }, problemList);
    if (!list.ok) return promptText(this.#node, null);
    if (this.#node === null) {
      const about = await client.json({ path: "/v1/info", timeoutMs: patienceMs }, info);
      // A name that could be none is not put before every line.
      if (about.ok && couldBeName(about.value.value.node)) this.#node = about.value.value.node;
    }
    const { critical, warnings } = list.value.value;
    return promptText(this.#node, critical + warnings);
  }
}
