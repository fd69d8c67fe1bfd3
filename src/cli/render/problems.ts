import type { CurrentProblem, ProblemList } from "../../api/mod.ts";
import { shapes } from "../../text.ts";
import type { View } from "../context.ts";
import { type Block, table } from "../table.ts";
import { type Inline, type Line, line, type Style, styled } from "../text.ts";
import { agoText, countText, sentenceText } from "../units.ts";

const styles: Readonly<Record<string, Style>> = { critical: "red", warning: "yellow", info: "cyan" };

function severitySpan(severity: CurrentProblem["severity"]): Inline {
  const shape = shapes[severity];
  return styled(styles[severity] ?? null, shape === undefined ? severity : `${shape} ${severity}`);
}

function some(count: number, one: string, more: string): string {
  return `${countText(count)} ${count === 1 ? one : more}`;
}

/** How many problems of each severity there are, in one line. */
export function problemCountLine({ problems, critical, warnings }: ProblemList): Line {
  const notes = problems.filter(({ severity }) => severity === "info").length;
  const note = notes === 0 ? "" : [", ", styled("cyan", some(notes, "note", "notes"))];
  if (critical + warnings === 0) return line(styled("green", "nothing is wrong"), note);
  return line(
    styled(critical > 0 ? "red" : "green", `${countText(critical)} critical`),
    ", ",
    styled(warnings > 0 ? "yellow" : "green", some(warnings, "warning", "warnings")),
    note,
  );
}

/** Problems as a table, worst first as the daemon gives them. */
function problemTable(problems: readonly CurrentProblem[], view: View): Block[] {
  return table(
    [{ title: "" }, { title: "FOR", align: "right" }, { title: "PROBLEM", wrap: 26 }, {
      title: "NEXT",
      wrap: 22,
      spare: 1,
    }],
    problems.map(({ severity, since, text, show, fix }) => [
      severitySpan(severity),
      agoText(since, view.now),
      sentenceText(text, view),
      styled("dim", fix ?? show ?? ""),
    ]),
  );
}

/** `show problems` */
export function problemsLines(list: ProblemList, view: View): Block[] {
  const head = problemCountLine(list);
  return list.problems.length === 0 ? [head] : [head, [], ...problemTable(list.problems, view)];
}

/** The worst of them, for the first lines of a shell. */
export function worstProblemsLines(list: ProblemList, view: View, most: number): Block[] {
  const grave = list.problems.filter(({ severity }) => severity !== "info");
  if (grave.length === 0) return [problemCountLine(list)];
  const more = grave.length - most;
  return [
    problemCountLine(list),
    ...problemTable(grave.slice(0, most), view),
    ...(more > 0 ? [line(`and ${countText(more)} more: `, styled("bold", "show problems"))] : []),
  ];
}
