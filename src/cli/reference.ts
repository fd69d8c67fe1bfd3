/**
 * The command reference of docs/user-guide.md, made of the commands and flags. Pure.
 *
 * @module
 */
import type { Grammar } from "./grammar.ts";
import { flagSpecs } from "./options.ts";
import { pipeGrammar } from "./pipes.ts";

/** A line of help as a sentence. */
export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
}

/** The reference as Markdown, below headings of the third level; lines are not broken. */
export function referenceMarkdown<Run>(grammar: Grammar<Run>): string {
  const commands = grammar.commands.flatMap((command) => [
    `- \`${command.syntax}\``,
    "",
    `  ${sentence(command.help)}${command.notes === undefined ? "" : ` ${command.notes}`}`,
    "",
  ]);
  const filters = pipeGrammar.commands.map(({ syntax, help }) => `- \`| ${syntax}\`: ${help}`);
  const args = Object.entries(grammar.arguments).map(([name, { help }]) => `- \`<${name}>\`: ${help}`);
  const flags = flagSpecs.map(({ name, value, env, help }) => {
    const written = `--${name}${value === "" ? "" : ` <${value}>`}`;
    return `- \`${written}\`${env === null ? "" : ` or \`${env}\``}: ${help}`;
  });
  return [
    "### Commands",
    "",
    ...commands,
    "### Filters",
    "",
    ...filters,
    "",
    "### Arguments",
    "",
    ...args,
    "",
    "### Flags",
    "",
    ...flags,
    "",
  ]
    .join("\n");
}
