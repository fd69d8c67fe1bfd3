/**
 * Help, reference and man page, all made of the commands and flags. Pure.
 *
 * @module
 */
import { type Expected, expected, type Grammar, type Position } from "./grammar.ts";
import { endings } from "./grammar.ts";
import { flagSpecs } from "./options.ts";

/** A flag as it is written: `--server <url>`. */
function flagText(spec: (typeof flagSpecs)[number]): string {
  return `--${spec.name}${spec.value === "" ? "" : ` <${spec.value}>`}`;
}

/** The text of `--help`. */
export function helpText<Run>(grammar: Grammar<Run>): string {
  const flags = flagSpecs.map((spec) =>
    `  ${flagText(spec).padEnd(22)}${spec.help}${spec.env === null ? "" : ` [${spec.env}]`}`
  );
  const commands = grammar.commands.flatMap((command) =>
    command.syntax.length < 34
      ? [`  ${command.syntax.padEnd(34)}${command.help}`]
      : [`  ${command.syntax}`, `${" ".repeat(36)}${command.help}`]
  );
  return [
    "maglevc - client of maglevd",
    "",
    "Usage: maglevc [flags] [command]",
    "",
    "Without a command it opens a shell. Words may be shortened as long as they are unique;",
    "a ? at the end shows what may follow.",
    "",
    "Commands:",
    ...commands,
    "",
    "Flags:",
    ...flags,
    "",
    "Exit codes: 0 done, 1 refused or failed, 2 usage, 3 server unreachable.",
    "",
  ].join("\n");
}

/** What may follow, one line each; `<cr>` where the line may end. */
export function optionsHelp<Run>(grammar: Grammar<Run>, positions: readonly Position<Run>[]): string[] {
  const options: Pick<Expected, "text" | "help">[] = [...expected(grammar, positions)];
  const [end] = endings(positions);
  if (end !== undefined) options.push({ text: "<cr>", help: end.command.help });
  const size = Math.max(0, ...options.map((option) => option.text.length));
  return options.map((option) => `  ${option.text.padEnd(size)}  ${option.help}`);
}
