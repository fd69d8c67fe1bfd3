/**
 * Help, reference and man page, all made of the commands and flags. Pure.
 *
 * @module
 */
import type { Grammar } from "./grammar.ts";
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
