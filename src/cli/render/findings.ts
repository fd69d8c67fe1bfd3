import type { ConfigCheck, Finding } from "../../api/mod.ts";
import { type Line, line, styled } from "../text.ts";

/**
 * Errors and warnings, one a line as `maglevd --check` prints them: `file:line:column: path: message`.
 *
 * @param file stands for `<body>`, the name that the API gives a posted text
 */
export function findingLines(findings: readonly Finding[], file?: string): Line[] {
  return findings.map((finding) => {
    const name = finding.file === "<body>" ? file ?? finding.file : finding.file;
    const place = name === null
      ? ""
      : `${name}${finding.line === null ? "" : `:${finding.line}:${finding.column ?? 1}`}: `;
    const kind = finding.severity === "warning" ? styled("yellow", "warning: ") : "";
    const path = finding.path === "" ? "" : `${finding.path}: `;
    const hint = finding.hint === null ? "" : styled("dim", ` (${finding.hint})`);
    return line(styled("bold", place), kind, path, finding.message, hint);
  });
}

/** What a good check says. */
export function checkLines(check: ConfigCheck, name: string): Line[] {
  return check.ok ? [line(`${name}: `, styled("green", "ok"))] : [];
}
