import { completionScript } from "../completion_scripts.ts";
import type { Run } from "../context.ts";
import { exit } from "../exit.ts";
import type { Command } from "../grammar.ts";

/** Scripts for other shells. */
export const completionCommands: readonly Command<Run>[] = [{
  syntax: "completion bash|zsh",
  help: "print a completion script: source <(maglevc completion bash)",
  run(call, { out }) {
    out.raw(completionScript(call.has("bash") ? "bash" : "zsh"));
    return Promise.resolve(exit.done);
  },
}];
