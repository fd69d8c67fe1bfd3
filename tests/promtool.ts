/** Runs promtool on rules and on tests of rules. */
import assert from "node:assert/strict";
import { optionalTool } from "./tool.ts";

/** Whether promtool is there. */
export const promtool = optionalTool("promtool");

/** What promtool is asked. JSON is YAML, so both are given as objects or as text. */
export interface Rules {
  /** A file of rules. */
  readonly check: object | string;
  /** Unit tests of them, as promtool takes them. */
  readonly tests?: readonly object[];
}

async function run(folder: string, ...args: string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("promtool", { args, cwd: folder }).output();
  const decoder = new TextDecoder();
  assert.ok(success, decoder.decode(stdout) + decoder.decode(stderr));
}

/** Fails unless promtool takes the rules and their tests pass. */
export async function promtoolPasses({ check, tests = [] }: Rules): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "maglev-rules-" });
  try {
    await Deno.writeTextFile(
      `${folder}/rules.yml`,
      typeof check === "string" ? check : JSON.stringify(check),
    );
    await run(folder, "check", "rules", "rules.yml");
    if (tests.length === 0) return;
    const asked = { rule_files: ["rules.yml"], evaluation_interval: "10s", tests };
    await Deno.writeTextFile(`${folder}/tests.yml`, JSON.stringify(asked));
    await run(folder, "test", "rules", "tests.yml");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
