import { type Call, type Context, fail, type Run, viewOf } from "../context.ts";
import { exit } from "../exit.ts";
import type { Command } from "../grammar.ts";
import { problemsLines } from "../render/problems.ts";
import * as shapes from "../shapes/mod.ts";

/** Exit codes of a monitoring plugin: 0 good, 1 warnings, 2 critical, 3 not known. */
async function showProblems(call: Call, context: Context): ReturnType<Run> {
  const { client, signal, out } = context;
  const answer = await client.json({ path: "/v1/problems", signal }, shapes.problemList);
  if (!answer.ok) {
    await fail(call, context, answer.error);
    return exit.unreachable;
  }
  const { critical, warnings } = answer.value.value;
  if (context.json) out.json(answer.value.text);
  else out.print(problemsLines(answer.value.value, viewOf(context)));
  return critical > 0 ? exit.usage : warnings > 0 ? exit.failed : exit.done;
}

/** What is wrong now. */
export const problemCommands: readonly Command<Run>[] = [{
  syntax: "show [problems]",
  help: "what is wrong now, worst first",
  notes:
    "The exit code is that of a monitoring plugin: 0 nothing or notes only, 1 warnings, 2 critical, 3 whenever it cannot say.",
  plugin: true,
  run: showProblems,
}];
